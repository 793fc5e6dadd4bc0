//! Functions of range vectors: what one series' samples in one window are together.

use super::rate::{Change, count_pairs, extrapolated, instant};
use super::statistics::{exact_variance, extreme, line, mean, quantile, sum};

/// The value of a function over a window that is not empty; `Some(None)` where it has none, `None` for other functions.
pub(super) fn over_time(
    function: &str,
    samples: &[(i64, f64)],
    ends: (i64, i64),
    time: i64,
    parameters: &[f64],
) -> Option<Option<f64>> {
    let values: Vec<f64> = samples.iter().map(|(_, value)| *value).collect();
    let (first, last) = (*samples.first()?, *samples.last()?);
    let several = samples.len() > 1;
    Some(match function {
        "rate" => extrapolated(samples, ends, Change::Rate),
        "increase" => extrapolated(samples, ends, Change::Increase),
        "delta" => extrapolated(samples, ends, Change::Delta),
        "irate" => instant(samples, true),
        "idelta" => instant(samples, false),
        "resets" => Some(count_pairs(samples, |a, b| b < a)),
        "changes" => Some(count_pairs(samples, |a, b| a != b && !(a.is_nan() && b.is_nan()))),
        "avg_over_time" => Some(mean(&values)),
        "sum_over_time" => Some(sum(&values)),
        "count_over_time" => Some(values.len() as f64),
        "min_over_time" => Some(extreme(&values, 1.0)),
        "max_over_time" => Some(extreme(&values, -1.0)),
        "stddev_over_time" => Some(exact_variance(&values).sqrt()),
        "stdvar_over_time" => Some(exact_variance(&values)),
        "last_over_time" => Some(last.1),
        "first_over_time" => Some(first.1),
        "present_over_time" => Some(1.0),
        "quantile_over_time" => Some(quantile(parameters[0], &values)),
        "mad_over_time" if values.iter().any(|value| value.is_nan()) => Some(f64::NAN),
        "mad_over_time" => {
            let middle = quantile(0.5, &values);
            let distances: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
            Some(quantile(0.5, &distances))
        }
        "ts_of_first_over_time" => Some(first.0 as f64 / 1000.0),
        "ts_of_last_over_time" => Some(last.0 as f64 / 1000.0),
        "ts_of_min_over_time" => Some(last_time_of(samples, extreme(&values, 1.0))),
        "ts_of_max_over_time" => Some(last_time_of(samples, extreme(&values, -1.0))),
        "deriv" => several.then(|| line(samples, first.0).0),
        "predict_linear" => several.then(|| {
            let (slope, now) = line(samples, time);
            slope * parameters[0] + now
        }),
        "double_exponential_smoothing" => several.then(|| smoothed(&values, parameters)),
        _ => return None,
    })
}

/// Level and trend, each a weighted mean of what the newest sample says and what was expected (Holt-Winters).
fn smoothed(values: &[f64], parameters: &[f64]) -> f64 {
    let (smoothing, trending) = (parameters[0], parameters[1]);
    let (mut level, mut before, mut trend) = (values[0], 0.0, values[1] - values[0]);
    for (at, value) in values.iter().enumerate().skip(1) {
        if at > 1 {
            trend = trending * (level - before) + (1.0 - trending) * trend;
        }
        before = level;
        level = smoothing * value + (1.0 - smoothing) * (level + trend);
    }
    level
}

/// When the value was last seen, in seconds.
fn last_time_of(samples: &[(i64, f64)], value: f64) -> f64 {
    let same = |other: f64| other == value || (other.is_nan() && value.is_nan());
    let found = samples.iter().rfind(|(_, other)| same(*other));
    found.map_or(f64::NAN, |(time, _)| *time as f64 / 1000.0)
}
