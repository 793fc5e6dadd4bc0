//! Histograms of OpenTelemetry as native histograms.
//!
//! Source of the rules: Prometheus `storage/remote/otlptranslator/prometheusremotewrite/histograms.go`.

use std::sync::Arc;

use narthex_model::histogram::CUSTOM_BUCKETS_SCHEMA;
use narthex_model::{Histogram, HistogramValue, ResetHint, Span, stale_nan};

use super::message::{Buckets, ExponentialPoint, HistogramPoint, NO_VALUE};

/// Finest resolution of native histograms.
const SCHEMA_MAX: i32 = 8;
/// Coarsest.
const SCHEMA_MIN: i32 = -4;
/// Width of the zero bucket: nothing that is measured lies within.
const ZERO_THRESHOLD: f64 = 1e-128;
/// Empty buckets in a row that are written rather than skipped.
const GAP_MAX: i64 = 2;

/// An exponential histogram. A finer one than native histograms have is made coarser.
///
/// # Errors
/// When it is coarser than native histograms can be, or its parts do not fit together.
pub(super) fn exponential(point: &ExponentialPoint, delta: bool) -> Result<HistogramValue, String> {
    if point.scale < SCHEMA_MIN {
        return Err(format!(
            "cannot convert exponential to native histogram. Scale must be >= -4, was {}",
            point.scale
        ));
    }
    let down = point.scale.saturating_sub(SCHEMA_MAX).max(0);
    let side = |buckets: &Option<Buckets>| match buckets {
        Some(buckets) => coarser(buckets, down).and_then(|(first, counts)| sparse(first, &counts)),
        None => Ok((Vec::new(), Vec::new())),
    };
    let (positive_spans, positive_buckets) = side(&point.positive)?;
    let (negative_spans, negative_buckets) = side(&point.negative)?;
    let histogram = Histogram {
        hint: hint(delta),
        schema: point.scale.min(SCHEMA_MAX),
        zero_threshold: ZERO_THRESHOLD,
        zero_count: point.zero_count,
        count: point.count,
        sum: point.sum.unwrap_or(0.0),
        positive_spans,
        negative_spans,
        positive_buckets,
        negative_buckets,
        custom_values: Vec::new(),
    };
    finish(histogram, point.flags)
}

/// An explicit histogram as a native one with custom buckets.
///
/// # Errors
/// When its parts do not fit together.
pub(super) fn custom(point: &HistogramPoint, delta: bool) -> Result<HistogramValue, String> {
    let (positive_spans, positive_buckets) = sparse(0, &point.bucket_counts)?;
    let histogram = Histogram {
        hint: hint(delta),
        schema: CUSTOM_BUCKETS_SCHEMA,
        zero_threshold: 0.0,
        zero_count: 0,
        count: point.count,
        sum: point.sum.unwrap_or(0.0),
        positive_spans,
        negative_spans: Vec::new(),
        positive_buckets,
        negative_buckets: Vec::new(),
        custom_values: point.explicit_bounds.clone(),
    };
    finish(histogram, point.flags)
}

fn finish(mut histogram: Histogram, flags: u32) -> Result<HistogramValue, String> {
    if flags & NO_VALUE != 0 {
        // The series has ended: what its buckets were does not matter.
        histogram = Histogram {
            sum: stale_nan(),
            ..Histogram::default()
        };
    } else {
        histogram.validate().map_err(|e| e.to_string())?;
    }
    Ok(HistogramValue::Integer(Arc::new(histogram)))
}

/// A histogram of differences may shrink.
const fn hint(delta: bool) -> ResetHint {
    if delta {
        ResetHint::Gauge
    } else {
        ResetHint::Unknown
    }
}

/// Merges 2^`down` neighbouring buckets into one. Returns the index of the first as native histograms count, one above
/// OpenTelemetry's, and the counts.
fn coarser(buckets: &Buckets, down: i32) -> Result<(i64, Vec<u64>), String> {
    // What is shifted further is all in one bucket, or in two.
    let down = down.min(62);
    let offset = i64::from(buckets.offset);
    let index = |at: usize| ((at as i64 + offset) >> down) + 1;
    let first = index(0);
    let mut counts: Vec<u64> = Vec::new();
    for (at, count) in buckets.bucket_counts.iter().enumerate() {
        let place = usize::try_from(index(at) - first).unwrap_or(0);
        if counts.len() <= place {
            counts.resize(place + 1, 0);
        }
        if let Some(sum) = counts.get_mut(place) {
            *sum = sum
                .checked_add(*count)
                .ok_or("the counts of an exponential histogram's buckets exceed 64 bits")?;
        }
    }
    Ok((first, counts))
}

/// Dense counts as spans and differences; long runs of empty buckets are skipped.
fn sparse(first: i64, counts: &[u64]) -> Result<(Vec<Span>, Vec<i64>), String> {
    let too_far = || "a histogram's buckets lie too far from 1".to_owned();
    let (mut spans, mut deltas): (Vec<Span>, Vec<i64>) = (Vec::new(), Vec::new());
    // Behind the last bucket written.
    let mut end = 0_i64;
    let mut last = 0_i64;
    let mut push = |spans: &mut Vec<Span>, count: i64| {
        if let Some(span) = spans.last_mut() {
            span.length += 1;
        }
        deltas.push(count.wrapping_sub(last));
        last = count;
    };
    for (at, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let count =
            i64::try_from(*count).map_err(|_| "a histogram's bucket counts more than 63 bits".to_owned())?;
        let index = first + at as i64;
        let gap = index - end;
        if spans.is_empty() || gap > GAP_MAX {
            spans.push(Span {
                offset: i32::try_from(gap).map_err(|_| too_far())?,
                length: 0,
            });
        } else {
            (0..gap).for_each(|_| push(&mut spans, 0));
        }
        push(&mut spans, count);
        end = index + 1;
    }
    Ok((spans, deltas))
}

#[cfg(test)]
mod tests {
    use narthex_model::STALE_NAN;

    use super::*;

    fn point(scale: i32, offset: i32, counts: &[u64]) -> ExponentialPoint {
        ExponentialPoint {
            scale,
            count: counts.iter().fold(2, |sum: u64, count| sum.wrapping_add(*count)),
            sum: Some(7.5),
            zero_count: 2,
            positive: Some(Buckets {
                offset,
                bucket_counts: counts.to_vec(),
            }),
            ..ExponentialPoint::default()
        }
    }

    fn integer(value: HistogramValue) -> Histogram {
        match value {
            HistogramValue::Integer(h) => (*h).clone(),
            HistogramValue::Float(_) => panic!("an integer histogram"),
        }
    }

    #[test]
    fn buckets_move_by_one_and_gaps_are_skipped() {
        let made = integer(exponential(&point(3, 1, &[4, 0, 3, 0, 0, 0, 1]), false).unwrap());
        let span = |offset, length| Span { offset, length };
        assert_eq!(made.positive_spans, [span(2, 3), span(3, 1)]);
        assert_eq!(made.positive_buckets, [4, -4, 3, -2]);
        assert_eq!((made.schema, made.zero_count, made.count), (3, 2, 10));
        assert_eq!(made.hint, ResetHint::Unknown);
        let delta = integer(exponential(&point(3, 1, &[1]), true).unwrap());
        assert_eq!(delta.hint, ResetHint::Gauge);
    }

    #[test]
    fn finer_ones_are_made_coarser() {
        // Indexes 0 to 3 at scale 9 are 0, 0, 1, 1 at scale 8, and one above that in a native histogram.
        let made = integer(exponential(&point(9, 0, &[4, 2, 3, 1]), false).unwrap());
        assert_eq!((made.schema, made.positive_buckets.as_slice()), (8, &[6, -2][..]));
        assert_eq!(made.positive_spans, [Span { offset: 1, length: 2 }]);
        let made = integer(exponential(&point(20, -3, &[1, 1, 1, 1, 1]), false).unwrap());
        assert_eq!(made.positive_buckets, [3, -1]);
        assert_eq!(made.positive_spans, [Span { offset: 0, length: 2 }]);
        let error = exponential(&point(-5, 0, &[1]), false).unwrap_err();
        assert!(error.contains("Scale must be >= -4, was -5"), "{error}");
    }

    #[test]
    fn hostile_histograms_are_refused() {
        for point in [
            point(0, i32::MAX, &[1, 1]),
            point(20, 0, &[u64::MAX, u64::MAX - 1]),
            point(0, 0, &[u64::MAX - 2]),
            ExponentialPoint {
                count: 1,
                ..point(0, 0, &[5])
            },
        ] {
            let result = std::panic::catch_unwind(|| exponential(&point, false));
            assert!(result.unwrap().is_err() || point.positive.as_ref().unwrap().offset == i32::MAX);
        }
        assert!(exponential(&point(i32::MAX, i32::MIN, &[1, 2]), false).is_ok());
    }

    #[test]
    fn explicit_ones_keep_their_bounds() {
        let explicit = HistogramPoint {
            count: 4,
            sum: Some(9.0),
            bucket_counts: vec![0, 1, 3],
            explicit_bounds: vec![1.0, 2.0],
            ..HistogramPoint::default()
        };
        let made = integer(custom(&explicit, false).unwrap());
        assert_eq!(made.custom_values, [1.0, 2.0]);
        assert_eq!(made.positive_spans, [Span { offset: 1, length: 2 }]);
        assert_eq!(made.positive_buckets, [1, 2]);
        let ended = HistogramPoint {
            flags: NO_VALUE,
            ..explicit
        };
        let made = integer(custom(&ended, false).unwrap());
        assert_eq!(made.sum.to_bits(), STALE_NAN);
    }
}
