//! Property tests: no shape of histogram makes arithmetic panic or hang, and sound ones obey its laws.

use proptest::prelude::*;

use super::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, HistogramSum, ResetHint, Span};

fn wild_float() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-5_i32..50).prop_map(f64::from),
        1 => prop_oneof![
            Just(f64::NAN),
            Just(f64::INFINITY),
            Just(f64::NEG_INFINITY),
            Just(f64::MAX),
            Just(5e-324),
            Just(-0.0)
        ],
    ]
}

fn wild_spans() -> impl Strategy<Value = Vec<Span>> {
    let offset = prop_oneof![4 => -5_i32..10, 1 => prop_oneof![Just(i32::MIN), Just(i32::MAX), Just(-1_074)]];
    let length = prop_oneof![6 => 0_u32..5, 1 => prop_oneof![Just(u32::MAX), Just(1_000_000)]];
    prop::collection::vec(
        (offset, length).prop_map(|(offset, length)| Span { offset, length }),
        0..4,
    )
}

prop_compose! {
    fn wild()(
        schema in prop_oneof![4 => -4_i32..9, 2 => Just(CUSTOM_BUCKETS_SCHEMA), 1 => prop_oneof![Just(i32::MIN), Just(i32::MAX), Just(100)]],
        hint in prop_oneof![Just(ResetHint::Unknown), Just(ResetHint::Reset), Just(ResetHint::NotReset), Just(ResetHint::Gauge)],
        numbers in prop::array::uniform4(wild_float()),
        spans in prop::array::uniform2(wild_spans()),
        positive_buckets in prop::collection::vec(wild_float(), 0..8),
        negative_buckets in prop::collection::vec(wild_float(), 0..8),
        custom_values in prop::collection::vec(wild_float(), 0..5),
    ) -> FloatHistogram {
        let [positive_spans, negative_spans] = spans;
        let [zero_threshold, zero_count, count, sum] = numbers;
        FloatHistogram {
            hint, schema, zero_threshold, zero_count, count, sum,
            positive_spans, negative_spans, positive_buckets, negative_buckets, custom_values,
        }
    }
}

prop_compose! {
    /// Exponential, with whole numbers, so that sums are exact in any order. Zero buckets end where buckets of every
    /// schema end: else a coarser bucket holds again what the zero bucket holds, here as in Prometheus.
    fn sound()(
        schema in 0_i32..4,
        threshold in 0_usize..3,
        first in prop::array::uniform2(-4_i32..4),
        positive_buckets in prop::collection::vec((0_i32..20).prop_map(f64::from), 0..8),
        negative_buckets in prop::collection::vec((0_i32..20).prop_map(f64::from), 0..8),
        zero_count in (0_i32..5).prop_map(f64::from),
    ) -> FloatHistogram {
        let span = |offset: i32, buckets: &[f64]| match buckets.len() {
            0 => Vec::new(),
            length => vec![Span { offset, length: length as u32 }],
        };
        let mut histogram = FloatHistogram {
            schema,
            zero_threshold: [0.0, 0.25, 2.0][threshold],
            zero_count,
            sum: 3.0,
            positive_spans: span(first[0], &positive_buckets),
            negative_spans: span(first[1], &negative_buckets),
            positive_buckets,
            negative_buckets,
            ..FloatHistogram::default()
        };
        // No bucket lies in the zero bucket.
        histogram.widen_zero_bucket(zero_count, histogram.zero_threshold);
        histogram.count = populated(&histogram);
        histogram
    }
}

fn populated(histogram: &FloatHistogram) -> f64 {
    let zero = histogram.zero_count;
    zero + histogram
        .positive_buckets
        .iter()
        .chain(&histogram.negative_buckets)
        .sum::<f64>()
}

fn compacted(mut histogram: FloatHistogram) -> FloatHistogram {
    histogram.compact();
    histogram
}

proptest! {
    #[test]
    fn no_shape_makes_arithmetic_panic(a in wild(), b in wild(), value in wild_float()) {
        let _ = (a.validate(), a.buckets(), a.to_string(), a.has_overflow(), a.same_data(&b), a.detect_reset(&b));
        for change in [FloatHistogram::keep_below, FloatHistogram::keep_above, FloatHistogram::mul, FloatHistogram::div] {
            change(&mut a.clone(), value);
        }
        let _ = (a.clone().add(&b), a.clone().sub(&b), a.at_schema(b.schema), compacted(a.clone()));
        let mut sum = HistogramSum::new(a.clone());
        let _ = (sum.add(&b), sum.add(&a));
        sum.mul(value);
        sum.div(value);
        let _ = sum.total();
    }

    #[test]
    fn sums_keep_every_observation_and_their_order_does_not_matter(a in sound(), b in sound(), c in sound()) {
        let mut left = a.clone();
        left.add(&b).unwrap();
        prop_assert_eq!(populated(&left), populated(&a) + populated(&b));
        left.add(&c).unwrap();
        let mut right = c.clone();
        right.add(&b).unwrap();
        right.add(&a).unwrap();
        let (left, right) = (compacted(left), compacted(right));
        prop_assert!(left.same_data(&right), "{left} {right}");
        let mut kahan = HistogramSum::new(a);
        kahan.add(&b).unwrap();
        kahan.add(&c).unwrap();
        let total = compacted(kahan.total());
        prop_assert!(left.same_data(&total), "{left} {total}");
    }

    #[test]
    fn what_was_added_can_be_taken_away_and_is_no_reset(a in sound(), b in sound()) {
        let mut sum = a.clone();
        sum.add(&b).unwrap();
        // At a lower resolution a bucket may reach out of the zero bucket: that counts as a reset.
        prop_assert!(sum.schema < a.schema || !sum.detect_reset(&a), "{sum} after {a}");
        sum.sub(&b).unwrap();
        let mut same = a;
        // The sum has the coarser layout of both.
        let mut nothing = b;
        nothing.mul(0.0);
        same.add(&nothing).unwrap();
        let (sum, same) = (compacted(sum), compacted(same));
        prop_assert_eq!(populated(&sum), populated(&same));
    }

    #[test]
    fn both_sides_of_a_cut_are_the_whole(a in sound(), value in -20.0_f64..20.0) {
        let (mut below, mut above) = (a.clone(), a.clone());
        below.keep_below(value);
        above.keep_above(value);
        let whole = below.count + above.count;
        prop_assert!((whole - a.count).abs() < 1e-9, "{below} {above} of {a}");
    }
}
