//! `rate`, `increase`, `delta`: what a window gained, stretched to the window's ends.

use std::sync::Arc;

use super::notes::{Note, Notes};
use super::window::{Extension, Point, Window};
use super::{extended, histogram_rate as histograms};

/// What kind of gain is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gain {
    /// A drop is a reset, not a loss.
    pub(super) counter: bool,
    /// Per second of the window.
    pub(super) per_second: bool,
}

/// `rate`
pub(super) fn rate(window: &Window<'_>, _: &[f64], notes: &mut Notes) -> Point {
    gain(
        window,
        Gain {
            counter: true,
            per_second: true,
        },
        notes,
    )
}

/// `increase`
pub(super) fn increase(window: &Window<'_>, _: &[f64], notes: &mut Notes) -> Point {
    gain(
        window,
        Gain {
            counter: true,
            per_second: false,
        },
        notes,
    )
}

/// `delta`
pub(super) fn delta(window: &Window<'_>, _: &[f64], notes: &mut Notes) -> Point {
    gain(
        window,
        Gain {
            counter: false,
            per_second: false,
        },
        notes,
    )
}

fn gain(window: &Window<'_>, gain: Gain, notes: &mut Notes) -> Point {
    if window.extension != Extension::None {
        return extended::gain(window, gain);
    }
    match (window.values.len(), window.histograms.len()) {
        (0, 0 | 1) | (1, 0) => Point::None,
        (0, _) => histogram_gain(window, gain, notes),
        (_, 0) => float_gain(window, gain).map_or(Point::None, Point::Float),
        _ => {
            notes.add(Note::MixedFloatsHistograms);
            Point::None
        }
    }
}

fn float_gain(window: &Window<'_>, gain: Gain) -> Option<f64> {
    let (first, last) = (*window.values.first()?, *window.values.last()?);
    let (first_ms, last_ms) = (*window.times.first()?, *window.times.last()?);
    let mut result = last - first;
    if gain.counter {
        if window.start_times.len() == window.times.len() {
            result = with_start_times(window, result);
        } else {
            for pair in window.values.windows(2) {
                if let &[previous, current] = pair
                    && current < previous
                {
                    result += previous;
                }
            }
        }
    }
    let stretch = Stretch::new(window, first_ms, last_ms, window.values.len() - 1);
    let to_zero = (gain.counter && result > 0.0 && first >= 0.0).then(|| stretch.sampled * (first / result));
    Some(result * stretch.factor(window, gain, to_zero))
}

fn with_start_times(window: &Window<'_>, mut result: f64) -> f64 {
    for i in 1..window.values.len() {
        let (previous, current) = (window.values[i - 1], window.values[i]);
        let times = [
            window.start_times[i - 1],
            window.times[i - 1],
            window.start_times[i],
            window.times[i],
        ];
        if current < previous || starts_anew(times) {
            result += previous;
        }
    }
    result
}

/// Whether the start time of a sample says that its series began after the sample before.
///
/// Times are: start and time of the sample before, start and time of this sample; a start of 0 is not known.
pub(super) const fn starts_anew([previous_start, previous, start, time]: [i64; 4]) -> bool {
    if start == 0 || start > time || start < previous {
        return false;
    }
    // A start at the very time of the sample before is that of a delta series, unless the sample before
    // knew no start: then it marks a cumulative series whose start is not known.
    start > previous || previous_start != 0
}

/// How far a window's first and last sample lie from its ends, and how far the gain is stretched there.
pub(super) struct Stretch {
    /// Seconds between first and last sample.
    pub(super) sampled: f64,
    average: f64,
    to_start: f64,
    to_end: f64,
}

impl Stretch {
    pub(super) fn new(window: &Window<'_>, first_ms: i64, last_ms: i64, gaps: usize) -> Self {
        let sampled = last_ms.wrapping_sub(first_ms) as f64 / 1_000.0;
        Self {
            sampled,
            average: sampled / gaps as f64,
            to_start: first_ms.wrapping_sub(window.range_start_ms) as f64 / 1_000.0,
            to_end: window.range_end_ms.wrapping_sub(last_ms) as f64 / 1_000.0,
        }
    }

    /// What the gain is multiplied with. `to_zero` is how many seconds before the first sample a counter was at
    /// zero: it is not stretched beyond.
    pub(super) fn factor(&self, window: &Window<'_>, gain: Gain, to_zero: Option<f64>) -> f64 {
        // A sample missing by more than a tenth of the usual distance means that the series begins or ends
        // inside of the window, half a distance away.
        let threshold = self.average * 1.1;
        let near = |distance: f64| {
            if distance >= threshold {
                self.average / 2.0
            } else {
                distance
            }
        };
        let mut to_start = near(self.to_start);
        if let Some(to_zero) = to_zero
            && to_zero < to_start
        {
            to_start = to_zero;
        }
        let factor = (self.sampled + to_start + near(self.to_end)) / self.sampled;
        if gain.per_second {
            factor / window.range_seconds()
        } else {
            factor
        }
    }
}

fn histogram_gain(window: &Window<'_>, gain: Gain, notes: &mut Notes) -> Point {
    let [(first_ms, first), .., (last_ms, _)] = window.histograms else {
        return Point::None;
    };
    let Some(mut result) = histograms::difference(window, gain.counter, notes) else {
        return Point::None;
    };
    let stretch = Stretch::new(window, *first_ms, *last_ms, window.histograms.len() - 1);
    let to_zero = (gain.counter && result.count > 0.0 && first.count >= 0.0)
        .then(|| stretch.sampled * (first.count / result.count));
    result.mul(stretch.factor(window, gain, to_zero));
    Point::Histogram(Arc::new(result))
}
