//! Functions of native histograms: count, sum, mean, spread, quantiles, fractions.

use narthex_model::FloatHistogram;
use narthex_model::histogram::Bucket;

use super::kahan::KahanSum;
use super::notes::{Note, Notes};

/// A function of one histogram by its name in the language, if that is what the name stands for.
#[must_use]
pub fn histogram_function(name: &str) -> Option<fn(&FloatHistogram) -> f64> {
    Some(match name {
        "histogram_count" => |h| h.count,
        "histogram_sum" => |h| h.sum,
        "histogram_avg" => |h| h.sum / h.count,
        "histogram_stdvar" => variance,
        "histogram_stddev" => |h| variance(h).sqrt(),
        _ => return None,
    })
}

/// As if all observations of a bucket were at its middle: the geometric mean of the bounds of an exponential
/// bucket, the arithmetic one of a custom bucket, zero for the zero bucket.
fn variance(histogram: &FloatHistogram) -> f64 {
    let mean = histogram.sum / histogram.count;
    let mut squares = KahanSum::default();
    for bucket in histogram.buckets() {
        if bucket.count == 0.0 {
            continue;
        }
        let middle = if histogram.uses_custom_buckets() {
            (bucket.upper + bucket.lower) / 2.0
        } else if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
            0.0
        } else {
            (bucket.upper * bucket.lower).sqrt().copysign(bucket.upper)
        };
        let distance = middle - mean;
        squares.add(bucket.count * distance * distance);
    }
    squares.total() / histogram.count
}

/// The quantile `q`.
///
/// No observations or a NaN `q`: NaN; `q` below 0: -Inf; above 1: +Inf. Inside of an exponential bucket the
/// observations are taken to be spread evenly on a logarithmic scale, in the zero bucket and in custom buckets on a
/// linear one. NaN observations count as above everything else.
#[must_use]
pub fn histogram_quantile(q: f64, histogram: &FloatHistogram, notes: &mut Notes) -> f64 {
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    if histogram.count == 0.0 || q.is_nan() {
        return f64::NAN;
    }
    let buckets = histogram.buckets();
    // From the nearer end; but NaN observations are in no bucket, so that with them only the lower end is sure.
    let forward = histogram.sum.is_nan() || q < 0.5;
    let rank = if forward { q } else { 1.0 - q } * histogram.count;
    let (mut bucket, count, rest) = if forward {
        walk(buckets.iter(), rank)
    } else {
        walk(buckets.iter().rev(), rank)
    };
    if histogram.uses_custom_buckets() {
        if bucket.lower == f64::NEG_INFINITY {
            if bucket.upper <= 0.0 {
                return bucket.upper;
            }
            bucket.lower = 0.0;
        } else if bucket.upper == f64::INFINITY {
            return bucket.lower;
        }
    } else if bucket.lower < 0.0 && bucket.upper > 0.0 {
        half_zero_bucket(&mut bucket, histogram);
    }
    // Rounding may have made more of the parts than of the whole.
    let count = if count > histogram.count {
        histogram.count
    } else {
        count
    };
    if count < rank {
        if histogram.sum.is_nan() {
            notes.add(Note::QuantileNanResult);
            return f64::NAN;
        }
        return bucket.upper;
    }
    if histogram.sum.is_nan() && count + rest < histogram.count {
        notes.add(Note::QuantileNanSkew);
    }
    let rank = if forward {
        rank - (count - bucket.count)
    } else {
        count - rank
    };
    interpolate(histogram, &bucket, rank / bucket.count)
}

/// The bucket in which the running count reaches `rank`, the count there, and how many observations lie behind it.
fn walk<'a>(buckets: impl Iterator<Item = &'a Bucket>, rank: f64) -> (Bucket, f64, f64) {
    let mut found = Bucket {
        lower: 0.0,
        upper: 0.0,
        lower_inclusive: false,
        upper_inclusive: false,
        count: 0.0,
    };
    let (mut count, mut rest, mut reached) = (0.0, 0.0, false);
    for bucket in buckets {
        if reached {
            rest += bucket.count;
            continue;
        }
        found = *bucket;
        if bucket.count != 0.0 {
            count += bucket.count;
            reached = count >= rank;
        }
    }
    (found, count, rest)
}

/// The zero bucket of a histogram with observations on one side only ends at zero.
const fn half_zero_bucket(bucket: &mut Bucket, histogram: &FloatHistogram) {
    match (
        histogram.negative_buckets.is_empty(),
        histogram.positive_buckets.is_empty(),
    ) {
        (true, false) => bucket.lower = 0.0,
        (false, true) => bucket.upper = 0.0,
        _ => {}
    }
}

fn interpolate(histogram: &FloatHistogram, bucket: &Bucket, fraction: f64) -> f64 {
    if histogram.uses_custom_buckets() || (bucket.lower <= 0.0 && bucket.upper >= 0.0) {
        return bucket.lower + (bucket.upper - bucket.lower) * fraction;
    }
    let (lower, upper) = (bucket.lower.abs().log2(), bucket.upper.abs().log2());
    if bucket.lower > 0.0 {
        (lower + (upper - lower) * fraction).exp2()
    } else {
        -(upper + (lower - upper) * (1.0 - fraction)).exp2()
    }
}

/// The fraction of observations between `lower` and `upper`, with the assumptions of [`histogram_quantile`].
///
/// No observations or a NaN bound: NaN; `lower` at or above `upper`: 0. NaN observations are in no fraction.
#[must_use]
pub fn histogram_fraction(lower: f64, upper: f64, histogram: &FloatHistogram, notes: &mut Notes) -> f64 {
    if histogram.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let (mut rank, mut lower_rank, mut upper_rank) = (0.0, None, None);
    for mut bucket in histogram.buckets() {
        let around_zero = bucket.lower <= 0.0 && bucket.upper >= 0.0;
        if around_zero {
            half_zero_bucket(&mut bucket, histogram);
        }
        let linear = histogram.uses_custom_buckets() || around_zero;
        lower_rank = lower_rank.or_else(|| rank_in(&bucket, rank, lower, linear));
        upper_rank = upper_rank.or_else(|| rank_in(&bucket, rank, upper, linear));
        rank += bucket.count;
    }
    let count = if histogram.sum.is_nan() {
        if rank < histogram.count {
            notes.add(Note::FractionNan);
        }
        rank
    } else {
        histogram.count
    };
    let ranked = |rank: Option<f64>| match rank {
        None => count,
        Some(rank) if rank > count => count,
        Some(rank) => rank,
    };
    (ranked(upper_rank) - ranked(lower_rank)) / histogram.count
}

/// How many observations lie below `value`, if that lies in the bucket or before it. `rank` lie before the bucket.
fn rank_in(bucket: &Bucket, rank: f64, value: f64, linear: bool) -> Option<f64> {
    if bucket.lower >= value {
        return Some(rank);
    }
    if bucket.upper <= value {
        return None;
    }
    if linear {
        // Nothing can be said of a bucket without a lower end.
        return Some(if bucket.lower == f64::NEG_INFINITY {
            bucket.count
        } else {
            rank + bucket.count * (value - bucket.lower) / (bucket.upper - bucket.lower)
        });
    }
    let [lower, upper, at] = [bucket.lower, bucket.upper, value].map(|v| v.abs().log2());
    let fraction = if value > 0.0 {
        (at - lower) / (upper - lower)
    } else {
        1.0 - ((at - upper) / (lower - upper))
    };
    Some(rank + bucket.count * fraction)
}
