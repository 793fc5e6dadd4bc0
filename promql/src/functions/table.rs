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
