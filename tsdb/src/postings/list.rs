//! The series that carry one label pair: one id, a short sorted list, or a bitmap.

use roaring::RoaringBitmap;

use super::runs::Runs;

/// Above so many ids a bitmap is smaller than a list and quicker to intersect.
const LIST_MAX: usize = 128;

/// Sorted ids without repetitions. Most label pairs of a store belong to one series or a few.
#[derive(Debug, Clone)]
pub(crate) enum Postings {
    One(u32),
    Few(Vec<u32>),
    Many(Box<RoaringBitmap>),
}

impl Postings {
    /// No ids.
    pub(crate) const fn none() -> Self {
        Self::Few(Vec::new())
    }

    /// Adds an id; ids mostly come in ascending order.
    pub(crate) fn insert(&mut self, id: u32) {
        match self {
            Self::One(one) if *one == id => {}
            Self::One(one) => *self = Self::Few(vec![(*one).min(id), (*one).max(id)]),
            Self::Few(ids) if ids.is_empty() => *self = Self::One(id),
            Self::Few(ids) => {
                if let Err(at) = ids.binary_search(&id) {
                    if ids.len() < LIST_MAX {
                        ids.insert(at, id);
                        return;
                    }
                    let mut bitmap: RoaringBitmap = ids.iter().copied().collect();
                    bitmap.insert(id);
                    *self = Self::Many(Box::new(bitmap));
                }
            }
            Self::Many(bitmap) => {
                bitmap.insert(id);
            }
        }
    }

    /// Adds many ids, and leaves none of them behind.
    pub(crate) fn extend(&mut self, runs: &mut Runs) {
        match self {
            Self::Many(bitmap) => runs.drain_into(bitmap),
            _ if self.len() + runs.len() > LIST_MAX as u64 => {
                let mut bitmap = self.to_bitmap();
                runs.drain_into(&mut bitmap);
                *self = Self::Many(Box::new(bitmap));
            }
            _ => runs.drain(|first, last| (first..=last).for_each(|id| self.insert(id))),
        }
    }

    /// Takes an id away.
    pub(crate) fn remove(&mut self, id: u32) {
        match self {
            Self::One(one) if *one == id => *self = Self::none(),
            Self::One(_) => {}
            Self::Few(ids) => {
                if let Ok(at) = ids.binary_search(&id) {
                    ids.remove(at);
                }
            }
            Self::Many(bitmap) => {
                bitmap.remove(id);
            }
        }
    }

    /// How many ids there are.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::One(_) => 1,
            Self::Few(ids) => ids.len() as u64,
            Self::Many(bitmap) => bitmap.len(),
        }
    }

    /// The first ids from `from` on, at most `most` of them.
    pub(crate) fn first_from(&self, from: u32, most: usize) -> Vec<u32> {
        match self {
            Self::One(id) => Some(*id).into_iter().filter(|id| *id >= from).collect(),
            Self::Few(list) => {
                let start = list.partition_point(|id| *id < from);
                list[start..].iter().copied().take(most).collect()
            }
            Self::Many(bitmap) => bitmap.range(from..).take(most).collect(),
        }
    }

    /// How many of `ids` are in here.
    pub(crate) fn count_in(&self, ids: &RoaringBitmap) -> u64 {
        match self {
            Self::One(id) => u64::from(ids.contains(*id)),
            Self::Few(list) => list.iter().filter(|id| ids.contains(**id)).count() as u64,
            Self::Many(bitmap) => bitmap.intersection_len(ids),
        }
    }

    /// Adds all ids to `ids`.
    pub(crate) fn union_into(&self, ids: &mut RoaringBitmap) {
        match self {
            Self::One(id) => {
                ids.insert(*id);
            }
            Self::Few(list) => ids.extend(list.iter().copied()),
            Self::Many(bitmap) => *ids |= &**bitmap,
        }
    }

    /// The ids as a bitmap.
    pub(crate) fn to_bitmap(&self) -> RoaringBitmap {
        let mut ids = RoaringBitmap::new();
        self.union_into(&mut ids);
        ids
    }

    /// Bytes of memory, estimated.
    pub(crate) fn memory(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::One(_) => 0,
                Self::Few(ids) => ids.capacity() * size_of::<u32>(),
                Self::Many(bitmap) => bitmap.serialized_size(),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_grows_from_one_to_a_bitmap_in_any_order() {
        let mut postings = Postings::One(500);
        let mut expected = RoaringBitmap::from_iter([500]);
        for id in (0..400).map(|i| (i * 7919) % 1_000) {
            postings.insert(id);
            expected.insert(id);
            assert_eq!(postings.len(), expected.len());
        }
        assert_eq!(postings.to_bitmap(), expected);
        assert!(matches!(postings, Postings::Many(_)));
        let half: RoaringBitmap = (0..500).collect();
        assert_eq!(postings.count_in(&half), expected.intersection_len(&half));
        for id in 0..1_001 {
            postings.remove(id);
            expected.remove(id);
            assert_eq!(postings.to_bitmap(), expected);
        }
        let mut few = Postings::One(7);
        few.insert(9);
        few.remove(7);
        few.remove(8);
        assert_eq!(few.to_bitmap(), RoaringBitmap::from_iter([9]));
        few.remove(9);
        few.insert(3);
        assert!(matches!(few, Postings::One(3)));
    }
}
