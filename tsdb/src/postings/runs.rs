//! Ids on their way into sets: neighbours together, which a bitmap takes at once.

use roaring::RoaringBitmap;

/// Ids as first and last of each run of neighbours.
#[derive(Debug, Default)]
pub(crate) struct Runs(Vec<(u32, u32)>);

impl Runs {
    /// Adds an id; ids mostly come in ascending order.
    pub(crate) fn push(&mut self, id: u32) {
        match self.0.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(id) => *last = id,
            _ => self.0.push((id, id)),
        }
    }

    /// How many ids there are, one that was added twice counted twice.
    pub(crate) fn len(&self) -> u64 {
        let length = |(first, last): &(u32, u32)| u64::from(last - first) + 1;
        self.0.iter().map(length).sum()
    }

    /// Hands out the first and the last id of each run, and forgets them.
    pub(super) fn drain(&mut self, mut each: impl FnMut(u32, u32)) {
        self.0.drain(..).for_each(|(first, last)| each(first, last));
    }

    /// Moves all ids into a bitmap.
    pub(crate) fn drain_into(&mut self, ids: &mut RoaringBitmap) {
        self.drain(|first, last| {
            if first == last {
                ids.insert(first);
            } else {
                ids.insert_range(first..=last);
            }
        });
    }
}
