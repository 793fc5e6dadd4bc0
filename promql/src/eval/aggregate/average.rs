//! `avg`: compensated sums by counts, or means that move once a sum would overflow.

use std::sync::Arc;

use fearless_simd::Level;
use narthex_model::FloatHistogram;

use super::compensated::{Counts, Sums, any_large};
use super::fold::{Merge, Row};
use super::folds::{Histograms, histogram, histograms_of};
use crate::functions::{HistogramFoldKind, KahanSum, Notes, Point};

/// `avg` at one step.
#[derive(Clone, Default)]
pub(super) struct Average {
    sum: KahanSum,
    mean: f64,
    count: f64,
    incremental: bool,
    histograms: Histograms,
}

impl Average {
    pub(super) fn is_mixed(&self) -> bool {
        self.count > 0.0 && self.histograms.any()
    }

    fn float(&mut self, value: f64) {
        self.count += 1.0;
        if self.count == 1.0 {
            self.sum = KahanSum::new(value);
            self.mean = value;
            return;
        }
        if !self.incremental {
            let sum = self.sum.plus(value);
            if !sum.sum.is_infinite() {
                self.sum = sum;
                return;
            }
            self.incremental = true;
            self.mean = self.sum.sum / (self.count - 1.0);
            self.sum.compensation /= self.count - 1.0;
        }
        let share = (self.count - 1.0) / self.count;
        let mean = KahanSum {
            sum: share * self.mean,
            compensation: share * self.sum.compensation,
        }
        .plus(value / self.count);
        self.mean = mean.sum;
        self.sum.compensation = mean.compensation;
    }

    /// Takes over the floats of another one.
    fn merge(&mut self, behind: &Self) {
        let count = self.count + behind.count;
        if behind.count == 0.0 {
            return;
        }
        let sum = self.sum.merged(behind.sum);
        if self.incremental || behind.incremental || sum.sum.is_infinite() {
            let mean = self.share(count).merged(behind.share(count));
            self.incremental = true;
            self.mean = mean.sum;
            self.sum.compensation = mean.compensation;
        } else {
            self.sum = sum;
        }
        self.count = count;
    }

    /// What it adds to the mean of so many.
    fn share(&self, of: f64) -> KahanSum {
        if self.incremental {
            let share = self.count / of;
            KahanSum {
                sum: share * self.mean,
                compensation: share * self.sum.compensation,
            }
        } else {
            KahanSum {
                sum: self.sum.sum / of,
                compensation: self.sum.compensation / of,
            }
        }
    }

    pub(super) fn result(self, notes: &mut Notes) -> Point {
        match (self.count > 0.0, self.histograms.fold) {
            (true, None) if self.incremental => Point::Float(self.mean + self.sum.compensation),
            (true, None) => Point::Float(self.sum.sum / self.count + self.sum.compensation / self.count),
            (false, Some(fold)) => histogram(*fold, notes),
            _ => Point::None,
        }
    }
}

/// `avg` at all steps.
pub(super) struct AverageRow {
    sums: Sums,
    counts: Counts,
    /// Once a value was so large that sums might overflow: each step by itself.
    cells: Option<Vec<Average>>,
    /// Left out as long as there are none.
    histograms: Vec<Histograms>,
}

impl AverageRow {
    fn cell(&self, step: usize) -> Average {
        match self.cells.as_ref().and_then(|cells| cells.get(step)) {
            Some(cell) => cell.clone(),
            None => Average {
                sum: self.sums.at(step),
                count: self.counts.at(step),
                ..Average::default()
            },
        }
    }

    /// Each step by itself from now on.
    fn part(&mut self) -> &mut [Average] {
        if self.cells.is_none() {
            self.cells = Some((0..self.sums.len()).map(|step| self.cell(step)).collect());
        }
        self.cells.as_deref_mut().unwrap_or(&mut [])
    }
}

impl Row for AverageRow {
    type Cell = Average;

    fn new(steps: usize) -> Self {
        Self {
            sums: Sums::new(steps),
            counts: Counts::new(steps),
            cells: None,
            histograms: Vec::new(),
        }
    }

    fn floats(&mut self, from: usize, values: &[f64]) {
        if self.cells.is_none() && !any_large(self.sums.level, values) {
            self.sums.add(from, values);
            self.counts.add(from, values.len());
            return;
        }
        for (cell, value) in self.part().iter_mut().skip(from).zip(values) {
            cell.float(*value);
        }
    }

    fn histogram(&mut self, step: usize, histogram: &Arc<FloatHistogram>, notes: &mut Notes) -> bool {
        if let Some(histograms) = histograms_of(&mut self.histograms, self.sums.len()).get_mut(step) {
            histograms.add(HistogramFoldKind::Mean, histogram, notes);
        }
        true
    }

    fn into_cells(mut self) -> impl Iterator<Item = Average> {
        let mut histograms = std::mem::take(&mut self.histograms).into_iter();
        (0..self.sums.len()).map(move |step| Average {
            histograms: histograms.next().unwrap_or_default(),
            ..self.cell(step)
        })
    }
}

impl Merge for AverageRow {
    fn merges(level: Level, floats: &[f64]) -> bool {
        !any_large(level, floats)
    }

    fn merge(&mut self, behind: &Self) {
        if self.cells.is_none() && behind.cells.is_none() {
            self.sums.merge(&behind.sums);
            self.counts.merge(&behind.counts);
            return;
        }
        for (step, cell) in self.part().iter_mut().enumerate() {
            cell.merge(&behind.cell(step));
        }
    }
}
