//! How many shards: as many as what comes in and what is still to be sent keep busy.
//!
//! The rule is Prometheus's, `storage/remote/queue_manager.go`, so that the same settings give as many shards here.

use std::time::Duration;

/// How often it is looked at.
pub(super) const LOOK: Duration = Duration::from_secs(10);

/// By how much the number must be off before it is changed.
const TOLERANCE: f64 = 0.3;
/// Weight of the newest figure.
const WEIGHT: f64 = 0.2;
/// Share of what is still to be sent that shall be caught up with in a second.
const CATCH_UP: f64 = 0.05;
/// Seconds that sending may be behind before there may be fewer shards.
const DELAY_MAX: f64 = 10.0;

/// What happened since the last look.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Load {
    /// How long ago that was.
    pub(super) over: Duration,
    /// Items that the store took.
    pub(super) taken: u64,
    /// Items that do not go to this endpoint.
    pub(super) dropped: u64,
    /// Items that were sent or refused.
    pub(super) settled: u64,
    /// How long shards were busy with these.
    pub(super) busy: Duration,
    /// Seconds from the newest sample sent to the newest in the store.
    pub(super) delay: f64,
}

/// Events in a second, averaged.
#[derive(Debug, Default)]
struct Rate(Option<f64>);

impl Rate {
    fn note(&mut self, events: f64, over: f64) -> f64 {
        let newest = events / over;
        let rate = match self.0 {
            Some(rate) => rate + WEIGHT * (newest - rate),
            // It begins with the first event.
            None if events <= 0.0 => return 0.0,
            None => newest,
        };
        self.0 = Some(rate);
        rate
    }
}

/// Decides how many shards there should be.
#[derive(Debug)]
pub(super) struct ShardCount {
    min: usize,
    max: usize,
    taken: Rate,
    dropped: Rate,
    settled: Rate,
    busy: Rate,
}

impl ShardCount {
    pub(super) fn new(min: usize, max: usize) -> Self {
        let min = min.max(1);
        Self {
            min,
            max: max.max(min),
            taken: Rate::default(),
            dropped: Rate::default(),
            settled: Rate::default(),
            busy: Rate::default(),
        }
    }

    pub(super) const fn min(&self) -> usize {
        self.min
    }

    pub(super) const fn max(&self) -> usize {
        self.max
    }

    /// What the load asks for, if that can be said yet, and the number to have instead of `now`.
    pub(super) fn decide(&mut self, now: usize, load: &Load) -> (Option<f64>, usize) {
        let over = load.over.as_secs_f64().max(0.001);
        let taken = self.taken.note(load.taken as f64, over);
        let dropped = self.dropped.note(load.dropped as f64, over);
        let settled = self.settled.note(load.settled as f64, over);
        let busy = self.busy.note(load.busy.as_secs_f64(), over);
        if settled <= 0.0 {
            return (None, now);
        }
        let wanted_rate = taken * settled / (dropped + settled);
        let backlog = load.delay.max(0.0) * wanted_rate;
        let desired = busy / settled * (wanted_rate + CATCH_UP * backlog);
        // An outage is no reason for more shards, nor for fewer.
        if load.settled == 0 {
            return (Some(desired), now);
        }
        let (whole, now_f64) = (desired.ceil(), now as f64);
        let is_near = whole >= now_f64 * (1.0 - TOLERANCE) && whole <= now_f64 * (1.0 + TOLERANCE);
        if is_near || (whole < now_f64 && load.delay > DELAY_MAX) {
            return (Some(desired), now);
        }
        (
            Some(desired),
            whole.clamp(self.min as f64, self.max as f64) as usize,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A store that takes so many items a second, and shards that each send `EACH` a second at most.
    struct Flow {
        count: ShardCount,
        shards: usize,
        open: f64,
    }

    const EACH: f64 = 100.0;

    impl Flow {
        fn new(max: usize) -> Self {
            Self {
                count: ShardCount::new(1, max),
                shards: 1,
                open: 0.0,
            }
        }

        fn look(&mut self, rate: f64) {
            let seconds = LOOK.as_secs_f64();
            self.open += rate * seconds;
            let settled = self.open.min(EACH * seconds * self.shards as f64);
            self.open -= settled;
            let load = Load {
                over: LOOK,
                taken: (rate * seconds) as u64,
                settled: settled as u64,
                busy: Duration::from_secs_f64(settled / EACH),
                delay: if rate > 0.0 { self.open / rate } else { 0.0 },
                dropped: 0,
            };
            self.shards = self.count.decide(self.shards, &load).1;
        }
    }

    #[test]
    fn shards_follow_the_work() {
        let mut flow = Flow::new(8);
        for _ in 0..10 {
            flow.look(EACH * 0.5);
        }
        assert_eq!(flow.shards, 1, "one shard keeps up with half of its time");
        let mut looks = 0;
        while flow.shards < 6 {
            flow.look(EACH * 6.0);
            looks += 1;
            assert!(looks <= 20, "{} shards", flow.shards);
        }
        for _ in 0..40 {
            flow.look(EACH * 6.0);
        }
        assert_eq!(flow.open, 0.0, "what had piled up was sent");
        // Within the tolerance nothing changes: six would do.
        assert!((6..=8).contains(&flow.shards), "{}", flow.shards);
        for _ in 0..40 {
            flow.look(1.0);
        }
        assert_eq!(flow.shards, 1);
        assert_eq!(ShardCount::new(5, 2).max(), 5);
        assert_eq!(ShardCount::new(0, 0).min(), 1);
    }

    #[test]
    fn what_piled_up_in_an_outage_brings_more_shards() {
        let mut flow = Flow::new(50);
        for _ in 0..10 {
            flow.look(EACH * 0.9);
        }
        let mut count = std::mem::replace(&mut flow.count, ShardCount::new(1, 50));
        for minute in 0..30 {
            let load = Load {
                over: LOOK,
                taken: 900,
                delay: f64::from(minute) * 60.0,
                ..Load::default()
            };
            assert_eq!(count.decide(1, &load).1, 1, "an outage is no reason");
        }
        flow.count = count;
        flow.open = 1_800.0 * EACH * 0.9;
        let mut most = 1;
        for _ in 0..20 {
            flow.look(EACH * 0.9);
            most = most.max(flow.shards);
        }
        assert!(most > 10, "{most}");
        assert!(flow.open < EACH * 10.0, "{} are still to be sent", flow.open);
    }

    #[test]
    fn series_of_other_endpoints_do_not_count() {
        let mut count = ShardCount::new(1, 50);
        let load = Load {
            over: LOOK,
            taken: 100_000,
            dropped: 99_000,
            settled: 1_000,
            busy: Duration::from_secs(5),
            delay: 0.0,
        };
        let (desired, wanted) = count.decide(1, &load);
        assert_eq!((desired, wanted), (Some(0.5), 1));
    }

    #[test]
    fn none_is_taken_away_while_sending_is_behind() {
        let load = |delay| Load {
            over: LOOK,
            taken: 1_000,
            settled: 1_000,
            busy: Duration::from_millis(100),
            delay,
            dropped: 0,
        };
        assert_eq!(ShardCount::new(1, 50).decide(8, &load(60.0)).1, 8);
        assert_eq!(ShardCount::new(1, 50).decide(8, &load(1.0)).1, 1);
        assert_eq!(ShardCount::new(1, 50).decide(8, &Load::default()), (None, 8));
    }
}
