//! Which kernel answers which range function.

use super::window::RangeKernel;
use super::{ends, extremes, instant_rate, rate, regression, spread, steps, sums};

/// The kernel of a function that takes a range vector, by its name in the language.
///
/// `absent_over_time` is that of `present_over_time`: evaluation turns it around.
#[must_use]
pub fn range_function(name: &str) -> Option<RangeKernel> {
    Some(match name {
        "absent_over_time" | "present_over_time" => ends::present_over_time,
        "avg_over_time" => sums::avg_over_time,
        "changes" => steps::changes,
        "count_over_time" => ends::count_over_time,
        "delta" => rate::delta,
        "deriv" => regression::deriv,
        "double_exponential_smoothing" => regression::double_exponential_smoothing,
        "first_over_time" => ends::first_over_time,
        "idelta" => instant_rate::idelta,
        "increase" => rate::increase,
        "irate" => instant_rate::irate,
        "last_over_time" => ends::last_over_time,
        "mad_over_time" => spread::mad_over_time,
        "max_over_time" => extremes::max_over_time,
        "min_over_time" => extremes::min_over_time,
        "predict_linear" => regression::predict_linear,
        "quantile_over_time" => spread::quantile_over_time,
        "rate" => rate::rate,
        "resets" => steps::resets,
        "stddev_over_time" => spread::stddev_over_time,
        "stdvar_over_time" => spread::stdvar_over_time,
        "sum_over_time" => sums::sum_over_time,
        "ts_of_first_over_time" => ends::ts_of_first_over_time,
        "ts_of_last_over_time" => ends::ts_of_last_over_time,
        "ts_of_max_over_time" => extremes::ts_of_max_over_time,
        "ts_of_min_over_time" => extremes::ts_of_min_over_time,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use narthex_model::{FloatHistogram, Span};
    use proptest::prelude::*;

    use super::*;
    use crate::functions::{Extension, Notes, Point, Window, smoothed_point};

    const NAMES: &[&str] = &[
        "absent_over_time",
        "avg_over_time",
        "changes",
        "count_over_time",
        "delta",
        "deriv",
        "double_exponential_smoothing",
        "first_over_time",
        "idelta",
        "increase",
        "irate",
        "last_over_time",
        "mad_over_time",
        "max_over_time",
        "min_over_time",
        "predict_linear",
        "present_over_time",
        "quantile_over_time",
        "rate",
        "resets",
        "stddev_over_time",
        "stdvar_over_time",
        "sum_over_time",
        "ts_of_first_over_time",
        "ts_of_last_over_time",
        "ts_of_max_over_time",
        "ts_of_min_over_time",
    ];

    fn time() -> impl Strategy<Value = i64> {
        prop_oneof![8 => -100_i64..400, 1 => prop_oneof![Just(i64::MIN), Just(i64::MAX), Just(0)]]
    }

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![
            4 => (-3_i32..20).prop_map(f64::from),
            1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(f64::MAX)]
        ]
    }

    fn histogram() -> impl Strategy<Value = Arc<FloatHistogram>> {
        let schema = prop_oneof![4 => 0_i32..3, 1 => Just(-53)];
        (schema, value(), prop::collection::vec(value(), 0..3)).prop_map(|(schema, count, buckets)| {
            let length = buckets.len() as u32;
            Arc::new(FloatHistogram {
                schema,
                count,
                sum: count,
                positive_spans: vec![Span { offset: 0, length }],
                positive_buckets: buckets,
                custom_values: if schema == -53 { vec![1.0] } else { Vec::new() },
                ..FloatHistogram::default()
            })
        })
    }

    proptest! {
        #[test]
        fn no_window_makes_a_kernel_panic(
            mut times in prop::collection::btree_set(time(), 0..6),
            values in prop::collection::vec(value(), 6),
            mut histograms in prop::collection::btree_map(time(), histogram(), 0..4),
            starts in prop::collection::vec(time(), 6),
            flags in prop::array::uniform3(any::<bool>()),
            window in prop::array::uniform3(time()),
            extension in prop_oneof![Just(Extension::None), Just(Extension::Anchored), Just(Extension::Smoothed)],
            params in prop::collection::vec(value(), 0..3),
        ) {
            let [with_starts, floats_only, histograms_only] = flags;
            if floats_only { histograms.clear() } else if histograms_only { times.clear() }
            let times: Vec<i64> = times.into_iter().collect();
            let histograms: Vec<_> = histograms.into_iter().collect();
            let starts = |count: usize| if with_starts { &starts[..count] } else { &[] };
            let window = Window {
                times: &times,
                values: &values[..times.len()],
                start_times: starts(times.len()),
                histograms: &histograms,
                histogram_start_times: starts(histograms.len()),
                range_start_ms: window[0].min(window[1]),
                range_end_ms: window[0].max(window[1]),
                eval_ms: window[2],
                extension,
            };
            for name in NAMES {
                let mut notes = Notes::default();
                let point = range_function(name).unwrap()(&window, &params, &mut notes);
                prop_assert!(!window.is_empty() || point == Point::None, "{name} of nothing is {point:?}");
                for note in notes.found() {
                    prop_assert!(!note.describe("m").1.is_empty());
                }
            }
            let _ = smoothed_point(&window, &mut Notes::default());
        }
    }
}
