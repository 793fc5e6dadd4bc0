//! `resets` and `changes`: pairs of neighbouring samples that differ.

use std::sync::Arc;

use narthex_model::FloatHistogram;

use super::extended::anchor;
use super::notes::Notes;
use super::start_time::starts_anew;
use super::window::{Point, Window};

/// `resets`
pub(super) fn resets(window: &Window<'_>, _: &[f64], _: &mut Notes) -> Point {
    count_pairs(window, |pair| {
        starts_anew(pair.times())
            || match (&pair.before.value, &pair.after.value) {
                (Value::Float(before), Value::Float(after)) => after < before,
                (Value::Histogram(before), Value::Histogram(after)) => after.detect_reset(before),
                _ => true,
            }
    })
}

/// `changes`: from NaN to NaN is none.
pub(super) fn changes(window: &Window<'_>, _: &[f64], _: &mut Notes) -> Point {
    count_pairs(window, |pair| match (&pair.before.value, &pair.after.value) {
        (Value::Float(before), Value::Float(after)) => {
            after != before && !(after.is_nan() && before.is_nan())
        }
        (Value::Histogram(before), Value::Histogram(after)) => !after.same_data(before),
        _ => true,
    })
}

#[derive(Clone, Copy)]
struct Sample<'a> {
    time: i64,
    start: i64,
    value: Value<'a>,
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Float(f64),
    Histogram(&'a FloatHistogram),
}

struct Pair<'a> {
    before: Sample<'a>,
    after: Sample<'a>,
}

impl Pair<'_> {
    const fn times(&self) -> [i64; 4] {
        [
            self.before.start,
            self.before.time,
            self.after.start,
            self.after.time,
        ]
    }
}

fn count_pairs(window: &Window<'_>, differ: impl Fn(&Pair<'_>) -> bool) -> Point {
    if window.is_empty() {
        return Point::None;
    }
    let Some(anchor) = anchor(window) else {
        return Point::None;
    };
    let mut samples = merged(window).filter(|sample| sample.time >= anchor);
    let Some(mut before) = samples.next() else {
        return Point::None;
    };
    let mut count = 0_usize;
    for after in samples {
        count += usize::from(differ(&Pair { before, after }));
        before = after;
    }
    Point::Float(count as f64)
}

/// Floats and histograms in the order of time.
fn merged<'a>(window: &Window<'a>) -> impl Iterator<Item = Sample<'a>> {
    let start = |starts: &[i64], index: usize| starts.get(index).copied().unwrap_or(0);
    let window = *window;
    let mut floats = window.times.iter().zip(window.values).enumerate().peekable();
    let mut histograms = window.histograms.iter().enumerate().peekable();
    std::iter::from_fn(move || {
        let float_is_next = match (floats.peek(), histograms.peek()) {
            (Some((_, (float_ms, _))), Some((_, (histogram_ms, _)))) => *float_ms < histogram_ms,
            (float, _) => float.is_some(),
        };
        if float_is_next {
            floats.next().map(|(i, (time, value))| Sample {
                time: *time,
                start: start(window.start_times, i),
                value: Value::Float(*value),
            })
        } else {
            histograms.next().map(|(i, (time, histogram))| Sample {
                time: *time,
                start: start(window.histogram_start_times, i),
                value: Value::Histogram(Arc::as_ref(histogram)),
            })
        }
    })
}
