//! Questions to native histograms: where a share of the observations lies, which share lies where, how far they spread.

use super::histogram::Asked;
use super::native::Native;
use super::statistics::sum;

impl Native {
    /// Populated buckets from the lowest to the highest: bounds and count.
    fn buckets(&self) -> Vec<(f64, f64, f64)> {
        let bound = |bucket: i32| match usize::try_from(bucket) {
            _ if !self.is_custom() => 2_f64.powf(f64::from(bucket) / 2_f64.powi(self.schema)),
            Ok(at) => self.bounds.get(at).copied().unwrap_or(f64::INFINITY),
            Err(_) => f64::NEG_INFINITY,
        };
        let below = self
            .negative
            .iter()
            .rev()
            .map(|(i, n)| (-bound(*i), -bound(i - 1), *n));
        let around = [(-self.zero_threshold, self.zero_threshold, self.zero)];
        let above = self.positive.iter().map(|(i, n)| (bound(i - 1), bound(*i), *n));
        let all = below.chain(around).chain(above);
        all.filter(|(_, _, count)| *count != 0.0).collect()
    }

    /// The mean squared distance from the mean, as if all observations of a bucket lay in its middle.
    pub(super) fn variance(&self) -> f64 {
        let mean = self.sum / self.count;
        let squares = self.buckets().into_iter().map(|(lower, upper, count)| {
            let middle = if self.is_custom() {
                (lower + upper) / 2.0
            } else if lower <= 0.0 && upper >= 0.0 {
                0.0
            } else {
                (lower * upper).sqrt() * upper.signum()
            };
            count * (middle - mean) * (middle - mean)
        });
        sum(&squares.collect::<Vec<_>>()) / self.count
    }

    /// Where the bucket around zero really ends: where there is nothing on one side of it, at zero.
    fn around_zero(&self, (lower, upper): (f64, f64)) -> (f64, f64) {
        match (self.negative.is_empty(), self.positive.is_empty()) {
            (true, false) => (0.0, upper),
            (false, true) => (lower, 0.0),
            _ => (lower, upper),
        }
    }

    /// How many observations lie below a value.
    fn below(&self, value: f64) -> f64 {
        let mut before = 0.0;
        for (mut lower, mut upper, count) in self.buckets() {
            let around_zero = lower <= 0.0 && upper >= 0.0;
            if around_zero {
                (lower, upper) = self.around_zero((lower, upper));
            }
            if lower >= value {
                return before;
            }
            if value < upper {
                if lower == f64::NEG_INFINITY {
                    return count;
                }
                let share = if self.is_custom() || around_zero {
                    (value - lower) / (upper - lower)
                } else if value > 0.0 {
                    (value.log2() - lower.log2()) / (upper.log2() - lower.log2())
                } else {
                    let [lower, upper, value] = [lower, upper, value].map(|v| (-v).log2());
                    (lower - value) / (lower - upper)
                };
                return before + count * share;
            }
            before += count;
        }
        self.count
    }
}

impl Asked for Native {
    fn fraction(&self, lower: f64, upper: f64) -> f64 {
        if self.count == 0.0 || lower.is_nan() || upper.is_nan() {
            return f64::NAN;
        }
        if lower >= upper {
            return 0.0;
        }
        (self.below(upper).min(self.count) - self.below(lower).min(self.count)) / self.count
    }

    // From below for small shares, from above for large ones.
    fn quantile(&self, q: f64) -> f64 {
        if q.is_nan() {
            return f64::NAN;
        }
        if !(0.0..=1.0).contains(&q) {
            return if q < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
        }
        if self.count == 0.0 {
            return f64::NAN;
        }
        let mut buckets = self.buckets();
        let from_below = q < 0.5;
        if !from_below {
            buckets.reverse();
        }
        let rank = if from_below { q } else { 1.0 - q } * self.count;
        let (mut seen, mut found) = (0.0, None);
        for bucket in buckets {
            seen += bucket.2;
            found = Some(bucket);
            if seen >= rank {
                break;
            }
        }
        let Some((mut lower, mut upper, count)) = found else {
            return f64::NAN;
        };
        if self.is_custom() {
            if lower == f64::NEG_INFINITY {
                if upper <= 0.0 {
                    return upper;
                }
                lower = 0.0;
            } else if upper == f64::INFINITY {
                return lower;
            }
        } else if lower < 0.0 && upper > 0.0 {
            (lower, upper) = self.around_zero((lower, upper));
        }
        let seen = seen.min(self.count);
        if seen < rank {
            return upper;
        }
        let share = if from_below {
            rank - (seen - count)
        } else {
            seen - rank
        } / count;
        if self.is_custom() || (lower <= 0.0 && upper >= 0.0) {
            return lower + (upper - lower) * share;
        }
        // Observations lie evenly on a logarithmic scale.
        if lower > 0.0 {
            return (lower.log2() + (upper.log2() - lower.log2()) * share).exp2();
        }
        let (near, far) = ((-upper).log2(), (-lower).log2());
        -(near + (far - near) * (1.0 - share)).exp2()
    }
}
