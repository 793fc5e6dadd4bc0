//! Smallest and largest float of a window, and when it was. Histograms are left alone.

use super::notes::Notes;
use super::spread::only_floats;
use super::window::{Point, Window};

/// The float that `better` prefers over all others, with its time; anything is better than NaN.
fn best(window: &Window<'_>, notes: &mut Notes, better: fn(f64, f64) -> bool) -> Option<(i64, f64)> {
    if !only_floats(window, notes) {
        return None;
    }
    let mut samples = window.times.iter().copied().zip(window.values.iter().copied());
    let first = samples.next()?;
    Some(samples.fold(first, |best, sample| {
        if better(sample.1, best.1) || best.1.is_nan() {
            sample
        } else {
            best
        }
    }))
}

fn value(best: Option<(i64, f64)>) -> Point {
    best.map_or(Point::None, |(_, value)| Point::Float(value))
}

fn seconds(best: Option<(i64, f64)>) -> Point {
    best.map_or(Point::None, |(time, _)| Point::Float(time as f64 / 1_000.0))
}

/// `max_over_time`
pub(super) fn max_over_time(window: &Window<'_>, _: &[f64], notes: &mut Notes) -> Point {
    value(best(window, notes, |a, b| a > b))
}

/// `min_over_time`
pub(super) fn min_over_time(window: &Window<'_>, _: &[f64], notes: &mut Notes) -> Point {
    value(best(window, notes, |a, b| a < b))
}

/// `ts_of_max_over_time`: of equal values the last one counts.
pub(super) fn ts_of_max_over_time(window: &Window<'_>, _: &[f64], notes: &mut Notes) -> Point {
    seconds(best(window, notes, |a, b| a >= b))
}

/// `ts_of_min_over_time`: of equal values the last one counts.
pub(super) fn ts_of_min_over_time(window: &Window<'_>, _: &[f64], notes: &mut Notes) -> Point {
    seconds(best(window, notes, |a, b| a <= b))
}
