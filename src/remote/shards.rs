//! How many shards: as many as sending keeps busy, more while the log runs ahead.

use std::time::Duration;

/// How often it is looked at. Source: Prometheus `storage/remote/queue_manager.go`.
pub(super) const LOOK: Duration = Duration::from_secs(10);

/// By how much the number must be off before it is changed.
const TOLERANCE: f64 = 0.3;
/// Weight of the newest figure.
const WEIGHT: f64 = 0.2;
/// By how much there are more while the log runs ahead.
const GROWTH: f64 = 1.5;

/// Decides how many shards there should be.
#[derive(Debug)]
pub(super) struct ShardCount {
    min: usize,
    max: usize,
    /// Seconds of sending in a second, averaged.
    work: Option<f64>,
}

impl ShardCount {
    pub(super) fn new(min: usize, max: usize) -> Self {
        let min = min.max(1);
        Self {
            min,
            max: max.max(min),
            work: None,
        }
    }

    pub(super) const fn min(&self) -> usize {
        self.min
    }

    pub(super) const fn max(&self) -> usize {
        self.max
    }

    /// What the load asks for, and the number to have: `now` unless that is far off. `busy` is how long shards have been
    /// sending within `over`; `is_behind` says that the log has more than was read.
    pub(super) fn decide(
        &mut self,
        now: usize,
        busy: Duration,
        over: Duration,
        is_behind: bool,
    ) -> (f64, usize) {
        let work = busy.as_secs_f64() / over.as_secs_f64().max(0.001);
        let work = match self.work {
            Some(before) => before + WEIGHT * (work - before),
            None => work,
        };
        self.work = Some(work);
        let desired = if is_behind {
            work.max(now as f64 * WEIGHT) * GROWTH
        } else {
            work
        };
        let now_f64 = now as f64;
        let near = desired >= now_f64 * (1.0 - TOLERANCE) && desired <= now_f64 * (1.0 + TOLERANCE);
        if near {
            return (desired, now);
        }
        let wanted = desired.ceil().clamp(self.min as f64, self.max as f64) as usize;
        (desired, wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_follow_the_work() {
        let seconds = Duration::from_secs_f64;
        let mut count = ShardCount::new(1, 8);
        // One shard keeps up with half of its time.
        assert_eq!(count.decide(1, seconds(5.0), LOOK, false).1, 1);
        // It falls behind: more, step by step, up to the most.
        let mut now = 1;
        for _ in 0..60 {
            let busy = LOOK.mul_f64(now as f64);
            now = count.decide(now, busy, LOOK, true).1;
        }
        assert_eq!(now, 8);
        // A difference within the tolerance changes nothing.
        let mut steady = ShardCount::new(1, 8);
        assert_eq!(steady.decide(4, seconds(32.0), LOOK, false).1, 4);
        // Nothing to do: the fewest.
        for _ in 0..40 {
            now = count.decide(now, Duration::ZERO, LOOK, false).1;
        }
        assert_eq!(now, 1);
        assert_eq!(ShardCount::new(5, 2).max(), 5);
        assert_eq!(ShardCount::new(0, 0).min(), 1);
    }
}
