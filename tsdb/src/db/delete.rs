//! Deleting samples: from blocks and segments by tombstones beside them, from memory by a record in the log.
//!
//! Files first, memory last: what a crash leaves half done was never acknowledged, and what is gone stays gone. Nothing
//! seals, cuts or merges meanwhile, so no sample passes from one place to another unseen.

use narthex_format::wal::{self, Tombstone};
use narthex_model::{Matcher, TimeRange};
use roaring::RoaringBitmap;

use super::inner::Inner;
use crate::block::{Block, Segment};
use crate::error::Error;
use crate::head::{PAGE, split};
use crate::select::matching;

/// Pages that are locked, and whose deletions stand in one record.
const PAGES: usize = 64;

impl Inner {
    /// Deletes the samples in the range of the series that fulfil all matchers. When this returns the deletion would
    /// survive a power loss.
    pub(super) fn delete(&self, matchers: &[Matcher], range: TimeRange) -> Result<(), Error> {
        let _blocks = self.interrupt_compacting();
        let _alone = self.maintaining.lock();
        self.check_open()?;
        if range.min > range.max {
            return Ok(());
        }
        // One damaged file must not keep the others from losing what they have.
        let mut results = Vec::new();
        let ids = matching::find(&self.head.index.read(), matchers);
        for segment in self.segments.list().iter().filter(|s| s.overlaps(range)) {
            results.push(self.delete_in_segment(segment, &ids, range));
        }
        // Behind the segments that they were cut from: what a crash leaves of both is then what it is without the segment.
        for block in self.segments.blocks.list().iter().filter(|b| b.overlaps(range)) {
            results.push(self.delete_in_block(block, matchers, range));
        }
        results.push(self.delete_in_memory(&ids, range).and_then(|()| self.wal.sync()));
        self.head.commits.changes.begin_life();
        results.into_iter().collect()
    }

    fn delete_in_block(&self, block: &Block, matchers: &[Matcher], range: TimeRange) -> Result<(), Error> {
        let summary = block.summary();
        let (from, to) = (range.min.max(summary.time_min), range.max.min(summary.time_max));
        let numbers = block.find_any(&[matchers])?;
        let ranges = numbers.iter().map(|id| Tombstone { id, from, to }).collect();
        block.chunks().delete(self.segments.disk(), ranges)
    }

    fn delete_in_segment(
        &self,
        segment: &Segment,
        ids: &RoaringBitmap,
        range: TimeRange,
    ) -> Result<(), Error> {
        let summary = segment.summary();
        let (from, to) = (range.min.max(summary.time_min), range.max.min(summary.time_max));
        let mut present = RoaringBitmap::new();
        segment.add_ids(&mut present)?;
        present &= ids;
        let ranges = present.iter().map(|id| Tombstone { id, from, to }).collect();
        segment.delete(self.segments.disk(), ranges)
    }

    fn delete_in_memory(&self, ids: &RoaringBitmap, range: TimeRange) -> Result<(), Error> {
        let mut ids = ids.iter().peekable();
        while let Some(first) = ids.peek().copied() {
            let end = first.saturating_add((PAGES * PAGE) as u32);
            let part: Vec<u32> = std::iter::from_fn(|| ids.next_if(|id| *id < end)).collect();
            self.delete_in_pages(&part, range)?;
        }
        Ok(())
    }

    fn delete_in_pages(&self, ids: &[u32], range: TimeRange) -> Result<(), Error> {
        let mut numbers: Vec<u32> = ids.iter().map(|id| split(*id).0).collect();
        numbers.dedup();
        let pages = numbers
            .iter()
            .filter_map(|n| Some((*n, self.head.existing_page(*n)?)));
        let pages: Vec<_> = pages.collect();
        let mut locked: Vec<_> = pages.iter().map(|(n, page)| (*n, page.write())).collect();
        let mut tombstones = Vec::new();
        for id in ids {
            let (number, at) = split(*id);
            let page = locked.binary_search_by_key(&number, |(n, _)| *n).ok();
            let slot = page.and_then(|page| locked.get(page)?.1.get(at));
            if let Some(slot) = slot.filter(|s| s.would_delete(range.min, range.max)) {
                let to = range.max.min(slot.last_time);
                let from = range.min.max(slot.min_time).min(to);
                tombstones.push(Tombstone { id: *id, from, to });
            }
        }
        if tombstones.is_empty() {
            return Ok(());
        }
        let number = self.head.commits.begin();
        let logged = self.log_tombstones(number, &tombstones);
        if logged.is_ok() {
            for range in &tombstones {
                let (number, at) = split(range.id);
                let page = locked.binary_search_by_key(&number, |(n, _)| *n).ok();
                let slot = page.and_then(|page| locked.get_mut(page)?.1.slot(at));
                slot.into_iter()
                    .for_each(|slot| slot.delete(range.from, range.to));
            }
        }
        drop(locked);
        self.head.commits.publish(number, None);
        logged
    }

    fn log_tombstones(&self, number: u64, tombstones: &[Tombstone]) -> Result<(), Error> {
        let record = wal::Batch {
            commit: number,
            time: tombstones.first().map_or(0, |t| t.from),
            tombstones: tombstones.to_vec(),
            ..wal::Batch::default()
        };
        self.wal.log(&record)
    }
}
