//! How many requests are let in: a bucket that fills with time.

use std::time::Instant;

use parking_lot::Mutex;

use crate::clock::Clock;
use crate::config::RateLimit;

/// A bucket of `burst` places, into which one more comes each interval.
#[derive(Debug)]
pub(super) struct Limiter {
    limit: RateLimit,
    clock: Clock,
    bucket: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    places: f64,
    at: Instant,
}

impl Limiter {
    pub(super) fn new(limit: RateLimit, clock: Clock) -> Self {
        let bucket = Mutex::new(Bucket {
            places: limit.burst as f64,
            at: clock.monotonic(),
        });
        Self { limit, clock, bucket }
    }

    /// Whether one more request is let in now.
    pub(super) fn admits(&self) -> bool {
        let interval = self.limit.interval.to_std().as_secs_f64();
        if interval <= 0.0 {
            return true;
        }
        let mut bucket = self.bucket.lock();
        let passed = self.clock.elapsed(bucket.at).as_secs_f64();
        bucket.at = self.clock.monotonic();
        bucket.places = (bucket.places + passed / interval).min(self.limit.burst as f64);
        let admits = bucket.places >= 1.0;
        if admits {
            bucket.places -= 1.0;
        }
        admits
    }
}

#[cfg(test)]
mod tests {
    use narthex_model::Duration;

    use super::*;

    #[test]
    fn a_burst_and_then_one_each_interval() {
        let clock = Clock::manual(0);
        let limit = RateLimit {
            burst: 2,
            interval: Duration::from_millis(1_000),
        };
        let limiter = Limiter::new(limit, clock.clone());
        let admitted = |n: usize| (0..n).filter(|_| limiter.admits()).count();
        assert_eq!(admitted(5), 2);
        clock.set(1_500);
        assert_eq!(admitted(5), 1);
        clock.set(60_000);
        assert_eq!(admitted(5), 2);
        let none = Limiter::new(RateLimit::default(), clock);
        assert!((0..100).all(|_| none.admits()));
    }
}
