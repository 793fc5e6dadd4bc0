//! Whether a counter started anew between two histograms.

use super::layout::{Indexed, coarser};
use super::value::{FloatHistogram, ResetHint};

impl FloatHistogram {
    /// Whether a counter was reset between `previous` and this histogram: the hint says so, or (where it says
    /// nothing) a count fell, a populated bucket vanished, or the resolution rose.
    #[must_use]
    pub fn detect_reset(&self, previous: &Self) -> bool {
        match self.hint {
            ResetHint::Reset => return true,
            ResetHint::NotReset => return false,
            // Gauges have no resets, but whoever asks treats them as counters.
            ResetHint::Unknown | ResetHint::Gauge => {}
        }
        if self.count < previous.count {
            return true;
        }
        if self.uses_custom_buckets() {
            if !previous.uses_custom_buckets() {
                return true;
            }
            if self.custom_values != previous.custom_values {
                return self.custom_count_fell(previous);
            }
        }
        if self.schema > previous.schema || self.zero_threshold < previous.zero_threshold {
            return true;
        }
        // A custom histogram before an exponential one has the lowest schema of all.
        if previous.uses_custom_buckets() != self.uses_custom_buckets() {
            return true;
        }
        let (zero_count, threshold) = previous.zero_count_for(self.zero_threshold);
        if threshold != self.zero_threshold || self.zero_count < zero_count {
            return true;
        }
        let fell = |now: &mut dyn Iterator<Item = (i32, f64)>,
                    before: &mut dyn Iterator<Item = (i32, f64)>| {
            let before = self.outside_zero_bucket(coarser(before, previous.schema, self.schema));
            let now = self.outside_zero_bucket(now.collect());
            count_fell(&now, &before)
        };
        fell(&mut self.positive_indexed(), &mut previous.positive_indexed())
            || fell(&mut self.negative_indexed(), &mut previous.negative_indexed())
    }

    fn outside_zero_bucket(&self, pairs: Indexed) -> Indexed {
        if self.uses_custom_buckets() || self.zero_threshold == 0.0 {
            return pairs;
        }
        pairs
            .into_iter()
            .skip_while(|b| self.positive_bucket(*b).upper <= self.zero_threshold)
            .collect()
    }

    /// Whether a count fell in the buckets that two histograms with different custom bounds have in common.
    fn custom_count_fell(&self, previous: &Self) -> bool {
        let total = |histogram: &Self, lower: f64, upper: f64| -> f64 {
            histogram
                .positive_indexed()
                .map(|b| histogram.positive_bucket(b))
                .filter(|b| b.upper > lower && b.upper <= upper)
                .map(|b| b.count)
                .sum()
        };
        let mut lower = f64::NEG_INFINITY;
        let bounds = self.custom_values.iter().copied().chain([f64::INFINITY]);
        for upper in bounds {
            if upper != f64::INFINITY && !previous.custom_values.contains(&upper) {
                continue;
            }
            if total(self, lower, upper) < total(previous, lower, upper) {
                return true;
            }
            lower = upper;
        }
        false
    }
}

/// Whether a count is lower in `now` than in `before`, or a populated bucket is missing.
fn count_fell(now: &[(i32, f64)], before: &[(i32, f64)]) -> bool {
    let mut now = now.iter().peekable();
    before.iter().any(|&(index, count)| {
        while now.next_if(|(i, _)| *i < index).is_some() {}
        match now.peek() {
            Some((i, current)) if *i == index => *current < count,
            _ => count != 0.0,
        }
    })
}
