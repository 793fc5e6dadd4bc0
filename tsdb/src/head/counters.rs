//! What happened since the store was opened, counted.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A number that only goes up.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        if count > 0 {
            self.0.fetch_add(count, Relaxed);
        }
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// What happened in the head.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) floats: Counter,
    pub(crate) histograms: Counter,
    pub(crate) series_created: Counter,
    pub(crate) series_removed: Counter,
    pub(crate) out_of_order: Counter,
    pub(crate) out_of_bounds: Counter,
    pub(crate) too_old: Counter,
    pub(crate) duplicates: Counter,
    pub(crate) seals: Counter,
    pub(crate) seal_failures: Counter,
    pub(crate) expired_by_time: Counter,
    pub(crate) expired_by_size: Counter,
}
