//! How far the floats of a window lie apart: variance, deviation, quantiles. Histograms are left alone.

use super::kahan::KahanSum;
use super::notes::{Note, Notes};
use super::quantile::quantile;
use super::window::{Point, Window};

/// Adds the finding for histograms that a function of floats left alone; whether there is a float at all.
pub(super) fn only_floats(window: &Window<'_>, notes: &mut Notes) -> bool {
    if window.values.is_empty() {
        return false;
    }
    if !window.histograms.is_empty() {
        notes.add(Note::HistogramsIgnored);
    }
    true
}

/// `stdvar_over_time`
pub(super) fn stdvar_over_time(window: &Window<'_>, _: &[f64], notes: &mut Notes) -> Point {
    if only_floats(window, notes) {
        Point::Float(variance(window.values))
    } else {
        Point::None
    }
}

/// `stddev_over_time`
pub(super) fn stddev_over_time(window: &Window<'_>, _: &[f64], notes: &mut Notes) -> Point {
    if only_floats(window, notes) {
        Point::Float(variance(window.values).sqrt())
    } else {
        Point::None
    }
}

/// Welford's running variance, mean and squares summed with compensation.
fn variance(values: &[f64]) -> f64 {
    let (mut count, mut mean, mut squares) = (0.0, KahanSum::default(), KahanSum::default());
    for value in values {
        count += 1.0;
        let delta = value - mean.total();
        mean.add(delta / count);
        squares.add(delta * (value - mean.total()));
    }
    squares.total() / count
}

/// `quantile_over_time(q, window)`
pub(super) fn quantile_over_time(window: &Window<'_>, params: &[f64], notes: &mut Notes) -> Point {
    let Some(&q) = params.first() else {
        return Point::None;
    };
    if window.values.is_empty() {
        return Point::None;
    }
    if !(0.0..=1.0).contains(&q) {
        notes.add(Note::InvalidQuantile(q));
    }
    only_floats(window, notes);
    Point::Float(quantile(q, &mut window.values.to_vec()))
}

/// `mad_over_time`: the median of the distances from the median; NaN where there is one among the floats.
pub(super) fn mad_over_time(window: &Window<'_>, _: &[f64], notes: &mut Notes) -> Point {
    if !only_floats(window, notes) {
        return Point::None;
    }
    if window.values.iter().any(|value| value.is_nan()) {
        return Point::Float(f64::NAN);
    }
    let mut values = window.values.to_vec();
    let median = quantile(0.5, &mut values);
    for value in &mut values {
        *value = (*value - median).abs();
    }
    Point::Float(quantile(0.5, &mut values))
}
