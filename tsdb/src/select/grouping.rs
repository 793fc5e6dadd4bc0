//! Found series grouped by some of their labels, by the numbers of label pairs instead of texts.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use narthex_model::{Grouping, Labels, Projection};
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::found::Found;
use crate::head::Index;

/// Groups the series.
pub(super) fn group(found: &Found, index: &Index, projection: &Projection<'_>) -> Grouping {
    if !projection.without && projection.names.is_empty() {
        let first = if found.len() == 0 { Vec::new() } else { vec![0] };
        return Grouping {
            of: vec![0; found.len()],
            first,
        };
    }
    let mut groups = Groups {
        index,
        keys: Vec::new(),
        ends: Vec::new(),
        by_key: HashTable::new(),
        by_labels: FxHashMap::default(),
        has_strangers: found.strangers().next().is_some(),
        grouping: Grouping::default(),
    };
    // One byte per pair: asking a pair for its name would be a look into another place of memory each time.
    let mut looked_at = vec![projection.without; index.pair_limit()];
    for name in projection.names.iter().filter_map(|n| index.name_number(n)) {
        for pair in index.pairs_ever_named(name) {
            if let Some(flag) = looked_at.get_mut(pair as usize) {
                *flag = !projection.without;
            }
        }
    }
    let mut key = Vec::new();
    for at in 0..found.len() {
        let group = match found.id(at) {
            Some(id) => {
                key.clear();
                let pairs = index.pairs_of(id).iter().copied();
                key.extend(pairs.filter(|pair| looked_at.get(*pair as usize).copied().unwrap_or(false)));
                groups.of_pairs(&key)
            }
            None => groups.of_labels(projection.of(&found.labels(at, index))),
        };
        groups.grouping.add(group);
    }
    groups.grouping
}

/// Groups that are known so far.
struct Groups<'g> {
    index: &'g Index,
    /// Pairs of all groups behind each other, and where those of each end.
    keys: Vec<u32>,
    ends: Vec<u32>,
    by_key: HashTable<(u64, u32, u32)>,
    /// The same by labels, if there are series whose pairs have no numbers.
    by_labels: FxHashMap<Labels, u32>,
    has_strangers: bool,
    grouping: Grouping,
}

impl Groups<'_> {
    fn of_pairs(&mut self, key: &[u32]) -> u32 {
        let hash = FxBuildHasher.hash_one(key);
        let (keys, ends) = (&self.keys, &self.ends);
        let pairs_at = |number: u32| {
            let end = ends.get(number as usize).map_or(0, |end| *end as usize);
            let start = (number as usize)
                .checked_sub(1)
                .and_then(|before| ends.get(before))
                .map_or(0, |end| *end as usize);
            keys.get(start..end).unwrap_or(&[])
        };
        let same = |(other, number, _): &(u64, u32, u32)| *other == hash && pairs_at(*number) == key;
        if let Some((_, _, group)) = self.by_key.find(hash, same) {
            return *group;
        }
        let mut group = self.grouping.first.len() as u32;
        if self.has_strangers {
            let labels = Labels::from_sorted(key.iter().map(|pair| self.index.pair_text(*pair)));
            group = self.of_labels(labels);
        }
        let number = self.ends.len() as u32;
        self.keys.extend_from_slice(key);
        self.ends.push(self.keys.len() as u32);
        self.by_key
            .insert_unique(hash, (hash, number, group), |(hash, ..)| *hash);
        group
    }

    fn of_labels(&mut self, labels: Labels) -> u32 {
        let next = self.grouping.first.len() as u32;
        *self.by_labels.entry(labels).or_insert(next)
    }
}
