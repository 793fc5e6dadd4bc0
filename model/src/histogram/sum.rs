//! Sums of many histograms that carry their rounding error along.

use super::arithmetic::{Combined, IncompatibleSchemas};
use super::layout::{Indexed, coarser, spans_of};
use super::value::FloatHistogram;

/// A running sum of histograms with a compensation (Kahan's, in Neumaier's form) for each of its numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct HistogramSum {
    sum: FloatHistogram,
    /// Has the layout of `sum`.
    compensation: FloatHistogram,
}

impl HistogramSum {
    /// A sum that begins with `first`.
    #[must_use]
    pub fn new(first: FloatHistogram) -> Self {
        let mut compensation = first.clone();
        compensation.each(|value| *value = 0.0);
        Self {
            sum: first,
            compensation,
        }
    }

    /// Adds a histogram.
    ///
    /// # Errors
    /// When one has exponential and the other custom buckets; the sum then is unchanged.
    pub fn add(&mut self, other: &FloatHistogram) -> Result<Combined, IncompatibleSchemas> {
        let before = (self.sum.schema, self.sum.zero_threshold);
        let old_bounds = self
            .sum
            .uses_custom_buckets()
            .then(|| self.sum.custom_values.clone());
        let (other_zero_count, [positive, negative], combined) = self.sum.align(other)?;
        if let Some(bounds) = old_bounds.filter(|_| combined.bounds_reconciled) {
            let pairs: Indexed = self.compensation.positive_indexed().collect();
            let moved = super::arithmetic::rebucket(&pairs, &bounds, &self.sum.custom_values);
            self.compensation.set_positive(moved);
        } else if before != (self.sum.schema, self.sum.zero_threshold) {
            self.move_compensation();
        }
        step(
            &mut self.sum.zero_count,
            &mut self.compensation.zero_count,
            other_zero_count,
        );
        step(&mut self.sum.count, &mut self.compensation.count, other.count);
        step(&mut self.sum.sum, &mut self.compensation.sum, other.sum);
        let old: Indexed = self.compensation.positive_indexed().collect();
        let (sums, compensations) = step_all(positive, &old);
        self.sum.set_positive(sums);
        self.compensation.set_positive(compensations);
        let old: Indexed = self.compensation.negative_indexed().collect();
        let (sums, compensations) = step_all(negative, &old);
        self.sum.set_negative(sums);
        self.compensation.set_negative(compensations);
        Ok(combined)
    }

    /// Follows the sum to its new schema and zero threshold.
    fn move_compensation(&mut self) {
        let (schema, threshold) = (self.sum.schema, self.sum.zero_threshold);
        let sides = [
            (self.compensation.positive_indexed().collect::<Indexed>(), true),
            (self.compensation.negative_indexed().collect::<Indexed>(), false),
        ];
        let old = self.compensation.schema;
        self.compensation.schema = schema;
        self.compensation.zero_threshold = threshold;
        for (pairs, positive) in sides {
            let pairs = if schema < old {
                coarser(pairs, old, schema)
            } else {
                pairs
            };
            let (inside, outside): (Indexed, Indexed) = pairs
                .into_iter()
                .partition(|b| self.sum.positive_bucket(*b).lower < threshold);
            self.compensation.zero_count += inside.iter().map(|(_, c)| c).sum::<f64>();
            let (spans, buckets) = spans_of(outside);
            if positive {
                (
                    self.compensation.positive_spans,
                    self.compensation.positive_buckets,
                ) = (spans, buckets);
            } else {
                (
                    self.compensation.negative_spans,
                    self.compensation.negative_buckets,
                ) = (spans, buckets);
            }
        }
    }

    /// Multiplies sum and compensation.
    pub fn mul(&mut self, factor: f64) {
        self.sum.mul(factor);
        self.compensation.mul(factor);
    }

    /// Divides sum and compensation.
    pub fn div(&mut self, divisor: f64) {
        self.sum.div(divisor);
        self.compensation.div(divisor);
    }

    /// Whether a number of the sum is infinite.
    #[must_use]
    pub fn has_overflow(&self) -> bool {
        self.sum.has_overflow()
    }

    /// The sum with its compensation.
    #[must_use]
    pub fn total(self) -> FloatHistogram {
        let Self {
            mut sum,
            compensation,
        } = self;
        // Same schema, same bounds: adding cannot fail.
        let _ = sum.add(&compensation);
        sum
    }
}

fn step(sum: &mut f64, compensation: &mut f64, value: f64) {
    let next = *sum + value;
    if next.is_infinite() {
        *compensation = 0.0;
    } else if sum.abs() >= value.abs() {
        *compensation += (*sum - next) + value;
    } else {
        *compensation += (value - next) + *sum;
    }
    *sum = next;
}

fn step_all(sides: Vec<(i32, f64, f64)>, compensations: &[(i32, f64)]) -> (Indexed, Indexed) {
    let mut old = compensations.iter().peekable();
    sides
        .into_iter()
        .map(|(index, mut sum, value)| {
            while old.next_if(|(i, _)| *i < index).is_some() {}
            let mut compensation = match old.peek() {
                Some((i, c)) if *i == index => *c,
                _ => 0.0,
            };
            step(&mut sum, &mut compensation, value);
            ((index, sum), (index, compensation))
        })
        .unzip()
}
