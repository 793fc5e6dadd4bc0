//! Sums, differences and multiples of histograms.

use thiserror::Error;

use super::bounds::upper_bound;
use super::layout::{Indexed, aligned, coarser};
use super::value::{FloatHistogram, ResetHint};

/// Exponential and custom buckets cannot be combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("cannot combine histograms with exponential and custom buckets")]
pub struct IncompatibleSchemas;

/// What was noticed while two histograms were combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Combined {
    /// One said "reset", the other "no reset": the result says nothing.
    pub reset_collision: bool,
    /// Custom bounds differed; the result has those that both had.
    pub bounds_reconciled: bool,
}

impl FloatHistogram {
    /// Adds `other`: count, sum, and buckets, at the lower resolution and the wider zero bucket of both.
    ///
    /// # Errors
    /// When one has exponential and the other custom buckets; the histogram then is unchanged.
    pub fn add(&mut self, other: &Self) -> Result<Combined, IncompatibleSchemas> {
        self.combine(other, |a, b| a + b)
    }

    /// Takes `other` away, as [`add`](Self::add) adds it. The hint of a difference that a user asked for is
    /// [`ResetHint::Gauge`]: the caller sees to that.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn sub(&mut self, other: &Self) -> Result<Combined, IncompatibleSchemas> {
        self.combine(other, |a, b| a - b)
    }

    fn combine(
        &mut self,
        other: &Self,
        operation: impl Fn(f64, f64) -> f64,
    ) -> Result<Combined, IncompatibleSchemas> {
        let (other_zero_count, sides, combined) = self.align(other)?;
        self.zero_count = operation(self.zero_count, other_zero_count);
        self.count = operation(self.count, other.count);
        self.sum = operation(self.sum, other.sum);
        let apply =
            |side: Vec<(i32, f64, f64)>| side.into_iter().map(|(i, a, b)| (i, operation(a, b))).collect();
        let [positive, negative]: [Indexed; 2] = sides.map(apply);
        self.set_positive(positive);
        self.set_negative(negative);
        Ok(combined)
    }

    /// Brings hint, zero bucket, schema and bounds to those of the combination of both, and answers `other`'s zero
    /// count for it and the counts of both by index, positive and negative. Buckets of this histogram still have to
    /// be set from them.
    #[expect(
        clippy::type_complexity,
        reason = "two sides of aligned buckets, read in one place each"
    )]
    pub(super) fn align(
        &mut self,
        other: &Self,
    ) -> Result<(f64, [Vec<(i32, f64, f64)>; 2], Combined), IncompatibleSchemas> {
        if self.uses_custom_buckets() != other.uses_custom_buckets() {
            return Err(IncompatibleSchemas);
        }
        let mut combined = Combined {
            reset_collision: self.combine_hints(other.hint),
            bounds_reconciled: false,
        };
        if self.uses_custom_buckets() {
            let mut left: Indexed = self.positive_indexed().collect();
            let mut right: Indexed = other.positive_indexed().collect();
            if self.custom_values != other.custom_values {
                combined.bounds_reconciled = true;
                let bounds = common_bounds(&self.custom_values, &other.custom_values);
                left = rebucket(&left, &self.custom_values, &bounds);
                right = rebucket(&right, &other.custom_values, &bounds);
                self.custom_values = bounds;
            }
            return Ok((0.0, [aligned(&left, &right), Vec::new()], combined));
        }
        let other_zero_count = self.reconcile_zero_bucket(other);
        self.reduce_resolution(other.schema);
        let (schema, threshold) = (self.schema, self.zero_threshold);
        let outside = |pairs: Indexed| -> Indexed {
            pairs
                .into_iter()
                .skip_while(|(index, _)| upper_bound(*index, schema, &[]) <= threshold)
                .collect()
        };
        let positive = outside(coarser(other.positive_indexed(), other.schema, schema));
        let negative = outside(coarser(other.negative_indexed(), other.schema, schema));
        let own_positive: Indexed = self.positive_indexed().collect();
        let own_negative: Indexed = self.negative_indexed().collect();
        let sides = [
            aligned(&own_positive, &positive),
            aligned(&own_negative, &negative),
        ];
        Ok((other_zero_count, sides, combined))
    }

    /// Takes the hint that a combination with a histogram of the hint `other` has; whether the two contradict.
    fn combine_hints(&mut self, other: ResetHint) -> bool {
        use ResetHint::{Gauge, NotReset, Reset, Unknown};
        let (hint, collision) = match (self.hint, other) {
            (Gauge, _) | (_, Gauge) => (Gauge, false),
            (Unknown, _) | (_, Unknown) => (Unknown, false),
            (Reset, Reset) => (Reset, false),
            (NotReset, NotReset) => (NotReset, false),
            (Reset, NotReset) | (NotReset, Reset) => (Unknown, true),
        };
        self.hint = hint;
        collision
    }

    /// Multiplies count, sum and buckets. A negative factor makes a gauge.
    pub fn mul(&mut self, factor: f64) {
        self.each(|value| *value *= factor);
        if factor < 0.0 {
            self.hint = ResetHint::Gauge;
        }
    }

    /// Divides count, sum and buckets. A negative divisor makes a gauge; division by zero removes all buckets.
    pub fn div(&mut self, divisor: f64) {
        if divisor == 0.0 {
            self.set_positive([]);
            self.set_negative([]);
        }
        self.each(|value| *value /= divisor);
        if divisor < 0.0 {
            self.hint = ResetHint::Gauge;
        }
    }

    pub(super) fn each(&mut self, change: impl Fn(&mut f64)) {
        for value in [&mut self.zero_count, &mut self.count, &mut self.sum] {
            change(value);
        }
        for bucket in self.positive_buckets.iter_mut().chain(&mut self.negative_buckets) {
            change(bucket);
        }
    }

    /// Whether count, sum or a bucket is infinite.
    #[must_use]
    pub fn has_overflow(&self) -> bool {
        [self.zero_count, self.count, self.sum]
            .iter()
            .chain(&self.positive_buckets)
            .chain(&self.negative_buckets)
            .any(|value| value.is_infinite())
    }

    /// A copy at the lower resolution of both schemas.
    #[must_use]
    pub fn at_schema(&self, schema: i32) -> Self {
        let mut copy = self.clone();
        if schema < self.schema {
            copy.reduce_resolution(schema);
            // A copy at another resolution knows nothing of resets.
            copy.hint = ResetHint::Unknown;
        }
        copy
    }
}

/// Bounds that both lists have; both ascend.
fn common_bounds(left: &[f64], right: &[f64]) -> Vec<f64> {
    let mut right = right.iter().peekable();
    left.iter()
        .copied()
        .filter(|bound| {
            while right.next_if(|other| *other < bound).is_some() {}
            right.peek().is_some_and(|other| *other == bound)
        })
        .collect()
}

/// Counts by the buckets of `target`, whose bounds are some of `bounds`. Empty buckets are left out.
pub(super) fn rebucket(pairs: &[(i32, f64)], bounds: &[f64], target: &[f64]) -> Indexed {
    let mut out: Indexed = Vec::new();
    for &(index, count) in pairs {
        let bound = upper_bound(index, super::CUSTOM_BUCKETS_SCHEMA, bounds);
        let bucket = target.partition_point(|upper| *upper < bound);
        let bucket = i32::try_from(bucket).unwrap_or(i32::MAX);
        match out.last_mut() {
            Some((last, sum)) if *last == bucket => *sum += count,
            _ => out.push((bucket, count)),
        }
    }
    out
}
