//! What is known about a target's series: from a line's bytes before its value to the store's reference.
//!
//! Pages list their series in the same order from scrape to scrape. Each entry therefore remembers which one came
//! next, and a steady page is read by comparing bytes: no hash, no labels, no allocation.
//!
//! Invariants: `next` and `present` name entries that exist; an entry's hash leads to it through `chain`.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use narthex_tsdb::SeriesRef;
use rustc_hash::FxBuildHasher;

/// No entry.
const NONE: u32 = u32::MAX;

/// Successful scrapes for which an entry is kept after it was seen last.
const SCRAPES_KEPT: u32 = 2;

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

#[derive(Debug)]
struct Entry {
    key: Box<[u8]>,
    destination: Destination,
    /// Whether its samples are native histograms.
    is_histogram: bool,
    /// Scrape that saw the key last.
    seen: u32,
    /// Scrape that saw it last with a time of the scrape's.
    present: u32,
    /// The entry that came next.
    next: u32,
    /// Another entry with the same hash.
    chain: u32,
}

/// The series of one target.
#[derive(Debug, Default)]
pub(super) struct SeriesCache {
    entries: Vec<Entry>,
    by_hash: HashMap<u64, u32, FxBuildHasher>,
    /// Not to be foreseen by a target that would like its keys to collide.
    hasher: RandomState,
    /// Number of the running scrape, from 1.
    scrape: u32,
    /// The first entry of the last page.
    first: u32,
    /// The entry that was seen last in this scrape.
    last: u32,
    /// How many entries the running scrape has seen.
    seen_count: usize,
    /// Entries that get a marker when they vanish: those of the last scrape, and of the running one.
    present: Vec<u32>,
    arriving: Vec<u32>,
    /// Entries before the running scrape.
    settled: usize,
}

impl SeriesCache {
    /// Begins a scrape.
    pub(super) fn begin(&mut self) {
        if self.scrape == 0 {
            self.first = NONE;
        }
        self.scrape += 1;
        self.last = NONE;
        self.seen_count = 0;
        self.arriving.clear();
        self.settled = self.entries.len();
    }

    /// The key that is likely to come next, or `b""`.
    pub(super) fn expected(&self) -> &[u8] {
        let next = match self.entries.get(self.last as usize) {
            Some(entry) => entry.next,
            None => self.first,
        };
        self.entries.get(next as usize).map_or(b"", |entry| &entry.key)
    }

    /// The entry of a key, if there is one. `expected` says whether the key is the expected one.
    pub(super) fn find(&mut self, key: &[u8]) -> Option<EntryId> {
        let guess = match self.entries.get(self.last as usize) {
            Some(entry) => entry.next,
            None => self.first,
        };
        if self
            .entries
            .get(guess as usize)
            .is_some_and(|entry| *entry.key == *key)
        {
            self.last = guess;
            return Some(EntryId(guess));
        }
        let mut at = *self.by_hash.get(&self.hasher.hash_one(key))?;
        while let Some(entry) = self.entries.get(at as usize) {
            if *entry.key == *key {
                self.follow(at);
                return Some(EntryId(at));
            }
            at = entry.chain;
        }
        None
    }

    /// Adds the entry of a key that [`find`](Self::find) did not find.
    pub(super) fn insert(&mut self, key: &[u8], destination: Destination, is_histogram: bool) -> EntryId {
        let at = self.entries.len() as u32;
        let chain = self.by_hash.insert(self.hasher.hash_one(key), at).unwrap_or(NONE);
        self.entries.push(Entry {
            key: key.into(),
            destination,
            is_histogram,
            seen: 0,
            present: 0,
            next: NONE,
            chain,
        });
        self.follow(at);
        EntryId(at)
    }

    /// Remembers that the entry at `at` came after the one seen last.
    fn follow(&mut self, at: u32) {
        match self.entries.get_mut(self.last as usize) {
            Some(entry) => entry.next = at,
            None => self.first = at,
        }
        self.last = at;
    }

    /// Notes that the running scrape has seen the entry: where its lines go, and whether it was seen before.
    pub(super) fn see(&mut self, id: EntryId) -> (Destination, bool) {
        let Some(entry) = self.entries.get_mut(id.0 as usize) else {
            return (Destination::Dropped, false);
        };
        let again = entry.seen == self.scrape;
        if !again {
            entry.seen = self.scrape;
            self.seen_count += 1;
        }
        (entry.destination, again)
    }

    /// Notes that the series gets a marker once it vanishes.
    pub(super) fn track(&mut self, id: EntryId) {
        if let Some(entry) = self.entries.get_mut(id.0 as usize)
            && entry.present != self.scrape
        {
            entry.present = self.scrape;
            self.arriving.push(id.0);
        }
    }

    /// Fills in the reference of an entry that was new.
    pub(super) fn settle(&mut self, id: EntryId, series: SeriesRef) {
        if let Some(entry) = self.entries.get_mut(id.0 as usize) {
            entry.destination = Destination::Known(series);
        }
    }

    /// Series that the last scrape had and the running one has not, and whether they are of native histograms.
    pub(super) fn vanished(&self) -> impl Iterator<Item = (SeriesRef, bool)> {
        self.present
            .iter()
            .filter_map(|at| self.entries.get(*at as usize))
            .filter(|entry| entry.present != self.scrape)
            .filter_map(Entry::series)
    }

    /// Series that the last scrape had, and whether they are of native histograms.
    pub(super) fn present(&self) -> impl Iterator<Item = (SeriesRef, bool)> {
        self.present
            .iter()
            .filter_map(|at| self.entries.get(*at as usize))
            .filter_map(Entry::series)
    }

    /// Ends a scrape whose page was good.
    pub(super) fn end_good(&mut self) {
        std::mem::swap(&mut self.present, &mut self.arriving);
        self.arriving.clear();
        let many_unseen = self.entries.len() - self.seen_count.min(self.entries.len());
        if many_unseen > 0 && self.scrape.is_multiple_of(SCRAPES_KEPT + 1) {
            self.forget_unseen();
        }
    }

    /// Ends a scrape of which nothing is kept. `marked` says that the series of the scrape before have got their
    /// markers; what the page brought anew is forgotten.
    pub(super) fn end_bad(&mut self, marked: bool) {
        if marked {
            self.present.clear();
        }
        self.arriving.clear();
        while self.entries.len() > self.settled {
            let Some(entry) = self.entries.pop() else {
                break;
            };
            let hash = self.hasher.hash_one(&*entry.key);
            if entry.chain == NONE {
                self.by_hash.remove(&hash);
            } else {
                self.by_hash.insert(hash, entry.chain);
            }
        }
        // An entry that led to a forgotten one leads nowhere now: positions beyond the end are no entries.
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

    fn forget_unseen(&mut self) {
        let oldest = self.scrape.saturating_sub(SCRAPES_KEPT);
        let mut moved = vec![NONE; self.entries.len()];
        let mut kept = 0;
        for (entry, to) in self.entries.iter().zip(&mut moved) {
            if entry.seen >= oldest {
                *to = kept;
                kept += 1;
            }
        }
        let new = |at: u32| moved.get(at as usize).copied().unwrap_or(NONE);
        self.entries.retain(|entry| entry.seen >= oldest);
        self.entries.shrink_to_fit();
        self.first = new(self.first);
        self.present.retain_mut(|at| {
            *at = new(*at);
            *at != NONE
        });
        self.by_hash.clear();
        for at in 0..self.entries.len() {
            let Some(entry) = self.entries.get_mut(at) else {
                break;
            };
            entry.next = new(entry.next);
            let hash = self.hasher.hash_one(&*entry.key);
            entry.chain = self.by_hash.insert(hash, at as u32).unwrap_or(NONE);
        }
    }
}

impl Entry {
    fn series(&self) -> Option<(SeriesRef, bool)> {
        match self.destination {
            Destination::Known(series) => Some((series, self.is_histogram)),
            Destination::Dropped | Destination::Pending => None,
        }
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
            [f.series("z"), f.series("b")]
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
