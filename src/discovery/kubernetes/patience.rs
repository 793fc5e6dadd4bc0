//! How long an API server is waited for, and how long it is left alone after it has failed.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::time::Duration;

/// Times towards API servers. With the defaults a connection that has gone silent is noticed within 20 s of its last
/// byte over HTTP/2 and within 25 s over HTTP/1.1; after that, as after any other fault, there is a try at least every
/// 4.5 s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// For the beginning of an answer, and between two parts of a list.
    pub answer: Duration,
    /// How long an HTTP/2 connection may be quiet before it is pinged.
    pub ping_after: Duration,
    /// For the answer to a ping.
    pub ping_answer: Duration,
    /// Length of a watch over HTTP/2; up to as much again is added, so that not all end at once.
    pub watch: Duration,
    /// Length of a watch over HTTP/1.1, where only the server's end of it shows that the connection lives.
    pub watch_http1: Duration,
    /// How long a watch over HTTP/1.1 may be quiet.
    pub quiet_http1: Duration,
    /// How long a streaming list may be quiet before it counts as not supported.
    pub streaming: Duration,
    /// The first wait after a fault; it doubles with each.
    pub retry_min: Duration,
    /// The longest wait after a fault.
    pub retry_max: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_millis(2_500),
            answer: Duration::from_secs(20),
            ping_after: Duration::from_secs(10),
            ping_answer: Duration::from_secs(10),
            watch: Duration::from_secs(240),
            watch_http1: Duration::from_secs(20),
            quiet_http1: Duration::from_secs(25),
            streaming: Duration::from_secs(10),
            retry_min: Duration::from_millis(100),
            retry_max: Duration::from_secs(2),
        }
    }
}

/// Waits that grow with every fault, each shortened at random by up to a half.
#[derive(Debug)]
pub(super) struct Backoff {
    min: Duration,
    max: Duration,
    faults: u32,
}

impl Backoff {
    pub(super) fn new(patience: &Patience) -> Self {
        Self {
            min: patience.retry_min,
            max: patience.retry_max,
            faults: 0,
        }
    }

    /// All is well again.
    pub(super) fn reset(&mut self) {
        self.faults = 0;
    }

    /// How long to wait after one more fault.
    pub(super) fn next(&mut self) -> Duration {
        let grown = self.min.saturating_mul(1 << self.faults.min(16)).min(self.max);
        self.faults += 1;
        grown.mul_f64(0.5 + random() / 2.0)
    }
}

/// A random number from 0 to 1.
pub(super) fn random() -> f64 {
    // The standard library seeds every such state anew.
    let bits = RandomState::new().build_hasher().finish();
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_bound_and_differ() {
        let patience = Patience::default();
        let mut backoff = Backoff::new(&patience);
        let waits: Vec<Duration> = (0..40).map(|_| backoff.next()).collect();
        for (i, wait) in waits.iter().enumerate() {
            let full = patience
                .retry_min
                .saturating_mul(1 << i.min(16))
                .min(patience.retry_max);
            assert!(*wait >= full / 2 && *wait <= full, "{i}: {wait:?}");
        }
        assert!(waits[30..].windows(2).any(|w| w[0] != w[1]));
        backoff.reset();
        assert!(backoff.next() <= patience.retry_min);
    }

    #[test]
    fn silence_and_recovery_are_bounded_as_promised() {
        let p = Patience::default();
        assert!(p.ping_after + p.ping_answer <= Duration::from_secs(30));
        assert!(p.watch_http1 < p.quiet_http1 && p.quiet_http1 <= Duration::from_secs(30));
        assert!(p.connect + p.retry_max < Duration::from_secs(5));
    }
}
