//! First and last sample of a window, and how many there are.

use std::sync::Arc;

use super::notes::Notes;
use super::window::{Point, Window};

/// `first_over_time`
pub(super) fn first_over_time(window: &Window<'_>, _: &[f64], _: &mut Notes) -> Point {
    match (
        window.times.first(),
        window.values.first(),
        window.histograms.first(),
    ) {
        (Some(_), Some(value), None) => Point::Float(*value),
        (Some(time), Some(value), Some((histogram_time, _))) if time < histogram_time => Point::Float(*value),
        (_, _, Some((_, histogram))) => Point::Histogram(Arc::clone(histogram)),
        _ => Point::None,
    }
}

/// `last_over_time`
pub(super) fn last_over_time(window: &Window<'_>, _: &[f64], _: &mut Notes) -> Point {
    match (
        window.times.last(),
        window.values.last(),
        window.histograms.last(),
    ) {
        (Some(_), Some(value), None) => Point::Float(*value),
        (Some(time), Some(value), Some((histogram_time, _))) if histogram_time < time => Point::Float(*value),
        (_, _, Some((_, histogram))) => Point::Histogram(Arc::clone(histogram)),
        _ => Point::None,
    }
}

/// `ts_of_first_over_time`
pub(super) fn ts_of_first_over_time(window: &Window<'_>, _: &[f64], _: &mut Notes) -> Point {
    let times = [
        window.times.first(),
        window.histograms.first().map(|(time, _)| time),
    ];
    seconds(times.into_iter().flatten().min())
}

/// `ts_of_last_over_time`
pub(super) fn ts_of_last_over_time(window: &Window<'_>, _: &[f64], _: &mut Notes) -> Point {
    let times = [
        window.times.last(),
        window.histograms.last().map(|(time, _)| time),
    ];
    seconds(times.into_iter().flatten().max())
}

fn seconds(time: Option<&i64>) -> Point {
    time.map_or(Point::None, |time| Point::Float(*time as f64 / 1_000.0))
}

/// `count_over_time`
pub(super) fn count_over_time(window: &Window<'_>, _: &[f64], _: &mut Notes) -> Point {
    if window.is_empty() {
        Point::None
    } else {
        Point::Float(window.len() as f64)
    }
}

/// `present_over_time`; also what `absent_over_time` asks of each series.
pub(super) fn present_over_time(window: &Window<'_>, _: &[f64], _: &mut Notes) -> Point {
    if window.is_empty() {
        Point::None
    } else {
        Point::Float(1.0)
    }
}
