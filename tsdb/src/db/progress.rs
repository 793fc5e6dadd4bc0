//! How far the replay of the log has come, for whoever waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Watches an opening from another thread; clones watch the same.
#[derive(Debug, Clone, Default)]
pub struct OpenProgress {
    segments: Arc<[AtomicU64; 3]>,
}

/// Log segments that an opening replays: Prometheus's `status/walreplay`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReplayStatus {
    /// First segment to be replayed.
    pub min: u64,
    /// Last segment to be replayed.
    pub max: u64,
    /// Segment being replayed.
    pub current: u64,
}

impl OpenProgress {
    /// Nothing replayed yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How far it has come.
    #[must_use]
    pub fn status(&self) -> ReplayStatus {
        let [min, max, current] = &*self.segments;
        ReplayStatus {
            min: min.load(Relaxed),
            max: max.load(Relaxed),
            current: current.load(Relaxed),
        }
    }

    /// Says how far it has come.
    pub(crate) fn set(&self, status: ReplayStatus) {
        let [min, max, current] = &*self.segments;
        min.store(status.min, Relaxed);
        max.store(status.max, Relaxed);
        current.store(status.current, Relaxed);
    }
}
