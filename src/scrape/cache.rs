//! What is known about a target's series: from a line's bytes before its value to the store's reference.
//!
//! Pages list their series in the same order from scrape to scrape. Each entry therefore remembers which one came
//! next, and a steady page is read by comparing bytes: no hash, no labels, no allocation. The index by hash exists
//! only while pages need it.
//!
//! Invariants: entries and keys have the same positions; every `next` names an entry that exists, or none.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use narthex_tsdb::SeriesRef;

use super::keys::{Cursor, Keys, Mark};

/// No entry.
pub(super) const NONE: u32 = u32::MAX;

/// Good scrapes for which an entry is kept after it was seen last.
const SCRAPES_KEPT: u8 = 2;

/// Good scrapes that need no index, after which it is given back.
const INDEX_SCRAPES_KEPT: u8 = 4;

/// Position of an entry; valid until the scrape ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EntryId(u32);

/// Where the lines of a key go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Destination {
    /// A rule drops them.
    Dropped,
    /// New in this scrape; the store has not been asked for its reference.
    Pending,
    /// A series of the store.
    Known(SeriesRef),
}

/// What there is to know about a key. There is one for each series of each target: every byte counts.
#[derive(Debug)]
struct Entry {
    /// None while the store has not been asked, and for lines that a rule drops.
    series: Option<SeriesRef>,
    /// The entry that came next.
    next: u32,
    /// Good scrapes since it was seen.
    age: u8,
    flags: u8,
}

/// The running scrape has seen it.
const SEEN: u8 = 1;
/// The running scrape has seen it with a time of the scrape's.
const ARRIVING: u8 = 2;
/// The last scrape had it so: it gets a marker when it vanishes.
const PRESENT: u8 = 4;
/// Its samples are native histograms.
const HISTOGRAM: u8 = 8;
/// A rule drops it.
const DROPPED: u8 = 16;

/// The series of one target.
#[derive(Debug)]
pub(super) struct SeriesCache {
    entries: Vec<Entry>,
    keys: Keys,
    /// The expected key, or the key seen last where none is expected.
    cursor: Cursor,
    index: Option<Index>,
    /// The first entry of the last page.
    first: u32,
    /// The entry that was seen last in this scrape.
    last: u32,
    /// Entries and keys before the running scrape.
    settled: Mark,
    /// Good scrapes since entries were looked through for old ones.
    unswept: u8,
}

/// Entries by the hashes of their keys.
#[derive(Debug, Default)]
struct Index {
    table: HashTable<(u64, u32)>,
    /// Not to be foreseen by a target that would like its keys to collide.
    hasher: RandomState,
    /// Good scrapes that did not need it.
    idle: u8,
}

impl Index {
    fn add(&mut self, key: &[u8], at: u32) {
        let hash = self.hasher.hash_one(key);
        self.table.insert_unique(hash, (hash, at), |(hash, _)| *hash);
    }
}

impl Default for SeriesCache {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            keys: Keys::default(),
            cursor: Cursor::default(),
            index: None,
            first: NONE,
            last: NONE,
            settled: Mark::default(),
            unswept: 0,
        }
    }
}

impl SeriesCache {
    /// Begins a scrape.
    pub(super) fn begin(&mut self) {
        self.last = NONE;
        self.settled = self.keys.mark();
        self.keys.seek(&mut self.cursor, self.first);
    }

    /// The key that is likely to come next, or `b""`.
    pub(super) fn expected(&self) -> &[u8] {
        if self.guess() == NONE {
            b""
        } else {
            &self.cursor.key
        }
    }

    fn guess(&self) -> u32 {
        self.entries.get(self.last as usize).map_or_else(
            || if self.last == NONE { self.first } else { NONE },
            |entry| entry.next,
        )
    }

    /// The entry of a key, if there is one.
    pub(super) fn find(&mut self, key: &[u8]) -> Option<EntryId> {
        let guess = self.guess();
        if guess != NONE && self.cursor.at == guess && self.cursor.key == key {
            self.go_on(guess);
            return Some(EntryId(guess));
        }
        let at = self.look_up(key)?;
        self.follow(at);
        // The cursor stands where the key was found.
        self.go_on(at);
        Some(EntryId(at))
    }

    /// Looks into the index, which is made if it is not there.
    fn look_up(&mut self, key: &[u8]) -> Option<u32> {
        let index = self.index.get_or_insert_with(|| {
            let mut index = Index::default();
            index.table.reserve(self.keys.len(), |(hash, _)| *hash);
            let mut cursor = Cursor::default();
            for at in 0..self.keys.len() as u32 {
                self.keys.seek(&mut cursor, at);
                index.add(&cursor.key, at);
            }
            index
        });
        index.idle = 0;
        let (keys, cursor) = (&self.keys, &mut self.cursor);
        let hash = index.hasher.hash_one(key);
        let found = index.table.find(hash, |(other, at)| {
            *other == hash && {
                keys.seek(cursor, *at);
                cursor.key == key
            }
        });
        found.map(|(_, at)| *at)
    }

    /// Adds the entry of a key that [`find`](Self::find) did not find.
    pub(super) fn insert(&mut self, key: &[u8], destination: Destination, is_histogram: bool) -> EntryId {
        let at = self.entries.len() as u32;
        if let Some(index) = &mut self.index {
            index.add(key, at);
        }
        self.keys.push(key, &mut self.cursor);
        let mut flags = if is_histogram { HISTOGRAM } else { 0 };
        let series = match destination {
            Destination::Known(series) => Some(series),
            Destination::Pending => None,
            Destination::Dropped => {
                flags |= DROPPED;
                None
            }
        };
        self.entries.push(Entry {
            series,
            next: NONE,
            age: 0,
            flags,
        });
        self.follow(at);
        self.go_on(at);
        EntryId(at)
    }

    /// Remembers that the entry at `at` came after the one seen last.
    fn follow(&mut self, at: u32) {
        match self.entries.get_mut(self.last as usize) {
            Some(entry) => entry.next = at,
            None => self.first = at,
        }
    }

    /// The entry at `at` is the last one seen: what comes next?
    fn go_on(&mut self, at: u32) {
        self.last = at;
        let next = self.guess();
        if next != NONE {
            self.keys.seek(&mut self.cursor, next);
        }
    }

    /// Notes that the running scrape has seen the entry: where its lines go, and whether it was seen before.
    pub(super) fn see(&mut self, id: EntryId) -> (Destination, bool) {
        let Some(entry) = self.entries.get_mut(id.0 as usize) else {
            return (Destination::Dropped, false);
        };
        let again = entry.has(SEEN);
        entry.flags |= SEEN;
        let destination = match entry.series {
            Some(series) => Destination::Known(series),
            None if entry.has(DROPPED) => Destination::Dropped,
            None => Destination::Pending,
        };
        (destination, again)
    }

    /// Notes that the series gets a marker once it vanishes.
    pub(super) fn track(&mut self, id: EntryId) {
        if let Some(entry) = self.entries.get_mut(id.0 as usize) {
            entry.flags |= ARRIVING;
        }
    }

    /// Fills in the reference of an entry that was new.
    pub(super) fn settle(&mut self, id: EntryId, series: SeriesRef) {
        if let Some(entry) = self.entries.get_mut(id.0 as usize) {
            entry.series = Some(series);
        }
    }

    /// Series that the last scrape had and the running one has not, and whether they are of native histograms.
    pub(super) fn vanished(&self) -> impl Iterator<Item = (SeriesRef, bool)> {
        let gone = |entry: &&Entry| entry.flags & (PRESENT | ARRIVING) == PRESENT;
        self.entries.iter().filter(gone).filter_map(Entry::series)
    }

    /// Series that the last scrape had, and whether they are of native histograms.
    pub(super) fn present(&self) -> impl Iterator<Item = (SeriesRef, bool)> {
        let there = |entry: &&Entry| entry.has(PRESENT);
        self.entries.iter().filter(there).filter_map(Entry::series)
    }

    /// Ends a scrape whose page was good.
    pub(super) fn end_good(&mut self) {
        let mut has_old = false;
        for entry in &mut self.entries {
            entry.age = if entry.has(SEEN) {
                0
            } else {
                entry.age.saturating_add(1)
            };
            has_old |= entry.age > SCRAPES_KEPT;
            let present = if entry.has(ARRIVING) { PRESENT } else { 0 };
            entry.flags = entry.flags & (HISTOGRAM | DROPPED) | present;
        }
        self.unswept = self.unswept.saturating_add(1);
        if has_old && self.unswept > SCRAPES_KEPT {
            self.unswept = 0;
            self.forget_old();
        }
        if let Some(index) = &mut self.index {
            index.idle += 1;
            if index.idle > INDEX_SCRAPES_KEPT {
                self.index = None;
                self.entries.shrink_to_fit();
                self.keys.shrink();
            }
        }
    }

    /// Ends a scrape of which nothing is kept. `marked` says that the series of the scrape before have got their
    /// markers; what the page brought anew is forgotten.
    pub(super) fn end_bad(&mut self, marked: bool) {
        self.keys.truncate(self.settled);
        let known = self.keys.len();
        if known < self.entries.len() {
            self.entries.truncate(known);
            self.cursor = Cursor::default();
            self.index = None;
        }
        let exists = |at: u32| if (at as usize) < known { at } else { NONE };
        self.first = exists(self.first);
        let kept = HISTOGRAM | DROPPED | if marked { 0 } else { PRESENT };
        for entry in &mut self.entries {
            entry.next = exists(entry.next);
            entry.flags &= kept;
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// How many keys are known.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn forget_old(&mut self) {
        let mut moved = vec![NONE; self.entries.len()];
        let (mut keys, mut end, mut cursor) = (Keys::default(), Cursor::default(), Cursor::default());
        for (at, entry) in self.entries.iter().enumerate() {
            if entry.age <= SCRAPES_KEPT
                && let Some(to) = moved.get_mut(at)
            {
                *to = keys.len() as u32;
                self.keys.seek(&mut cursor, at as u32);
                keys.push(&cursor.key, &mut end);
            }
        }
        let new = |at: u32| moved.get(at as usize).copied().unwrap_or(NONE);
        self.entries.retain(|entry| entry.age <= SCRAPES_KEPT);
        self.entries.shrink_to_fit();
        for entry in &mut self.entries {
            entry.next = new(entry.next);
        }
        self.first = new(self.first);
        self.keys = keys;
        self.cursor = Cursor::default();
        self.index = None;
    }
}

impl Entry {
    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    fn series(&self) -> Option<(SeriesRef, bool)> {
        Some((self.series?, self.has(HISTOGRAM)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use narthex_model::Labels;
    use narthex_tsdb::{Db, Options};

    struct Fixture {
        db: Db,
        cache: SeriesCache,
        _folder: tempfile::TempDir,
    }

    fn fixture() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        Fixture {
            db: Db::open(folder.path(), Options::default()).unwrap(),
            cache: SeriesCache::default(),
            _folder: folder,
        }
    }

    impl Fixture {
        /// One scrape of these keys; says which were known by guess.
        fn scrape(&mut self, keys: &[&str], good: bool) -> Vec<bool> {
            self.cache.begin();
            let mut guessed = Vec::new();
            for key in keys {
                guessed.push(self.cache.expected() == key.as_bytes());
                let id = match self.cache.find(key.as_bytes()) {
                    Some(id) => id,
                    None => {
                        let labels = Labels::from_pairs([("__name__", *key)]);
                        let series = self.db.resolve(&labels).unwrap();
                        self.cache
                            .insert(key.as_bytes(), Destination::Known(series), false)
                    }
                };
                self.cache.see(id);
                self.cache.track(id);
            }
            if good {
                self.cache.end_good();
            } else {
                self.cache.end_bad(true);
            }
            guessed
        }

        fn series(&self, key: &str) -> (SeriesRef, bool) {
            (
                self.db.resolve(&Labels::from_pairs([("__name__", key)])).unwrap(),
                false,
            )
        }
    }

    #[test]
    fn a_steady_page_is_guessed_line_by_line() {
        let mut f = fixture();
        assert_eq!(f.scrape(&["a", "b", "c"], true), [false; 3]);
        assert_eq!(f.scrape(&["a", "b", "c"], true), [true; 3]);
        // Another order is found by hash and learnt.
        assert_eq!(f.scrape(&["b", "a", "c"], true), [false, false, false]);
        assert_eq!(f.scrape(&["b", "a", "c"], true), [true; 3]);
    }

    #[test]
    fn vanished_series_are_listed_once() {
        let mut f = fixture();
        f.scrape(&["a", "b", "c"], true);
        f.cache.begin();
        let id = f.cache.find(b"b").unwrap();
        f.cache.see(id);
        f.cache.track(id);
        let gone: Vec<_> = f.cache.vanished().collect();
        assert_eq!(gone, [f.series("a"), f.series("c")]);
        f.cache.end_good();
        f.cache.begin();
        assert_eq!(f.cache.vanished().collect::<Vec<_>>(), [f.series("b")]);
    }

    #[test]
    fn a_bad_scrape_leaves_no_new_key_and_a_good_one_forgets_old_ones() {
        let mut f = fixture();
        f.scrape(&["a", "b"], true);
        f.scrape(&["a", "x", "y"], false);
        assert_eq!(f.cache.len(), 2);
        assert_eq!(f.cache.present().count(), 0);
        f.scrape(&["a", "b"], true);
        assert_eq!(f.cache.present().count(), 2);
        for _ in 0..6 {
            f.scrape(&["z", "b"], true);
        }
        assert_eq!(f.cache.len(), 2);
        assert_eq!(f.scrape(&["z", "b"], true), [true; 2]);
        assert_eq!(
            f.cache.present().collect::<Vec<_>>(),
            [f.series("b"), f.series("z")]
        );
    }

    #[test]
    fn a_key_seen_twice_in_a_page_says_so() {
        let mut f = fixture();
        f.scrape(&["a"], true);
        f.cache.begin();
        let id = f.cache.find(b"a").unwrap();
        assert!(!f.cache.see(id).1);
        assert!(f.cache.see(id).1);
        f.cache.clear();
        assert_eq!(f.cache.len(), 0);
    }
}
