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

/// Stands for a series that has no slot yet.
const NONE: u16 = u16::MAX;
/// Stands for a series that has left.
const GONE: u16 = u16::MAX - 1;

/// Where each series' slot is, or one of the above.
#[derive(Debug)]
enum Places {
    Some(Box<[u16; PAGE]>),
    /// All have left.
    Gone,
}

/// Neighbouring series.
#[derive(Debug)]
pub(crate) struct Page {
    /// Of the series that have one; a series that leaves makes room.
    slots: Vec<Slot>,
    places: Places,
    /// Samples in sealed segments of lower numbers are not here any more.
    pub(crate) moved: u64,
    recent: Vec<Recent>,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            places: Places::Some(Box::new([NONE; PAGE])),
            moved: 0,
            recent: Vec::new(),
        }
    }
}

impl Page {
    fn place(&self, at: usize) -> u16 {
        match &self.places {
            Places::Some(places) => places[at],
            Places::Gone => GONE,
        }
    }

    /// The slot of a series, if it has one.
    pub(crate) fn get(&self, at: usize) -> Option<&Slot> {
        self.slots.get(usize::from(self.place(at)))
    }

    /// The slot of a series, created if it is new; `None` if the series has left.
    pub(crate) fn slot(&mut self, at: usize) -> Option<&mut Slot> {
        let place = match self.place(at) {
            GONE => return None,
            NONE => {
                let place = self.slots.len() as u16;
                if let Places::Some(places) = &mut self.places {
                    places[at] = place;
                }
                self.slots.push(Slot::default());
                place
            }
            place => place,
        };
        self.slots.get_mut(usize::from(place))
    }

    /// Whether no series has a slot.
    pub(crate) const fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Makes room for the slots of so many series.
    pub(crate) fn reserve(&mut self, count: usize) {
        self.slots.reserve_exact(count);
    }

    /// All slots, with the series' places in the page, in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Slot)> {
        (0..PAGE).filter_map(|at| Some((at, self.get(at)?)))
    }

    /// Whether a series has left.
    pub(crate) fn is_gone(&self, at: usize) -> bool {
        self.place(at) == GONE
    }

    /// Lets a series leave: whoever still has its id is told.
    pub(crate) fn remove(&mut self, at: usize) {
        let Places::Some(places) = &mut self.places else {
            return;
        };
        let place = std::mem::replace(&mut places[at], GONE);
        if usize::from(place) < self.slots.len() {
            self.slots.swap_remove(usize::from(place));
            let last = self.slots.len() as u16;
            if let Some(moved) = places.iter_mut().find(|p| **p == last) {
                *moved = place;
            }
            self.slots.shrink_to(self.slots.len() + self.slots.len() / 4);
        }
        if places.iter().all(|p| *p == GONE) {
            self.places = Places::Gone;
            self.recent = Vec::new();
        }
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
        self.get(at).map_or(0, |s| s.floats().saturating_sub(hidden))
    }

    /// Time and value of the newest sample of a series that a reader sees, if it is at hand: a float in order.
    pub(crate) fn newest(&self, at: usize, pin: u64) -> Option<(i64, f64)> {
        let slot = self.get(at)?;
        let floats = slot.floats();
        // Without a float in memory it is not known which commit the last was part of.
        let known = slot.used && !slot.last_is_histogram && slot.rare.is_none() && floats > 0;
        (known && self.visible(at, pin) == floats).then(|| (slot.last_time, f64::from_bits(slot.last_bits)))
    }

    /// Bytes of memory.
    pub(crate) fn memory(&self) -> usize {
        let slots: usize = self.slots.iter().map(Slot::memory).sum();
        let places = match &self.places {
            Places::Some(places) => size_of_val(&**places),
            Places::Gone => 0,
        };
        slots
            + places
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
            page.slot(at).unwrap().push(commit as i64, 0.0, Place::Own);
            page.note(commit, at);
        }
        assert_eq!([0, 1, 2, 3, 9].map(|pin| page.visible(5, pin)), [0, 1, 2, 4, 4]);
        page.settle(2);
        assert_eq!((page.visible(5, 2), page.visible(200, 2)), (2, 1));
        page.settle(3);
        assert_eq!(page.visible(5, 3), 4);
    }

    #[test]
    fn series_leave_in_any_order_and_the_others_stay() {
        let mut page = Page::default();
        for at in 0..PAGE {
            page.slot(at).unwrap().last_time = at as i64;
        }
        let mut left: Vec<usize> = (0..PAGE).collect();
        for gone in (0..PAGE).map(|i| i * 101 % PAGE) {
            page.remove(gone);
            page.remove(gone);
            left.retain(|at| *at != gone);
            assert!(page.is_gone(gone) && page.slot(gone).is_none() && page.get(gone).is_none());
            let found: Vec<(usize, i64)> = page.iter().map(|(at, slot)| (at, slot.last_time)).collect();
            let expected: Vec<(usize, i64)> = left.iter().map(|at| (*at, *at as i64)).collect();
            assert_eq!(found, expected);
        }
        assert_eq!(page.memory(), 0);
        assert!(page.slot(7).is_none());
    }
}
