//! `rate`, `increase`, `delta`: what a window gained, stretched to the window's ends.

use std::sync::Arc;

use super::notes::{Note, Notes};
use super::start_time::{overlaps, starts_anew, zero_point};
use super::window::{Extension, Point, Window};
use super::{extended, histogram_rate};

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
    let rate = Gain {
        counter: true,
        per_second: true,
    };
    gain(window, rate, notes)
}

/// `increase`
pub(super) fn increase(window: &Window<'_>, _: &[f64], notes: &mut Notes) -> Point {
    let increase = Gain {
        counter: true,
        per_second: false,
    };
    gain(window, increase, notes)
}

/// `delta`
pub(super) fn delta(window: &Window<'_>, _: &[f64], notes: &mut Notes) -> Point {
    let delta = Gain {
        counter: false,
        per_second: false,
    };
    gain(window, delta, notes)
}

fn gain(window: &Window<'_>, gain: Gain, notes: &mut Notes) -> Point {
    if !window.values.is_empty() && !window.histograms.is_empty() {
        notes.add(Note::MixedFloatsHistograms);
        return Point::None;
    }
    if window.extension != Extension::None {
        return extended::gain(window, gain, notes);
    }
    if window.histograms.is_empty() {
        float_gain(window, gain, notes).map_or(Point::None, Point::Float)
    } else {
        histogram_gain(window, gain, notes).map_or(Point::None, |gain| Point::Histogram(Arc::new(gain)))
    }
}

fn float_gain(window: &Window<'_>, gain: Gain, notes: &mut Notes) -> Option<f64> {
    let (first, last) = (*window.values.first()?, *window.values.last()?);
    let mut result = last - first;
    let mut zero_ms = None;
    if gain.counter {
        if window.start_times.len() == window.times.len() {
            result = with_start_times(window, result, notes);
            zero_ms = zero_point(window, window.times, window.start_times);
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
    let stretch = Stretch::new(window, window.times, zero_ms)?;
    if zero_ms.is_some() {
        result += first;
    }
    let to_zero = (gain.counter && result > 0.0 && first >= 0.0).then(|| stretch.sampled * (first / result));
    Some(result * stretch.factor(window, gain, to_zero))
}

fn with_start_times(window: &Window<'_>, mut result: f64, notes: &mut Notes) -> f64 {
    for (i, pair) in window.values.windows(2).enumerate() {
        let times = Window::neighbours(window.times, window.start_times, i);
        if overlaps(times) {
            notes.add(Note::StartTimeOverlap);
        }
        if let &[previous, current] = pair
            && (current < previous || starts_anew(times))
        {
            result += previous;
        }
    }
    result
}

fn histogram_gain(
    window: &Window<'_>,
    gain: Gain,
    notes: &mut Notes,
) -> Option<narthex_model::FloatHistogram> {
    let times: Vec<i64> = window.histograms.iter().map(|(time, _)| *time).collect();
    let starts = window.histogram_start_times;
    let known = gain.counter && starts.len() == times.len();
    let zero_ms = if known {
        zero_point(window, &times, starts)
    } else {
        None
    };
    let stretch = Stretch::new(window, &times, zero_ms)?;
    if known {
        for i in 0..times.len() - 1 {
            if overlaps(Window::neighbours(&times, starts, i)) {
                notes.add(Note::StartTimeOverlap);
            }
        }
    }
    let mut result = histogram_rate::difference(window, gain.counter, zero_ms.is_some(), notes)?;
    let first = window.histograms.first()?.1.count;
    let to_zero = (gain.counter && result.count > 0.0 && first >= 0.0)
        .then(|| stretch.sampled * (first / result.count));
    result.mul(stretch.factor(window, gain, to_zero));
    Some(result)
}

/// Seconds between two times in milliseconds.
pub(super) fn seconds(from: i64, to: i64) -> f64 {
    to.wrapping_sub(from) as f64 / 1_000.0
}

/// By how many seconds a gain is stretched to an end of the window that is `distance` away, with samples `average` apart:
/// a sample missing by more than a tenth of that means that the series begins or ends inside of the window, half of it
/// away.
pub(super) fn stretched(distance: f64, average: f64) -> f64 {
    if distance >= average * 1.1 {
        average / 2.0
    } else {
        distance
    }
}

/// How far a window's first and last sample lie from its ends, and how far the gain is stretched there.
struct Stretch {
    /// Seconds from the first sample, or from where the counter was at zero, to the last sample.
    sampled: f64,
    average: f64,
    /// Seconds from the window's start to the first sample; `None` where the counter is known to begin inside.
    to_start: Option<f64>,
    to_end: f64,
}

impl Stretch {
    /// `None` where a single sample says nothing of the time before it.
    fn new(window: &Window<'_>, times: &[i64], zero_ms: Option<i64>) -> Option<Self> {
        let (first, last) = (*times.first()?, *times.last()?);
        let gaps = times.len() - 1;
        if gaps == 0 && zero_ms.is_none() {
            return None;
        }
        Some(Self {
            sampled: seconds(zero_ms.unwrap_or(first), last),
            average: if gaps == 0 {
                0.0
            } else {
                seconds(first, last) / gaps as f64
            },
            to_start: zero_ms.is_none().then(|| seconds(window.range_start_ms, first)),
            to_end: seconds(last, window.range_end_ms),
        })
    }

    /// What the gain is multiplied with. `to_zero` is how many seconds before the first sample a counter was at
    /// zero if it went on like this: it is not stretched beyond.
    fn factor(&self, window: &Window<'_>, gain: Gain, to_zero: Option<f64>) -> f64 {
        let near = |distance: f64| stretched(distance, self.average);
        let mut to_start = self.to_start.map_or(0.0, near);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn window<'a>(times: &'a [i64], values: &'a [f64], starts: &'a [i64]) -> Window<'a> {
        Window {
            times,
            values,
            start_times: starts,
            range_start_ms: 60_000,
            range_end_ms: 360_000,
            eval_ms: 360_000,
            ..Window::default()
        }
    }

    fn increase_of(times: &[i64], values: &[f64], starts: &[i64]) -> Option<f64> {
        let mut notes = Notes::default();
        match increase(&window(times, values, starts), &[], &mut notes) {
            Point::Float(value) => Some(value),
            _ => None,
        }
    }

    const MINUTES: [i64; 5] = [120_000, 180_000, 240_000, 300_000, 360_000];

    #[test]
    fn gains_are_stretched_to_near_ends_and_not_below_zero() {
        let increase = |times, values| increase_of(times, values, &[]);
        // A minute to the start is no more than a tenth beyond the usual distance.
        assert_eq!(increase(&MINUTES, &[10.0, 20.0, 30.0, 40.0, 50.0]), Some(50.0));
        // The counter was at zero 24 s before its first sample.
        assert_eq!(increase(&MINUTES, &[4.0, 14.0, 24.0, 34.0, 44.0]), Some(44.0));
        // A reset: 3 after 30.
        assert_eq!(
            increase(&MINUTES, &[10.0, 20.0, 30.0, 3.0, 13.0]),
            Some(33.0 * 300.0 / 240.0)
        );
        // Far from both ends: half a distance to each side.
        assert_eq!(increase(&MINUTES[1..3], &[20.0, 30.0]), Some(20.0));
        assert_eq!(increase(&MINUTES[..1], &[1.0]), None);
    }

    #[test]
    fn a_start_inside_of_the_window_is_a_sample_of_zero() {
        assert_eq!(increase_of(&MINUTES[..1], &[7.0], &[90_000]), Some(7.0));
        // At or before the window's start, at or behind the sample, not known: no use.
        for start in [60_000, 30_000, 120_000, 130_000, 0] {
            assert_eq!(increase_of(&MINUTES[..1], &[7.0], &[start]), None, "{start}");
        }
    }

    #[test]
    fn a_delta_is_not_corrected_for_resets() {
        let mut notes = Notes::default();
        let window = window(&MINUTES, &[10.0, 20.0, 30.0, 3.0, 13.0], &[]);
        assert_eq!(delta(&window, &[], &mut notes), Point::Float(3.0 * 300.0 / 240.0));
    }
}
