//! Whole columns at once: the heavy functions of plain floats, over windows planned once for all series that share
//! their times. What they answer is what the plain kernels answer, bit for bit.

use fearless_simd::{Level, dispatch};

use super::gains::{GainPlan, Gains};
use super::lanes::{self, LANES, Runs, lanes};
use super::sums::{mean, sum};

/// A function that can be computed by columns.
#[derive(Debug, Clone, Copy)]
pub enum ColumnFunction {
    /// `rate`, `increase`, `delta`
    Gain {
        /// A drop is a reset, not a loss.
        counter: bool,
        /// Per second of the window.
        per_second: bool,
    },
    /// `max_over_time`, `min_over_time`
    Extreme {
        /// The largest.
        max: bool,
    },
    /// `sum_over_time`, `avg_over_time`
    Sum {
        /// By the count.
        mean: bool,
    },
    /// Anything else made of the floats of a window; the window is never empty.
    Fold(fn(&[f64]) -> f64),
}

/// How a function is computed by columns, by its name in the language; `None` for the lighter ones.
#[must_use]
pub fn column_function(name: &str) -> Option<ColumnFunction> {
    let gain = |counter, per_second| Some(ColumnFunction::Gain { counter, per_second });
    match name {
        "rate" => gain(true, true),
        "increase" => gain(true, false),
        "delta" => gain(false, false),
        "sum_over_time" => Some(ColumnFunction::Sum { mean: false }),
        "avg_over_time" => Some(ColumnFunction::Sum { mean: true }),
        "min_over_time" => Some(ColumnFunction::Extreme { max: false }),
        "max_over_time" => Some(ColumnFunction::Extreme { max: true }),
        "count_over_time" => Some(ColumnFunction::Fold(|values| values.len() as f64)),
        "last_over_time" => Some(ColumnFunction::Fold(|values| {
            values.last().copied().unwrap_or(f64::NAN)
        })),
        "present_over_time" => Some(ColumnFunction::Fold(|_| 1.0)),
        _ => None,
    }
}

/// The value that `better` prefers; anything is better than NaN.
fn extreme(values: &[f64], better: impl Fn(f64, f64) -> bool) -> f64 {
    let first = values.first().copied().unwrap_or(f64::NAN);
    values.iter().fold(first, |best, value| {
        if better(*value, best) || best.is_nan() {
            *value
        } else {
            best
        }
    })
}

/// Where a column goes, step by step.
pub trait FloatSink {
    /// The next step has this value.
    fn float(&mut self, value: f64);
    /// The next step has none.
    fn none(&mut self);
    /// The next steps have these values.
    fn floats(&mut self, values: &[f64]) {
        values.iter().for_each(|value| self.float(*value));
    }
    /// So many of the next steps have none.
    fn nones(&mut self, count: usize) {
        (0..count).for_each(|_| self.none());
    }
}

/// One series and the windows over it.
#[derive(Debug, Clone, Copy)]
pub struct FloatColumn<'a> {
    /// The samples; stale markers and histograms are gone.
    pub values: &'a [f64],
    /// Whether it is known that each value is at least the one before.
    pub rising: bool,
    /// For each step the first sample of its window and the one behind its last; both only grow.
    pub bounds: &'a [(u32, u32)],
}

impl FloatColumn<'_> {
    /// Makes a value of each window that is not empty.
    fn fold(&self, fold: impl Fn(&[f64]) -> f64, sink: &mut impl FloatSink) {
        self.bounds
            .iter()
            .for_each(|bounds| self.fold_one(*bounds, &fold, sink));
    }

    fn fold_one(&self, (low, high): (u32, u32), fold: impl Fn(&[f64]) -> f64, sink: &mut impl FloatSink) {
        match self.values.get(low as usize..high as usize) {
            Some(values) if !values.is_empty() => sink.float(fold(values)),
            _ => sink.none(),
        }
    }

    /// The sum or the mean of each window, several windows at a time where they are equally long. Not told which by a
    /// function: what is called through one is not compiled for the processor.
    #[inline(always)]
    fn add_up<const MEAN: bool>(&self, sink: &mut impl FloatSink) {
        let one = if MEAN { mean } else { sum };
        let mut rest = self.bounds;
        while let Some((first, others)) = rest.split_first() {
            if let Some(lanes) = lanes(rest) {
                sink.floats(&if MEAN {
                    lanes::means(self.values, lanes)
                } else {
                    lanes::sums(self.values, lanes)
                });
                rest = rest.get(LANES..).unwrap_or(&[]);
            } else {
                self.fold_one(*first, one, sink);
                rest = others;
            }
        }
    }
}

/// What a function has found out about the times and windows of a series: it holds for all series that share them.
#[derive(Debug, Default)]
pub struct ColumnPlan {
    gains: GainPlan,
}

impl ColumnFunction {
    /// Memory of a plan for each step, in bytes.
    #[must_use]
    pub const fn plan_step_bytes(self) -> usize {
        match self {
            Self::Gain { .. } => GainPlan::STEP_BYTES,
            _ => 0,
        }
    }

    /// Works out what the function needs to know of times (ascending, in Unix milliseconds) and of each step's window:
    /// its first sample and the one behind its last. `window` answers the open start and the closed end of a window,
    /// in Unix milliseconds.
    pub fn plan(
        self,
        times: &[i64],
        bounds: &[(u32, u32)],
        window: impl Fn(usize) -> (i64, i64),
        plan: &mut ColumnPlan,
    ) {
        if let Self::Gain { per_second, .. } = self {
            plan.gains.set(times, bounds, window, per_second);
        }
    }
}

/// A function with its buffers.
#[derive(Debug)]
pub struct ColumnKernel {
    function: ColumnFunction,
    /// What the processor can do at once.
    level: Level,
    gains: Gains,
    runs: Runs,
}

impl ColumnKernel {
    /// A kernel with empty buffers.
    #[must_use]
    pub fn new(function: ColumnFunction) -> Self {
        Self {
            function,
            level: Level::new(),
            gains: Gains::default(),
            runs: Runs::default(),
        }
    }

    /// Computes every step of a series. `plan` is what the function has found out about its times and windows.
    pub fn fill(&mut self, column: &FloatColumn<'_>, plan: &ColumnPlan, sink: &mut impl FloatSink) {
        match self.function {
            ColumnFunction::Fold(fold) => column.fold(fold, sink),
            ColumnFunction::Extreme { max } => match (max, lanes::is_plain(column.values)) {
                (_, true) if Runs::pay(column.bounds) => {
                    let runs = &mut self.runs;
                    let found = match max {
                        true => dispatch!(self.level, _ => runs.find::<true>(column.values, column.bounds)),
                        false => dispatch!(self.level, _ => runs.find::<false>(column.values, column.bounds)),
                    };
                    for ((low, high), value) in column.bounds.iter().zip(found) {
                        if low < high {
                            sink.float(*value)
                        } else {
                            sink.none()
                        }
                    }
                }
                (true, true) => column.fold(lanes::extreme::<true>, sink),
                (false, true) => column.fold(lanes::extreme::<false>, sink),
                (true, false) => column.fold(|values| extreme(values, |a, b| a > b), sink),
                (false, false) => column.fold(|values| extreme(values, |a, b| a < b), sink),
            },
            ColumnFunction::Sum { mean: false } => {
                dispatch!(self.level, _ => column.add_up::<false>(sink));
            }
            ColumnFunction::Sum { mean: true } => {
                dispatch!(self.level, _ => column.add_up::<true>(sink));
            }
            ColumnFunction::Gain { counter, .. } => {
                dispatch!(self.level, _ => self.gains.fill(&plan.gains, column, counter, sink));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::functions::{Notes, Point, Window, range_function};

    #[derive(Default)]
    struct Bits(Vec<Option<u64>>);

    impl FloatSink for Bits {
        fn float(&mut self, value: f64) {
            self.0.push(Some(value.to_bits()));
        }
        fn none(&mut self) {
            self.0.push(None);
        }
    }

    fn plain(name: &str, times: &[i64], column: &FloatColumn<'_>, ends: &[(i64, i64)]) -> Vec<Option<u64>> {
        let kernel = range_function(name).unwrap();
        let windows = column.bounds.iter().zip(ends);
        windows
            .map(|((low, high), (start, end))| {
                let window = Window {
                    times: &times[*low as usize..*high as usize],
                    values: &column.values[*low as usize..*high as usize],
                    range_start_ms: *start,
                    range_end_ms: *end,
                    eval_ms: *end,
                    ..Window::default()
                };
                if window.is_empty() {
                    return None;
                }
                match kernel(&window, &[], &mut Notes::default()) {
                    Point::Float(value) => Some(value.to_bits()),
                    _ => None,
                }
            })
            .collect()
    }

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![
            4 => (0_i32..1_000).prop_map(f64::from),
            2 => 0.0_f64..1e3,
            1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(-1.5), Just(-0.0), Just(1e308)],
        ]
    }

    proptest! {
        #[test]
        fn columns_are_what_plain_kernels_answer(
            gaps in prop_oneof![
                prop::collection::vec(1_i64..40_000, 0..60),
                prop::collection::vec(Just(15_000_i64), 0..60),
            ],
            mut all_values in prop::collection::vec(value(), 60),
            sorted in any::<bool>(),
            interval in prop_oneof![1_i64..90_000, prop::sample::select(vec![15_000, 30_000, 60_000])],
            range in prop_oneof![1_i64..300_000, 600_000_i64..900_000],
            begin in -100_000_i64..400_000,
        ) {
            if sorted {
                all_values.sort_by(f64::total_cmp);
            }
            let times: Vec<i64> = gaps.iter().scan(0, |time, gap| { *time += gap; Some(*time) }).collect();
            let ends: Vec<(i64, i64)> = (0..20).map(|i| begin + i * interval).map(|t| (t - range, t)).collect();
            let at = |time: i64| times.partition_point(|t| *t <= time) as u32;
            let bounds: Vec<(u32, u32)> = ends.iter().map(|(start, end)| (at(*start), at(*end))).collect();
            for name in [
                "rate", "increase", "delta", "sum_over_time", "avg_over_time", "min_over_time", "max_over_time",
                "count_over_time", "last_over_time", "present_over_time",
            ] {
                let function = column_function(name).unwrap();
                let (mut kernel, mut plan) = (ColumnKernel::new(function), ColumnPlan::default());
                function.plan(&times, &bounds, |step| ends[step], &mut plan);
                // The second series shares the times of the first.
                for values in [&all_values[..times.len()], &all_values[60 - times.len()..]] {
                    let rising = values.windows(2).all(|pair| pair[1] >= pair[0]);
                    let column = FloatColumn { values, rising, bounds: &bounds };
                    let mut found = Bits::default();
                    kernel.fill(&column, &plan, &mut found);
                    let expected = plain(name, &times, &column, &ends);
                    let nan = |bits: &Option<u64>| bits.is_some_and(|b| f64::from_bits(b).is_nan());
                    let same = found.0.iter().zip(&expected).all(|(a, b)| a == b || (nan(a) && nan(b)));
                    prop_assert!(same && found.0.len() == expected.len(), "{name}: {:?} {:?}", found.0, expected);
                }
            }
        }
    }
}
