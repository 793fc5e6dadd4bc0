//! The newest exemplars, in memory; a restart finds those that log and sealed segments still have.

use std::collections::VecDeque;

use narthex_format::wal;
use narthex_model::{Labels, TimeRange};
use parking_lot::RwLock;
use rustc_hash::FxHashMap;

use super::counters::Counter;

/// A measurement that stands for a sample, usually with a trace id in its labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    /// Labels of the exemplar itself.
    pub labels: Labels,
    /// The measured value.
    pub value: f64,
    /// When it was measured, in Unix milliseconds.
    pub time: i64,
}

impl Exemplar {
    /// As files have it.
    pub(crate) fn stored(&self, series: u32) -> wal::Exemplar<'_> {
        wal::Exemplar {
            id: series,
            time: self.time,
            value: self.value,
            labels: self.labels.iter().collect(),
        }
    }
}

impl From<&wal::Exemplar<'_>> for Exemplar {
    fn from(stored: &wal::Exemplar<'_>) -> Self {
        Self {
            labels: Labels::from_pairs(stored.labels.iter().copied()),
            value: stored.value,
            time: stored.time,
        }
    }
}

/// As many exemplars as were asked for: a new one takes the place of the oldest.
#[derive(Debug, Default)]
pub(crate) struct Exemplars {
    capacity: usize,
    kept: RwLock<Kept>,
    pub(crate) counters: ExemplarCounters,
}

/// What became of the exemplars that came.
#[derive(Debug, Default)]
pub(crate) struct ExemplarCounters {
    pub(crate) kept: Counter,
    pub(crate) out_of_order: Counter,
}

#[derive(Debug, Default)]
struct Kept {
    ring: VecDeque<(u32, u64, Exemplar)>,
    /// The newest exemplar of each series that has any.
    last: FxHashMap<u32, Exemplar>,
}

impl Kept {
    fn is_new(&self, id: u32, exemplar: &Exemplar) -> bool {
        let last = self.last.get(&id);
        last.is_none_or(|last| last != exemplar && last.time < exemplar.time)
    }
}

impl Exemplars {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            kept: RwLock::default(),
            counters: ExemplarCounters::default(),
        }
    }

    /// Whether any are kept.
    pub(crate) const fn are_kept(&self) -> bool {
        self.capacity > 0
    }

    /// Whether [`add`](Self::add) would keep an exemplar.
    pub(crate) fn is_new(&self, id: u32, exemplar: &Exemplar) -> bool {
        self.capacity > 0 && self.kept.read().is_new(id, exemplar)
    }

    /// Adds an exemplar of a series that came with a commit. One that repeats its series' newest, or is not newer, is
    /// left out. Source: Prometheus `tsdb/exemplar.go`.
    pub(crate) fn add(&self, id: u32, commit: u64, exemplar: &Exemplar) {
        if self.capacity == 0 {
            return;
        }
        let mut kept = self.kept.write();
        if !kept.is_new(id, exemplar) {
            let repeats = kept.last.get(&id) == Some(exemplar);
            self.counters.out_of_order.add(u64::from(!repeats));
            return;
        }
        self.counters.kept.add(1);
        kept.last.insert(id, exemplar.clone());
        kept.ring.push_back((id, commit, exemplar.clone()));
        if kept.ring.len() > self.capacity
            && let Some((old, _, gone)) = kept.ring.pop_front()
            && kept.last.get(&old) == Some(&gone)
        {
            kept.last.remove(&old);
        }
    }

    /// How many there are, of how many series, and the time of the one that leaves first.
    pub(crate) fn sizes(&self) -> (usize, usize, Option<i64>) {
        let kept = self.kept.read();
        let first = kept.ring.front().map(|(_, _, exemplar)| exemplar.time);
        (kept.ring.len(), kept.last.len(), first)
    }

    /// Those that came with a commit after one and not after another.
    pub(crate) fn between(&self, after: u64, to: u64) -> Vec<(u32, Exemplar)> {
        let kept = self.kept.read();
        let between = kept
            .ring
            .iter()
            .filter(|(_, commit, _)| *commit > after && *commit <= to);
        between.map(|(id, _, exemplar)| (*id, exemplar.clone())).collect()
    }

    /// Exemplars in the range that a reader of `pin` sees, by series.
    pub(crate) fn select(&self, pin: u64, range: TimeRange) -> FxHashMap<u32, Vec<Exemplar>> {
        let mut found: FxHashMap<u32, Vec<Exemplar>> = FxHashMap::default();
        let kept = self.kept.read();
        for (id, _, exemplar) in kept
            .ring
            .iter()
            .filter(|(_, c, e)| *c <= pin && range.contains(e.time))
        {
            found.entry(*id).or_default().push(exemplar.clone());
        }
        found
    }
}
