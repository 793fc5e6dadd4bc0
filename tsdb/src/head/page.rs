//! Neighbouring series behind one lock, and which of their samples are too new for a reader.

use super::slot::Slot;

/// Series per page. A scrape's series are registered together and so fall into few pages.
pub(crate) const PAGE: usize = 256;

/// The page of a series and its place there.
pub(crate) const fn split(id: u32) -> (u32, usize) {
    (id / PAGE as u32, id as usize % PAGE)
}

/// The series at a place of a page.
pub(crate) const fn join(page: u32, at: usize) -> u32 {
    page * PAGE as u32 + at as u32
}

/// Series of one page that got an in-order float with a commit.
#[derive(Debug)]
struct Recent {
    commit: u64,
    slots: [u64; PAGE / 64],
}

/// Neighbouring series.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) slots: Vec<Slot>,
    /// Samples in sealed segments of lower numbers are not here any more.
    pub(crate) moved: u64,
    recent: Vec<Recent>,
}

impl Page {
    /// The slot at a place, created if it is new.
    pub(crate) fn slot(&mut self, at: usize) -> &mut Slot {
        if self.slots.len() <= at {
            self.slots.resize_with(at + 1, Slot::default);
        }
        &mut self.slots[at]
    }

    /// A page whose samples in segments below `moved` are not here.
    pub(crate) fn after(moved: u64) -> Self {
        Self {
            moved,
            ..Self::default()
        }
    }

    /// Forgets what no reader can be too old for: commits up to `oldest`.
    pub(crate) fn settle(&mut self, oldest: u64) {
        if self.recent.last().is_some_and(|r| r.commit <= oldest) {
            self.recent.clear();
        } else {
            self.recent.retain(|r| r.commit > oldest);
        }
    }

    /// Notes that a commit added one in-order float to a slot.
    pub(crate) fn note(&mut self, commit: u64, at: usize) {
        let bit = 1 << (at % 64);
        match self.recent.last_mut() {
            Some(r) if r.commit == commit && r.slots[at / 64] & bit == 0 => r.slots[at / 64] |= bit,
            _ => {
                let mut slots = [0; PAGE / 64];
                slots[at / 64] = bit;
                self.recent.push(Recent { commit, slots });
            }
        }
    }

    /// How many in-order floats of a slot a reader of `pin` sees.
    pub(crate) fn visible(&self, at: usize, pin: u64) -> usize {
        let set = |r: &&Recent| r.commit > pin && r.slots[at / 64] >> (at % 64) & 1 == 1;
        let hidden = self
            .recent
            .iter()
            .rev()
            .take_while(|r| r.commit > pin)
            .filter(set)
            .count();
        self.slots
            .get(at)
            .map_or(0, |s| s.floats().saturating_sub(hidden))
    }

    /// Bytes of memory.
    pub(crate) fn memory(&self) -> usize {
        let slots: usize = self.slots.iter().map(Slot::memory).sum();
        slots
            + (self.slots.capacity() - self.slots.len()) * size_of::<Slot>()
            + self.recent.capacity() * size_of::<Recent>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::slot::Place;

    #[test]
    fn a_reader_sees_what_its_commit_saw() {
        let mut page = Page::default();
        for (commit, at) in [(1, 5), (2, 5), (2, 200), (3, 5), (3, 5)] {
            page.slot(at).push(commit as i64, 0.0, Place::Own);
            page.note(commit, at);
        }
        assert_eq!([0, 1, 2, 3, 9].map(|pin| page.visible(5, pin)), [0, 1, 2, 4, 4]);
        page.settle(2);
        assert_eq!((page.visible(5, 2), page.visible(200, 2)), (2, 1));
        page.settle(3);
        assert_eq!(page.visible(5, 3), 4);
    }
}
