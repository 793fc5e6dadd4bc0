//! Zero buckets of different width are brought to one width before histograms are compared or combined.

use super::layout::Indexed;
use super::value::FloatHistogram;

impl FloatHistogram {
    /// The zero count for a zero threshold of at least `threshold`, with the threshold: it is moved up to the end of
    /// a populated bucket that it would cut. A threshold below the present one counts as the present one.
    pub(super) fn zero_count_for(&self, threshold: f64) -> (f64, f64) {
        let mut threshold = threshold.max(self.zero_threshold);
        if threshold == self.zero_threshold {
            return (self.zero_count, threshold);
        }
        'again: loop {
            let mut count = self.zero_count;
            for bucket in self.positive_indexed().map(|b| self.positive_bucket(b)) {
                if bucket.lower >= threshold {
                    break;
                }
                count += bucket.count;
                if bucket.upper > threshold {
                    if bucket.count != 0.0 {
                        threshold = bucket.upper;
                    }
                    break;
                }
            }
            for bucket in self.negative_indexed().map(|b| self.negative_bucket(b)) {
                if bucket.upper <= -threshold {
                    break;
                }
                count += bucket.count;
                if bucket.lower < -threshold {
                    if bucket.count != 0.0 {
                        // The positive side was counted for a threshold that no longer holds.
                        threshold = -bucket.lower;
                        continue 'again;
                    }
                    break;
                }
            }
            return (count, threshold);
        }
    }

    /// Widens the zero bucket; what lies inside of it is counted in it and removed, and empty buckets are.
    pub(super) fn widen_zero_bucket(&mut self, zero_count: f64, threshold: f64) {
        self.zero_count = zero_count;
        self.zero_threshold = threshold;
        let outside = |inside: bool, count: f64| !inside && count != 0.0;
        let positive: Indexed = self
            .positive_indexed()
            .filter(|b| outside(self.positive_bucket(*b).lower < threshold, b.1))
            .collect();
        let negative: Indexed = self
            .negative_indexed()
            .filter(|b| outside(self.negative_bucket(*b).upper > -threshold, b.1))
            .collect();
        self.set_positive(positive);
        self.set_negative(negative);
    }

    /// Brings this zero bucket to the width that both histograms can have, and answers the zero count that `other`
    /// would have at that width.
    pub(super) fn reconcile_zero_bucket(&mut self, other: &Self) -> f64 {
        let (mut other_count, mut other_threshold) = (other.zero_count, other.zero_threshold);
        // Each turn makes one threshold larger; NaN thresholds would never meet.
        while other_threshold != self.zero_threshold
            && !other_threshold.is_nan()
            && !self.zero_threshold.is_nan()
        {
            if self.zero_threshold > other_threshold {
                (other_count, other_threshold) = other.zero_count_for(self.zero_threshold);
            }
            if other_threshold > self.zero_threshold {
                let (count, threshold) = self.zero_count_for(other_threshold);
                self.widen_zero_bucket(count, threshold);
            }
        }
        other_count
    }
}
