//! `rate`, `increase`, `delta` over `anchored` and `smoothed` windows: no stretching, but the samples around the ends.

use std::sync::Arc;

use narthex_model::histogram::IncompatibleSchemas;
use narthex_model::{FloatHistogram, ResetHint};

use super::notes::{HistogramOperation, Note, Notes};
use super::rate::Gain;
use super::window::{Extension, Point, Window};

/// The gain between the window's ends.
///
/// `anchored` takes the last sample at or before each end as it is; `smoothed` draws a line through the samples on
/// both sides of an end. The window holds samples of one kind.
pub(super) fn gain(window: &Window<'_>, gain: Gain, notes: &mut Notes) -> Point {
    if window.histograms.is_empty() {
        return Ends::find(window, window.times)
            .map_or(Point::None, |ends| Point::Float(float_gain(window, gain, &ends)));
    }
    let times: Vec<i64> = window.histograms.iter().map(|(time, _)| *time).collect();
    let Some(ends) = Ends::find(window, &times) else {
        return Point::None;
    };
    let mut found = Notes::default();
    if let Ok(mut result) = histogram_gain(window, gain, &ends, &mut found) {
        notes.merge(found);
        if gain.per_second {
            result.div(window.range_seconds());
        }
        result.hint = ResetHint::Gauge;
        result.compact();
        Point::Histogram(Arc::new(result))
    } else {
        notes.add(Note::MixedExponentialCustom);
        Point::None
    }
}

/// Which samples the gain is taken between, and where between samples its ends lie.
struct Ends {
    first: usize,
    last: usize,
    /// The left end lies this far (0..1) on the way from the first sample to the next.
    left: Option<f64>,
    /// The right end lies this far (0..1) on the way to the last sample from the one before it.
    right: Option<f64>,
}

impl Ends {
    fn find(window: &Window<'_>, times: &[i64]) -> Option<Self> {
        let (start, end) = (window.range_start_ms, window.range_end_ms);
        // Both searches leave the last sample out, as those of Prometheus do.
        let (_, inner) = times.split_last()?;
        let first = inner.partition_point(|time| *time <= start).saturating_sub(1);
        let smoothed = window.extension == Extension::Smoothed;
        let last = if smoothed {
            inner.partition_point(|time| *time < end)
        } else {
            inner.len()
        };
        let (first_ms, last_ms) = (*times.get(first)?, *times.get(last)?);
        if last_ms <= start || first_ms > end {
            return None;
        }
        let share = |from: i64, to: i64, at: i64| at.wrapping_sub(from) as f64 / to.wrapping_sub(from) as f64;
        let left = match times.get(first + 1) {
            Some(next) if smoothed && first_ms < start => Some(share(first_ms, *next, start)),
            _ => None,
        };
        let right = match last.checked_sub(1).and_then(|before| times.get(before)) {
            Some(before) if smoothed && last_ms > end => Some(share(*before, last_ms, end)),
            _ => None,
        };
        Some(Self {
            first,
            last,
            left,
            right,
        })
    }
}

fn float_gain(window: &Window<'_>, gain: Gain, ends: &Ends) -> f64 {
    let (values, times) = (window.values, window.times);
    let (start, end) = (window.range_start_ms, window.range_end_ms);
    let left = if ends.left.is_some() {
        interpolate(window, ends.first, start, gain.counter)
    } else {
        values[ends.first]
    };
    let right = if ends.right.is_some() {
        interpolate(window, ends.last - 1, end, gain.counter)
    } else {
        values[ends.last]
    };
    let mut result = right - left;
    if gain.counter {
        // The ends have taken their own resets into account: only samples inside are left to look at.
        let from = ends.first + usize::from(times[ends.first] <= start);
        let to = ends.last + usize::from(times[ends.last] < end);
        let mut previous = left;
        for &value in values.get(from..to).unwrap_or(&[]).iter().chain([&right]) {
            if value < previous {
                result += previous;
            }
            previous = value;
        }
    }
    if gain.per_second {
        result /= window.range_seconds();
    }
    result
}

/// The value at `time` on the line from the float at `index` to the next one. For a counter a drop between them is a
/// start from zero.
fn interpolate(window: &Window<'_>, index: usize, time: i64, counter: bool) -> f64 {
    let next = (index + 1).min(window.times.len() - 1);
    let (mut y1, y2) = (window.values[index], window.values[next]);
    if counter && y2 < y1 {
        y1 = 0.0;
    }
    let (t1, t2) = (window.times[index], window.times[next]);
    y1 + (y2 - y1) * time.wrapping_sub(t1) as f64 / t2.wrapping_sub(t1) as f64
}

fn histogram_gain(
    window: &Window<'_>,
    gain: Gain,
    ends: &Ends,
    notes: &mut Notes,
) -> Result<FloatHistogram, IncompatibleSchemas> {
    let histograms: Vec<&FloatHistogram> = window.histograms[ends.first..=ends.last]
        .iter()
        .map(|(_, histogram)| Arc::as_ref(histogram))
        .collect();
    let (Some(&first), Some(&last)) = (histograms.first(), histograms.last()) else {
        return Ok(FloatHistogram::default());
    };
    let gauge = |histogram: &FloatHistogram| histogram.hint == ResetHint::Gauge;
    if gain.counter && histograms.iter().any(|h| gauge(h)) {
        notes.add(Note::HistogramNotCounter);
    }
    if !gain.counter && [first, last].iter().any(|h| !gauge(h)) {
        notes.add(Note::HistogramNotGauge);
    }
    let custom = first.uses_custom_buckets();
    if histograms.iter().any(|h| h.uses_custom_buckets() != custom) {
        return Err(IncompatibleSchemas);
    }
    let mut reconciled = |combined: narthex_model::histogram::Combined, operation| {
        if combined.bounds_reconciled {
            notes.add(Note::BucketsReconciled(operation));
        }
    };
    let left = match (ends.left, histograms.get(1)) {
        (Some(share), Some(next)) => between(first, next, share, gain.counter)?,
        _ => first.clone(),
    };
    let mut result = match (ends.right, histograms.iter().rev().nth(1)) {
        (Some(share), Some(before)) => between(before, last, share, gain.counter)?,
        _ => last.clone(),
    };
    reconciled(result.sub(&left)?, HistogramOperation::Subtraction);
    if gain.counter {
        for (i, pair) in histograms.windows(2).enumerate() {
            // A left end between two samples has taken a reset between them into account.
            let inside = i > 0 || ends.left.is_none();
            if let &[before, after] = pair
                && inside
                && after.detect_reset(before)
            {
                reconciled(result.add(before)?, HistogramOperation::Addition);
            }
        }
    }
    Ok(result)
}

/// The histogram `share` (0..1) of the way from one to the next. For a counter a reset between them is a start from
/// zero.
fn between(
    from: &FloatHistogram,
    to: &FloatHistogram,
    share: f64,
    counter: bool,
) -> Result<FloatHistogram, IncompatibleSchemas> {
    let mut result = to.clone();
    if from.uses_custom_buckets() != to.uses_custom_buckets() {
        return Err(IncompatibleSchemas);
    }
    if counter && to.detect_reset(from) {
        result.mul(share);
        return Ok(result);
    }
    result.sub(from)?;
    result.mul(share);
    result.add(from)?;
    Ok(result)
}

/// The value of a `smoothed` instant selector at the end of the window, which holds the samples of the lookback before
/// and behind that time: on the line between the samples around it, or the last one before it.
///
/// Floats are taken as gauges, histograms as what their hint says.
#[must_use]
pub fn smoothed_point(window: &Window<'_>, notes: &mut Notes) -> Point {
    let at = window.range_end_ms;
    if !window.values.is_empty() && !window.histograms.is_empty() {
        notes.add(Note::MixedFloatsHistograms);
        return Point::None;
    }
    let share = |from: i64, to: i64| at.wrapping_sub(from) as f64 / to.wrapping_sub(from) as f64;
    if window.histograms.is_empty() {
        let behind = window.times.partition_point(|time| *time <= at);
        let Some(last) = behind.checked_sub(1) else {
            return Point::None;
        };
        return Point::Float(if window.times[last] == at || behind == window.times.len() {
            window.values[last]
        } else {
            interpolate(window, last, at, false)
        });
    }
    let behind = window.histograms.partition_point(|(time, _)| *time <= at);
    let (before, after) = window.histograms.split_at(behind);
    match (before.last(), after.first()) {
        (None, _) => Point::None,
        (Some((time, histogram)), next) if *time == at || next.is_none() => {
            Point::Histogram(Arc::clone(histogram))
        }
        (Some((time, histogram)), Some((next_time, next))) => {
            let counter = next.hint != ResetHint::Gauge;
            match between(histogram, next, share(*time, *next_time), counter) {
                Ok(result) => Point::Histogram(Arc::new(result)),
                Err(IncompatibleSchemas) => {
                    notes.add(Note::MixedExponentialCustom);
                    Point::None
                }
            }
        }
        (Some(_), None) => Point::None,
    }
}

/// The time of the last sample at or before the start of an anchored window, from which `resets` and `changes` count:
/// samples before it do not matter. `None`: no sample lies inside of the window.
pub(super) fn anchor(window: &Window<'_>) -> Option<i64> {
    if window.extension != Extension::Anchored {
        return Some(i64::MIN);
    }
    let start = window.range_start_ms;
    let last = window
        .times
        .last()
        .max(window.histograms.last().map(|(time, _)| time))?;
    if *last <= start {
        return None;
    }
    let float = window.times.partition_point(|time| *time <= start);
    let histogram = window.histograms.partition_point(|(time, _)| *time <= start);
    let float = float.checked_sub(1).and_then(|i| window.times.get(i));
    let histogram = histogram.checked_sub(1).and_then(|i| window.histograms.get(i));
    Some(
        float
            .max(histogram.map(|(time, _)| time))
            .copied()
            .unwrap_or(i64::MIN),
    )
}
