//! Which series may have samples in a range, in memory and in segments. Memory is walked page by page, in its order.

use narthex_model::{SourceError, TimeRange};
use roaring::RoaringBitmap;

use super::snapshot::{Snapshot, source_error};
use crate::head::{Page, split};

/// Newest samples of series as memory has them at hand.
#[derive(Debug, Default)]
pub(super) struct Newest {
    /// Ids, rising, and the time and value of each.
    ids: Vec<u32>,
    samples: Vec<(i64, f64)>,
    /// The first page, and for each from there on where its ids begin.
    first: u32,
    pages: Vec<u32>,
}

impl Newest {
    /// Ids come rising.
    fn note(&mut self, id: u32, sample: (i64, f64)) {
        let (page, _) = split(id);
        if self.ids.is_empty() {
            self.first = page;
        }
        let before = (page.saturating_sub(self.first)) as usize;
        if self.pages.len() <= before {
            self.pages.resize(before + 1, self.ids.len() as u32);
        }
        self.ids.push(id);
        self.samples.push(sample);
    }

    /// Time and value of a series' newest sample, if it is at hand.
    pub(super) fn get(&self, id: u32) -> Option<(i64, f64)> {
        let page = split(id).0.checked_sub(self.first)? as usize;
        let start = *self.pages.get(page)? as usize;
        let end = self
            .pages
            .get(page + 1)
            .map_or(self.ids.len(), |end| *end as usize);
        let at = self.ids.get(start..end)?.binary_search(&id).ok()?;
        self.samples.get(start + at).copied()
    }
}

impl Snapshot {
    /// Those of the ids that may have samples in the range, rising.
    pub(super) fn in_range(&self, ids: &RoaringBitmap, range: TimeRange) -> Result<Vec<u32>, SourceError> {
        self.in_range_noting(ids, range, None)
    }

    /// The same; notes the newest samples that memory has at hand, if they are wanted.
    pub(super) fn in_range_noting(
        &self,
        ids: &RoaringBitmap,
        range: TimeRange,
        mut newest: Option<&mut Newest>,
    ) -> Result<Vec<u32>, SourceError> {
        let mut kept = Vec::new();
        // Series of one page, and whether memory has samples of them.
        let mut run: Vec<(u32, bool)> = Vec::new();
        let mut ids = ids.iter().peekable();
        while let Some((number, _)) = ids.peek().copied().map(split) {
            self.go_on()?;
            run.clear();
            let page = self.head.existing_page(number);
            let page = page.as_ref().map(|page| page.read());
            while let Some(id) = ids.next_if(|id| split(*id).0 == number) {
                let here = page
                    .as_ref()
                    .is_some_and(|page| self.look(page, id, range, newest.as_deref_mut()));
                run.push((id, here));
            }
            let moved = page.map_or_else(|| self.head.moved(), |page| page.moved);
            for (id, here) in &run {
                if *here || self.sealed(*id, moved, range).map_err(source_error)? {
                    kept.push(*id);
                }
            }
        }
        Ok(kept)
    }

    /// Whether memory may have samples of a series in the range.
    fn look(&self, page: &Page, id: u32, range: TimeRange, newest: Option<&mut Newest>) -> bool {
        let (_, at) = split(id);
        let here = page.get(at).is_some_and(|slot| slot.overlaps(range));
        if let Some(newest) = newest.filter(|_| here)
            && let Some(sample) = page
                .newest(at, self.commit())
                .filter(|(time, _)| range.contains(*time))
        {
            newest.note(id, sample);
        }
        here
    }
}
