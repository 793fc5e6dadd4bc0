//! What ends a query early: its deadline, or a client that went away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use narthex_promql::Interrupt;

use crate::clock::Clock;

/// Says "stop" to a running query when it is dropped, as it is when the client's connection closes.
#[derive(Debug)]
pub(super) struct CancelOnDrop(Arc<AtomicBool>);

impl CancelOnDrop {
    /// The guard, and the flag that it sets.
    pub(super) fn new() -> (Self, Arc<AtomicBool>) {
        let flag = Arc::new(AtomicBool::new(false));
        (Self(Arc::clone(&flag)), flag)
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What a running query asks again and again: must I stop?
pub(super) fn interrupt(
    clock: &Clock,
    deadline: Instant,
    canceled: &AtomicBool,
) -> impl Fn() -> Option<Interrupt> + Sync {
    move || {
        if canceled.load(Ordering::Relaxed) {
            Some(Interrupt::Canceled)
        } else if clock.monotonic() >= deadline {
            Some(Interrupt::Timeout)
        } else {
            None
        }
    }
}

/// Whether a read should stop; cheap to clone.
#[derive(Debug, Clone)]
pub struct Stop {
    clock: Clock,
    deadline: Instant,
    canceled: Arc<AtomicBool>,
}

impl Stop {
    pub(super) fn new(clock: Clock, deadline: Instant, canceled: Arc<AtomicBool>) -> Self {
        Self {
            clock,
            deadline,
            canceled,
        }
    }

    /// Whether the answer is no longer wanted.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.canceled.load(Ordering::Relaxed) || self.is_late()
    }

    /// Whether the time is over.
    pub(super) fn is_late(&self) -> bool {
        self.clock.monotonic() >= self.deadline
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_query_stops_at_its_deadline_or_when_nobody_waits() {
        let clock = Clock::manual(0);
        let (guard, flag) = CancelOnDrop::new();
        let ask = interrupt(&clock, clock.monotonic() + Duration::from_secs(1), &flag);
        assert_eq!(ask(), None);
        clock.set(1_000);
        assert_eq!(ask(), Some(Interrupt::Timeout));
        drop(guard);
        assert_eq!(ask(), Some(Interrupt::Canceled));
    }
}
