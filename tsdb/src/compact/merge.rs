//! Merging blocks: several of them, series by series in label order, into one that takes their place.
//!
//! The new block names its parents, has its final name and would survive a power loss before the first parent goes; who
//! opens a store that was interrupted in between removes the parents.

use std::sync::Arc;

use narthex_model::{SampleBuffer, TimeRange};

use super::plan::{Candidate, plan};
use crate::block::{Block, BlockWriter, Cursor, Origin, Piece, Segment, Segments, Span};
use crate::error::Error;
use crate::options::Options;

/// Part of the largest size of a store that blocks to be merged may take.
const MERGED_PART: u64 = 4;
/// Series between two calls of the pause.
const PAUSE: usize = 1_024;

/// What merging works on.
#[derive(Clone, Copy)]
pub(crate) struct Merger<'a> {
    pub(crate) segments: &'a Segments,
    pub(crate) options: &'a Options,
    /// Called now and then, as merging takes its time; an error ends it.
    pub(crate) pause: &'a dyn Fn() -> Result<(), Error>,
    /// Told the bytes of a block before it is written, and 0 after: makes room.
    pub(crate) reserve: &'a dyn Fn(u64) -> Result<(), Error>,
}

impl Merger<'_> {
    /// Merges as long as something is due.
    pub(crate) fn merge(&self) -> Result<(), Error> {
        if self.options.block_interval_ms <= 0 {
            return Ok(());
        }
        let levels = self.options.levels();
        let mut failure = Ok(());
        loop {
            let blocks = self.mergeable();
            let candidates: Vec<_> = blocks.iter().map(candidate).collect();
            let chosen = plan(&candidates, &levels);
            let parents: Vec<_> = chosen.iter().filter_map(|at| blocks.get(*at).cloned()).collect();
            if parents.is_empty() || self.is_too_much(&parents) {
                return failure;
            }
            match self.merge_these(parents) {
                // It stays as it is, readable where it is sound; the others are merged without it.
                Err(error @ Error::Corrupt { .. }) => failure = failure.and(Err(error)),
                result => result?,
            }
        }
    }

    /// Writes a block anew without what was deleted from it.
    pub(crate) fn rewrite(&self, block: &Arc<Block>) -> Result<(), Error> {
        self.merge_these(vec![Arc::clone(block)])
    }

    /// Makes one block of all.
    pub(crate) fn merge_all(&self, watch: &dyn Fn(u64, u64)) -> Result<(), Error> {
        let parents = self.mergeable();
        if parents.len() > 1 || parents.iter().any(|b| b.tombstones() > 0) {
            self.merge_watched(parents, watch)?;
        }
        Ok(())
    }

    /// Whether merging these would drive much else out of a store that may only be so large.
    fn is_too_much(&self, parents: &[Arc<Block>]) -> bool {
        let bytes: u64 = parents.iter().map(|b| b.bytes).sum();
        self.options.retention_bytes > 0 && bytes > self.options.retention_bytes / MERGED_PART
    }

    /// Blocks that can be read, by their first millisecond.
    fn mergeable(&self) -> Vec<Arc<Block>> {
        let blocks = self.segments.blocks.list();
        let mut blocks: Vec<_> = blocks.iter().filter(|b| !b.is_damaged()).cloned().collect();
        blocks.sort_by_key(|b| (b.meta.min_time, b.meta.max_time));
        blocks
    }

    /// Puts one block in the place of others.
    fn merge_these(&self, parents: Vec<Arc<Block>>) -> Result<(), Error> {
        self.merge_watched(parents, &|_, _| {})
    }

    fn merge_watched(&self, mut parents: Vec<Arc<Block>>, watch: &dyn Fn(u64, u64)) -> Result<(), Error> {
        // Of samples with one time that of the older block counts, as for who reads them unmerged.
        parents.sort_by_key(|b| b.age());
        let blocks = &self.segments.blocks;
        let origin = self.origin(&parents);
        let range = TimeRange {
            min: origin.start,
            max: origin.end.saturating_sub(1),
        };
        (self.reserve)(parents.iter().map(|b| b.bytes).sum())?;
        let write = |writer: &mut _| self.write(writer, &parents, range, watch);
        let written = BlockWriter::whole(self.segments.disk(), &blocks.folder, origin, write);
        (self.reserve)(0)?;
        blocks.replace(&parents, written?).map(drop)
    }

    fn origin(&self, parents: &[Arc<Block>]) -> Origin {
        let metas = || parents.iter().map(|p| &p.meta);
        let summaries = || parents.iter().map(|p| p.summary());
        let mut sources: Vec<_> = metas()
            .flat_map(|m| m.compaction.sources.iter().cloned())
            .collect();
        sources.sort();
        sources.dedup();
        let level = metas().map(|m| m.compaction.level).max().unwrap_or(1);
        let oldest = self.segments.list().first().map_or(u64::MAX, |s| s.number);
        let present = |span: &Span| span.segments.1 >= oldest;
        let spans = parents.iter().flat_map(|p| p.spans().iter().copied());
        Origin {
            start: metas().map(|m| m.min_time).min().unwrap_or(0),
            end: metas().map(|m| m.max_time).max().unwrap_or(0),
            segments: (
                summaries().map(|s| s.log_offset).min().unwrap_or(0),
                summaries().map(|s| s.log_segment).max().unwrap_or(0),
            ),
            commit: summaries().map(|s| s.commit).max().unwrap_or(0),
            level: level + u32::from(parents.len() > 1),
            sources,
            parents: metas().map(|m| m.ulid.clone()).collect(),
            spans: spans.filter(present).collect(),
        }
    }

    fn write(
        &self,
        writer: &mut BlockWriter<'_>,
        parents: &[Arc<Block>],
        range: TimeRange,
        watch: &dyn Fn(u64, u64),
    ) -> Result<(), Error> {
        let all = parents.iter().map(|p| u64::from(p.series_count())).sum();
        let files: Vec<&Segment> = parents.iter().map(|p| p.chunks()).collect();
        let mut cursors = Vec::with_capacity(parents.len());
        for parent in parents {
            cursors.push(Cursor::new(parent)?);
        }
        let (mut piece, mut buffer) = (Piece::default(), SampleBuffer::new());
        let (mut count, mut done) = (0_usize, 0);
        while let Some(labels) = cursors.iter().filter_map(Cursor::labels).min().cloned() {
            count += 1;
            if count.is_multiple_of(PAUSE) {
                (self.pause)()?;
                watch(done, all);
            }
            piece.clear();
            for cursor in &mut cursors {
                if cursor.labels() == Some(&labels) {
                    cursor.take(&mut piece)?;
                    done += 1;
                }
            }
            if let Some(error) = piece.lost.pop() {
                return Err(error);
            }
            piece.fill(range, &mut buffer);
            writer.series(&labels, &buffer, &piece.columns, &files)?;
        }
        Ok(())
    }
}

fn candidate(block: &Arc<Block>) -> Candidate {
    Candidate {
        min: block.meta.min_time,
        max: block.meta.max_time,
        tombstones: block.tombstones() as u64,
        series: block.meta.stats.num_series,
    }
}
