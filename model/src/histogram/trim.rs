//! Cutting a histogram at a value.

use super::bucket::Bucket;
use super::layout::Indexed;
use super::value::FloatHistogram;

/// Which side of the cut is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    Below,
    Above,
}

/// What is left of a bucket.
struct Rest {
    count: f64,
    /// What its observations add up to, if they are where the bucket's middle is.
    sum: f64,
}

impl FloatHistogram {
    /// Drops observations above `value`.
    ///
    /// A bucket that the value lies in is divided as quantiles interpolate: on a logarithmic scale in exponential
    /// buckets, on a linear one in the zero bucket and in custom buckets. Count and sum are made from what is left,
    /// unless all of it is. Of a bucket that ends at +Inf nothing is known: it is dropped.
    pub fn keep_below(&mut self, value: f64) {
        self.trim(value, Keep::Below);
    }

    /// Drops observations below `value`, the mirror of [`keep_below`](Self::keep_below). A bucket that begins at -Inf
    /// is dropped; one that ends at +Inf is kept.
    pub fn keep_above(&mut self, value: f64) {
        self.trim(value, Keep::Above);
    }

    fn trim(&mut self, value: f64, keep: Keep) {
        let (mut count, mut sum, mut changed) = (0.0, 0.0, false);
        let mut rest_of = |bucket: Bucket, linear: bool, custom: bool| {
            let rest = rest(bucket, value, keep, linear, custom);
            changed |= rest.count != bucket.count;
            count += rest.count;
            sum += rest.sum;
            rest.count
        };
        let custom = self.uses_custom_buckets();
        let negative: Indexed = self
            .negative_indexed()
            .map(|(index, count)| (index, rest_of(self.negative_bucket((index, count)), false, false)))
            .collect();
        let zero_count = if custom {
            self.zero_count
        } else {
            let mut zero = self.zero_bucket();
            match (self.negative_buckets.is_empty(), self.positive_buckets.is_empty()) {
                (true, false) => zero.lower = 0.0,
                (false, true) => zero.upper = 0.0,
                _ => {}
            }
            rest_of(zero, true, false)
        };
        let positive: Indexed = self
            .positive_indexed()
            .map(|(index, count)| {
                (
                    index,
                    rest_of(self.positive_bucket((index, count)), custom, custom),
                )
            })
            .collect();
        if !changed {
            return;
        }
        self.zero_count = zero_count;
        self.set_negative(negative);
        self.set_positive(positive);
        (self.count, self.sum) = (count, sum);
        self.compact();
    }
}

fn rest(mut bucket: Bucket, value: f64, keep: Keep, linear: bool, custom: bool) -> Rest {
    if bucket.count == 0.0 {
        return Rest { count: 0.0, sum: 0.0 };
    }
    let open = bucket.lower == f64::NEG_INFINITY || bucket.upper == f64::INFINITY;
    if custom
        && open
        && let Some(rest) = open_ended(&mut bucket, value, keep)
    {
        return rest;
    }
    let count = bucket.count;
    let (lower, upper, count) = match keep {
        Keep::Below if value >= bucket.upper => (bucket.lower, bucket.upper, count),
        Keep::Above if value <= bucket.lower => (bucket.lower, bucket.upper, count),
        Keep::Below if value > bucket.lower => (bucket.lower, value, count * share(&bucket, value, linear)),
        Keep::Above if value < bucket.upper => {
            (value, bucket.upper, count * (1.0 - share(&bucket, value, linear)))
        }
        // NaN keeps nothing.
        _ => return Rest { count: 0.0, sum: 0.0 },
    };
    let middle = if linear {
        (lower + upper) / 2.0
    } else {
        (lower * upper).sqrt().copysign(upper + lower)
    };
    Rest {
        count,
        sum: count * middle,
    }
}

/// Custom buckets without an end: what is left of them, where that is not a matter of interpolation. A bucket that
/// begins at -Inf and ends above 0 begins at 0 for the rest of the work.
fn open_ended(bucket: &mut Bucket, value: f64, keep: Keep) -> Option<Rest> {
    let count = bucket.count;
    let whole = |at: f64| {
        Some(Rest {
            count,
            sum: count * at,
        })
    };
    let nothing = Some(Rest { count: 0.0, sum: 0.0 });
    match (
        bucket.lower == f64::NEG_INFINITY,
        bucket.upper == f64::INFINITY,
        keep,
    ) {
        // Beyond all observations nothing is cut, whatever the bucket's end; the sum is not asked for then.
        (_, _, Keep::Below) if value == f64::INFINITY => whole(0.0),
        (_, _, Keep::Above) if value == f64::NEG_INFINITY => whole(0.0),
        (true, true, _) | (false, true, Keep::Below) => nothing,
        // The last bucket: its observations are taken to be where it begins.
        (false, true, Keep::Above) if value == f64::INFINITY => nothing,
        (false, true, Keep::Above) => whole(value.max(bucket.lower)),
        // The first bucket: its observations are taken to be at its end.
        (true, false, Keep::Below) if bucket.upper <= 0.0 && value > f64::NEG_INFINITY => {
            whole(value.min(bucket.upper))
        }
        (true, false, Keep::Above) if bucket.upper <= 0.0 || value < 0.0 => nothing,
        _ => {
            bucket.lower = 0.0;
            None
        }
    }
}

/// How much of a bucket (0..1) lies below `value`, which lies inside of it.
fn share(bucket: &Bucket, value: f64, linear: bool) -> f64 {
    if linear {
        return (value - bucket.lower) / (bucket.upper - bucket.lower);
    }
    let [lower, upper, at] = [bucket.lower, bucket.upper, value].map(|v| v.abs().log2());
    (at - lower) / (upper - lower)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histogram::{CUSTOM_BUCKETS_SCHEMA, Span};

    fn custom(bounds: &[f64], buckets: &[f64]) -> FloatHistogram {
        FloatHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count: buckets.iter().sum(),
            sum: 1_234.0,
            positive_spans: vec![Span {
                offset: 0,
                length: u32::try_from(buckets.len()).unwrap(),
            }],
            positive_buckets: buckets.to_vec(),
            custom_values: bounds.to_vec(),
            ..FloatHistogram::default()
        }
    }

    #[test]
    fn custom_buckets_are_cut_on_a_linear_scale() {
        let inf = f64::INFINITY;
        // Bounds; below this value or above it; count and sum that are left.
        for (bounds, below, value, count, sum) in [
            (&[10.0, 20.0][..], true, 15.0, 4.0, 10.0 + 2.0 * 12.5),
            (&[10.0, 20.0], false, 15.0, 7.0, 2.0 * 17.5 + 5.0 * 20.0),
            (&[10.0, 20.0], true, 100.0, 6.0, 10.0 + 4.0 * 15.0),
            (&[10.0, 20.0], false, 30.0, 5.0, 150.0),
            (&[10.0, 20.0], false, -1.0, 9.0, 4.0 * 15.0 + 5.0 * 20.0),
            (&[10.0, 20.0], true, inf, 11.0, 1_234.0),
            (&[10.0, 20.0], false, -inf, 11.0, 1_234.0),
            (&[10.0, 20.0], true, -inf, 0.0, 0.0),
            (&[10.0, 20.0], false, inf, 0.0, 0.0),
            (&[10.0, 20.0], true, f64::NAN, 0.0, 0.0),
            (&[-10.0, 20.0], true, -15.0, 2.0, -30.0),
        ] {
            let mut histogram = custom(bounds, &[2.0, 4.0, 5.0]);
            if below {
                histogram.keep_below(value);
            } else {
                histogram.keep_above(value);
            }
            assert_eq!(
                (histogram.count, histogram.sum),
                (count, sum),
                "{bounds:?} {below} {value}"
            );
        }
    }

    #[test]
    fn exponential_buckets_are_cut_on_a_logarithmic_scale() {
        let mut histogram = FloatHistogram {
            count: 12.0,
            sum: 99.0,
            zero_count: 2.0,
            zero_threshold: 0.5,
            positive_spans: vec![Span { offset: 1, length: 1 }],
            positive_buckets: vec![10.0],
            ..FloatHistogram::default()
        };
        histogram.keep_below(std::f64::consts::SQRT_2);
        assert!((histogram.count - 7.0).abs() < 1e-12, "{histogram:?}");
        histogram.keep_below(0.25);
        assert_eq!(
            (histogram.zero_count, histogram.count, histogram.sum),
            (1.0, 1.0, 0.125)
        );
    }
}
