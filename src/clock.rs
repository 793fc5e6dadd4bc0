//! The one place where time is read: wall clock and monotonic clock, replaceable in tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What tells the time. Clones share the same clock.
#[derive(Debug, Clone, Default)]
pub struct Clock(Source);

#[derive(Debug, Clone, Default)]
enum Source {
    #[default]
    System,
    /// Milliseconds since the Unix epoch, moved by hand, and the instant that stood for zero.
    Manual(Arc<AtomicI64>, Instant),
    /// Milliseconds since the Unix epoch at an instant of tokio's clock, which goes on from there.
    Runtime(i64, tokio::time::Instant),
}

impl Clock {
    /// The clock of the machine.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock for tests that stands at `now_ms` until [`Clock::set`] moves it.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "an instant can only be made from the real clock"
    )]
    pub fn manual(now_ms: i64) -> Self {
        Self(Source::Manual(Arc::new(AtomicI64::new(now_ms)), Instant::now()))
    }

    /// A clock that starts at `now_ms` and goes on as tokio's timers do: where a test pauses them, it stands too.
    #[must_use]
    pub fn of_runtime(now_ms: i64) -> Self {
        Self(Source::Runtime(now_ms, tokio::time::Instant::now()))
    }

    /// Moves a manual clock; the others do not move by hand.
    pub fn set(&self, now_ms: i64) {
        if let Source::Manual(now, _) = &self.0 {
            now.store(now_ms, Ordering::SeqCst);
        }
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        match &self.0 {
            Source::Manual(now, _) => now.load(Ordering::SeqCst),
            Source::System | Source::Runtime(..) => (self.now_nanos() / 1_000_000) as i64,
        }
    }

    /// Nanoseconds since the Unix epoch, for answers that show more than milliseconds.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn now_nanos(&self) -> i128 {
        match &self.0 {
            Source::System => match SystemTime::now().duration_since(UNIX_EPOCH) {
                Ok(since) => since.as_nanos() as i128,
                Err(before) => -(before.duration().as_nanos() as i128),
            },
            Source::Manual(now, _) => i128::from(now.load(Ordering::SeqCst)) * 1_000_000,
            Source::Runtime(start_ms, start) => {
                i128::from(*start_ms) * 1_000_000 + start.elapsed().as_nanos() as i128
            }
        }
    }

    /// A point on the monotonic clock: only differences mean anything.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn monotonic(&self) -> Instant {
        match &self.0 {
            Source::System => Instant::now(),
            Source::Manual(now, zero) => {
                *zero + Duration::from_millis(now.load(Ordering::SeqCst).max(0) as u64)
            }
            Source::Runtime(..) => tokio::time::Instant::now().into_std(),
        }
    }

    /// How long ago `start` was, on the monotonic clock.
    #[must_use]
    pub fn elapsed(&self, start: Instant) -> Duration {
        self.monotonic().saturating_duration_since(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_by_hand() {
        let clock = Clock::manual(5_000);
        let start = clock.monotonic();
        assert_eq!(clock.now_ms(), 5_000);
        clock.clone().set(7_500);
        assert_eq!(
            (clock.now_ms(), clock.elapsed(start)),
            (7_500, Duration::from_millis(2_500))
        );
        assert!(Clock::system().now_ms() > 1_600_000_000_000);
    }
}
