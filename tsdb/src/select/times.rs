//! Times of a selection's series: series that share them find them by what tells them, without reading them again.
//!
//! In the order of labels, series of many targets come in turns, and each target has times of its own. What is found out
//! of them is kept for all threads that read the selection.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hashbrown::HashTable;
use parking_lot::RwLock;
use rustc_hash::FxBuildHasher;

use crate::head::SlotTimes;

/// What a selection keeps, in times: eight bytes each.
const KEPT: usize = 1 << 20;
/// What an entry takes beside its lists, in times.
const ENTRY: usize = 32;

/// Numbers for selections and for columns of times, none of them given twice.
static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// A number that nothing else has.
pub(super) fn new_number() -> u64 {
    NUMBERS.fetch_add(1, Ordering::Relaxed)
}

/// What tells the times of a series.
#[derive(Debug, Default, Clone, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    /// The files that it lies in, and its plan in each.
    pub(super) plans: Vec<(u64, u32)>,
    /// What tells the times of its samples in memory.
    pub(super) in_memory: SlotTimes,
}

/// The times of a series, and how they come together.
#[derive(Debug, Default)]
pub(super) struct Times {
    pub(super) origin: Origin,
    /// Those in memory alone.
    pub(super) newest: Vec<i64>,
    /// Of each file, and of those in memory, the samples before the range.
    pub(super) skips: Vec<usize>,
    pub(super) times: Vec<i64>,
    /// The name of `times`.
    pub(super) token: u64,
}

/// The times of a selection that have been found out.
#[derive(Debug, Default)]
pub(super) struct KnownTimes {
    kept: RwLock<Kept>,
    /// Whether there was no room for some: then nobody waits for others to find that out.
    full: AtomicBool,
}

#[derive(Debug, Default)]
struct Kept {
    by_origin: HashTable<Arc<Times>>,
    /// What they take, in times.
    weight: usize,
}

fn hash(origin: &Origin) -> u64 {
    FxBuildHasher.hash_one(origin)
}

impl KnownTimes {
    /// The times that this tells, if somebody has found them out.
    pub(super) fn find(&self, origin: &Origin) -> Option<Arc<Times>> {
        self.kept.read().find(origin)
    }

    /// Keeps times as long as there is room: what comes back in turns would drive each other out of any smaller room.
    /// The times to go on with, as another thread may have found them out too.
    pub(super) fn keep(&self, times: Times) -> Arc<Times> {
        if self.full.load(Ordering::Relaxed) {
            return Arc::new(times);
        }
        let mut kept = self.kept.write();
        if let Some(known) = kept.find(&times.origin) {
            return known;
        }
        let times = Arc::new(times);
        let Kept { by_origin, weight } = &mut *kept;
        let more = times.weight();
        if *weight + more > KEPT {
            self.full.store(true, Ordering::Relaxed);
            return times;
        }
        *weight += more;
        by_origin.insert_unique(hash(&times.origin), Arc::clone(&times), |t| hash(&t.origin));
        times
    }
}

impl Kept {
    fn find(&self, origin: &Origin) -> Option<Arc<Times>> {
        let same = |times: &Arc<Times>| times.origin == *origin;
        self.by_origin.find(hash(origin), same).cloned()
    }
}

impl Times {
    /// What they take, in times.
    fn weight(&self) -> usize {
        let origin = 2 * self.origin.plans.len() + self.origin.in_memory.weight();
        ENTRY + self.times.len() + self.newest.len() + self.skips.len() + origin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(file: u64, count: usize) -> Times {
        Times {
            origin: Origin {
                plans: vec![(file, 7)],
                ..Origin::default()
            },
            times: vec![file as i64; count],
            token: new_number(),
            ..Times::default()
        }
    }

    #[test]
    fn times_are_kept_once_and_as_long_as_there_is_room() {
        let known = KnownTimes::default();
        let one = known.keep(times(1, 10));
        assert_eq!(known.keep(times(1, 10)).token, one.token, "found out twice");
        let large = known.keep(times(2, KEPT));
        assert_eq!(known.find(&one.origin).map(|t| t.token), Some(one.token));
        assert!(known.find(&large.origin).is_none() && known.find(&times(3, 0).origin).is_none());
        assert!(known.keep(times(4, 0)).times.is_empty());
        assert!(known.find(&times(4, 0).origin).is_none(), "full is full");
    }
}
