//! Reading a file of chunks in place: a sealed head segment, or the chunks of a block.
//! Layout: spec/segment.md.

use crate::error::{Error, Result};
use crate::extras::Exemplar;
use crate::header::{self, FileHeader, FileKind};
use crate::sections::Sections;

use super::body::{Chunk, ChunkDecoder};
use super::chunk_list::ChunkList;
use super::columns::Columns;
use super::directory::Directory;
use super::groups::{Group, Groups};
use super::plans::{ChunkShape, Plans};
use super::summary::{GroupMetadata, Summary, decode_exemplar_section, decode_group_metadata};
use super::writer::section;

/// A file of chunks: opened by its footer, nothing is parsed before it is asked for.
///
/// Sections other than the groups are verified when the file is opened; a group when it is read.
#[derive(Debug, Clone)]
pub struct ChunksFile<'a> {
    sections: Sections<'a>,
    groups: Groups<'a>,
    columns: Columns<'a>,
    plans: Plans<'a>,
    directory: Directory<'a>,
    summary: Summary,
}

/// The group read last: neighbouring chunks are mostly in the same.
#[derive(Debug, Default)]
pub struct GroupCache {
    group: Option<Group>,
    bytes: Vec<u8>,
}

impl<'a> ChunksFile<'a> {
    /// Checks `file`, which is of this `kind`, and finds its sections.
    ///
    /// # Errors
    /// [`Error::Truncated`], [`Error::Corrupt`] or [`Error::Unsupported`].
    pub fn open(file: &'a [u8], kind: &FileKind) -> Result<Self> {
        let sections = Sections::open(file, kind)?;
        Ok(Self {
            groups: Groups::open(
                sections.verified(section::GROUP_TABLE)?,
                sections.get(section::GROUPS),
            )?,
            columns: Columns::open(sections.verified(section::COLUMNS)?)?,
            plans: Plans::open(sections.verified(section::PLANS)?)?,
            directory: match sections.verified(section::DIRECTORY_V1)? {
                [] => Directory::open(sections.verified(section::DIRECTORY)?)?,
                first => Directory::open_v1(first)?,
            },
            summary: Summary::decode(sections.verified(section::SUMMARY)?)?,
            sections,
        })
    }

    /// The file's header.
    #[must_use]
    pub const fn header(&self) -> FileHeader {
        self.sections.header()
    }

    /// What the file says about its contents.
    #[must_use]
    pub const fn summary(&self) -> Summary {
        self.summary
    }

    /// Columns of times.
    #[must_use]
    pub const fn columns(&self) -> Columns<'a> {
        self.columns
    }

    /// Plans.
    #[must_use]
    pub const fn plans(&self) -> Plans<'a> {
        self.plans
    }

    /// Series ids to chunks; empty in a block.
    #[must_use]
    pub const fn directory(&self) -> Directory<'a> {
        self.directory
    }

    /// Groups.
    #[must_use]
    pub const fn groups(&self) -> Groups<'a> {
        self.groups
    }

    /// Exemplars.
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::Corrupt`].
    pub fn exemplars(&self) -> Result<Vec<Exemplar<'a>>> {
        decode_exemplar_section(self.summary.time_min, self.sections.verified(section::EXEMPLARS)?)
    }

    /// Metadata.
    ///
    /// # Errors
    /// [`Error::Truncated`], [`Error::Corrupt`] or [`Error::Unsupported`].
    pub fn metadata(&self) -> Result<Vec<GroupMetadata<'a>>> {
        decode_group_metadata(self.sections.verified(section::METADATA)?)
    }

    /// Checks every byte of the file.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub fn verify(&self) -> Result<()> {
        self.sections.verify()
    }

    /// The place of each chunk of a series with its shape: position, length, shape.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the list does not fit its plan.
    pub fn chunks(&self, list: &ChunkList) -> Result<Vec<(u64, u32, ChunkShape)>> {
        Ok(list.places(&self.plans.get(list.plan)?)?.collect())
    }

    /// The chunk at `position`, from the cached group or one read now.
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::Truncated`].
    pub fn chunk<'c>(
        &self,
        (position, length, shape): (u64, u32, ChunkShape),
        cache: &'c mut GroupCache,
    ) -> Result<Chunk<'c>> {
        let cached =
            |group: &Group| (group.position..group.position + group.length as u64).contains(&position);
        if !cache.group.as_ref().is_some_and(cached) {
            let group = self.groups.find(position)?;
            cache.group = None;
            let read = self.groups.read(&group, &mut cache.bytes);
            // The groups are the first section.
            read.map_err(|e| e.at(header::LENGTH as u64))?;
            cache.group = Some(group);
        }
        let start = cache
            .group
            .map_or(position, |group| position.saturating_sub(group.position)) as usize;
        let Some(body) = cache.bytes.get(start..start.saturating_add(length as usize)) else {
            return Err(Error::corrupt(
                "chunk",
                start,
                "a chunk within its group",
                u64::from(length),
            ));
        };
        Chunk::open(body, shape)
    }

    /// Appends the times of a chunk, reading its column if it has one.
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::Truncated`].
    pub fn times(&self, chunk: &Chunk<'_>, decoder: &mut ChunkDecoder, out: &mut Vec<i64>) -> Result<()> {
        let mut column = Vec::new();
        if let super::plans::ChunkTimes::Shared { column: number, .. } = chunk.shape.times {
            self.columns.read(number, &mut decoder.times, &mut column)?;
        }
        chunk.times(&column, decoder, out)
    }
}

#[cfg(test)]
mod tests {
    use super::super::body::{ChunkInput, InputTimes, InputValues};
    use super::super::directory_writer::DirectoryWriter;
    use super::super::writer::{ChunksWriter, SEGMENT};
    use super::*;
    use crate::histogram::Histogram;
    use proptest::collection::vec;
    use proptest::prelude::*;

    const HEADER: FileHeader = FileHeader { number: 7, id: 9 };

    fn finish(writer: ChunksWriter, series: &[(u32, ChunkList)], file: &mut Vec<u8>) -> Summary {
        let mut directory = DirectoryWriter::default();
        for (id, list) in series {
            directory.push(*id, list).unwrap();
        }
        let summary = Summary {
            time_min: 5,
            time_max: 9,
            commit: 3,
            log_segment: 1,
            log_offset: 32,
            ..Summary::default()
        };
        writer.finish(summary, directory, &[], &[], file).unwrap()
    }

    #[derive(Debug, Clone)]
    struct Series {
        present: Vec<bool>,
        own: bool,
        starts: Option<Option<i64>>,
        value: f64,
    }

    fn series() -> impl Strategy<Value = Series> {
        let present = vec(prop::bool::weighted(0.9), 1..50).prop_map(|mut present| {
            present[0] = true;
            present
        });
        let starts = prop_oneof![3 => Just(None), 1 => any::<Option<i64>>().prop_map(Some)];
        (present, any::<bool>(), starts, any::<f64>()).prop_map(|(present, own, starts, value)| Series {
            present,
            own,
            starts,
            value,
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn series_come_back(all in vec((any::<u32>(), series()), 0..40)) {
            let all: std::collections::BTreeMap<u32, Series> = all.into_iter().collect();
            let column: Vec<i64> = (0..60).map(|i| 1_000 * i + i % 3).collect();
            let mut file = Vec::new();
            let mut writer = ChunksWriter::new(&SEGMENT, HEADER, &mut file).unwrap();
            let number = writer.column(&column).unwrap();
            let mut directory = Vec::new();
            let mut expected = Vec::new();
            for (id, series) in &all {
                let times: Vec<i64> =
                    column[3..].iter().zip(&series.present).filter(|(_, p)| **p).map(|(t, _)| *t).collect();
                let values: Vec<f64> = times.iter().map(|t| series.value + *t as f64).collect();
                let starts = series.starts.map(|start| times.iter().map(|t| start.filter(|_| t % 2 == 0)).collect::<Vec<_>>());
                let shared = InputTimes::Shared { column: number, start: 3, presence: Some(&series.present) };
                let input = ChunkInput {
                    times: if series.own { InputTimes::Own(&times) } else { shared },
                    starts: starts.as_deref(),
                    values: InputValues::Floats(&values),
                };
                directory.push((*id, writer.series(&[input, input], &mut file).unwrap()));
                expected.push((*id, times, starts, values));
            }
            let summary = finish(writer, &directory, &mut file);
            let read = ChunksFile::open(&file, &SEGMENT).unwrap();
            read.verify().unwrap();
            prop_assert_eq!(read.summary(), summary);
            let (mut cache, mut decoder) = (GroupCache::default(), ChunkDecoder::default());
            for (id, times, starts, values) in expected {
                let list = read.directory().find(id).unwrap().unwrap();
                for place in read.chunks(&list).unwrap() {
                    let chunk = read.chunk(place, &mut cache).unwrap();
                    let (mut t, mut s, mut v) = (Vec::new(), Vec::new(), Vec::new());
                    read.times(&chunk, &mut decoder, &mut t).unwrap();
                    chunk.starts(&mut decoder, &mut s).unwrap();
                    chunk.floats(&mut decoder, &mut v).unwrap();
                    prop_assert_eq!(&t, &times);
                    prop_assert_eq!(s, starts.clone().unwrap_or(vec![None; times.len()]));
                    prop_assert!(v.iter().map(|v| v.to_bits()).eq(values.iter().map(|v| v.to_bits())));
                    prop_assert!(chunk.histograms(&mut decoder, &mut Vec::new()).is_err());
                }
                if let Some(other) = id.checked_add(1).filter(|other| !all.contains_key(other)) {
                    prop_assert_eq!(read.directory().find(other), Ok(None));
                }
            }
        }
    }

    #[test]
    fn many_groups_and_histograms_come_back() {
        let mut file = Vec::new();
        let mut writer = ChunksWriter::new(&SEGMENT, HEADER, &mut file).unwrap();
        let noise = |i: u64| f64::from_bits(i.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29));
        let rows: Vec<Vec<f64>> = (0..40)
            .map(|s| (0..1_000).map(|i| noise(s * 1_000 + i)).collect())
            .collect();
        let times: Vec<i64> = (0..3_000).collect();
        let column = writer.column(&times).unwrap();
        assert_eq!(writer.column(&times), Ok(column));
        let mut directory = Vec::new();
        for (id, values) in rows.iter().enumerate() {
            let times = InputTimes::Shared {
                column,
                start: 1_500,
                presence: None,
            };
            let input = ChunkInput {
                times,
                starts: None,
                values: InputValues::Floats(values),
            };
            directory.push((id as u32 * 3, writer.series(&[input], &mut file).unwrap()));
        }
        let histograms = vec![
            Histogram {
                count: 5,
                ..Histogram::default()
            };
            9
        ];
        let times = InputTimes::Shared {
            column,
            start: 0,
            presence: None,
        };
        let input = ChunkInput {
            times,
            starts: None,
            values: InputValues::Histograms(&histograms),
        };
        let list = writer.series(&[input], &mut file).unwrap();
        directory.push((1, list));
        finish(writer, &directory, &mut file);
        let read = ChunksFile::open(&file, &SEGMENT).unwrap();
        assert!(read.groups().len() > 4);
        let (mut cache, mut decoder) = (GroupCache::default(), ChunkDecoder::default());
        let mut seen = 0;
        let mut lists = Vec::new();
        read.directory()
            .for_each(|id, list| lists.push((id, list)))
            .unwrap();
        for (id, list) in lists {
            let place = read.chunks(&list).unwrap()[0];
            let chunk = read.chunk(place, &mut cache).unwrap();
            if id == 1 {
                let mut out = Vec::new();
                chunk.histograms(&mut decoder, &mut out).unwrap();
                assert_eq!(out, histograms);
                continue;
            }
            let mut out = Vec::new();
            chunk.floats(&mut decoder, &mut out).unwrap();
            assert!(
                out.iter()
                    .map(|v| v.to_bits())
                    .eq(rows[id as usize / 3].iter().map(|v| v.to_bits()))
            );
            seen += 1;
        }
        assert_eq!(seen, 40);
    }
}
