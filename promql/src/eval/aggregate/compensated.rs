//! Compensated sums and counts at all steps, each part behind each other, so that several steps are added at the same
//! time.

use fearless_simd::{Level, dispatch};

use crate::functions::KahanSum;

/// Sums at all steps.
#[derive(Debug)]
pub(super) struct Sums {
    /// What the processor can do at once.
    pub(super) level: Level,
    /// From negative zero on: only that changes nothing that is added to it.
    sums: Vec<f64>,
    lost: Vec<f64>,
}

impl Sums {
    pub(super) fn new(steps: usize) -> Self {
        Self {
            level: Level::new(),
            sums: vec![-0.0; steps],
            lost: vec![0.0; steps],
        }
    }

    /// How many steps there are.
    pub(super) const fn len(&self) -> usize {
        self.sums.len()
    }

    /// Adds a value at each step from `from` on.
    pub(super) fn add(&mut self, from: usize, values: &[f64]) {
        let end = from + values.len();
        if let (Some(sums), Some(lost)) = (self.sums.get_mut(from..end), self.lost.get_mut(from..end)) {
            dispatch!(self.level, _ => add_to_each(sums, lost, values));
        }
    }

    /// Adds other sums and what they have lost.
    pub(super) fn merge(&mut self, others: &Self) {
        let (sums, lost) = (&mut self.sums, &mut self.lost);
        dispatch!(self.level, _ => merge_each(sums, lost, (&others.sums, &others.lost)));
    }

    /// The sum at a step. An infinite one has no compensation.
    pub(super) fn at(&self, step: usize) -> KahanSum {
        let sum = self.sums.get(step).copied().unwrap_or(-0.0);
        let lost = self.lost.get(step).copied().unwrap_or(0.0);
        KahanSum {
            sum,
            compensation: if sum.is_infinite() { 0.0 } else { lost },
        }
    }
}

/// What an infinite sum has lost means nothing.
#[inline(always)]
fn add_to_each(sums: &mut [f64], lost: &mut [f64], values: &[f64]) {
    for ((sum, lost), value) in sums.iter_mut().zip(lost).zip(values) {
        let before = KahanSum {
            sum: *sum,
            compensation: *lost,
        };
        let next = before.plus_finite(*value);
        (*sum, *lost) = (next.sum, next.compensation);
    }
}

#[inline(always)]
fn merge_each(sums: &mut [f64], lost: &mut [f64], others: (&[f64], &[f64])) {
    add_to_each(sums, lost, others.0);
    for (lost, more) in lost.iter_mut().zip(others.1) {
        *lost += *more;
    }
}

/// Values below this can be added to a sum in any order: so many of them as there are in a block change no sum that
/// comes near to being infinite.
const LARGE: f64 = 1e270;

/// Whether one of the values is so large, or infinite, that it matters when it is added.
pub(super) fn any_large(level: Level, values: &[f64]) -> bool {
    dispatch!(level, _ => find_large(values))
}

#[inline(always)]
fn find_large(values: &[f64]) -> bool {
    values
        .iter()
        .fold(false, |any, value| any | (value.abs() > LARGE))
}

/// How many values there are at each step.
#[derive(Debug)]
pub(super) struct Counts {
    /// Series with a value at every step.
    whole: f64,
    /// The others; left out as long as there are none.
    some: Vec<f64>,
    steps: usize,
}

impl Counts {
    pub(super) const fn new(steps: usize) -> Self {
        Self {
            whole: 0.0,
            some: Vec::new(),
            steps,
        }
    }

    /// Another value at each of so many steps from `from` on.
    pub(super) fn add(&mut self, from: usize, count: usize) {
        if count == self.steps {
            self.whole += 1.0;
            return;
        }
        self.some.resize(self.steps, 0.0);
        let some = self.some.iter_mut().skip(from).take(count);
        some.for_each(|counted| *counted += 1.0);
    }

    pub(super) fn merge(&mut self, others: &Self) {
        self.whole += others.whole;
        if !others.some.is_empty() {
            self.some.resize(self.steps, 0.0);
        }
        for (counted, more) in self.some.iter_mut().zip(&others.some) {
            *counted += *more;
        }
    }

    /// How many steps there are.
    pub(super) const fn steps(&self) -> usize {
        self.steps
    }

    pub(super) fn at(&self, step: usize) -> f64 {
        self.whole + self.some.get(step).copied().unwrap_or(0.0)
    }
}
