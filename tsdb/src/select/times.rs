//! Times of a selection's series: series that share them find them by what tells them, without reading them again.
//!
//! In the order of labels, series of many targets come in turns, and each target has times of its own. What is found out
//! of them is kept for all threads that read the selection.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashTable;
use parking_lot::RwLock;
use rustc_hash::FxBuildHasher;

use crate::head::SlotTimes;

/// How many times a selection keeps: eight bytes each.
const KEPT: usize = 1 << 20;

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
pub(super) struct KnownTimes(RwLock<Kept>);

#[derive(Debug, Default)]
struct Kept {
    by_origin: HashTable<Arc<Times>>,
    count: usize,
}

fn hash(origin: &Origin) -> u64 {
    FxBuildHasher.hash_one(origin)
}

impl KnownTimes {
    /// The times that this tells, if somebody has found them out.
    pub(super) fn find(&self, origin: &Origin) -> Option<Arc<Times>> {
        let kept = self.0.read();
        kept.by_origin
            .find(hash(origin), |t| t.origin == *origin)
            .cloned()
    }

    /// Keeps times as long as there is room: what comes back in turns would drive each other out of any smaller room.
    pub(super) fn keep(&self, times: &Arc<Times>) {
        let mut kept = self.0.write();
        let Kept { by_origin, count } = &mut *kept;
        let more = times.times.len() + times.newest.len() + times.origin.in_memory.len();
        if *count + more <= KEPT {
            *count += more;
            by_origin.insert_unique(hash(&times.origin), Arc::clone(times), |t| hash(&t.origin));
        }
    }
}
