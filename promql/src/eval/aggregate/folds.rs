//! The aggregations that need one cell per group and step. The order of operations is that of Prometheus
//! `evaluator.aggregation`, so that last digits agree.

use std::sync::Arc;

use fearless_simd::{Level, dispatch};
use narthex_model::{FloatHistogram, Severity};

use super::Aggregation;
use super::average::AverageRow;
use super::compensated::{Counts, Sums, any_large};
use super::fold::{Fold, Merge, Row, fold_blocks, fold_columns};
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
        AggregateOp::Sum => fold_blocks::<SumRow>(ev, aggregation, inner, |cell, notes| {
            mixed |= cell.is_mixed();
            cell.result(notes)
        }),
        AggregateOp::Avg => fold_blocks::<AverageRow>(ev, aggregation, inner, |cell, notes| {
            mixed |= cell.is_mixed();
            cell.result(notes)
        }),
        AggregateOp::Count => fold_blocks::<CountRow>(ev, aggregation, inner, |count, _| point(count, count)),
        AggregateOp::Min => fold_blocks::<ExtremeRow<false>>(ev, aggregation, inner, |cell, _| {
            cell.map_or(Point::None, Point::Float)
        }),
        AggregateOp::Max => fold_blocks::<ExtremeRow<true>>(ev, aggregation, inner, |cell, _| {
            cell.map_or(Point::None, Point::Float)
        }),
        // Merged means and squares would be other ones in their last digits.
        AggregateOp::Stddev => {
            fold_columns::<Vec<Spread>>(ev, aggregation, inner, |cell, _| cell.finish(f64::sqrt))
        }
        AggregateOp::Stdvar => {
            fold_columns::<Vec<Spread>>(ev, aggregation, inner, |cell, _| cell.finish(|v| v))
        }
        _ => fold_blocks::<CountRow>(ev, aggregation, inner, |count, _| point(count, 1.0)),
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

/// A value where something has been counted.
fn point(count: f64, value: f64) -> Point {
    if count > 0.0 {
        Point::Float(value)
    } else {
        Point::None
    }
}

/// Histograms of a group that are added up.
#[derive(Clone, Default)]
pub(super) struct Histograms {
    pub(super) fold: Option<Box<HistogramFold>>,
}

/// Those of all steps, of which there are none at first.
pub(super) fn histograms_of(all: &mut Vec<Histograms>, steps: usize) -> &mut [Histograms] {
    all.resize(steps, Histograms::default());
    all
}

impl Histograms {
    pub(super) const fn any(&self) -> bool {
        self.fold.is_some()
    }

    pub(super) fn add(&mut self, kind: HistogramFoldKind, histogram: &FloatHistogram, notes: &mut Notes) {
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

pub(super) fn histogram(fold: HistogramFold, notes: &mut Notes) -> Point {
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

/// `sum` at all steps.
struct SumRow {
    sums: Sums,
    seen: Seen,
    /// Left out as long as there are none.
    histograms: Vec<Histograms>,
}

impl Row for SumRow {
    type Cell = Sum;

    fn new(steps: usize) -> Self {
        Self {
            sums: Sums::new(steps),
            seen: Seen::new(steps),
            histograms: Vec::new(),
        }
    }

    fn floats(&mut self, from: usize, values: &[f64]) {
        self.sums.add(from, values);
        self.seen.add(from, values.len());
    }

    fn histogram(&mut self, step: usize, histogram: &Arc<FloatHistogram>, notes: &mut Notes) -> bool {
        if let Some(histograms) = histograms_of(&mut self.histograms, self.sums.len()).get_mut(step) {
            histograms.add(HistogramFoldKind::Sum, histogram, notes);
        }
        true
    }

    fn into_cells(mut self) -> impl Iterator<Item = Sum> {
        let mut histograms = std::mem::take(&mut self.histograms).into_iter();
        (0..self.sums.len()).map(move |step| Sum {
            sum: self.sums.at(step),
            has_float: self.seen.at(step),
            histograms: histograms.next().unwrap_or_default(),
        })
    }
}

impl Merge for SumRow {
    fn merges(level: Level, floats: &[f64]) -> bool {
        !any_large(level, floats)
    }

    fn merge(&mut self, behind: &Self) {
        self.sums.merge(&behind.sums);
        self.seen.merge(&behind.seen);
    }
}

/// At which steps there is a float.
struct Seen {
    at: Vec<bool>,
    /// Whether at all of them.
    everywhere: bool,
}

impl Seen {
    fn new(steps: usize) -> Self {
        Self {
            at: vec![false; steps],
            everywhere: false,
        }
    }

    fn add(&mut self, from: usize, count: usize) {
        if !self.everywhere {
            self.everywhere = count == self.at.len();
            self.at
                .iter_mut()
                .skip(from)
                .take(count)
                .for_each(|at| *at = true);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.everywhere |= other.everywhere;
        self.at
            .iter_mut()
            .zip(&other.at)
            .for_each(|(at, other)| *at |= other);
    }

    fn at(&self, step: usize) -> bool {
        self.everywhere || self.at.get(step).is_some_and(|at| *at)
    }
}

/// `count` and `group`
struct CountRow(Counts);

impl Row for CountRow {
    type Cell = f64;

    fn new(steps: usize) -> Self {
        Self(Counts::new(steps))
    }

    fn floats(&mut self, from: usize, values: &[f64]) {
        self.0.add(from, values.len());
    }

    fn histogram(&mut self, step: usize, _: &Arc<FloatHistogram>, _: &mut Notes) -> bool {
        self.0.add(step, 1);
        true
    }

    fn into_cells(self) -> impl Iterator<Item = f64> {
        (0..self.0.steps()).map(move |step| self.0.at(step))
    }
}

impl Merge for CountRow {
    fn merge(&mut self, behind: &Self) {
        self.0.merge(&behind.0);
    }
}

/// `max` or `min`; NaN only if there is nothing else.
struct ExtremeRow<const MAX: bool> {
    level: Level,
    best: Vec<f64>,
    seen: Seen,
}

#[inline(always)]
fn keep_better<const MAX: bool>(best: &mut [f64], values: &[f64]) {
    for (best, value) in best.iter_mut().zip(values) {
        let better = if MAX { *best < *value } else { *best > *value };
        *best = if best.is_nan() | better { *value } else { *best };
    }
}

impl<const MAX: bool> Row for ExtremeRow<MAX> {
    type Cell = Option<f64>;

    fn new(steps: usize) -> Self {
        Self {
            level: Level::new(),
            best: vec![f64::NAN; steps],
            seen: Seen::new(steps),
        }
    }

    fn floats(&mut self, from: usize, values: &[f64]) {
        let best = self.best.get_mut(from..).unwrap_or(&mut []);
        dispatch!(self.level, _ => keep_better::<MAX>(best, values));
        self.seen.add(from, values.len());
    }

    fn histogram(&mut self, _: usize, _: &Arc<FloatHistogram>, _: &mut Notes) -> bool {
        false
    }

    fn into_cells(self) -> impl Iterator<Item = Option<f64>> {
        let Self { best, seen, .. } = self;
        let cells = best.into_iter().enumerate();
        cells.map(move |(step, best)| seen.at(step).then_some(best))
    }
}

impl<const MAX: bool> Merge for ExtremeRow<MAX> {
    fn merge(&mut self, behind: &Self) {
        dispatch!(self.level, _ => keep_better::<MAX>(&mut self.best, &behind.best));
        self.seen.merge(&behind.seen);
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
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::partial::{Lone, Partial, Piece};
    use super::*;
    use crate::eval::column::{Column, ColumnBuilder};
    use crate::eval::guard::Guard;

    const STEPS: usize = 5;

    type Points = [Option<f64>; STEPS];

    fn column(points: &Points) -> Column {
        let mut out = ColumnBuilder::new(STEPS);
        points
            .iter()
            .for_each(|point| out.push(point.map_or(Point::None, Point::Float)));
        out.finish()
    }

    /// All cells of a row that is merged of blocks of so many series.
    fn in_blocks<R: Merge>(series: &[Points], sizes: &[usize]) -> Vec<R::Cell> {
        let guard = Guard::new(None, usize::MAX, usize::MAX);
        let (mut row, mut rest, mut sizes) = (R::new(STEPS), series, sizes.iter().cycle());
        while !rest.is_empty() {
            let (block, behind) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
            rest = behind;
            let mut partial = Partial::<R>::new(&guard, STEPS);
            for points in block {
                partial.add(3, false, (0, column(points))).unwrap();
            }
            for piece in partial.groups.into_iter().flat_map(|part| part.pieces) {
                match piece {
                    Piece::Row(behind) => row.merge(&behind),
                    Piece::Lone(Lone { column, .. }) => {
                        column.each_run(|from, values| row.floats(from, values))
                    }
                }
            }
        }
        row.into_cells().collect()
    }

    fn at_once<R: Row>(series: &[Points]) -> Vec<R::Cell> {
        let mut row = R::new(STEPS);
        series
            .iter()
            .for_each(|points| column(points).each_run(|from, values| row.floats(from, values)));
        row.into_cells().collect()
    }

    fn bits(value: Option<f64>) -> Option<u64> {
        value.map(|value| if value.is_nan() { 7 } else { value.to_bits() })
    }

    /// Whether two sums of values, the sum of whose sizes is `size`, are equal for whoever sees 11 digits.
    fn agree(a: &Point, b: &Point, size: f64) -> bool {
        match (a, b) {
            (Point::Float(a), Point::Float(b)) => {
                bits(Some(*a)) == bits(Some(*b)) || (a - b).abs() <= b.abs() * 1e-14 + size * 1e-28
            }
            (a, b) => a == b,
        }
    }

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![
            8 => -1e3_f64..1e3,
            4 => (-30_i32..30).prop_map(|e| 10_f64.powi(e)),
            2 => (-30_i32..30).prop_map(|e| -(10_f64.powi(e))),
            1 => Just(-0.0),
        ]
    }

    fn odd() -> impl Strategy<Value = f64> {
        let rare = [
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            1.7e308,
            -1.7e308,
            1e270,
            9e307,
        ];
        prop_oneof![6 => value(), 1 => prop::sample::select(rare.to_vec())]
    }

    fn series(value: impl Strategy<Value = f64> + Clone) -> impl Strategy<Value = Vec<Points>> {
        let point = move || prop_oneof![1 => Just(None), 5 => value.clone().prop_map(Some)];
        let whole = prop::array::uniform5(point());
        prop::collection::vec(whole, 0..40)
    }

    proptest! {
        #[test]
        fn rows_of_blocks_say_what_one_row_says(
            series in prop_oneof![series(value().boxed()), series(odd().boxed())],
            sizes in prop::collection::vec(1_usize..12, 1..4),
        ) {
            let mut notes = Notes::default();
            let counts = (in_blocks::<CountRow>(&series, &sizes), at_once::<CountRow>(&series));
            prop_assert_eq!(&counts.0, &counts.1);
            let most = (in_blocks::<ExtremeRow<true>>(&series, &sizes), at_once::<ExtremeRow<true>>(&series));
            prop_assert!(most.0.iter().zip(&most.1).all(|(a, b)| bits(*a) == bits(*b)));
            let least = (in_blocks::<ExtremeRow<false>>(&series, &sizes), at_once::<ExtremeRow<false>>(&series));
            prop_assert!(least.0.iter().zip(&least.1).all(|(a, b)| bits(*a) == bits(*b)));
            let size = |step: usize| -> f64 {
                series.iter().filter_map(|s| s[step]).filter(|v| v.is_finite()).map(|v| v.abs() / 1e300).sum::<f64>() * 1e300
            };
            let sums = in_blocks::<SumRow>(&series, &sizes).into_iter().zip(at_once::<SumRow>(&series));
            for (step, (a, b)) in sums.enumerate() {
                let (a, b) = (a.result(&mut notes), b.result(&mut notes));
                prop_assert!(agree(&a, &b, size(step)), "{step}: {a:?} {b:?}");
            }
            let means = in_blocks::<AverageRow>(&series, &sizes).into_iter().zip(at_once::<AverageRow>(&series));
            for (step, (a, b)) in means.enumerate() {
                let (a, b) = (a.result(&mut notes), b.result(&mut notes));
                // A mean that moves is rounded at each value.
                prop_assert!(agree(&a, &b, size(step) * 1e12), "{step}: {a:?} {b:?}");
            }
        }

        /// One row says what Prometheus's loop says, to the bit.
        #[test]
        fn rows_say_what_a_plain_loop_says(series in series(odd().boxed())) {
            let mut notes = Notes::default();
            for (step, cell) in at_once::<SumRow>(&series).into_iter().enumerate() {
                let mut values = series.iter().filter_map(|s| s[step]);
                let first = values.next().map(KahanSum::new);
                let sum = first.map(|first| values.fold(first, KahanSum::plus).total());
                let found = match cell.result(&mut notes) { Point::Float(v) => Some(v), _ => None };
                prop_assert_eq!(bits(found), bits(sum));
            }
        }
    }
}
