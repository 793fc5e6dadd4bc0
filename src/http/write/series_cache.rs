//! Which series a sender's label bytes stand for, so that a steady sender costs no label parsing.
//!
//! The key is a 96-bit keyed hash of the bytes as they came: two label sets share it with a chance that no sender can
//! raise. Two generations bound the memory: what is not used for a whole generation is forgotten. Every known series
//! costs 20 bytes and some room; hence a table of its own.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use narthex_tsdb::SeriesRef;
use parking_lot::Mutex;

const SHARDS: usize = 16;
/// Entries of a shard's generation.
const MOST_ENTRIES: usize = if cfg!(test) { 256 } else { 65_536 };
/// How often each entry may be asked for, on average, until a generation is over: ten minutes of a steady sender. What
/// senders no longer send is then forgotten although there is room.
const QUESTIONS: usize = 40;
/// Entries that a generation may have whoever asks.
const FEWEST_ENTRIES: usize = 64;

/// The hash of label bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Key {
    place: u32,
    rest: [u32; 2],
}

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    key: Key,
    series: Option<SeriesRef>,
}

/// Entries at the place that their key names or the next free one after it. Nothing is ever taken out.
#[derive(Debug, Default)]
struct Table {
    entries: Vec<Entry>,
    used: usize,
}

#[derive(Debug, Default)]
struct Generations {
    young: Table,
    old: Table,
    /// How often the young one has been asked.
    questions: usize,
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
        let (place, rest) = (self.hashers.0.hash_one(labels), self.hashers.1.hash_one(labels));
        Key {
            place: place as u32,
            rest: [rest as u32, (rest >> 32) as u32],
        }
    }

    pub(super) fn get(&self, key: Key) -> Option<SeriesRef> {
        let mut shard = self.shard(key).lock();
        shard.count_question();
        if let Some(series) = shard.young.get(key) {
            return Some(series);
        }
        let series = shard.old.get(key)?;
        shard.insert(key, series);
        Some(series)
    }

    /// Notes a series, in the place of what was known under the key.
    pub(super) fn insert(&self, key: Key, series: SeriesRef) {
        self.shard(key).lock().insert(key, series);
    }

    fn shard(&self, key: Key) -> &Mutex<Generations> {
        let [first, ..] = &self.shards;
        let [number, _] = key.rest;
        self.shards.get(number as usize % SHARDS).unwrap_or(first)
    }
}

impl Generations {
    fn count_question(&mut self) {
        self.questions += 1;
        if self.questions > QUESTIONS * self.young.used.max(FEWEST_ENTRIES) {
            self.begin();
        }
    }

    fn insert(&mut self, key: Key, series: SeriesRef) {
        if self.young.used >= MOST_ENTRIES {
            self.begin();
        }
        self.young.insert(key, series);
    }

    fn begin(&mut self) {
        self.old = std::mem::take(&mut self.young);
        self.questions = 0;
    }
}

impl Table {
    fn get(&self, key: Key) -> Option<SeriesRef> {
        self.entries.get(self.find(key)?)?.series
    }

    fn insert(&mut self, key: Key, series: SeriesRef) {
        // An eighth stays free, or looking for what is not there takes long.
        if (self.used + 1) * 8 > self.entries.len() * 7 {
            self.grow();
        }
        if let Some(entry) = self.find(key).and_then(|at| self.entries.get_mut(at)) {
            self.used += usize::from(entry.series.is_none());
            *entry = Entry {
                key,
                series: Some(series),
            };
        }
    }

    /// By a quarter: memory matters more than the time that a new sender takes.
    fn grow(&mut self) {
        let len = self.entries.len() + self.entries.len() / 4 + 16;
        let old = std::mem::replace(&mut self.entries, vec![Entry::default(); len]);
        for entry in old.into_iter().filter(|e| e.series.is_some()) {
            if let Some(free) = self.find(entry.key).and_then(|at| self.entries.get_mut(at)) {
                *free = entry;
            }
        }
    }

    /// Where a key is, or would be put.
    fn find(&self, key: Key) -> Option<usize> {
        let start = ((u64::from(key.place) * self.entries.len() as u64) >> 32) as usize;
        let around = (start..self.entries.len()).chain(0..start);
        around.into_iter().find(|at| {
            self.entries
                .get(*at)
                .is_none_or(|e| e.series.is_none() || e.key == key)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use narthex_model::Labels;
    use narthex_tsdb::{Db, Options};

    #[test]
    fn what_is_used_stays_and_the_rest_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(folder.path(), Options::default()).unwrap();
        let series = |i: u64| db.resolve(&Labels::from_pairs([("i", i.to_string())])).unwrap();
        let cache = SeriesCache::default();
        let kept = cache.key(b"kept");
        cache.insert(kept, series(0));
        let count = (SHARDS * MOST_ENTRIES * 3) as u64;
        for i in 1..=count {
            let key = cache.key(&i.to_le_bytes());
            assert_eq!(cache.get(key), None);
            cache.insert(key, series(i));
            assert_eq!(cache.get(key), Some(series(i)));
            if i % 100 == 0 {
                assert_eq!(cache.get(kept), Some(series(0)));
            }
        }
        let (mut used, mut room) = (0, 0);
        for shard in &cache.shards {
            let shard = shard.lock();
            for table in [&shard.young, &shard.old] {
                (used, room) = (used + table.used, room + table.entries.len());
            }
        }
        assert!(used <= SHARDS * MOST_ENTRIES * 2 + SHARDS, "{used}");
        assert!(room < used * 2, "{room}");
        assert_eq!(cache.get(cache.key(&1_u64.to_le_bytes())), None);
        // What the store has dropped gets another reference.
        cache.insert(kept, series(9));
        assert_eq!(cache.get(kept), Some(series(9)));
    }

    #[test]
    fn what_is_no_longer_sent_is_forgotten_although_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(folder.path(), Options::default()).unwrap();
        let series = db.resolve(&Labels::from_pairs([("a", "b")])).unwrap();
        let cache = SeriesCache::default();
        let send = |name: u64| {
            let key = cache.key(&name.to_le_bytes());
            let known = cache.get(key).is_some();
            cache.insert(key, series);
            known
        };
        // A thousand series, of which ten change after every twenty requests.
        let mut unknown = 0;
        for request in 0..4_000 {
            let first = request / 20 * 10;
            unknown += (first..first + 1_000).filter(|name| !send(*name)).count();
        }
        assert_eq!(unknown, 1_000 + 10 * 199);
        let used = |shard: &Mutex<Generations>| {
            let shard = shard.lock();
            shard.young.used + shard.old.used
        };
        let used: usize = cache.shards.iter().map(used).sum();
        assert!((1_000..2_500).contains(&used), "{used} entries");
    }
}
