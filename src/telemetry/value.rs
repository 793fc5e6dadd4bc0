//! The cells of the registry: counter, gauge, histogram, summary.
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::metrics::PointValue;

/// How many of the latest observations a summary computes its quantiles from.
const SUMMARY_WINDOW: usize = 512;

/// What a family holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Observations by upper bound.
    Histogram,
    /// Observations by quantile.
    Summary,
}

/// A number of a family that only grows.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// Adds one.
    pub fn inc(&self) {
        self.add(1.0);
    }

    /// Adds `amount`; a negative one or `NaN` is left out.
    pub fn add(&self, amount: f64) {
        if amount > 0.0 {
            add(&self.0, amount);
        }
    }

    /// The number so far.
    #[must_use]
    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

/// A number that goes up and down.
#[derive(Debug, Clone, Default)]
pub struct Gauge(Arc<AtomicU64>);

impl Gauge {
    /// Replaces the number.
    pub fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    /// Adds `amount`, which may be negative.
    pub fn add(&self, amount: f64) {
        add(&self.0, amount);
    }

    /// Adds one.
    pub fn inc(&self) {
        self.add(1.0);
    }

    /// Takes one off.
    pub fn dec(&self) {
        self.add(-1.0);
    }

    /// The number now.
    #[must_use]
    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

fn add(cell: &AtomicU64, amount: f64) {
    // The closure always answers Some, so the update cannot fail.
    let _ = cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |bits| {
        Some((f64::from_bits(bits) + amount).to_bits())
    });
}

/// Observations by upper bound.
#[derive(Debug, Clone)]
pub struct Histogram(Arc<HistogramCells>);

#[derive(Debug)]
struct HistogramCells {
    bounds: Arc<[f64]>,
    /// One per bound and one for +Inf; not cumulative.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    pub(super) fn new(bounds: &Arc<[f64]>) -> Self {
        Self(Arc::new(HistogramCells {
            bounds: Arc::clone(bounds),
            counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0),
        }))
    }

    /// Counts one observation; times are in seconds.
    pub fn observe(&self, value: f64) {
        let bucket = self.0.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.0.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        add(&self.0.sum, value);
    }

    pub(super) fn read(&self) -> PointValue {
        let mut cumulative = 0;
        let mut counts = self.0.counts.iter().map(|count| {
            cumulative += count.load(Ordering::Relaxed);
            cumulative
        });
        let buckets: Vec<_> = self.0.bounds.iter().copied().zip(counts.by_ref()).collect();
        let count = counts.next().unwrap_or_default();
        PointValue::Histogram {
            buckets,
            sum: f64::from_bits(self.0.sum.load(Ordering::Relaxed)),
            count,
        }
    }
}

/// Observations by quantile, over the latest 512.
#[derive(Debug, Clone)]
pub struct Summary(Arc<SummaryCells>);

#[derive(Debug)]
struct SummaryCells {
    quantiles: Arc<[f64]>,
    state: Mutex<SummaryState>,
}

#[derive(Debug, Default)]
struct SummaryState {
    latest: VecDeque<f64>,
    sum: f64,
    count: u64,
}

impl Summary {
    pub(super) fn new(quantiles: &Arc<[f64]>) -> Self {
        Self(Arc::new(SummaryCells {
            quantiles: Arc::clone(quantiles),
            state: Mutex::default(),
        }))
    }

    /// Counts one observation; times are in seconds.
    pub fn observe(&self, value: f64) {
        let mut state = self.0.state.lock();
        if state.latest.len() == SUMMARY_WINDOW {
            state.latest.pop_front();
        }
        state.latest.push_back(value);
        state.sum += value;
        state.count += 1;
    }

    pub(super) fn read(&self) -> PointValue {
        let (mut sorted, sum, count) = {
            let state = self.0.state.lock();
            (
                state.latest.iter().copied().collect::<Vec<_>>(),
                state.sum,
                state.count,
            )
        };
        sorted.sort_by(f64::total_cmp);
        let at = |quantile: f64| {
            let rank = (quantile * sorted.len() as f64).ceil() as usize;
            sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
        };
        PointValue::Summary {
            quantiles: self.0.quantiles.iter().map(|q| (*q, at(*q))).collect(),
            sum,
            count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histogram_buckets_are_cumulative_and_closed_above() {
        let h = Histogram::new(&Arc::from([0.1, 1.0]));
        for v in [0.05, 0.1, 0.5, 1.0, 7.0] {
            h.observe(v);
        }
        assert_eq!(
            h.read(),
            PointValue::Histogram {
                buckets: vec![(0.1, 2), (1.0, 4)],
                sum: 8.65,
                count: 5
            }
        );
    }

    #[test]
    fn summary_keeps_the_latest_and_counts_all() {
        let s = Summary::new(&Arc::from([0.5, 0.99]));
        for v in 0..1000 {
            s.observe(f64::from(v));
        }
        let PointValue::Summary { quantiles, count, .. } = s.read() else {
            panic!("a summary")
        };
        assert_eq!((quantiles[0], count), ((0.5, 743.0), 1000));
    }

    #[test]
    fn counters_do_not_fall() {
        let c = Counter::default();
        c.add(2.5);
        c.add(-1.0);
        c.add(f64::NAN);
        assert_eq!(c.get(), 2.5);
    }
}
