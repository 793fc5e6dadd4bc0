//! Writing a block's index: series come sorted by labels, once; the rest is gathered. Layout: spec/index.md.

use std::collections::HashMap;
use std::ops::Range;

use crate::blobs::BlobWriter;
use crate::error::{Error, Result};
use crate::header::{FileHeader, FileKind};
use crate::sections::SectionWriter;
use crate::segment::ChunkList;
use crate::varint;

use super::series::{BLOCK, SeriesEntry, decode_block, encode_block, series_number};
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
    /// How many series have it.
    series: usize,
}

/// Numbers of series that are listed by value at a time, unless a single name has more: a block may have millions of
/// series with a dozen labels each.
const LISTED: usize = if cfg!(test) { 16 } else { 2 << 20 };

/// Gathers an index.
#[derive(Debug, Default)]
pub struct IndexWriter {
    names: Vec<Name>,
    numbers: HashMap<String, u32>,
    /// Numbers of the names of a series, in the order they came: most series have those of another.
    shapes: Vec<Vec<u32>>,
    shape_numbers: HashMap<Vec<u32>, u32>,
    /// Series as they will be written, but with numbers of names and values in the order they came; and where each block
    /// of them ends.
    blocks: Vec<u8>,
    ends: Vec<usize>,
    /// The newest series, fewer than a block of them.
    open: Vec<SeriesEntry>,
    count: usize,
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
        series_number(self.count)?;
        let (mut names, mut values) = (Vec::new(), Vec::new());
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
            name.series += 1;
            names.push(number);
            values.push(value_number);
        }
        let shape = match self.shape_numbers.get(&names) {
            Some(shape) => *shape,
            None => {
                self.shapes.push(names.clone());
                self.shape_numbers.insert(names, self.shapes.len() as u32 - 1);
                self.shapes.len() as u32 - 1
            }
        };
        self.open.push(SeriesEntry {
            shape,
            values,
            chunks,
        });
        self.count += 1;
        if self.open.len() == BLOCK {
            let mut blocks = std::mem::take(&mut self.blocks);
            let entries: Vec<_> = self
                .open
                .iter()
                .map(|entry| (entry, self.names_of(entry)))
                .collect();
            encode_block(&entries, &mut blocks);
            self.blocks = blocks;
            self.ends.push(self.blocks.len());
            self.open.clear();
        }
        Ok(())
    }

    fn names_of(&self, entry: &SeriesEntry) -> &[u32] {
        self.shapes.get(entry.shape as usize).map_or(&[], Vec::as_slice)
    }

    /// Hands all series to `each`, in the order they came.
    fn each(&self, mut each: impl FnMut(&SeriesEntry)) -> Result<()> {
        let labels = |shape: u32| Ok(self.shapes.get(shape as usize).map_or(0, Vec::len));
        let mut start = 0;
        for end in &self.ends {
            decode_block(
                self.blocks.get(start..*end).unwrap_or_default(),
                labels,
                &mut each,
            )?;
            start = *end;
        }
        self.open.iter().for_each(each);
        Ok(())
    }

    /// Appends the whole index; `id` is a random number.
    ///
    /// # Errors
    /// [`Error::Invalid`] if labels were not sorted or series did not follow each other.
    pub fn finish(&self, id: u64, out: &mut Vec<u8>) -> Result<()> {
        let mut order: Vec<usize> = (0..self.names.len()).collect();
        order.sort_unstable_by_key(|number| self.names.get(*number).map(|name| name.text.as_str()));
        let name_ranks = inverse(&order);
        let mut written = Vec::with_capacity(self.names.len());
        while written.len() < self.names.len() {
            let lists = Lists::new(self, written.len())?;
            for number in lists.names() {
                let name = self.names.get(number);
                written.extend(
                    name.map(|name| WrittenName::new(name, &lists.of_name(number)))
                        .transpose()?,
                );
            }
        }
        let (mut values, mut all_postings) = (BlobWriter::default(), BlobWriter::default());
        let mut texts = Vec::with_capacity(order.len());
        for number in &order {
            if let (Some(name), Some(written)) = (self.names.get(*number), written.get_mut(*number)) {
                texts.push(name.text.as_str());
                values.push(|out| out.append(&mut written.values));
                all_postings.push(|out| out.append(&mut written.postings));
            }
        }
        let value_ranks: Vec<Vec<u32>> = written.into_iter().map(|name| name.ranks).collect();
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
        varint::put(&mut bytes, self.count as u64);
        sections.section(section::SUMMARY, &bytes, out)?;
        sections.finish(out);
        Ok(())
    }

    /// Shapes, and series in blocks, with the numbers that names and values have once sorted.
    fn write_series(&self, name_ranks: &[u32], value_ranks: &[Vec<u32>]) -> Result<(BlobWriter, BlobWriter)> {
        let (mut shapes, mut blocks) = (BlobWriter::default(), BlobWriter::default());
        let mut shape_numbers: HashMap<Vec<u32>, u32> = HashMap::new();
        let mut last: Vec<(u32, u32)> = Vec::new();
        let (mut block, mut failure) = (Vec::with_capacity(BLOCK), None);
        let mut at = 0;
        self.each(|entry| {
            let pairs = self.names_of(entry).iter().zip(&entry.values);
            let ranked: Vec<(u32, u32)> = pairs
                .filter_map(|(name, value)| ranked((*name, *value), name_ranks, value_ranks))
                .collect();
            let rule = if ranked.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
                Some("labels sorted by name")
            } else {
                (at > 0 && ranked <= last).then_some("series sorted by labels")
            };
            failure = failure
                .take()
                .or(rule.map(|rule| Error::invalid("index", at, rule, at as u64)));
            let names: Vec<u32> = ranked.iter().map(|(name, _)| *name).collect();
            let next = shapes.len() as u32;
            let shape = *shape_numbers.entry(names.clone()).or_insert_with(|| {
                shapes.push(|out| names.iter().for_each(|name| varint::put(out, u64::from(*name))));
                next
            });
            let entry = SeriesEntry {
                shape,
                values: ranked.iter().map(|(_, value)| *value).collect(),
                chunks: entry.chunks.clone(),
            };
            block.push((entry, names));
            if block.len() == BLOCK {
                write_block(&mut block, &mut blocks);
            }
            last = ranked;
            at += 1;
        })?;
        if !block.is_empty() {
            write_block(&mut block, &mut blocks);
        }
        failure.map_or(Ok((shapes, blocks)), Err)
    }
}

fn write_block(block: &mut Vec<(SeriesEntry, Vec<u32>)>, blocks: &mut BlobWriter) {
    let entries: Vec<_> = block
        .iter()
        .map(|(entry, names)| (entry, names.as_slice()))
        .collect();
    blocks.push(|out| encode_block(&entries, out));
    block.clear();
}

/// The series of each value of some names, all behind each other.
struct Lists {
    /// The first of the names.
    from: usize,
    /// By name from there on, the place of its first value among all values.
    firsts: Vec<usize>,
    /// By value, where its series end.
    ends: Vec<usize>,
    series: Vec<u32>,
}

impl Lists {
    /// Of names from this one on, as many as may be listed at a time.
    fn new(index: &IndexWriter, from: usize) -> Result<Self> {
        let (mut firsts, mut values, mut count) = (vec![0], 0, 0);
        for name in index.names.iter().skip(from) {
            count += name.series;
            if firsts.len() > 1 && count > LISTED {
                count -= name.series;
                break;
            }
            values += name.values.len();
            firsts.push(values);
        }
        let mut lists = Self {
            from,
            firsts,
            ends: vec![0; values],
            series: vec![0; count],
        };
        lists.each(index, |_, _, end| *end += 1)?;
        let mut sum = 0;
        for end in &mut lists.ends {
            sum += std::mem::replace(end, sum);
        }
        lists.each(index, |series, number, end| {
            if let Some(place) = series.get_mut(*end) {
                *place = number;
            }
            *end += 1;
        })?;
        Ok(lists)
    }

    /// The names.
    fn names(&self) -> Range<usize> {
        self.from..self.from + self.firsts.len() - 1
    }

    /// Calls with every series and the place of each of its values.
    fn each(&mut self, index: &IndexWriter, mut call: impl FnMut(&mut [u32], u32, &mut usize)) -> Result<()> {
        let mut number = 0;
        let names = self.names();
        index.each(|entry| {
            for (name, value) in index.names_of(entry).iter().zip(&entry.values) {
                let name = *name as usize;
                if !names.contains(&name) {
                    continue;
                }
                let first = self.firsts.get(name - names.start).copied().unwrap_or(0);
                if let Some(end) = self.ends.get_mut(first + *value as usize) {
                    call(&mut self.series, number, end);
                }
            }
            number += 1;
        })
    }

    /// Those of one name, by value.
    fn of_name(&self, name: usize) -> Vec<&[u32]> {
        let place = name.saturating_sub(self.from);
        let first = self.firsts.get(place).copied().unwrap_or(0);
        let after = self.firsts.get(place + 1).copied().unwrap_or(first);
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

/// Values and postings of a name, ready to be written.
struct WrittenName {
    values: Vec<u8>,
    postings: Vec<u8>,
    /// The rank of each value.
    ranks: Vec<u32>,
}

impl WrittenName {
    fn new(name: &Name, series: &[&[u32]]) -> Result<Self> {
        let values = name.values.iter();
        let mut sorted: Vec<(&str, usize)> = values
            .map(|(value, number)| (value.as_str(), *number as usize))
            .collect();
        sorted.sort_unstable();
        let texts: Vec<&str> = sorted.iter().map(|(text, _)| *text).collect();
        let mut values = Vec::new();
        strings::encode(&texts, &mut values)?;
        let (mut lists, mut bytes) = (BlobWriter::default(), Vec::new());
        for (_, number) in &sorted {
            bytes.clear();
            postings::encode(series.get(*number).copied().unwrap_or_default(), &mut bytes)?;
            lists.push(|out| out.extend_from_slice(&bytes));
        }
        let order: Vec<usize> = sorted.iter().map(|(_, number)| *number).collect();
        Ok(Self {
            values,
            postings: finished(&lists)?,
            ranks: inverse(&order),
        })
    }
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
