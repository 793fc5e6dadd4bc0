//! Trends: least squares, and double exponential smoothing. Histograms are left alone.

use super::kahan::KahanSum;
use super::notes::{Note, Notes};
use super::window::{Point, Window};

/// Slope per second and value at `origin_ms` of the line that lies closest to the floats.
///
/// A constant series has slope 0 exactly; a constant infinite one has none.
fn least_squares(times: &[i64], values: &[f64], origin_ms: i64) -> (f64, f64) {
    let first = values.first().copied().unwrap_or(f64::NAN);
    let (mut x_sum, mut y_sum) = (KahanSum::default(), KahanSum::default());
    let (mut xy_sum, mut x2_sum) = (KahanSum::default(), KahanSum::default());
    let (mut n, mut constant) = (0.0, true);
    for (i, (&time, &y)) in times.iter().zip(values).enumerate() {
        if i > 0 && y != first {
            constant = false;
        }
        n += 1.0;
        let x = time.wrapping_sub(origin_ms) as f64 / 1e3;
        x_sum.add(x);
        y_sum.add(y);
        xy_sum.add(x * y);
        x2_sum.add(x * x);
    }
    if constant {
        return if first.is_infinite() {
            (f64::NAN, f64::NAN)
        } else {
            (0.0, first)
        };
    }
    let (x_sum, y_sum) = (x_sum.total(), y_sum.total());
    let covariance = xy_sum.total() - x_sum * y_sum / n;
    let variance = x2_sum.total() - x_sum * x_sum / n;
    let slope = covariance / variance;
    (slope, y_sum / n - slope * x_sum / n)
}

/// Whether there are two floats at least; a window of one float and histograms is worth a finding.
fn two_floats(window: &Window<'_>, notes: &mut Notes) -> bool {
    if !window.values.is_empty() && !window.histograms.is_empty() {
        notes.add(Note::HistogramsIgnored);
    }
    window.values.len() >= 2
}

/// `deriv`: the origin is the first sample, near the values in use, to lose no digits.
pub(super) fn deriv(window: &Window<'_>, _: &[f64], notes: &mut Notes) -> Point {
    match window.times.first() {
        Some(&origin) if two_floats(window, notes) => {
            Point::Float(least_squares(window.times, window.values, origin).0)
        }
        _ => Point::None,
    }
}

/// `predict_linear(window, seconds)`
pub(super) fn predict_linear(window: &Window<'_>, params: &[f64], notes: &mut Notes) -> Point {
    let Some(&seconds) = params.first() else {
        return Point::None;
    };
    if !two_floats(window, notes) {
        return Point::None;
    }
    let (slope, intercept) = least_squares(window.times, window.values, window.eval_ms);
    Point::Float(slope * seconds + intercept)
}

/// `double_exponential_smoothing(window, smoothing factor, trend factor)`, once `holt_winters`.
pub(super) fn double_exponential_smoothing(window: &Window<'_>, params: &[f64], notes: &mut Notes) -> Point {
    let &[smoothing, trend_factor] = params else {
        return Point::None;
    };
    for (name, symbol, factor) in [("smoothing", "sf", smoothing), ("trend", "tf", trend_factor)] {
        // Written so that NaN passes, as it does in Prometheus.
        if factor <= 0.0 || factor >= 1.0 {
            notes.fail(format!(
                "invalid {name} factor. Expected: 0 < {symbol} < 1, got: {factor:.6}"
            ));
            return Point::None;
        }
    }
    if !two_floats(window, notes) {
        return Point::None;
    }
    let &[first, second, ..] = window.values else {
        return Point::None;
    };
    let (mut previous, mut smoothed, mut trend) = (0.0, first, second - first);
    for (i, value) in window.values.iter().enumerate().skip(1) {
        let x = smoothing * value;
        if i > 1 {
            trend = trend_factor * (smoothed - previous) + (1.0 - trend_factor) * trend;
        }
        let y = (1.0 - smoothing) * (smoothed + trend);
        (previous, smoothed) = (smoothed, x + y);
    }
    Point::Float(smoothed)
}
