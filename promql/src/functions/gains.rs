//! `rate`, `increase` and `delta` of whole columns: what the times of a window say is worked out once for all series that
//! share them, and the steps are computed side by side.

use super::columns::{FloatColumn, FloatSink};
use super::rate::{seconds, stretched};
use super::window::range_seconds;

/// Steps computed together.
const TOGETHER: usize = 8;

/// The windows of a column, and what has been found out about them.
#[derive(Debug, Default)]
pub(super) struct GainPlan {
    version: Option<u64>,
    steps: Vec<GainStep>,
    /// What mostly is all that is needed of each step, part by part.
    parts: Parts,
    /// Whether every window holds two samples at least.
    all_wide: bool,
    resets: Vec<u32>,
}

/// Fields of all steps, each behind each other.
#[derive(Debug, Default)]
struct Parts {
    first: Vec<u32>,
    last: Vec<u32>,
    sampled: Vec<f64>,
    to_start: Vec<f64>,
    factor: Vec<f64>,
}

impl Parts {
    fn fill(&mut self, steps: &[GainStep]) {
        fn fill<T>(part: &mut Vec<T>, steps: &[GainStep], of: impl Fn(&GainStep) -> T) {
            part.clear();
            part.extend(steps.iter().map(of));
        }
        fill(&mut self.first, steps, |step| step.first);
        fill(&mut self.last, steps, |step| step.last);
        fill(&mut self.sampled, steps, |step| step.sampled);
        fill(&mut self.to_start, steps, |step| step.to_start);
        fill(&mut self.factor, steps, |step| step.factor);
    }
}

/// What the gain of one step needs to know of its times.
#[derive(Debug, Clone, Copy, Default)]
struct GainStep {
    /// First sample, and the last; equal where the window holds fewer than two.
    first: u32,
    last: u32,
    /// Seconds between the two.
    sampled: f64,
    /// Seconds by which the gain is stretched to the left, if the counter was not at zero before, and to the right.
    to_start: f64,
    to_end: f64,
    /// What the gain is multiplied with if it is stretched so.
    factor: f64,
    /// What it is divided by.
    seconds: f64,
}

impl GainStep {
    fn new(times: &[i64], (low, high): (u32, u32), (start, end): (i64, i64), per_second: bool) -> Self {
        let empty = Self::default();
        let Some(last) = high.checked_sub(1).filter(|last| *last > low) else {
            return empty;
        };
        let (Some(first_ms), Some(last_ms)) = (times.get(low as usize), times.get(last as usize)) else {
            return empty;
        };
        let sampled = seconds(*first_ms, *last_ms);
        let average = sampled / f64::from(last - low);
        let mut step = Self {
            first: low,
            last,
            sampled,
            to_start: stretched(seconds(start, *first_ms), average),
            to_end: stretched(seconds(*last_ms, end), average),
            factor: 0.0,
            seconds: if per_second {
                range_seconds(start, end)
            } else {
                1.0
            },
        };
        step.factor = step.factor_from(step.to_start);
        step
    }

    /// What a gain from `first` on is multiplied with: a counter is not stretched beyond where it was zero.
    #[inline]
    fn factor_of(&self, gain: f64, first: f64, counter: bool) -> f64 {
        if !counter || is_far_from_zero(first, gain, self.sampled, self.to_start) {
            return self.factor;
        }
        let to_zero = self.sampled * (first / gain);
        if to_zero < self.to_start {
            self.factor_from(to_zero)
        } else {
            self.factor
        }
    }

    /// Division by 1 changes no bit, so that `increase` needs no branch.
    #[inline]
    fn factor_from(&self, to_start: f64) -> f64 {
        (self.sampled + to_start + self.to_end) / self.sampled / self.seconds
    }
}

/// Positions of the values that a smaller one follows. Drops are rare, so whole stretches are looked through at once.
#[inline(always)]
fn find_drops(values: &[f64], drops: &mut Vec<u32>) {
    const STRETCH: usize = 64;
    let mut start = 0;
    while let Some(stretch) = values
        .get(start..values.len().min(start + STRETCH + 1))
        .filter(|s| s.len() > 1)
    {
        let pairs = || stretch.iter().zip(stretch.iter().skip(1));
        if pairs().fold(false, |any, (before, after)| any | (after < before)) {
            let found = pairs().enumerate().filter(|(_, (before, after))| after < before);
            drops.extend(found.map(|(i, _)| (start + i) as u32));
        }
        start += STRETCH;
    }
}

/// Whether a counter is stretched as if it had never been at zero: as it does not grow, or as zero lies far behind, which
/// shows without a division, with more room than rounding needs.
#[inline(always)]
fn is_far_from_zero(first: f64, gain: f64, sampled: f64, to_start: f64) -> bool {
    let grows = (gain > 0.0) & (first >= 0.0);
    !grows | ((gain > 1e-280) & (first * sampled > to_start * gain * 1.000_001))
}

impl GainPlan {
    /// Works out what the times say, unless they are those of the series before.
    pub(super) fn prepare(
        &mut self,
        column: &FloatColumn<'_>,
        window: impl Fn(usize) -> (i64, i64),
        per_second: bool,
    ) {
        let known = column.version.is_some() && column.version == self.version;
        if known && self.steps.len() == column.bounds.len() {
            return;
        }
        self.version = column.version;
        self.steps.clear();
        self.steps.extend(
            column
                .bounds
                .iter()
                .enumerate()
                .map(|(i, bounds)| GainStep::new(column.times, *bounds, window(i), per_second)),
        );
        self.all_wide = self.steps.iter().all(|step| step.first != step.last);
        self.parts.fill(&self.steps);
    }

    /// Computes every step of a series with these values.
    #[inline(always)]
    pub(super) fn fill(&mut self, values: &[f64], counter: bool, sink: &mut impl FloatSink) {
        self.resets.clear();
        if counter {
            find_drops(values, &mut self.resets);
        }
        if self.resets.is_empty() && self.all_wide {
            self.fill_plain(values, counter, sink);
        } else {
            self.fill_with_resets(values, counter, sink);
        }
    }

    #[inline(always)]
    fn fill_plain(&self, values: &[f64], counter: bool, sink: &mut impl FloatSink) {
        let value = |at: u32| values.get(at as usize).copied().unwrap_or(f64::NAN);
        let Parts {
            first,
            last,
            sampled,
            to_start,
            factor,
        } = &self.parts;
        let firsts = first.as_chunks::<TOGETHER>().0;
        let lasts = last.as_chunks::<TOGETHER>().0;
        let sampled = sampled.as_chunks::<TOGETHER>().0;
        let to_start = to_start.as_chunks::<TOGETHER>().0;
        let factors = factor.as_chunks::<TOGETHER>().0;
        let times = sampled.iter().zip(to_start).zip(factors);
        for (at, ((firsts, lasts), ((sampled, to_start), factors))) in
            firsts.iter().zip(lasts).zip(times).enumerate()
        {
            let (from, to) = (firsts.map(value), lasts.map(value));
            let mut results = [0.0; TOGETHER];
            let mut far = true;
            for lane in 0..TOGETHER {
                let gain = to[lane] - from[lane];
                far &= is_far_from_zero(from[lane], gain, sampled[lane], to_start[lane]);
                results[lane] = gain * factors[lane];
            }
            if counter && !far {
                let steps = self.steps.iter().skip(at * TOGETHER).zip(&mut results);
                for ((step, result), (from, to)) in steps.zip(from.into_iter().zip(to)) {
                    *result = (to - from) * step.factor_of(to - from, from, true);
                }
            }
            sink.floats(results.into_iter());
        }
        let rest = self.steps.len() / TOGETHER * TOGETHER;
        sink.floats(self.steps.iter().skip(rest).map(|step| {
            let from = value(step.first);
            let gain = value(step.last) - from;
            gain * step.factor_of(gain, from, counter)
        }));
    }

    fn fill_with_resets(&self, values: &[f64], counter: bool, sink: &mut impl FloatSink) {
        let mut resets = self.resets.as_slice();
        for step in &self.steps {
            let (Some(&first), Some(&last)) =
                (values.get(step.first as usize), values.get(step.last as usize))
            else {
                sink.none();
                continue;
            };
            if step.first == step.last {
                sink.none();
                continue;
            }
            let mut result = last - first;
            while let [reset, rest @ ..] = resets
                && *reset < step.first
            {
                resets = rest;
            }
            for reset in resets.iter().take_while(|reset| **reset < step.last) {
                result += values.get(*reset as usize).copied().unwrap_or(0.0);
            }
            sink.float(result * step.factor_of(result, first, counter));
        }
    }
}
