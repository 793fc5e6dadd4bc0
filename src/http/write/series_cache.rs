//! Which series a sender's label bytes stand for, so that a steady sender costs no label parsing.
//!
//! The key is a 128-bit keyed hash of the bytes as they came: two label sets share it with a chance that no sender can
//! raise. Two generations bound the memory: what is not used for a whole generation is forgotten.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use narthex_tsdb::SeriesRef;
use parking_lot::Mutex;
use rustc_hash::FxBuildHasher;

const SHARDS: usize = 16;
/// Entries of a shard's generation.
const MOST_ENTRIES: usize = if cfg!(test) { 256 } else { 65_536 };

/// What label bytes stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// A series.
    Series(SeriesRef),
    /// Labels that cannot name a series.
    Invalid,
}

/// The hash of label bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key(u64, u64);

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Key, Known, FxBuildHasher>,
    old: HashMap<Key, Known, FxBuildHasher>,
}

/// From label bytes to series.
#[derive(Debug, Default)]
pub(super) struct SeriesCache {
    hashers: (RandomState, RandomState),
    shards: [Mutex<Generations>; SHARDS],
}

impl SeriesCache {
    /// The key of these bytes.
    pub(super) fn key(&self, labels: &[u8]) -> Key {
        Key(self.hashers.0.hash_one(labels), self.hashers.1.hash_one(labels))
    }

    pub(super) fn get(&self, key: Key) -> Option<Known> {
        let mut shard = self.shard(key).lock();
        if let Some(known) = shard.young.get(&key) {
            return Some(*known);
        }
        let known = shard.old.remove(&key)?;
        shard.insert(key, known);
        Some(known)
    }

    pub(super) fn insert(&self, key: Key, known: Known) {
        self.shard(key).lock().insert(key, known);
    }

    /// Forgets all: the store gave series other references.
    pub(super) fn clear(&self) {
        for shard in &self.shards {
            *shard.lock() = Generations::default();
        }
    }

    fn shard(&self, key: Key) -> &Mutex<Generations> {
        let [first, ..] = &self.shards;
        self.shards.get(key.0 as usize % SHARDS).unwrap_or(first)
    }
}

impl Generations {
    fn insert(&mut self, key: Key, known: Known) {
        if self.young.len() >= MOST_ENTRIES {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_is_forgotten() {
        let cache = SeriesCache::default();
        let kept = cache.key(b"kept");
        cache.insert(kept, Known::Invalid);
        for i in 0..(SHARDS * MOST_ENTRIES * 3) as u64 {
            cache.insert(cache.key(&i.to_le_bytes()), Known::Invalid);
            if i % 100 == 0 {
                assert_eq!(cache.get(kept), Some(Known::Invalid));
            }
        }
        let mut size = 0;
        for shard in &cache.shards {
            let shard = shard.lock();
            size += shard.young.len() + shard.old.len();
        }
        assert!(size <= SHARDS * MOST_ENTRIES * 2 + SHARDS);
        assert_eq!(cache.get(cache.key(&0_u64.to_le_bytes())), None);
        cache.clear();
        assert_eq!(cache.get(kept), None);
    }
}
