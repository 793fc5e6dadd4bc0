//! `rate`, `increase` and `delta` of whole columns: what the times of a window say is worked out once for all series that
//! share them, and the steps are computed side by side.

use std::ops::Range;

use super::columns::{FloatColumn, FloatSink};
use super::places::Places;
use super::rate::{seconds, stretched};
use super::survey::find_drops;
use super::window::range_seconds;

/// Steps computed together.
const TOGETHER: usize = 8;

/// What times say of the windows over them.
#[derive(Debug, Default)]
pub(super) struct GainPlan {
    steps: Vec<GainStep>,
    /// From the first to the last step whose window holds two samples at least, and whether those between do too.
    wide: Range<usize>,
    whole: bool,
    /// What mostly is all that is needed of each of these steps, part by part.
    parts: Parts,
}

/// Buffers for the gains of a series.
#[derive(Debug, Default)]
pub(super) struct Gains {
    resets: Vec<u32>,
    /// What stands at the starts of their windows, and then what the windows gain; and what stands at the ends.
    gained: Vec<f64>,
    to: Vec<f64>,
}

/// Fields of all steps, each behind each other.
#[derive(Debug, Default)]
struct Parts {
    first: Places,
    last: Places,
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
        self.first.set(steps.iter().map(|step| step.first));
        self.last.set(steps.iter().map(|step| step.last));
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

    /// Whether the window holds two samples at least.
    const fn is_wide(&self) -> bool {
        self.first != self.last
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

/// Whether a counter is stretched as if it had never been at zero: as it does not grow, or as zero lies far behind, which
/// shows without a division, with more room than rounding needs.
#[inline(always)]
fn is_far_from_zero(first: f64, gain: f64, sampled: f64, to_start: f64) -> bool {
    let grows = (gain > 0.0) & (first >= 0.0);
    !grows | ((gain > 1e-280) & (first * sampled > to_start * gain * 1.000_001))
}

impl GainPlan {
    /// Memory for each step, in bytes: the step, its fields part by part, and its places.
    pub(super) const STEP_BYTES: usize = size_of::<GainStep>() + 3 * size_of::<f64>() + 2 * size_of::<u32>();

    /// Works out what the times say.
    pub(super) fn set(
        &mut self,
        times: &[i64],
        bounds: &[(u32, u32)],
        window: impl Fn(usize) -> (i64, i64),
        per_second: bool,
    ) {
        self.steps.clear();
        let windows = bounds.iter().enumerate();
        let steps = windows.map(|(i, bounds)| GainStep::new(times, *bounds, window(i), per_second));
        self.steps.extend(steps);
        let start = self.steps.iter().take_while(|step| !step.is_wide()).count();
        let behind = self.steps.iter().rev().take_while(|step| !step.is_wide()).count();
        self.wide = start..(self.steps.len() - behind).max(start);
        let wide = self.steps.get(self.wide.clone()).unwrap_or(&[]);
        self.whole = wide.iter().all(GainStep::is_wide);
        self.parts.fill(wide);
    }
}

impl Gains {
    /// Computes every step of a series.
    #[inline(always)]
    pub(super) fn fill(
        &mut self,
        plan: &GainPlan,
        column: &FloatColumn<'_>,
        counter: bool,
        sink: &mut impl FloatSink,
    ) {
        self.resets.clear();
        if counter && !column.rising {
            find_drops(column.values, &mut self.resets);
        }
        let Range { start, end } = plan.wide;
        sink.nones(start);
        // A few steps are sooner computed than parted.
        if plan.whole && end - start >= TOGETHER {
            self.fill_between_resets(plan, column.values, counter, sink);
        } else {
            self.fill_one_by_one(plan, column.values, start..end, counter, sink);
        }
        sink.nones(plan.steps.len() - end);
    }

    /// Steps whose windows hold a reset are computed one by one, those between them side by side.
    #[inline(always)]
    fn fill_between_resets(
        &mut self,
        plan: &GainPlan,
        values: &[f64],
        counter: bool,
        sink: &mut impl FloatSink,
    ) {
        plan.parts.first.pick(values, &mut self.gained);
        plan.parts.last.pick(values, &mut self.to);
        let Range { start, end } = plan.wide;
        let mut at = start;
        for reset in 0..self.resets.len() {
            let Some(reset) = self.resets.get(reset).copied() else {
                break;
            };
            let left = plan.steps.get(at..end).unwrap_or(&[]);
            let behind = at + left.partition_point(|step| step.first <= reset);
            let before = at + left.partition_point(|step| step.last <= reset);
            self.fill_plain(plan, at - start..before - start, counter);
            sink.floats(self.gained.get(at - start..before - start).unwrap_or(&[]));
            self.fill_one_by_one(plan, values, before..behind, counter, sink);
            at = behind;
        }
        self.fill_plain(plan, at - start..end - start, counter);
        sink.floats(self.gained.get(at - start..end - start).unwrap_or(&[]));
    }

    /// Replaces the values at the starts of these windows by what the windows gain.
    #[inline(always)]
    fn fill_plain(&mut self, plan: &GainPlan, steps: Range<usize>, counter: bool) {
        fn part<'p>(part: &'p [f64], steps: &Range<usize>) -> (&'p [[f64; TOGETHER]], &'p [f64]) {
            part.get(steps.clone()).unwrap_or(&[]).as_chunks()
        }
        let (gained, rest) = self
            .gained
            .get_mut(steps.clone())
            .unwrap_or(&mut [])
            .as_chunks_mut::<TOGETHER>();
        let (to, to_rest) = part(&self.to, &steps);
        let (sampled, _) = part(&plan.parts.sampled, &steps);
        let (to_start, _) = part(&plan.parts.to_start, &steps);
        let (factors, _) = part(&plan.parts.factor, &steps);
        let plans = plan.steps.get(plan.wide.start + steps.start..).unwrap_or(&[]);
        let times = sampled.iter().zip(to_start).zip(factors);
        let mut done = 0;
        for ((from, to), ((sampled, to_start), factors)) in gained.iter_mut().zip(to).zip(times) {
            let mut results = [0.0; TOGETHER];
            let mut far = true;
            for lane in 0..TOGETHER {
                let gain = to[lane] - from[lane];
                far &= is_far_from_zero(from[lane], gain, sampled[lane], to_start[lane]);
                results[lane] = gain * factors[lane];
            }
            if counter && !far {
                let steps = plans.iter().skip(done).zip(&mut results);
                for ((step, result), (from, to)) in steps.zip(from.iter().zip(to)) {
                    *result = (to - from) * step.factor_of(to - from, *from, true);
                }
            }
            *from = results;
            done += TOGETHER;
        }
        for ((step, from), to) in plans.iter().skip(done).zip(rest).zip(to_rest) {
            let gain = to - *from;
            *from = gain * step.factor_of(gain, *from, counter);
        }
    }

    fn fill_one_by_one(
        &self,
        plan: &GainPlan,
        values: &[f64],
        steps: Range<usize>,
        counter: bool,
        sink: &mut impl FloatSink,
    ) {
        let mut resets = self.resets.as_slice();
        for step in plan.steps.get(steps).unwrap_or(&[]) {
            let ends = (values.get(step.first as usize), values.get(step.last as usize));
            let (Some(&first), Some(&last)) = ends else {
                sink.none();
                continue;
            };
            if !step.is_wide() {
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
