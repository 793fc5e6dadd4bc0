//! Cutting blocks: what sealed segments hold of a complete window of time becomes a block, and segments that blocks
//! hold whole go.
//!
//! The block is there before the segment goes, and a segment stays as long as a reader could have looked for blocks
//! before that; in between the same samples are found twice and count once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Release};

use narthex_model::{SampleBuffer, TimeRange};
use roaring::RoaringBitmap;

use crate::block::{BlockWriter, Origin, Piece, Segment, Segments};
use crate::error::Error;
use crate::head::{Head, order};
use crate::options::Options;

/// Windows that a segment may touch; one with samples further apart is cut into longer ones.
const WINDOWS_MAX: i64 = 32;
/// Series between two calls of the pause.
const PAUSE: usize = 16_384;

/// What cutting works on.
#[derive(Clone, Copy)]
pub(crate) struct Cutter<'a> {
    pub(crate) head: &'a Head,
    pub(crate) segments: &'a Segments,
    pub(crate) options: &'a Options,
    /// Called now and then, as cutting takes its time; an error ends it.
    pub(crate) pause: &'a dyn Fn() -> Result<(), Error>,
    /// Told the bytes of a block before it is written, and 0 after: makes room.
    pub(crate) reserve: &'a dyn Fn(u64) -> Result<(), Error>,
}

/// A window of time: its first millisecond and the first after it.
type Window = (i64, i64);

impl Cutter<'_> {
    /// Cuts every window that is complete, then drops the segments that are in blocks whole.
    pub(crate) fn cut(&self) -> Result<(), Error> {
        let newest = self.segments.list().iter().map(|s| s.summary().time_max).max();
        let complete = newest.map_or(i64::MIN, |t| t.saturating_sub(self.options.block_interval_ms / 2));
        self.cut_up_to(complete)
    }

    /// Cuts every window that ends at a time or before, then drops the segments that are in blocks whole.
    pub(crate) fn cut_up_to(&self, complete: i64) -> Result<(), Error> {
        if self.options.block_interval_ms <= 0 {
            return Ok(());
        }
        let mut empty = BTreeSet::new();
        while let Some(window) = self.due(complete, &empty) {
            if !self.cut_window(window)? {
                empty.insert(window);
            }
        }
        self.drop_covered(&empty)
    }

    /// The windows that a segment's samples may lie in.
    fn windows(&self, segment: &Segment) -> impl Iterator<Item = Window> + use<> {
        let summary = segment.summary();
        let (first, last) = (i128::from(summary.time_min), i128::from(summary.time_max));
        let mut length = i128::from(self.options.block_interval_ms);
        while (last - first) / length >= i128::from(WINDOWS_MAX) {
            length *= 3;
        }
        let time = move |window: i128| (window * length).clamp(i64::MIN.into(), i64::MAX.into()) as i64;
        (first.div_euclid(length)..=last.div_euclid(length)).map(move |w| (time(w), time(w + 1)))
    }

    fn has(&self, segment: &Segment, (start, end): Window) -> bool {
        self.segments.blocks.have(segment.number, start, end)
    }

    /// The oldest complete window that a segment has samples in which no block has. Samples that came after a window was
    /// cut wait until all of their segment can be cut: else every segment with late samples would make a small block of
    /// each window of the past.
    fn due(&self, complete: i64, empty: &BTreeSet<Window>) -> Option<Window> {
        let list = self.segments.list();
        let blocks = self.segments.blocks.list();
        let mut due: Option<Window> = None;
        for segment in list.iter() {
            let ripe = self.windows(segment).all(|window| window.1 <= complete);
            for window in self.windows(segment).filter(|window| window.1 <= complete) {
                let sooner = due.is_none_or(|due| window < due);
                let cut = || {
                    blocks
                        .iter()
                        .any(|b| b.meta.min_time < window.1 && window.0 < b.meta.max_time)
                };
                if sooner && !empty.contains(&window) && !self.has(segment, window) && (ripe || !cut()) {
                    due = Some(window);
                }
            }
        }
        due
    }

    /// Writes the block of a window; whether there was anything to write.
    fn cut_window(&self, window: Window) -> Result<bool, Error> {
        let (start, end) = window;
        let range = TimeRange {
            min: start,
            max: end.saturating_sub(1),
        };
        let list = self.segments.list();
        let parts: Vec<&Arc<Segment>> = list
            .iter()
            .filter(|s| s.overlaps(range) && !self.has(s, window))
            .collect();
        let (Some(first), Some(last)) = (parts.first(), parts.last()) else {
            return Ok(false);
        };
        let origin = Origin {
            start,
            end,
            segments: (first.number, last.number),
            commit: parts.iter().map(|s| s.summary().commit).max().unwrap_or(0),
            ..Origin::default()
        };
        let blocks = &self.segments.blocks;
        (self.reserve)(parts.iter().map(|s| s.bytes).sum())?;
        let write = |writer: &mut _| self.write(writer, &parts, range);
        let written = BlockWriter::whole(self.segments.disk(), &blocks.folder, origin, write);
        (self.reserve)(0)?;
        let Some(path) = written? else {
            return Ok(false);
        };
        let block = blocks.add(path)?;
        block.added.store(self.head.commits.visible(), Release);
        Ok(true)
    }

    fn write(
        &self,
        writer: &mut BlockWriter<'_>,
        parts: &[&Arc<Segment>],
        range: TimeRange,
    ) -> Result<(), Error> {
        let files: Vec<&Segment> = parts.iter().map(|p| &***p).collect();
        let mut found = RoaringBitmap::new();
        for file in &files {
            file.add_ids(&mut found)?;
        }
        let mut ids: Vec<u32> = found.iter().collect();
        // Series whose names were lost have none to be found by.
        ids.retain(|id| self.head.index.read().contains(*id));
        order::by_labels_in_slices(&self.head.index, &mut ids);
        let (mut piece, mut buffer) = (Piece::default(), SampleBuffer::new());
        for (at, id) in ids.into_iter().enumerate() {
            if at % PAUSE == PAUSE - 1 {
                (self.pause)()?;
            }
            piece.clear();
            for segment in parts {
                match segment.read(id, TimeRange::ALL, &mut piece) {
                    // What is sound goes on into the block; the file is kept aside for who wants to mend it.
                    Err(Error::Corrupt { .. }) => {}
                    result => result?,
                }
            }
            if piece.is_empty() {
                continue;
            }
            buffer.set_times(&[]);
            piece.fill(range, &mut buffer);
            let labels = self.head.index.read().labels(id);
            writer.series(&labels, &buffer, &piece.columns, &files)?;
        }
        Ok(())
    }

    /// Whether blocks have every sample of a segment.
    pub(crate) fn is_cut(&self, segment: &Segment) -> bool {
        self.windows(segment).all(|window| self.has(segment, window))
    }

    /// Removes the segments whose samples all lie in blocks, once no reader can need them. The newest stays: it says
    /// up to where the log has been sealed.
    fn drop_covered(&self, empty: &BTreeSet<Window>) -> Result<(), Error> {
        let list = self.segments.list();
        let blocks = self.segments.blocks.list();
        let added = blocks.iter().map(|b| b.added.load(Acquire)).max().unwrap_or(0);
        if self.head.commits.has_reader_up_to(added) {
            return Ok(());
        }
        let older = list.split_last().map_or(&[][..], |(_, older)| older);
        for segment in older {
            let covered = |window| empty.contains(&window) || self.has(segment, window);
            if self.windows(segment).all(covered) {
                self.segments.remove(segment.number)?;
            }
        }
        Ok(())
    }
}
