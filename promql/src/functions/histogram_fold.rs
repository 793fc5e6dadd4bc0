//! Sums and means of histograms, one added after the other.

use narthex_model::histogram::HistogramSum;
use narthex_model::{FloatHistogram, ResetHint};

use super::notes::{HistogramOperation, Note, Notes};

/// What is made of the histograms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistogramFoldKind {
    /// Their sum.
    Sum,
    /// Their mean: the sum divided by the count while the sum is finite; from where it is not, a mean that moves by
    /// each histogram.
    Mean,
}

/// A running sum or mean of histograms, with compensation.
#[derive(Debug, Clone)]
pub struct HistogramFold {
    kind: HistogramFoldKind,
    sum: HistogramSum,
    count: f64,
    moving: bool,
    reset: bool,
    not_reset: bool,
    reconciled: bool,
    incompatible: bool,
}

impl HistogramFold {
    /// A fold that begins with `first`.
    #[must_use]
    pub fn new(kind: HistogramFoldKind, first: &FloatHistogram) -> Self {
        let mut fold = Self {
            kind,
            sum: HistogramSum::new(first.clone()),
            count: 1.0,
            moving: false,
            reset: false,
            not_reset: false,
            reconciled: false,
            incompatible: false,
        };
        fold.see_hint(first);
        fold
    }

    /// Adds another histogram.
    pub fn add(&mut self, histogram: &FloatHistogram) {
        if self.incompatible {
            return;
        }
        self.see_hint(histogram);
        self.count += 1.0;
        match self.kind {
            HistogramFoldKind::Sum => self.plus(histogram),
            HistogramFoldKind::Mean => self.add_to_mean(histogram),
        }
    }

    fn add_to_mean(&mut self, histogram: &FloatHistogram) {
        if !self.moving {
            let before = self.sum.clone();
            self.plus(histogram);
            if !self.sum.has_overflow() {
                return;
            }
            self.sum = before;
            self.moving = true;
            self.sum.div(self.count - 1.0);
        }
        self.sum.mul((self.count - 1.0) / self.count);
        let mut share = histogram.clone();
        share.div(self.count);
        self.plus(&share);
    }

    fn plus(&mut self, histogram: &FloatHistogram) {
        match self.sum.add(histogram) {
            Ok(combined) => self.reconciled |= combined.bounds_reconciled,
            Err(_) => self.incompatible = true,
        }
    }

    const fn see_hint(&mut self, histogram: &FloatHistogram) {
        match histogram.hint {
            ResetHint::Reset => self.reset = true,
            ResetHint::NotReset => self.not_reset = true,
            ResetHint::Unknown | ResetHint::Gauge => {}
        }
    }

    /// Whether exponential and custom buckets have met: there will be no result.
    #[must_use]
    pub const fn is_incompatible(&self) -> bool {
        self.incompatible
    }

    /// The result; `None` where exponential and custom buckets met.
    #[must_use]
    pub fn finish(mut self, notes: &mut Notes) -> Option<FloatHistogram> {
        if self.incompatible {
            return None;
        }
        if self.reset && self.not_reset {
            notes.add(Note::CounterResetCollision(HistogramOperation::Aggregation));
        }
        if self.reconciled {
            notes.add(Note::BucketsReconciled(HistogramOperation::Aggregation));
        }
        if self.kind == HistogramFoldKind::Mean && !self.moving {
            self.sum.div(self.count);
        }
        Some(self.sum.total())
    }
}
