//! The aggregations that need one cell per group and step. The order of operations is that of Prometheus
//! `evaluator.aggregation`, so that last digits agree.

use std::sync::Arc;

use fearless_simd::{Level, dispatch};
use narthex_model::{FloatHistogram, Severity};

use super::Aggregation;
use super::fold::{Fold, Row, fold_groups};
use crate::ast::AggregateOp;
use crate::error::QueryError;
use crate::eval::annotate::annotate;
use crate::eval::evaluator::Evaluator;
use crate::eval::vector::SharedVector;
use crate::functions::{HistogramFold, HistogramFoldKind, KahanSum, Note, Notes, Point};

/// `sum`, `avg`, `count`, `group`, `min`, `max`, `stddev`, `stdvar`
pub(super) fn aggregate<'a>(
    ev: &Evaluator<'a>,
    aggregation: &Aggregation<'_>,
    inner: &SharedVector<'a>,
) -> Result<SharedVector<'a>, QueryError> {
    let mut mixed = false;
    let result = match aggregation.op {
        AggregateOp::Sum => fold_groups::<SumRow>(ev, aggregation, inner, |cell, notes| {
            mixed |= cell.is_mixed();
            cell.result(notes)
        }),
        AggregateOp::Avg => fold_groups::<Vec<Average>>(ev, aggregation, inner, |cell, notes| {
            mixed |= cell.is_mixed();
            cell.result(notes)
        }),
        AggregateOp::Count => fold_groups::<Vec<Count>>(ev, aggregation, inner, Count::result),
        AggregateOp::Min => fold_groups::<Vec<Extreme<false>>>(ev, aggregation, inner, Extreme::result),
        AggregateOp::Max => fold_groups::<Vec<Extreme<true>>>(ev, aggregation, inner, Extreme::result),
        AggregateOp::Stddev => {
            fold_groups::<Vec<Spread>>(ev, aggregation, inner, |cell, _| cell.finish(f64::sqrt))
        }
        AggregateOp::Stdvar => {
            fold_groups::<Vec<Spread>>(ev, aggregation, inner, |cell, _| cell.finish(|v| v))
        }
        _ => fold_groups::<Vec<Count>>(ev, aggregation, inner, |cell, notes| match cell.result(notes) {
            Point::None => Point::None,
            _ => Point::Float(1.0),
        }),
    };
    if mixed {
        annotate(
            ev.cx,
            Severity::Warning,
            "encountered a mix of histograms and floats for aggregation",
            &aggregation.places,
        );
    }
    result
}

/// Histograms of a group that are added up.
#[derive(Clone, Default)]
struct Histograms {
    fold: Option<Box<HistogramFold>>,
}

impl Histograms {
    const fn any(&self) -> bool {
        self.fold.is_some()
    }

    fn add(&mut self, kind: HistogramFoldKind, histogram: &FloatHistogram, notes: &mut Notes) {
        match &mut self.fold {
            None => self.fold = Some(Box::new(HistogramFold::new(kind, histogram))),
            Some(fold) if fold.is_incompatible() => {}
            Some(fold) => {
                fold.add(histogram);
                if fold.is_incompatible() {
                    // Told here, where it is known which metric does not fit.
                    notes.add(Note::MixedExponentialCustom);
                }
            }
        }
    }
}

fn histogram(fold: HistogramFold, notes: &mut Notes) -> Point {
    fold.finish(notes).map_or(Point::None, |mut histogram| {
        histogram.compact();
        Point::Histogram(Arc::new(histogram))
    })
}

/// `sum` at one step.
struct Sum {
    sum: KahanSum,
    has_float: bool,
    histograms: Histograms,
}

impl Sum {
    const fn is_mixed(&self) -> bool {
        self.has_float && self.histograms.any()
    }

    fn result(self, notes: &mut Notes) -> Point {
        match (self.has_float, self.histograms.fold) {
            (true, None) => Point::Float(self.sum.total()),
            (false, Some(fold)) => histogram(*fold, notes),
            _ => Point::None,
        }
    }
}

/// `sum` at all steps, each part behind each other, so that several steps are added at the same time.
struct SumRow {
    /// What the processor can do at once.
    level: Level,
    sums: Vec<f64>,
    lost: Vec<f64>,
    has_float: Vec<bool>,
    /// Whether no step and whether every step has a float.
    floats: (bool, bool),
    /// Left out as long as there are none.
    histograms: Vec<Histograms>,
}

/// Adds a value to each sum.
#[inline(always)]
fn add_to_each(sums: &mut [f64], lost: &mut [f64], values: &[f64]) {
    for ((sum, lost), value) in sums.iter_mut().zip(lost).zip(values) {
        let before = KahanSum {
            sum: *sum,
            compensation: *lost,
        };
        let next = before.plus(*value);
        (*sum, *lost) = (next.sum, next.compensation);
    }
}

impl Row for SumRow {
    type Cell = Sum;
    const KEEPS_VALUES: bool = false;

    fn new(steps: usize) -> Self {
        Self {
            level: Level::new(),
            sums: vec![0.0; steps],
            lost: vec![0.0; steps],
            has_float: vec![false; steps],
            floats: (true, false),
            histograms: Vec::new(),
        }
    }

    fn floats(&mut self, values: &[f64]) {
        match self.floats {
            (true, _) => {
                self.sums.clear();
                self.sums.extend_from_slice(values);
                self.has_float.fill(true);
                self.floats = (false, true);
            }
            (_, true) => {
                let (sums, lost) = (&mut self.sums, &mut self.lost);
                dispatch!(self.level, _ => add_to_each(sums, lost, values));
            }
            _ => {
                for (step, value) in values.iter().enumerate() {
                    self.float(step, *value);
                }
                self.floats = (false, true);
            }
        }
    }

    fn float(&mut self, step: usize, value: f64) {
        self.floats.0 = false;
        let parts = (
            self.sums.get_mut(step),
            self.lost.get_mut(step),
            self.has_float.get_mut(step),
        );
        let (Some(sum), Some(lost), Some(has_float)) = parts else {
            return;
        };
        let before = KahanSum {
            sum: *sum,
            compensation: *lost,
        };
        let next = if *has_float {
            before.plus(value)
        } else {
            KahanSum::new(value)
        };
        (*sum, *lost, *has_float) = (next.sum, next.compensation, true);
    }

    fn histogram(&mut self, step: usize, histogram: &Arc<FloatHistogram>, notes: &mut Notes) -> bool {
        if self.histograms.is_empty() {
            self.histograms = vec![Histograms::default(); self.sums.len()];
        }
        if let Some(histograms) = self.histograms.get_mut(step) {
            histograms.add(HistogramFoldKind::Sum, histogram, notes);
        }
        true
    }

    fn into_cells(self) -> impl Iterator<Item = Sum> {
        let histograms = self
            .histograms
            .into_iter()
            .chain(std::iter::repeat_with(Histograms::default));
        let parts = self
            .sums
            .into_iter()
            .zip(self.lost)
            .zip(self.has_float)
            .zip(histograms);
        parts.map(|(((sum, compensation), has_float), histograms)| Sum {
            sum: KahanSum { sum, compensation },
            has_float,
            histograms,
        })
    }
}

/// `avg`: a compensated sum by the count, or a running mean once that sum would overflow.
#[derive(Clone, Default)]
struct Average {
    sum: KahanSum,
    mean: f64,
    count: f64,
    incremental: bool,
    histograms: Histograms,
}

impl Average {
    fn is_mixed(&self) -> bool {
        self.count > 0.0 && self.histograms.any()
    }
}

impl Fold for Average {
    #[inline]
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

    fn histogram(&mut self, histogram: &Arc<FloatHistogram>, notes: &mut Notes) -> bool {
        self.histograms.add(HistogramFoldKind::Mean, histogram, notes);
        true
    }

    fn result(self, notes: &mut Notes) -> Point {
        match (self.count > 0.0, self.histograms.fold) {
            (true, None) if self.incremental => Point::Float(self.mean + self.sum.compensation),
            (true, None) => Point::Float(self.sum.sum / self.count + self.sum.compensation / self.count),
            (false, Some(fold)) => histogram(*fold, notes),
            _ => Point::None,
        }
    }
}

/// `count`
#[derive(Clone, Default)]
struct Count(f64);

impl Fold for Count {
    #[inline]
    fn float(&mut self, _: f64) {
        self.0 += 1.0;
    }

    fn histogram(&mut self, _: &Arc<FloatHistogram>, _: &mut Notes) -> bool {
        self.0 += 1.0;
        true
    }

    fn result(self, _: &mut Notes) -> Point {
        if self.0 > 0.0 {
            Point::Float(self.0)
        } else {
            Point::None
        }
    }
}

/// `max` or `min`; NaN only if there is nothing else.
#[derive(Clone, Default)]
struct Extreme<const MAX: bool>(Option<f64>);

impl<const MAX: bool> Fold for Extreme<MAX> {
    #[inline]
    fn float(&mut self, value: f64) {
        match self.0 {
            Some(kept) if !kept.is_nan() && !(if MAX { kept < value } else { kept > value }) => {}
            _ => self.0 = Some(value),
        }
    }

    fn histogram(&mut self, _: &Arc<FloatHistogram>, _: &mut Notes) -> bool {
        false
    }

    fn result(self, _: &mut Notes) -> Point {
        self.0.map_or(Point::None, Point::Float)
    }
}

/// `stddev` and `stdvar`: Welford's way, without compensation.
#[derive(Clone, Default)]
struct Spread {
    count: f64,
    mean: f64,
    sum: f64,
}

impl Spread {
    fn finish(self, f: impl Fn(f64) -> f64) -> Point {
        if self.count > 0.0 {
            Point::Float(f(self.sum / self.count))
        } else {
            Point::None
        }
    }
}

impl Fold for Spread {
    #[inline]
    fn float(&mut self, value: f64) {
        self.count += 1.0;
        if self.count == 1.0 {
            self.mean = value;
            self.sum = if value.is_finite() { 0.0 } else { f64::NAN };
            return;
        }
        let delta = value - self.mean;
        self.mean += delta / self.count;
        self.sum += delta * (value - self.mean);
    }

    fn histogram(&mut self, _: &Arc<FloatHistogram>, _: &mut Notes) -> bool {
        false
    }

    fn result(self, _: &mut Notes) -> Point {
        self.finish(|v| v)
    }
}
