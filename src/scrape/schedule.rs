//! When a target's turn is: a slot of the interval that depends only on the target and this server.

use std::time::Duration;

/// Of an interval, the part by which a scrape may start late and still carry the time of its slot.
const TOLERANCE_DIVISOR: i64 = 100;

/// FNV-1a, 64 bits, over several parts.
pub(super) fn fnv64a<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u64 {
    parts
        .into_iter()
        .flatten()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
}

/// How long after `now_nanos` (since the Unix epoch) the next slot of a target begins. Slots are fixed in absolute
/// time, so that a restart keeps them, and two servers with different seeds have different ones.
pub(super) fn until_slot(hash: u64, seed: u64, interval: Duration, now_nanos: i128) -> Duration {
    let interval = interval.as_nanos().max(1) as i128;
    let slot = i128::from(hash ^ seed).rem_euclid(interval);
    let wait = (slot - now_nanos).rem_euclid(interval);
    Duration::from_nanos(u64::try_from(wait).unwrap_or(0))
}

/// The slots of one loop, and the time that a scrape's samples carry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slots {
    next_ms: i64,
    interval_ms: i64,
    tolerance_ms: i64,
}

impl Slots {
    /// Slots from `first_ms` on. A `tolerance_ms` of 0 leaves times as they are.
    pub(super) fn new(first_ms: i64, interval_ms: i64, tolerance_ms: i64) -> Self {
        Self {
            next_ms: first_ms,
            interval_ms: interval_ms.max(1),
            tolerance_ms: tolerance_ms.min(interval_ms / TOLERANCE_DIVISOR),
        }
    }

    /// The time for a scrape that starts at `now_ms`: that of its slot if it is close, else its own.
    pub(super) fn time(&mut self, now_ms: i64) -> i64 {
        let late = now_ms.saturating_sub(self.next_ms);
        if late >= self.interval_ms {
            self.next_ms += late / self.interval_ms * self.interval_ms;
        }
        let late = now_ms.saturating_sub(self.next_ms);
        if late.abs() <= self.tolerance_ms {
            self.next_ms
        } else {
            now_ms
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fnv_is_the_published_one() {
        assert_eq!(fnv64a([]), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv64a([&b"foo"[..], b"bar"]), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn a_slot_stays_where_it_is_whenever_one_asks() {
        let interval = Duration::from_secs(15);
        for now in [
            0_i128,
            1,
            14_999_999_999,
            15_000_000_000,
            1_700_000_000_123_456_789,
        ] {
            let wait = until_slot(7_000_000_000, 0, interval, now);
            assert!(wait < interval);
            assert_eq!(
                (now + wait.as_nanos() as i128) % 15_000_000_000,
                7_000_000_000,
                "{now}"
            );
        }
        assert_ne!(
            until_slot(1 << 40, 12345, interval, 0),
            until_slot(1 << 40, 0, interval, 0)
        );
    }

    #[test]
    fn times_are_those_of_slots_within_the_tolerance() {
        let mut slots = Slots::new(1_000, 1_000, 2);
        for (now, time) in [
            (1_001, 1_001 - 1),
            (2_002, 2_000),
            (3_003, 3_003),
            (4_000, 4_000),
            (9_001, 9_000),
            (9_999, 9_999),
            (10_000, 10_000),
        ] {
            assert_eq!(slots.time(now), time, "{now}");
        }
        // One percent of a short interval is less than two milliseconds.
        assert_eq!(Slots::new(0, 100, 2).time(102), 102);
        assert_eq!(Slots::new(0, 100, 2).time(101), 100);
        assert_eq!(Slots::new(0, 1_000, 0).time(1), 1);
    }
}
