//! Native histograms as the HTTP API shows them: buckets with their bounds, and no schema.

use narthex_model::FloatHistogram;

use crate::compare::{EPSILON, almost_equal};

/// Where a schema stands: the histogram is one that was shown. Bounds lie in the custom values, three for a bucket:
/// which of them are inside (as the API numbers that), lower, upper.
const SHOWN: i32 = i32::MAX;

/// A bucket as it is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShownBucket {
    /// Which bounds are inside: 0 the upper, 1 the lower, 2 none, 3 both.
    pub rule: f64,
    /// Lower bound.
    pub lower: f64,
    /// Upper bound.
    pub upper: f64,
    /// Observations.
    pub count: f64,
}

/// A histogram of which count, sum and populated buckets are known.
#[must_use]
pub fn histogram(count: f64, sum: f64, buckets: &[ShownBucket]) -> FloatHistogram {
    FloatHistogram {
        schema: SHOWN,
        count,
        sum,
        positive_buckets: buckets.iter().map(|b| b.count).collect(),
        custom_values: buckets.iter().flat_map(|b| [b.rule, b.lower, b.upper]).collect(),
        ..FloatHistogram::default()
    }
}

/// Whether only what is shown of a histogram is known.
#[must_use]
pub const fn is_shown(histogram: &FloatHistogram) -> bool {
    histogram.schema == SHOWN
}

/// Whether a histogram would be shown so, up to the difference that scripts allow.
#[must_use]
pub fn would_be(whole: &FloatHistogram, shown: &FloatHistogram) -> bool {
    let close = |a: f64, b: f64| almost_equal(a, b, EPSILON);
    let expected: Vec<ShownBucket> = whole
        .buckets()
        .iter()
        .filter(|bucket| bucket.count != 0.0)
        .map(|bucket| ShownBucket {
            rule: match (bucket.lower_inclusive, bucket.upper_inclusive) {
                (false, true) => 0.0,
                (true, false) => 1.0,
                (false, false) => 2.0,
                (true, true) => 3.0,
            },
            lower: bucket.lower,
            upper: bucket.upper,
            count: bucket.count,
        })
        .collect();
    let bounds = shown.custom_values.chunks_exact(3);
    close(whole.count, shown.count)
        && close(whole.sum, shown.sum)
        && expected.len() == shown.positive_buckets.len()
        && expected
            .iter()
            .zip(bounds.zip(&shown.positive_buckets))
            .all(|(bucket, (bounds, count))| {
                close(bucket.count, *count)
                    && bounds
                        .iter()
                        .zip([bucket.rule, bucket.lower, bucket.upper])
                        .all(|(a, b)| close(*a, b))
            })
}
