//! Series that leave memory: they have nothing unsealed, and every segment that named them has become a block.
//!
//! In three steps, each waiting for others to let go. Idle series are noted with the newest commit; once the log is past
//! it, nothing that reads the log asks for their names. Then those that are still idle are found no more, and whoever
//! has their ids is told to resolve the labels again; they get another id. Their labels and the rest of their memory go
//! once no reader is left that may have found them before.

use roaring::RoaringBitmap;

use crate::block::Segments;
use crate::error::Error;
use crate::head::{Head, Slot, split};
use crate::options::Options;

/// What lets series leave.
#[derive(Clone, Copy)]
pub(crate) struct Leaver<'a> {
    pub(crate) head: &'a Head,
    pub(crate) segments: &'a Segments,
    pub(crate) options: &'a Options,
}

/// Series on their way out.
#[derive(Debug, Default)]
pub(crate) struct Leaving {
    /// Idle series, and the newest commit when they were.
    idle: Option<(RoaringBitmap, u64)>,
    /// Series that are found no more, and the newest commit with which they could be.
    retired: Option<(RoaringBitmap, u64)>,
    /// The segments that were looked at last.
    looked: Option<(u64, u64)>,
}

impl Leaver<'_> {
    /// Goes one step on, if what it waits for has come; `log` is the oldest commit of the log, if there is any. Returns
    /// how many series have become unfindable.
    pub(crate) fn step(&self, leaving: &mut Leaving, log: Option<u64>) -> Result<u64, Error> {
        if let Some((ids, commit)) = leaving.retired.take() {
            if self.head.commits.has_reader_up_to(commit) {
                leaving.retired = Some((ids, commit));
            } else {
                self.head.index.write().forget(&ids);
            }
            return Ok(0);
        }
        if let Some((ids, commit)) = leaving.idle.take() {
            if log.is_some_and(|oldest| oldest <= commit) {
                leaving.idle = Some((ids, commit));
                return Ok(0);
            }
            let ids = ids & self.head.index.read().all();
            let retired = self.retire(&self.idle(ids)?);
            let count = retired.len();
            if count > 0 {
                leaving.retired = Some((retired, self.head.commits.visible()));
            }
            return Ok(count);
        }
        let list = self.segments.list();
        let now = list.first().zip(list.last()).map(|(a, b)| (a.number, b.number));
        if leaving.looked != now {
            leaving.looked = now;
            let all = self.head.index.read().all().clone();
            let ids = self.idle(all)?;
            if !ids.is_empty() {
                leaving.idle = Some((ids, self.head.commits.visible()));
            }
        }
        Ok(0)
    }

    /// The newest time of a series that nobody may continue in order any more.
    fn limit(&self) -> i64 {
        let window = self.options.in_order_window_ms;
        let window = window.max(self.options.out_of_order_window_ms);
        self.head.newest().map_or(i64::MIN, |t| t.saturating_sub(window))
    }

    /// Those of the series that no segment and no new sample names.
    fn idle(&self, mut ids: RoaringBitmap) -> Result<RoaringBitmap, Error> {
        for segment in self.segments.list().iter() {
            segment.count_series(|id| ids.remove(id))?;
        }
        let limit = self.limit();
        let mut idle = RoaringBitmap::new();
        let mut page = None;
        for id in ids {
            let (number, at) = split(id);
            if page.as_ref().is_none_or(|(n, _)| *n != number) {
                page = Some((number, self.head.existing_page(number)));
            }
            let page = page.as_ref().and_then(|(_, page)| page.as_ref());
            if page.is_none_or(|page| is_idle(page.read().get(at), limit)) {
                idle.insert(id);
            }
        }
        Ok(idle)
    }

    /// Makes those of the series that are still idle unfindable, and returns them.
    fn retire(&self, ids: &RoaringBitmap) -> RoaringBitmap {
        let (limit, mut retired) = (self.limit(), RoaringBitmap::new());
        let mut ids = ids.iter().peekable();
        while let Some((number, _)) = ids.peek().map(|id| split(*id)) {
            let page = self.head.page(number);
            // Together: who finds the labels finds them under an id that takes samples.
            let mut page = page.write();
            let mut index = self.head.index.write();
            while let Some(id) = ids.next_if(|id| split(*id).0 == number) {
                let at = split(id).1;
                if is_idle(page.get(at), limit) {
                    index.retire(id);
                    page.remove(at);
                    retired.insert(id);
                }
            }
        }
        retired
    }
}

fn is_idle(slot: Option<&Slot>, limit: i64) -> bool {
    slot.is_none_or(|slot| slot.samples() == 0 && (!slot.used || slot.last_time < limit))
}
