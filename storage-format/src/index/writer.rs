//! Writing a block's index: series come sorted by labels, once; the rest is gathered. Layout: spec/index.md.

use std::collections::HashMap;

use crate::blobs::BlobWriter;
use crate::error::{Error, Result};
use crate::header::{FileHeader, FileKind};
use crate::sections::SectionWriter;
use crate::segment::ChunkList;
use crate::varint;

use super::series::{BLOCK, SeriesEntry, encode_block, series_number};
use super::{postings, strings};

/// What opens every index; the header's number is 0.
pub const KIND: FileKind = FileKind {
    what: "block index",
    magic: *b"NXINDX\r\n",
    version: 1,
};

/// Sections of an index.
pub(super) mod section {
    pub(in crate::index) const NAMES: u32 = 1;
    pub(in crate::index) const VALUES: u32 = 2;
    pub(in crate::index) const POSTINGS: u32 = 3;
    pub(in crate::index) const SHAPES: u32 = 4;
    pub(in crate::index) const SERIES: u32 = 5;
    pub(in crate::index) const SUMMARY: u32 = 6;
}

/// A label name while the index is gathered.
#[derive(Debug, Default)]
struct Name {
    text: String,
    values: HashMap<String, u32>,
}

/// A series while the index is gathered: as little as can be, as a block may have millions.
#[derive(Debug, Clone, Copy)]
struct Gathered {
    shape: u32,
    plan: u32,
    position: u64,
    chunks: u32,
}

/// Gathers an index.
#[derive(Debug, Default)]
pub struct IndexWriter {
    names: Vec<Name>,
    numbers: HashMap<String, u32>,
    /// Numbers of the names of a series, in the order they came: most series have those of another.
    shapes: Vec<Vec<u32>>,
    shape_numbers: HashMap<Vec<u32>, u32>,
    series: Vec<Gathered>,
    /// Numbers of the values of all series behind each other.
    values: Vec<u32>,
    /// Lengths of the chunks of all series behind each other.
    lengths: Vec<u32>,
}

impl IndexWriter {
    /// Adds the next series, whose labels are sorted by name and follow those of the series before.
    ///
    /// # Errors
    /// [`Error::Invalid`] beyond 2^32 series.
    pub fn push<'l>(
        &mut self,
        labels: impl IntoIterator<Item = (&'l str, &'l str)>,
        chunks: ChunkList,
    ) -> Result<()> {
        series_number(self.series.len())?;
        let mut names = Vec::new();
        for (name, value) in labels {
            let number = match self.numbers.get(name) {
                Some(number) => *number,
                None => {
                    self.names.push(Name {
                        text: name.to_owned(),
                        ..Name::default()
                    });
                    self.numbers.insert(name.to_owned(), self.names.len() as u32 - 1);
                    self.names.len() as u32 - 1
                }
            };
            let Some(name) = self.names.get_mut(number as usize) else {
                continue;
            };
            let value_number = match name.values.get(value) {
                Some(number) => *number,
                None => {
                    let next = name.values.len() as u32;
                    name.values.insert(value.to_owned(), next);
                    next
                }
            };
            names.push(number);
            self.values.push(value_number);
        }
        let shape = match self.shape_numbers.get(&names) {
            Some(shape) => *shape,
            None => {
                self.shapes.push(names.clone());
                self.shape_numbers.insert(names, self.shapes.len() as u32 - 1);
                self.shapes.len() as u32 - 1
            }
        };
        self.series.push(Gathered {
            shape,
            plan: chunks.plan,
            position: chunks.position,
            chunks: chunks.lengths.len() as u32,
        });
        self.lengths.extend_from_slice(&chunks.lengths);
        Ok(())
    }

    /// All series in the order they came: names, values, chunks.
    fn gathered(&self) -> impl Iterator<Item = (&[u32], &[u32], ChunkList)> {
        let (mut values, mut lengths) = (&self.values[..], &self.lengths[..]);
        self.series.iter().map(move |series| {
            let names = self
                .shapes
                .get(series.shape as usize)
                .map_or(&[][..], Vec::as_slice);
            let (these, rest) = values.split_at_checked(names.len()).unwrap_or_default();
            values = rest;
            let (cut, rest) = lengths
                .split_at_checked(series.chunks as usize)
                .unwrap_or_default();
            lengths = rest;
            let chunks = ChunkList {
                plan: series.plan,
                position: series.position,
                lengths: cut.to_vec(),
            };
            (names, these, chunks)
        })
    }

    /// Appends the whole index; `id` is a random number.
    ///
    /// # Errors
    /// [`Error::Invalid`] if labels were not sorted or series did not follow each other.
    pub fn finish(&self, id: u64, out: &mut Vec<u8>) -> Result<()> {
        let mut order: Vec<usize> = (0..self.names.len()).collect();
        order.sort_unstable_by_key(|number| self.names.get(*number).map(|name| name.text.as_str()));
        let name_ranks = inverse(&order);
        let (mut values, mut all_postings) = (BlobWriter::default(), BlobWriter::default());
        let mut value_ranks = vec![Vec::new(); self.names.len()];
        let mut texts = Vec::with_capacity(order.len());
        let postings = Lists::new(self);
        for number in &order {
            let Some(name) = self.names.get(*number) else {
                continue;
            };
            texts.push(name.text.as_str());
            let lists = postings.of_name(*number);
            let ranks = write_name(name, &lists, &mut values, &mut all_postings)?;
            if let Some(place) = value_ranks.get_mut(*number) {
                *place = ranks;
            }
        }
        let mut sections = SectionWriter::new(&KIND, FileHeader { number: 0, id }, out);
        let mut bytes = Vec::new();
        strings::encode(&texts, &mut bytes)?;
        sections.section(section::NAMES, &bytes, out)?;
        sections.section(section::VALUES, &finished(&values)?, out)?;
        sections.section(section::POSTINGS, &finished(&all_postings)?, out)?;
        let (shapes, blocks) = self.write_series(&name_ranks, &value_ranks)?;
        sections.section(section::SHAPES, &finished(&shapes)?, out)?;
        sections.section(section::SERIES, &finished(&blocks)?, out)?;
        bytes.clear();
        varint::put(&mut bytes, self.series.len() as u64);
        sections.section(section::SUMMARY, &bytes, out)?;
        sections.finish(out);
        Ok(())
    }

    /// Shapes, and series in blocks, with the numbers that names and values have once sorted.
    fn write_series(&self, name_ranks: &[u32], value_ranks: &[Vec<u32>]) -> Result<(BlobWriter, BlobWriter)> {
        let (mut shapes, mut blocks) = (BlobWriter::default(), BlobWriter::default());
        let mut shape_numbers: HashMap<Vec<u32>, u32> = HashMap::new();
        let mut last: Vec<(u32, u32)> = Vec::new();
        let (mut all, mut at) = (self.gathered(), 0);
        while at < self.series.len() {
            let mut entries = Vec::with_capacity(BLOCK);
            for (names, values, chunks) in all.by_ref().take(BLOCK) {
                let ranked: Vec<(u32, u32)> = names
                    .iter()
                    .zip(values)
                    .filter_map(|(name, value)| ranked((*name, *value), name_ranks, value_ranks))
                    .collect();
                if ranked.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
                    return Err(Error::invalid("index", at, "labels sorted by name", at as u64));
                }
                if at > 0 && ranked <= last {
                    return Err(Error::invalid("index", at, "series sorted by labels", at as u64));
                }
                let names: Vec<u32> = ranked.iter().map(|(name, _)| *name).collect();
                let next = shapes.len() as u32;
                let shape = *shape_numbers.entry(names.clone()).or_insert_with(|| {
                    shapes.push(|out| names.iter().for_each(|name| varint::put(out, u64::from(*name))));
                    next
                });
                let values = ranked.iter().map(|(_, value)| *value).collect();
                entries.push((
                    SeriesEntry {
                        shape,
                        values,
                        chunks,
                    },
                    names,
                ));
                last = ranked;
                at += 1;
            }
            let block: Vec<_> = entries
                .iter()
                .map(|(entry, names)| (entry.clone(), names.as_slice()))
                .collect();
            blocks.push(|out| encode_block(&block, out));
        }
        Ok((shapes, blocks))
    }
}

/// The series of each value of each name, all behind each other.
struct Lists {
    /// By name, the place of its first value among all values.
    firsts: Vec<usize>,
    /// By value, where its series end.
    ends: Vec<usize>,
    series: Vec<u32>,
}

impl Lists {
    fn new(index: &IndexWriter) -> Self {
        let mut values = 0;
        let mut firsts = Vec::with_capacity(index.names.len() + 1);
        for name in &index.names {
            firsts.push(values);
            values += name.values.len();
        }
        firsts.push(values);
        let mut lists = Self {
            firsts,
            ends: vec![0; values],
            series: vec![0; index.values.len()],
        };
        lists.each(index, |_, _, end| *end += 1);
        let mut sum = 0;
        for end in &mut lists.ends {
            sum += std::mem::replace(end, sum);
        }
        lists.each(index, |series, number, end| {
            if let Some(place) = series.get_mut(*end) {
                *place = number;
            }
            *end += 1;
        });
        lists
    }

    /// Calls with every series and the place of each of its values.
    fn each(&mut self, index: &IndexWriter, mut call: impl FnMut(&mut [u32], u32, &mut usize)) {
        let mut values = index.values.iter();
        for (number, series) in index.series.iter().enumerate() {
            let names = index.shapes.get(series.shape as usize);
            for (name, value) in names.into_iter().flatten().zip(values.by_ref()) {
                let first = self.firsts.get(*name as usize).copied().unwrap_or(0);
                if let Some(end) = self.ends.get_mut(first + *value as usize) {
                    call(&mut self.series, number as u32, end);
                }
            }
        }
    }

    /// Those of one name, by value.
    fn of_name(&self, name: usize) -> Vec<&[u32]> {
        let first = self.firsts.get(name).copied().unwrap_or(0);
        let after = self.firsts.get(name + 1).copied().unwrap_or(first);
        let mut start = first
            .checked_sub(1)
            .and_then(|at| self.ends.get(at))
            .copied()
            .unwrap_or(0);
        let ends = self.ends.get(first..after).unwrap_or_default();
        let list = |end: &usize| {
            let list = self.series.get(start..*end).unwrap_or_default();
            start = *end;
            list
        };
        ends.iter().map(list).collect()
    }
}

fn ranked((name, value): (u32, u32), name_ranks: &[u32], value_ranks: &[Vec<u32>]) -> Option<(u32, u32)> {
    let values = value_ranks.get(name as usize)?;
    Some((*name_ranks.get(name as usize)?, *values.get(value as usize)?))
}

/// Adds the sorted values of a name and their postings; the rank of each value.
fn write_name(
    name: &Name,
    series: &[&[u32]],
    values: &mut BlobWriter,
    all_postings: &mut BlobWriter,
) -> Result<Vec<u32>> {
    let mut sorted: Vec<(&str, usize)> = name
        .values
        .iter()
        .map(|(value, number)| (value.as_str(), *number as usize))
        .collect();
    sorted.sort_unstable();
    let texts: Vec<&str> = sorted.iter().map(|(text, _)| *text).collect();
    let mut bytes = Vec::new();
    strings::encode(&texts, &mut bytes)?;
    values.push(|out| out.extend_from_slice(&bytes));
    let mut lists = BlobWriter::default();
    for (_, number) in &sorted {
        let mut bytes = Vec::new();
        postings::encode(series.get(*number).copied().unwrap_or_default(), &mut bytes)?;
        lists.push(|out| out.extend_from_slice(&bytes));
    }
    let bytes = finished(&lists)?;
    all_postings.push(|out| out.extend_from_slice(&bytes));
    Ok(inverse(
        &sorted.iter().map(|(_, number)| *number).collect::<Vec<_>>(),
    ))
}

fn finished(blobs: &BlobWriter) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    blobs.finish(&mut out)?;
    Ok(out)
}

/// Per number, its place in `order`.
fn inverse(order: &[usize]) -> Vec<u32> {
    let mut ranks = vec![0; order.len()];
    for (rank, number) in order.iter().enumerate() {
        if let Some(place) = ranks.get_mut(*number) {
            *place = rank as u32;
        }
    }
    ranks
}
