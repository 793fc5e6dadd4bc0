//! `irate` and `idelta`: the last two samples of a window.

use std::sync::Arc;

use narthex_model::{FloatHistogram, ResetHint};

use super::notes::{HistogramOperation, Note, Notes};
use super::start_time::starts_anew;
use super::window::{Point, Window};

/// `irate`
pub(super) fn irate(window: &Window<'_>, _: &[f64], notes: &mut Notes) -> Point {
    last_two(window, true, notes)
}

/// `idelta`
pub(super) fn idelta(window: &Window<'_>, _: &[f64], notes: &mut Notes) -> Point {
    last_two(window, false, notes)
}

struct Sample<'a> {
    time: i64,
    start: i64,
    value: Value<'a>,
}

enum Value<'a> {
    Float(f64),
    Histogram(&'a Arc<FloatHistogram>),
}

/// The last `count` samples of both kinds, at most, latest first.
fn latest<'a>(window: &Window<'a>) -> Option<[Sample<'a>; 2]> {
    let start = |starts: &[i64], index: usize| starts.get(index).copied().unwrap_or(0);
    let (mut floats, mut histograms) = (window.times.len(), window.histograms.len());
    let mut next = || {
        let float = floats.checked_sub(1).and_then(|i| window.times.get(i));
        let histogram = histograms.checked_sub(1).and_then(|i| window.histograms.get(i));
        let float_is_next = match (float, histogram) {
            (Some(float_ms), Some((histogram_ms, _))) => float_ms > histogram_ms,
            (float, _) => float.is_some(),
        };
        if float_is_next {
            floats -= 1;
            Some(Sample {
                time: *float?,
                start: start(window.start_times, floats),
                value: Value::Float(*window.values.get(floats)?),
            })
        } else {
            let (time, histogram) = histogram?;
            histograms -= 1;
            Some(Sample {
                time: *time,
                start: start(window.histogram_start_times, histograms),
                value: Value::Histogram(histogram),
            })
        }
    };
    let last = next()?;
    Some([next()?, last])
}

fn last_two(window: &Window<'_>, rate: bool, notes: &mut Notes) -> Point {
    let Some([before, last]) = latest(window) else {
        return Point::None;
    };
    let interval_ms = last.time.wrapping_sub(before.time);
    if interval_ms == 0 {
        return Point::None;
    }
    let anew = starts_anew([before.start, before.time, last.start, last.time]);
    let seconds = interval_ms as f64 / 1_000.0;
    match (&before.value, &last.value) {
        (Value::Float(before), Value::Float(last)) => {
            // After a reset everything counted is new.
            let gain = if rate && (last < before || anew) {
                *last
            } else {
                last - before
            };
            Point::Float(if rate { gain / seconds } else { gain })
        }
        (Value::Histogram(before), Value::Histogram(last)) => {
            let Some(mut gain) = histogram_gain(before, last, rate, anew, notes) else {
                return Point::None;
            };
            if rate {
                gain.div(seconds);
            }
            Point::Histogram(Arc::new(gain))
        }
        _ => {
            notes.add(Note::MixedFloatsHistograms);
            Point::None
        }
    }
}

fn histogram_gain(
    before: &FloatHistogram,
    last: &FloatHistogram,
    rate: bool,
    anew: bool,
    notes: &mut Notes,
) -> Option<FloatHistogram> {
    let gauges = [before, last].map(|histogram| histogram.hint == ResetHint::Gauge);
    if rate && gauges.contains(&true) {
        notes.add(Note::HistogramNotCounter);
    }
    if !rate && gauges.contains(&false) {
        notes.add(Note::HistogramNotGauge);
    }
    let mut gain = last.clone();
    if !rate || !(anew || last.detect_reset(before)) {
        match gain.sub(before) {
            // Contradicting hints do not matter: resets were looked at above.
            Ok(combined) if combined.bounds_reconciled => {
                notes.add(Note::BucketsReconciled(HistogramOperation::Subtraction));
            }
            Ok(_) => {}
            Err(_) => {
                notes.add(Note::MixedExponentialCustom);
                return None;
            }
        }
    }
    gain.hint = ResetHint::Gauge;
    gain.compact();
    Some(gain)
}
