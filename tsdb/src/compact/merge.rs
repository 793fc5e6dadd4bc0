//! Merging blocks: several of them, series by series in label order, into one that takes their place.
//!
//! The new block names its parents, has its final name and would survive a power loss before the first parent goes; who
//! opens a store that was interrupted in between removes the parents.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use narthex_model::{SampleBuffer, TimeRange};

use super::plan::{Candidate, plan};
use crate::block::{Block, BlockWriter, Cursor, Origin, Piece, Segment, Segments, Span};
use crate::error::Error;
use crate::options::Options;

/// Series between two calls of the pause.
const PAUSE: usize = 1_024;

/// What merging works on.
#[derive(Clone, Copy)]
pub(crate) struct Merger<'a> {
    pub(crate) segments: &'a Segments,
    pub(crate) options: &'a Options,
    /// Called now and then, as merging takes its time; an error ends it.
    pub(crate) pause: &'a dyn Fn() -> Result<(), Error>,
}

impl Merger<'_> {
    /// Merges as long as something is due.
    pub(crate) fn merge(&self) -> Result<(), Error> {
        if self.options.block_interval_ms <= 0 {
            return Ok(());
        }
        let levels = self.options.levels();
        loop {
            let blocks = self.mergeable();
            let candidates: Vec<_> = blocks.iter().map(candidate).collect();
            let chosen = plan(&candidates, &levels);
            let parents: Vec<_> = chosen.iter().filter_map(|at| blocks.get(*at).cloned()).collect();
            if parents.is_empty() {
                return Ok(());
            }
            self.merge_these(parents)?;
        }
    }

    /// Makes one block of all.
    pub(crate) fn merge_all(&self) -> Result<(), Error> {
        let parents = self.mergeable();
        if parents.len() > 1 {
            self.merge_these(parents)?;
        }
        Ok(())
    }

    /// Blocks that can be read, by their first millisecond.
    fn mergeable(&self) -> Vec<Arc<Block>> {
        let blocks = self.segments.blocks.list();
        let mut blocks: Vec<_> = blocks
            .iter()
            .filter(|b| !b.damaged.load(Relaxed))
            .cloned()
            .collect();
        blocks.sort_by_key(|b| (b.meta.min_time, b.meta.max_time));
        blocks
    }

    /// Puts one block in the place of others.
    fn merge_these(&self, mut parents: Vec<Arc<Block>>) -> Result<(), Error> {
        // Of samples with one time that of the older block counts, as for who reads them unmerged.
        parents.sort_by_key(|b| b.age());
        let blocks = &self.segments.blocks;
        let origin = self.origin(&parents);
        let range = TimeRange {
            min: origin.start,
            max: origin.end.saturating_sub(1),
        };
        let mut writer = BlockWriter::new(self.segments.disk(), &blocks.folder, origin)?;
        match self.write(&mut writer, &parents, range) {
            Ok(()) => {}
            Err(error) => {
                writer.abandon();
                // It stays readable where it is sound; the others are merged without it.
                return if let Error::Corrupt { path, .. } = &error
                    && let Some(block) = parents.iter().find(|b| path.starts_with(&b.folder))
                {
                    block.damaged.store(true, Relaxed);
                    Ok(())
                } else {
                    Err(error)
                };
            }
        }
        let path = writer.finish()?;
        blocks.replace(&parents, path).map(drop)
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
    ) -> Result<(), Error> {
        let files: Vec<&Segment> = parents.iter().map(|p| p.chunks()).collect();
        let mut cursors = Vec::with_capacity(parents.len());
        for parent in parents {
            cursors.push(Cursor::new(parent)?);
        }
        let (mut piece, mut buffer) = (Piece::default(), SampleBuffer::new());
        let mut count = 0_usize;
        while let Some(labels) = cursors.iter().filter_map(Cursor::labels).min().cloned() {
            count += 1;
            if count.is_multiple_of(PAUSE) {
                (self.pause)()?;
            }
            piece.clear();
            for cursor in &mut cursors {
                if cursor.labels() == Some(&labels) {
                    cursor.take(&mut piece)?;
                }
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
        tombstones: 0,
        series: block.meta.stats.num_series,
    }
}
