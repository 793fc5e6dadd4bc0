//! Native histograms in answers: count, sum, and the buckets that hold something, from the lowest up.
//!
//! Source of bounds and of the rule numbers: Prometheus `model/histogram/generic.go`, `util/jsonutil`.
use narthex_model::histogram::CUSTOM_BUCKETS_SCHEMA;
use narthex_model::{FloatHistogram, Span};

use super::number::{write_integer, write_sample};

/// Which ends of a bucket belong to it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Ends {
    OpenLeft = 0,
    OpenRight = 1,
    Closed = 3,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Bucket {
    ends: Ends,
    lower: f64,
    upper: f64,
    count: f64,
}

/// Writes `{"count":"..","sum":"..","buckets":[[rule,"lower","upper","count"],...]}`.
pub(crate) fn write_histogram(out: &mut Vec<u8>, histogram: &FloatHistogram) {
    out.extend_from_slice(br#"{"count":""#);
    write_sample(out, histogram.count);
    out.extend_from_slice(br#"","sum":""#);
    write_sample(out, histogram.sum);
    out.push(b'"');
    let mut separator: &[u8] = br#","buckets":["#;
    for bucket in buckets(histogram).filter(|b| b.count != 0.0) {
        out.extend_from_slice(separator);
        separator = b",";
        out.push(b'[');
        write_integer(out, bucket.ends as i64);
        for number in [bucket.lower, bucket.upper, bucket.count] {
            out.extend_from_slice(b",\"");
            write_sample(out, number);
            out.push(b'"');
        }
        out.push(b']');
    }
    if separator == b"," {
        out.push(b']');
    }
    out.push(b'}');
}

fn buckets(h: &FloatHistogram) -> impl Iterator<Item = Bucket> {
    let mut negative: Vec<_> = indexes(&h.negative_spans)
        .zip(&h.negative_buckets)
        .map(|(index, count)| Bucket {
            ends: Ends::OpenRight,
            lower: -bound(h, index),
            // The zero bucket cuts off what reaches into it.
            upper: (-bound(h, index - 1)).min(-h.zero_threshold),
            count: *count,
        })
        .collect();
    negative.reverse();
    let zero = Bucket {
        ends: Ends::Closed,
        lower: -h.zero_threshold,
        upper: h.zero_threshold,
        count: h.zero_count,
    };
    let custom = h.schema == CUSTOM_BUCKETS_SCHEMA;
    let positive = indexes(&h.positive_spans)
        .zip(&h.positive_buckets)
        .map(move |(index, count)| Bucket {
            ends: if custom && index == 0 {
                Ends::Closed
            } else {
                Ends::OpenLeft
            },
            lower: if custom {
                bound(h, index - 1)
            } else {
                bound(h, index - 1).max(h.zero_threshold)
            },
            upper: bound(h, index),
            count: *count,
        });
    // One that is not populated is not shown, nor is one that holds less than nothing.
    let zero = (h.zero_count > 0.0).then_some(zero);
    negative.into_iter().chain(zero).chain(positive)
}

/// The index of every bucket that the spans name.
fn indexes(spans: &[Span]) -> impl Iterator<Item = i64> {
    let mut next = 0_i64;
    spans.iter().flat_map(move |span| {
        let first = next + i64::from(span.offset);
        next = first + i64::from(span.length);
        first..next
    })
}

/// The upper bound of the bucket at `index`.
fn bound(h: &FloatHistogram, index: i64) -> f64 {
    if h.schema == CUSTOM_BUCKETS_SCHEMA {
        return match usize::try_from(index) {
            Ok(index) => h.custom_values.get(index).copied().unwrap_or(f64::INFINITY),
            Err(_) => f64::NEG_INFINITY,
        };
    }
    // 2^(index / 2^schema), with the whole part as an exact power; the largest finite bound is the largest float.
    let (whole, part) = if h.schema <= 0 {
        (index.saturating_mul(1 << (-h.schema).clamp(0, 30)), 0.0)
    } else {
        let per_power = 1_i64 << h.schema.clamp(0, 30);
        (
            index.div_euclid(per_power),
            index.rem_euclid(per_power) as f64 / per_power as f64,
        )
    };
    if whole == 1024 && part == 0.0 {
        return f64::MAX;
    }
    let half = i32::try_from(whole / 2).unwrap_or(i32::MAX);
    let rest = i32::try_from(whole - i64::from(half)).unwrap_or(i32::MAX);
    part.exp2() * 2.0_f64.powi(half) * 2.0_f64.powi(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(h: &FloatHistogram) -> String {
        let mut out = Vec::new();
        write_histogram(&mut out, h);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn buckets_from_the_lowest_up_without_empty_ones() {
        let h = FloatHistogram {
            schema: 0,
            zero_threshold: 0.001,
            zero_count: 2.0,
            count: 8.0,
            sum: 7.5,
            positive_spans: vec![Span { offset: 0, length: 2 }, Span { offset: 1, length: 1 }],
            positive_buckets: vec![1.0, 0.0, 3.0],
            negative_spans: vec![Span { offset: 0, length: 2 }],
            negative_buckets: vec![1.0, 1.0],
            ..FloatHistogram::default()
        };
        assert_eq!(
            written(&h),
            r#"{"count":"8","sum":"7.5","buckets":[[1,"-2","-1","1"],[1,"-1","-0.5","1"],[3,"-0.001","0.001","2"],[0,"0.5","1","1"],[0,"4","8","3"]]}"#
        );
        assert_eq!(written(&FloatHistogram::default()), r#"{"count":"0","sum":"0"}"#);
    }

    #[test]
    fn custom_bounds() {
        let h = FloatHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count: 3.0,
            sum: 4.0,
            positive_spans: vec![Span { offset: 0, length: 3 }],
            positive_buckets: vec![1.0, 1.0, 1.0],
            custom_values: vec![1.0, 2.5],
            ..FloatHistogram::default()
        };
        assert_eq!(
            written(&h),
            r#"{"count":"3","sum":"4","buckets":[[3,"-Inf","1","1"],[0,"1","2.5","1"],[0,"2.5","+Inf","1"]]}"#
        );
    }

    #[test]
    fn bounds_of_every_schema() {
        let at = |schema, index| {
            bound(
                &FloatHistogram {
                    schema,
                    ..FloatHistogram::default()
                },
                index,
            )
        };
        assert_eq!(
            (at(0, 1024), at(-2, 256), at(3, 8192)),
            (f64::MAX, f64::MAX, f64::MAX)
        );
        assert_eq!((at(1, 1), at(2, 2)), (2.0_f64.sqrt(), 2.0_f64.sqrt()));
        assert_eq!((at(3, -8), at(-1, 2), at(0, -1074)), (0.5, 16.0, 5e-324));
        assert_eq!(at(-4, i64::from(i32::MAX)), f64::INFINITY);
    }
}
