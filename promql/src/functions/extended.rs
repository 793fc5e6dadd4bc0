//! `rate`, `increase`, `delta` over `anchored` and `smoothed` windows: no stretching, real samples at the ends.

use super::rate::Gain;
use super::window::{Extension, Point, Window};

/// The gain between the window's ends.
///
/// `anchored` takes the last sample at or before each end as it is; `smoothed` draws a line through the samples on
/// both sides of an end.
pub(super) fn gain(window: &Window<'_>, gain: Gain) -> Point {
    let (start, end) = (window.range_start_ms, window.range_end_ms);
    let Some(mut last) = window.times.len().checked_sub(1) else {
        return Point::None;
    };
    let smoothed = window.extension == Extension::Smoothed;
    // Both searches leave the last sample out, as those of Prometheus do.
    let inner = &window.times[..last];
    let mut first = inner.partition_point(|time| *time <= start).saturating_sub(1);
    if smoothed {
        last = inner.partition_point(|time| *time < end);
    }
    if window.times[last] <= start {
        return Point::None;
    }
    let left = if smoothed && window.times[first] < start {
        interpolate(window, first, start, gain.counter)
    } else {
        window.values[first]
    };
    let right = if smoothed && last > 0 && window.times[last] > end {
        interpolate(window, last - 1, end, gain.counter)
    } else {
        window.values[last]
    };
    let mut result = right - left;
    if gain.counter {
        // The ends have taken their own resets into account: only samples inside are left to look at.
        if window.times[first] <= start {
            first += 1;
        }
        let behind_last = if window.times[last] >= end { last } else { last + 1 };
        result += lost_in_resets(left, right, window.values.get(first..behind_last).unwrap_or(&[]));
    }
    if gain.per_second {
        result /= window.range_seconds();
    }
    Point::Float(result)
}

/// The value at `time` on the line from the sample at `index` to the next one. A reset between them counts as a
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

fn lost_in_resets(left: f64, right: f64, inside: &[f64]) -> f64 {
    let (mut lost, mut previous) = (0.0, left);
    for &value in inside.iter().chain(std::iter::once(&right)) {
        if value < previous {
            lost += previous;
        }
        previous = value;
    }
    lost
}

/// Where `resets` and `changes` begin to compare in an anchored window: at the last float at or before the window's
/// start, or at the first one. `None`: no float lies inside of the window.
pub(super) fn first_compared(window: &Window<'_>) -> Option<usize> {
    if window.extension != Extension::Anchored {
        return Some(0);
    }
    let (last, before) = window.times.split_last()?;
    if *last <= window.range_start_ms {
        return None;
    }
    Some(
        before
            .partition_point(|time| *time <= window.range_start_ms)
            .saturating_sub(1),
    )
}
