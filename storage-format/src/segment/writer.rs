//! Writing a file of chunks: a sealed head segment, or the chunks of a block. Layout: spec/segment.md.

use crate::error::Result;
use crate::extras::Exemplar;
use crate::header::{FileHeader, FileKind};
use crate::sections::SectionWriter;

use super::body::{ChunkEncoder, ChunkInput};
use super::chunk_list::ChunkList;
use super::columns::ColumnWriter;
use super::directory_writer::DirectoryWriter;
use super::groups::GroupWriter;
use super::plans::PlanWriter;
use super::summary::{GroupMetadata, Summary, encode_exemplar_section, encode_group_metadata};

/// What opens a sealed head segment; the header's number is the segment's.
pub const SEGMENT: FileKind = FileKind {
    what: "head segment",
    magic: *b"NXSEGM\r\n",
    version: 2,
};
/// What opens the chunks of a block; the header's number is 0.
pub const CHUNKS: FileKind = FileKind {
    what: "block chunks",
    magic: *b"NXCHNK\r\n",
    version: 1,
};

/// Sections of a file of chunks.
pub(crate) mod section {
    pub(crate) const GROUPS: u32 = 1;
    pub(crate) const GROUP_TABLE: u32 = 2;
    pub(crate) const COLUMNS: u32 = 3;
    pub(crate) const PLANS: u32 = 4;
    /// Written by version 1.
    pub(crate) const DIRECTORY_V1: u32 = 5;
    pub(crate) const EXEMPLARS: u32 = 6;
    pub(crate) const METADATA: u32 = 7;
    pub(crate) const SUMMARY: u32 = 8;
    pub(crate) const DIRECTORY: u32 = 9;
}

/// Writes a file of chunks front to back. Series come in the order of their labels, so that neighbours in a
/// group resemble each other. The caller may drain `out` at any time.
#[derive(Debug)]
pub struct ChunksWriter {
    sections: SectionWriter,
    groups: GroupWriter,
    columns: ColumnWriter,
    plans: PlanWriter,
    chunks: ChunkEncoder,
    summary: Summary,
}

impl ChunksWriter {
    /// Appends the header of a file of this `kind`: [`SEGMENT`] or [`CHUNKS`].
    ///
    /// # Errors
    /// None today.
    pub fn new(kind: &FileKind, header: FileHeader, out: &mut Vec<u8>) -> Result<Self> {
        let mut sections = SectionWriter::new(kind, header, out);
        sections.begin(section::GROUPS)?;
        Ok(Self {
            sections,
            groups: GroupWriter::default(),
            columns: ColumnWriter::default(),
            plans: PlanWriter::default(),
            chunks: ChunkEncoder::default(),
            summary: Summary::default(),
        })
    }

    /// The number of the column of `times`, to be named by chunks; equal columns have one number.
    ///
    /// # Errors
    /// As [`ColumnWriter::push`].
    pub fn column(&mut self, times: &[i64]) -> Result<u32> {
        self.columns.push(times)
    }

    /// Adds the chunks of one series, in the order of their times.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] if a chunk cannot be written as it is given.
    pub fn series(&mut self, chunks: &[ChunkInput<'_>], out: &mut Vec<u8>) -> Result<ChunkList> {
        let mut list = ChunkList::default();
        let mut shapes = Vec::with_capacity(chunks.len());
        let mut body = Vec::new();
        for (index, chunk) in chunks.iter().enumerate() {
            body.clear();
            let shape = self.chunks.encode(chunk, &mut body)?;
            let position = self.groups.push(&body, &mut self.sections, out)?;
            if index == 0 {
                list.position = position;
            }
            list.lengths.push(body.len() as u32);
            self.summary.samples += u64::from(shape.count);
            shapes.push(shape);
        }
        self.summary.series += 1;
        self.summary.chunks += chunks.len() as u64;
        list.plan = self.plans.push(&shapes);
        Ok(list)
    }

    /// Appends the rest. `summary` gives times and log cursor (the counts are the writer's own); `directory`
    /// is that of a head segment, empty for a block.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] if an id stands in the directory twice.
    pub fn finish(
        mut self,
        summary: Summary,
        directory: DirectoryWriter,
        exemplars: &[Exemplar<'_>],
        metadata: &[GroupMetadata<'_>],
        out: &mut Vec<u8>,
    ) -> Result<Summary> {
        let sections = &mut self.sections;
        let table = self.groups.finish(sections, out);
        sections.section(section::GROUP_TABLE, &table, out)?;
        sections.section(section::COLUMNS, &self.columns.finish()?, out)?;
        sections.section(section::PLANS, &self.plans.finish()?, out)?;
        if !exemplars.is_empty() {
            let bytes = encode_exemplar_section(summary.time_min, exemplars);
            sections.section(section::EXEMPLARS, &bytes, out)?;
        }
        if !metadata.is_empty() {
            sections.section(section::METADATA, &encode_group_metadata(metadata), out)?;
        }
        let Summary {
            series,
            chunks,
            samples,
            ..
        } = self.summary;
        let summary = Summary {
            series,
            chunks,
            samples,
            ..summary
        };
        sections.section(section::SUMMARY, &summary.encode(), out)?;
        if !directory.is_empty() {
            sections.section(section::DIRECTORY, &directory.encode()?, out)?;
        }
        self.sections.finish(out);
        Ok(summary)
    }
}
