//! Buckets with their bounds, in order.

use super::bounds::upper_bound;
use super::value::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram};

/// One bucket of a histogram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Lower bound.
    pub lower: f64,
    /// Upper bound.
    pub upper: f64,
    /// Whether the lower bound belongs to the bucket.
    pub lower_inclusive: bool,
    /// Whether the upper bound belongs to the bucket.
    pub upper_inclusive: bool,
    /// Observations.
    pub count: f64,
}

impl FloatHistogram {
    /// Whether the bounds are given one by one instead of by a schema.
    #[must_use]
    pub const fn uses_custom_buckets(&self) -> bool {
        self.schema == CUSTOM_BUCKETS_SCHEMA
    }

    /// The bucket around zero; exponential histograms only.
    #[must_use]
    pub const fn zero_bucket(&self) -> Bucket {
        Bucket {
            lower: -self.zero_threshold,
            upper: self.zero_threshold,
            lower_inclusive: true,
            upper_inclusive: true,
            count: self.zero_count,
        }
    }

    pub(super) fn positive_bucket(&self, (index, count): (i32, f64)) -> Bucket {
        let lower = upper_bound(index.wrapping_sub(1), self.schema, &self.custom_values);
        let upper = upper_bound(index, self.schema, &self.custom_values);
        let custom = self.uses_custom_buckets();
        Bucket {
            lower,
            upper,
            lower_inclusive: if custom { index == 0 } else { lower < 0.0 },
            upper_inclusive: custom || upper > 0.0,
            count,
        }
    }

    pub(super) fn negative_bucket(&self, (index, count): (i32, f64)) -> Bucket {
        let lower = -upper_bound(index, self.schema, &[]);
        let upper = -upper_bound(index.wrapping_sub(1), self.schema, &[]);
        Bucket {
            lower,
            upper,
            lower_inclusive: lower < 0.0,
            upper_inclusive: upper > 0.0,
            count,
        }
    }

    /// All buckets from the lowest to the highest, empty ones included; the zero bucket only where it is populated.
    ///
    /// Where the zero bucket reaches into another bucket, that bucket's bound is the zero threshold.
    #[must_use]
    pub fn buckets(&self) -> Vec<Bucket> {
        let threshold = self.zero_threshold;
        let mut buckets: Vec<Bucket> = self.negative_indexed().map(|b| self.negative_bucket(b)).collect();
        buckets.reverse();
        for bucket in &mut buckets {
            if bucket.upper < 0.0 && bucket.upper > -threshold {
                bucket.upper = -threshold;
            }
        }
        if self.zero_count > 0.0 {
            buckets.push(self.zero_bucket());
        }
        buckets.extend(self.positive_indexed().map(|b| {
            let mut bucket = self.positive_bucket(b);
            if bucket.lower > 0.0 && bucket.lower < threshold {
                bucket.lower = threshold;
            }
            bucket
        }));
        buckets
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histogram::Span;

    #[test]
    fn buckets_ascend_and_stop_at_the_zero_bucket() {
        let span = Span { offset: 0, length: 2 };
        let histogram = FloatHistogram {
            zero_threshold: 0.75,
            zero_count: 3.0,
            positive_spans: vec![span],
            positive_buckets: vec![1.0, 2.0],
            negative_spans: vec![span],
            negative_buckets: vec![4.0, 5.0],
            ..FloatHistogram::default()
        };
        let bounds: Vec<_> = histogram
            .buckets()
            .iter()
            .map(|b| (b.lower, b.upper, b.count))
            .collect();
        assert_eq!(
            bounds,
            [
                (-2.0, -1.0, 5.0),
                (-1.0, -0.75, 4.0),
                (-0.75, 0.75, 3.0),
                (0.75, 1.0, 1.0),
                (1.0, 2.0, 2.0)
            ]
        );
    }
}
