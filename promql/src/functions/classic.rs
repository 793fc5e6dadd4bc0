//! Quantiles and fractions of classic histograms: series of cumulative counts with a label `le`.

use std::cmp::Ordering;

/// One bucket of a classic histogram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// The value of `le`.
    pub upper_bound: f64,
    /// Observations at or below the bound.
    pub count: f64,
}

/// Where counts that fell had to be raised, and by how much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MonotonicityFix {
    /// Lowest bound of a raised bucket.
    pub min_bucket: f64,
    /// Highest bound of a raised bucket.
    pub max_bucket: f64,
    /// The largest difference.
    pub max_difference: f64,
}

/// A quantile, and what had to be mended to find it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BucketQuantile {
    /// The quantile.
    pub value: f64,
    /// Set where counts fell from bucket to bucket by more than rounding explains.
    pub fix: Option<MonotonicityFix>,
}

/// Differences of neighbouring counts below this share of them are rounding, not observations.
const TOLERANCE: f64 = 1e-12;

/// The quantile `q`; sorts and mends the buckets.
///
/// No `+Inf` bucket, fewer than two buckets, no observations or a NaN `q`: NaN; `q` below 0: -Inf; above 1: +Inf.
/// In the last bucket: the bound of the one before; in the first one: between 0 and its bound, or its bound where
/// that is not above 0; else linear between the bounds.
#[must_use]
pub fn bucket_quantile(q: f64, buckets: &mut Vec<Bucket>) -> BucketQuantile {
    let plain = |value| BucketQuantile { value, fix: None };
    if q.is_nan() {
        return plain(f64::NAN);
    }
    if q < 0.0 {
        return plain(f64::NEG_INFINITY);
    }
    if q > 1.0 {
        return plain(f64::INFINITY);
    }
    if !sort_and_coalesce(buckets) {
        return plain(f64::NAN);
    }
    let fix = ensure_monotonic(buckets);
    let [below @ .., second_last, last] = buckets.as_slice() else {
        return BucketQuantile { value: f64::NAN, fix };
    };
    let observations = last.count;
    if observations == 0.0 {
        return BucketQuantile { value: f64::NAN, fix };
    }
    let rank = q * observations;
    let finite = &buckets[..=below.len()];
    // The buckets ascend in count by now, but NaN counts compare with nothing: search as Prometheus does.
    let at = finite.partition_point(|bucket| bucket.count.partial_cmp(&rank).is_none_or(Ordering::is_lt));
    let value = match finite.get(at) {
        None => second_last.upper_bound,
        Some(bucket) if at == 0 && bucket.upper_bound <= 0.0 => bucket.upper_bound,
        Some(bucket) => {
            let before = at.checked_sub(1).map_or(
                Bucket {
                    upper_bound: 0.0,
                    count: 0.0,
                },
                |i| finite[i],
            );
            let (rank, count) = (rank - before.count, bucket.count - before.count);
            before.upper_bound + (bucket.upper_bound - before.upper_bound) * (rank / count)
        }
    };
    BucketQuantile { value, fix }
}

/// The fraction of observations between `lower` and `upper`; sorts and mends the buckets.
///
/// No `+Inf` bucket, no observations or a NaN bound: NaN; `lower` at or above `upper`: 0.
#[must_use]
pub fn bucket_fraction(lower: f64, upper: f64, buckets: &mut Vec<Bucket>) -> f64 {
    if !sort_and_coalesce(buckets) {
        return f64::NAN;
    }
    let (Some(first), Some(last)) = (buckets.first(), buckets.last()) else {
        return f64::NAN;
    };
    let count = last.count;
    if count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    // Buckets that begin above 0 hold nothing below it.
    let mut lower_bound = if first.upper_bound <= 0.0 {
        f64::NEG_INFINITY
    } else {
        0.0
    };
    let (mut rank, mut lower_rank, mut upper_rank) = (0.0, None, None);
    for bucket in buckets.iter() {
        let upper_bound = bucket.upper_bound;
        let rank_of = |value: f64| {
            if lower_bound >= value {
                Some(rank)
            } else if upper_bound <= value {
                None
            } else if lower_bound == f64::NEG_INFINITY {
                Some(bucket.count)
            } else {
                Some(rank + (bucket.count - rank) * (value - lower_bound) / (upper_bound - lower_bound))
            }
        };
        lower_rank = lower_rank.or_else(|| rank_of(lower));
        upper_rank = upper_rank.or_else(|| rank_of(upper));
        rank = bucket.count;
        lower_bound = upper_bound;
    }
    let ranked = |rank: Option<f64>| match rank {
        None => count,
        Some(rank) if rank > count => count,
        Some(rank) => rank,
    };
    (ranked(upper_rank) - ranked(lower_rank)) / count
}

/// Sorts by bound and adds up buckets of one bound; whether the last bucket is that of `+Inf`.
fn sort_and_coalesce(buckets: &mut Vec<Bucket>) -> bool {
    buckets.sort_by(|a, b| a.upper_bound.total_cmp(&b.upper_bound));
    buckets.dedup_by(|bucket, kept| {
        let same = bucket.upper_bound == kept.upper_bound;
        if same {
            kept.count += bucket.count;
        }
        same
    });
    buckets
        .last()
        .is_some_and(|last| last.upper_bound == f64::INFINITY)
}

/// Takes counts that differ by rounding for equal, and raises counts that fell.
fn ensure_monotonic(buckets: &mut [Bucket]) -> Option<MonotonicityFix> {
    let (first, rest) = buckets.split_first_mut()?;
    let mut previous = first.count;
    let mut fix: Option<MonotonicityFix> = None;
    for bucket in rest {
        let count = bucket.count;
        if count == previous {
            continue;
        }
        if almost_equal(previous, count, TOLERANCE) {
            bucket.count = previous;
        } else if count < previous {
            bucket.count = previous;
            let bound = bucket.upper_bound;
            let fix = fix.get_or_insert(MonotonicityFix {
                min_bucket: bound,
                max_bucket: bound,
                max_difference: 0.0,
            });
            fix.max_bucket = bound;
            fix.max_difference = fix.max_difference.max(previous - count);
        } else {
            previous = count;
        }
    }
    fix
}

/// Prometheus `util/almost`: relative to the sum of both, absolute near zero.
fn almost_equal(a: f64, b: f64, epsilon: f64) -> bool {
    if a == b || (a.is_nan() && b.is_nan()) {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < epsilon * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < epsilon
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(pairs: &[(f64, f64)]) -> Vec<Bucket> {
        pairs
            .iter()
            .map(|&(upper_bound, count)| Bucket { upper_bound, count })
            .collect()
    }

    const INF: f64 = f64::INFINITY;

    #[test]
    fn quantiles_are_linear_between_bounds() {
        for (q, pairs, expected) in [
            (0.5, &[(1.0, 10.0), (2.0, 20.0), (INF, 20.0)][..], 1.0),
            (0.75, &[(1.0, 10.0), (2.0, 20.0), (INF, 20.0)], 1.5),
            (0.25, &[(1.0, 10.0), (2.0, 20.0), (INF, 20.0)], 0.5),
            (0.99, &[(1.0, 10.0), (2.0, 20.0), (INF, 40.0)], 2.0),
            (0.1, &[(-1.0, 10.0), (2.0, 20.0), (INF, 20.0)], -1.0),
            (0.75, &[(INF, 20.0), (2.0, 20.0), (1.0, 4.0), (1.0, 6.0)], 1.5),
        ] {
            let found = bucket_quantile(q, &mut buckets(pairs));
            assert_eq!(
                found,
                BucketQuantile {
                    value: expected,
                    fix: None
                },
                "{q} of {pairs:?}"
            );
        }
        for pairs in [
            &[][..],
            &[(INF, 5.0)],
            &[(1.0, 1.0), (2.0, 2.0)],
            &[(1.0, 0.0), (INF, 0.0)],
        ] {
            assert!(
                bucket_quantile(0.5, &mut buckets(pairs)).value.is_nan(),
                "{pairs:?}"
            );
        }
    }

    #[test]
    fn falling_counts_are_raised_and_reported() {
        let mut falling = buckets(&[(1.0, 10.0), (2.0, 8.0), (3.0, 9.0), (4.0, 20.0), (INF, 20.0)]);
        assert_eq!(
            bucket_quantile(0.6, &mut falling).fix,
            Some(MonotonicityFix {
                min_bucket: 2.0,
                max_bucket: 3.0,
                max_difference: 2.0
            })
        );
        let mut rounded = buckets(&[(1.0, 10.0), (2.0, 10.0 - 1e-12), (INF, 20.0)]);
        assert_eq!(bucket_quantile(0.6, &mut rounded).fix, None);
    }

    #[test]
    fn fractions_are_the_inverse_of_quantiles() {
        let pairs = [(1.0, 10.0), (2.0, 20.0), (INF, 40.0)];
        for (lower, upper, expected) in [
            (f64::NEG_INFINITY, 1.5, 0.375),
            (0.0, 1.0, 0.25),
            (1.0, INF, 0.75),
            (2.0, 3.0, 0.0),
            (3.0, 1.0, 0.0),
        ] {
            assert_eq!(
                bucket_fraction(lower, upper, &mut buckets(&pairs)),
                expected,
                "{lower}..{upper}"
            );
        }
        assert!(bucket_fraction(0.0, 1.0, &mut buckets(&[(1.0, 1.0)])).is_nan());
    }
}
