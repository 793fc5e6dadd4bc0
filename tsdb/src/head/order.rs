//! Series in the order of their labels, without comparing texts more often than there are label pairs.
//!
//! Labels compare pair by pair, so series compare as the ranks of their pairs do. Only the pairs that occur are ranked.

use parking_lot::RwLock;
use rustc_hash::FxHashMap;

use super::index::Index;

/// From this share of all series on, the order of all is found out and kept rather than that of the few.
const KEPT_SHARE: usize = 8;
/// From this share on, sorting means walking over all.
const WALKED_SHARE: usize = 32;

/// All series in the order of their labels.
#[derive(Debug)]
pub(crate) struct LabelOrder {
    ids: Vec<u32>,
    /// By id, its place in `ids`.
    places: Vec<u32>,
}

impl LabelOrder {
    pub(super) fn new(index: &Index) -> Self {
        let mut ids: Vec<u32> = index.all().iter().collect();
        sort(index, &mut ids);
        let mut places = vec![u32::MAX; index.next_id() as usize];
        for (place, id) in ids.iter().enumerate() {
            if let Some(slot) = places.get_mut(*id as usize) {
                *slot = place as u32;
            }
        }
        Self { ids, places }
    }

    fn place(&self, id: u32) -> u32 {
        self.places.get(id as usize).copied().unwrap_or(u32::MAX)
    }

    fn sort(&self, ids: &mut Vec<u32>) {
        if ids.len() < self.ids.len() / WALKED_SHARE {
            ids.sort_unstable_by_key(|id| self.place(*id));
            return;
        }
        let mut chosen = vec![0_u64; self.ids.len().div_ceil(64)];
        for id in ids.iter() {
            let place = self.place(*id) as usize;
            if let Some(word) = chosen.get_mut(place / 64) {
                *word |= 1 << (place % 64);
            }
        }
        ids.clear();
        for (at, word) in chosen.iter().enumerate() {
            let mut rest = *word;
            while rest != 0 {
                ids.extend(self.ids.get(at * 64 + rest.trailing_zeros() as usize));
                rest &= rest - 1;
            }
        }
    }
}

/// Series looked at while the index is held.
const SLICE: usize = if cfg!(test) { 7 } else { 16_384 };

/// Sorts ids of series, none of them twice, by labels.
pub(crate) fn by_labels(index: &Index, ids: &mut Vec<u32>) {
    if ids.len() < 2 {
        return;
    }
    let many = ids.len() >= index.all().len() as usize / KEPT_SHARE;
    match index.label_order(many) {
        Some(order) => order.sort(ids),
        None => sort(index, ids),
    }
}

fn sort(index: &Index, ids: &mut Vec<u32>) {
    let ranks = Ranks::of(index, ids);
    let rank = |pair: &u32| ranks.get(*pair);
    let skip = shared_prefix(ids.iter().map(|id| index.pairs_of(*id)));
    let mut keyed: Vec<(u128, u32)> = ids
        .iter()
        .map(|id| (key(index.pairs_of(*id).iter().skip(skip).map(rank)), *id))
        .collect();
    let rest = |id: u32| index.pairs_of(id).iter().skip(skip + 4).map(rank);
    keyed.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| rest(a.1).cmp(rest(b.1))));
    ids.clear();
    ids.extend(keyed.iter().map(|(_, id)| *id));
}

/// As [`by_labels`], holding the index for a part of the work at a time: registering series does not wait for the rest.
pub(crate) fn by_labels_in_slices(index: &RwLock<Index>, ids: &mut Vec<u32>) {
    if ids.len() <= SLICE || index.read().label_order(false).is_some() {
        return by_labels(&index.read(), ids);
    }
    let pair_ranks = Ranks::of(&index.read(), ids);
    // The ranks of each series, behind each other.
    let (mut all, mut ends): (Vec<u32>, Vec<usize>) = (Vec::new(), vec![0]);
    for slice in ids.chunks(SLICE) {
        let index = index.read();
        for id in slice {
            let pairs = index.pairs_of(*id).iter();
            all.extend(pairs.map(|pair| pair_ranks.get(*pair)));
            ends.push(all.len());
        }
    }
    let ranks = |at: u32| {
        let at = at as usize;
        let range = ends.get(at).zip(ends.get(at + 1));
        range.and_then(|(from, to)| all.get(*from..*to)).unwrap_or(&[])
    };
    let places = 0..ids.len() as u32;
    let skip = shared_prefix(places.clone().map(ranks));
    let mut keyed: Vec<(u128, u32)> = places
        .map(|at| (key(ranks(at).iter().skip(skip).copied()), at))
        .collect();
    let rest = |at: u32| ranks(at).get(skip + 4..);
    keyed.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| rest(a.1).cmp(&rest(b.1))));
    *ids = keyed
        .iter()
        .filter_map(|(_, at)| ids.get(*at as usize).copied())
        .collect();
}

/// How many numbers at the beginning all series share.
fn shared_prefix<'s>(mut all: impl Iterator<Item = &'s [u32]>) -> usize {
    let first = all.next().unwrap_or(&[]);
    all.fold(first.len(), |shared, one| {
        let both = first[..shared].iter().zip(one);
        both.take_while(|(a, b)| a == b).count()
    })
}

/// The first four ranks as one number: they decide nearly always, and the rest is compared only where they are equal.
/// Ranks begin at 1: no further pair comes before any.
fn key(mut ranks: impl Iterator<Item = u32>) -> u128 {
    (0..4).fold(0, |key, _| key << 32 | u128::from(ranks.next().unwrap_or(0)))
}

/// The ranks of label pairs among those that occur.
enum Ranks {
    /// By number, if they are many.
    Dense(Vec<u32>),
    Sparse(FxHashMap<u32, u32>),
}

impl Ranks {
    fn of(index: &Index, ids: &[u32]) -> Self {
        let mut found = Vec::new();
        let mut ranks = if ids.len() >= index.pair_limit() / 64 {
            let mut ranks = vec![0; index.pair_limit()];
            for pair in ids.iter().flat_map(|id| index.pairs_of(*id)) {
                if let Some(rank @ 0) = ranks.get_mut(*pair as usize) {
                    *rank = 1;
                    found.push(*pair);
                }
            }
            Self::Dense(ranks)
        } else {
            let mut ranks = FxHashMap::default();
            for pair in ids.iter().flat_map(|id| index.pairs_of(*id)) {
                if ranks.insert(*pair, 0).is_none() {
                    found.push(*pair);
                }
            }
            Self::Sparse(ranks)
        };
        found.sort_unstable_by_key(|pair| index.pair_text(*pair));
        for (rank, pair) in (1..).zip(&found) {
            match &mut ranks {
                Self::Dense(ranks) => ranks[*pair as usize] = rank,
                Self::Sparse(ranks) => drop(ranks.insert(*pair, rank)),
            }
        }
        ranks
    }

    fn get(&self, pair: u32) -> u32 {
        let known = match self {
            Self::Dense(ranks) => ranks.get(pair as usize),
            Self::Sparse(ranks) => ranks.get(&pair),
        };
        known.copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use narthex_model::Labels;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranks_order_as_labels_do(
            series in proptest::collection::btree_set(
                proptest::collection::btree_map("[a-g]", "[x-z]{1,2}", 0..7), 0..60),
            seed: u64,
        ) {
            let mut labels: Vec<Labels> = series.iter().map(Labels::from_pairs).collect();
            labels.sort_by_key(|l| { use std::hash::BuildHasher; rustc_hash::FxBuildHasher.hash_one((seed, l.as_key())) });
            let mut index = Index::default();
            let mut ids: Vec<u32> = labels.iter().map(|l| index.add(l).unwrap()).collect();
            let mut again = ids.clone();
            by_labels(&index, &mut ids);
            labels.sort();
            let found: Vec<Labels> = ids.iter().map(|id| index.labels(*id)).collect();
            prop_assert_eq!(&found, &labels);
            // Some of them: by themselves, or by the order of all, which is known now.
            let some = |step| index.all().iter().step_by(step).collect::<Vec<u32>>();
            for step in [1, 2, 40] {
                let (mut ids, mut plain) = (some(step), some(step));
                by_labels(&index, &mut ids);
                sort(&index, &mut plain);
                prop_assert_eq!(ids, plain);
            }
            prop_assert!(labels.len() < 2 || index.label_order(false).is_some());
            index.add(&Labels::from_pairs([("new", "series")])).unwrap();
            prop_assert!(index.label_order(false).is_none());
            by_labels_in_slices(&RwLock::new(index), &mut again);
            prop_assert_eq!(again, ids);
        }
    }
}
