//! Series in the order of their labels, without comparing texts more often than there are label pairs.
//!
//! Labels compare pair by pair, so series compare as the ranks of their pairs do. Only the pairs that occur are ranked.

use rustc_hash::FxHashMap;

use super::index::Index;

/// Sorts ids by labels.
pub(crate) fn by_labels(index: &Index, ids: &mut Vec<u32>) {
    if ids.len() < 2 {
        return;
    }
    let ranks = rank_pairs(index, ids);
    let rank = |pair: &u32| ranks.get(pair).copied().unwrap_or(0);
    let skip = shared_prefix(index, ids);
    // Four ranks decide nearly always; the rest is compared only where they are equal.
    let mut keyed: Vec<(u128, u32)> = ids
        .iter()
        .map(|id| {
            let mut ranks = index.pairs_of(*id).iter().skip(skip).map(rank);
            // Ranks begin at 1: no further pair comes before any.
            let key = (0..4).fold(0, |key, _| key << 32 | u128::from(ranks.next().unwrap_or(0)));
            (key, *id)
        })
        .collect();
    let rest = |id: u32| index.pairs_of(id).iter().skip(skip + 4).map(rank);
    keyed.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| rest(a.1).cmp(rest(b.1))));
    ids.clear();
    ids.extend(keyed.iter().map(|(_, id)| *id));
}

/// How many pairs at the beginning all series share.
fn shared_prefix(index: &Index, ids: &[u32]) -> usize {
    let Some((first, rest)) = ids.split_first() else {
        return 0;
    };
    let first = index.pairs_of(*first);
    rest.iter().fold(first.len(), |shared, id| {
        let pairs = index.pairs_of(*id).iter();
        first[..shared]
            .iter()
            .zip(pairs)
            .take_while(|(a, b)| a == b)
            .count()
    })
}

fn rank_pairs(index: &Index, ids: &[u32]) -> FxHashMap<u32, u32> {
    let mut ranks: FxHashMap<u32, u32> = FxHashMap::default();
    for id in ids {
        ranks.extend(index.pairs_of(*id).iter().map(|pair| (*pair, 0)));
    }
    let mut pairs: Vec<((&str, &str), u32)> =
        ranks.keys().map(|pair| (index.pair_text(*pair), *pair)).collect();
    pairs.sort_unstable();
    for (rank, (_, pair)) in pairs.iter().enumerate() {
        ranks.insert(*pair, rank as u32 + 1);
    }
    ranks
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
            by_labels(&index, &mut ids);
            labels.sort();
            let found: Vec<Labels> = ids.iter().map(|id| index.labels(*id)).collect();
            prop_assert_eq!(found, labels);
        }
    }
}
