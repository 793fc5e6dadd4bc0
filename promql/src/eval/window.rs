//! Which samples lie in the window of each step, found once for all series that share their times.

use super::steps::Steps;
use crate::functions::Extension;
use crate::plan::TimeShift;

/// The shape of a window: where it lies, seen from the evaluation time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) shift: TimeShift,
    pub(crate) range_ms: i64,
    pub(crate) extension: Extension,
    pub(crate) lookback_ms: i64,
}

impl Frame {
    /// The window of an evaluation time: open at the first time, closed at the second.
    #[inline]
    pub(crate) const fn bounds(&self, time: i64) -> (i64, i64) {
        let end = self.shift.apply(time);
        (end.saturating_sub(self.range_ms), end)
    }

    /// The times whose samples the window holds: those above the first, up to the second.
    #[inline]
    pub(crate) const fn reach(&self, time: i64) -> (i64, i64) {
        let (start, end) = self.bounds(time);
        match self.extension {
            Extension::None => (start, end),
            Extension::Anchored => (start.saturating_sub(self.lookback_ms), end),
            Extension::Smoothed => (
                start.saturating_sub(self.lookback_ms),
                end.saturating_add(self.lookback_ms),
            ),
        }
    }

    /// First and last time of a sample that any step can see.
    pub(crate) const fn needed(&self, steps: &Steps) -> (i64, i64) {
        let (first, _) = self.reach(steps.start);
        let (_, last) = self.reach(steps.last());
        (first.saturating_add(1), last)
    }
}

/// For each step the first sample of its window and the one behind its last.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    bounds: Vec<(u32, u32)>,
    /// Samples in the widest window, and in all of them together.
    widest: usize,
    total: u64,
}

impl Windows {
    /// Finds the windows over `times`.
    pub(crate) fn plan(&mut self, times: &[i64], steps: &Steps, frame: &Frame) -> &[(u32, u32)] {
        self.bounds.clear();
        let (mut low, mut high) = (0_usize, 0_usize);
        for time in steps.times() {
            let (start, end) = frame.reach(time);
            // Both edges only move forward: the times ascend, and so do the steps.
            while times.get(high).is_some_and(|t| *t <= end) {
                high += 1;
            }
            while low < high && times.get(low).is_some_and(|t| *t <= start) {
                low += 1;
            }
            self.bounds.push((low as u32, high as u32));
        }
        let lengths = || self.bounds.iter().map(|(low, high)| high - low);
        self.widest = lengths().max().unwrap_or(0) as usize;
        self.total = lengths().map(u64::from).sum();
        &self.bounds
    }

    /// The windows planned last.
    pub(crate) fn bounds(&self) -> &[(u32, u32)] {
        &self.bounds
    }

    /// Most samples in one of the windows planned last.
    pub(crate) const fn widest(&self) -> usize {
        self.widest
    }

    /// Samples in all windows planned last.
    pub(crate) const fn total(&self) -> u64 {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_open_on_the_left() {
        let times: Vec<i64> = (0..10).map(|i| i * 10).collect();
        let frame = Frame {
            shift: TimeShift::default(),
            range_ms: 20,
            extension: Extension::None,
            lookback_ms: 0,
        };
        let steps = Steps {
            start: 5,
            interval: 25,
            count: 5,
        };
        let mut windows = Windows::default();
        let planned: Vec<Vec<i64>> = windows
            .plan(&times, &steps, &frame)
            .iter()
            .map(|(low, high)| times[*low as usize..*high as usize].to_vec())
            .collect();
        let expected: Vec<Vec<i64>> = steps
            .times()
            .map(|t| times.iter().copied().filter(|s| t - 20 < *s && *s <= t).collect())
            .collect();
        assert_eq!(planned, expected);
    }
}
