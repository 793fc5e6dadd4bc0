//! Folding: each column goes into its group's cells, one per step, and is gone.

use std::ops::Range;
use std::sync::Arc;

use fearless_simd::Level;
use narthex_model::FloatHistogram;

use super::Aggregation;
use super::group::{Groups, groups};
use super::partial::{Partial, Piece};
use crate::error::QueryError;
use crate::eval::column::{Column, ColumnBuilder};
use crate::eval::evaluator::Evaluator;
use crate::eval::guard::Held;
use crate::eval::scratch::Scratch;
use crate::eval::stream::{Shares, compute_block, for_each_block, for_each_column};
use crate::eval::vector::{Computed, Identity, SharedVector};
use crate::functions::{Notes, Point};

/// Series of each group that a block has on average, if that leaves so many blocks.
const SERIES_OF_GROUP: usize = 4;
const MOST_BLOCKS: usize = 32;

/// What a group knows at one step.
pub(super) trait Fold: Clone + Default {
    /// Whether each value is kept until the group is whole.
    const KEEPS_VALUES: bool = false;

    /// Another float.
    fn float(&mut self, value: f64);

    /// Another histogram; false if the aggregation leaves histograms out.
    fn histogram(&mut self, histogram: &Arc<FloatHistogram>, notes: &mut Notes) -> bool;
}

/// What a group knows at all steps.
pub(super) trait Row {
    /// The same at one step.
    type Cell;
    /// Whether each value is kept until the group is whole.
    const KEEPS_VALUES: bool = false;

    /// A group without values.
    fn new(steps: usize) -> Self;

    /// Another float at each of the steps from `from` on.
    fn floats(&mut self, from: usize, values: &[f64]);

    /// Another histogram at one step; see [`Fold::histogram`].
    fn histogram(&mut self, step: usize, histogram: &Arc<FloatHistogram>, notes: &mut Notes) -> bool;

    /// Step by step.
    fn into_cells(self) -> impl Iterator<Item = Self::Cell>;
}

/// A row that can be made of rows: what they know of series that follow each other is what one row would know of all
/// of them (sums to far below what an answer shows, all else to the bit).
pub(super) trait Merge: Row + Send {
    /// Whether floats can be part of a row that is merged; columns with others are folded in their turn.
    fn merges(_level: Level, _floats: &[f64]) -> bool {
        true
    }

    /// Takes over what a row knows of the series behind those of this one. There are no histograms in it.
    fn merge(&mut self, behind: &Self);
}

impl<F: Fold> Row for Vec<F> {
    type Cell = F;
    const KEEPS_VALUES: bool = F::KEEPS_VALUES;

    fn new(steps: usize) -> Self {
        vec![F::default(); steps]
    }

    fn floats(&mut self, from: usize, values: &[f64]) {
        for (cell, value) in self.iter_mut().skip(from).zip(values) {
            cell.float(*value);
        }
    }

    fn histogram(&mut self, step: usize, histogram: &Arc<FloatHistogram>, notes: &mut Notes) -> bool {
        self.get_mut(step)
            .is_none_or(|cell| cell.histogram(histogram, notes))
    }

    fn into_cells(self) -> impl Iterator<Item = F> {
        self.into_iter()
    }
}

/// Rows of all groups, while series are folded in their order.
struct Folding<'f, 'a, R> {
    ev: &'f Evaluator<'a>,
    aggregation: &'f Aggregation<'f>,
    inner: &'f SharedVector<'a>,
    /// The groups, with the labels of each.
    series: Vec<Identity>,
    rows: Vec<Option<R>>,
    held: Vec<Held<'a>>,
    /// Whether histograms were left out.
    ignored: bool,
}

impl<'f, 'a, R: Row> Folding<'f, 'a, R> {
    /// No rows yet, and the group of each series.
    fn begin(
        ev: &'f Evaluator<'a>,
        aggregation: &'f Aggregation<'f>,
        inner: &'f SharedVector<'a>,
    ) -> Result<(Self, Vec<u32>), QueryError> {
        let Groups { series, of } = groups(inner.as_ref(), aggregation.grouping, aggregation.without);
        let labels: usize = series.iter().map(Identity::bytes).sum();
        let listed = labels + of.len() * size_of::<u32>();
        let folding = Self {
            ev,
            aggregation,
            inner,
            rows: series.iter().map(|_| None).collect(),
            series,
            held: vec![ev.cx.guard.hold_bytes(listed)?],
            ignored: false,
        };
        Ok((folding, of))
    }

    /// Notes whether the metric's name of a series has to go at the query's end.
    fn note_name(&mut self, group: usize, drop_name: bool) {
        if let Some(to) = self.series.get_mut(group) {
            to.drop_name |= drop_name;
        }
    }

    /// Holds room for a group's row, unless there is one.
    fn open(&mut self, group: usize) -> Result<(), QueryError> {
        if self.rows.get(group).is_some_and(Option::is_none) {
            let steps = self.aggregation.steps.count;
            let mut room = self.ev.cx.guard.hold(steps)?;
            room.grow(steps * size_of::<R::Cell>())?;
            self.held.push(room);
        }
        Ok(())
    }

    /// Folds the column of the series at an index into its group's row.
    fn column(&mut self, group: usize, index: usize, column: &Column) -> Result<(), QueryError> {
        let steps = self.aggregation.steps.count;
        self.open(group)?;
        if R::KEEPS_VALUES {
            self.held.push(self.ev.cx.guard.hold(column.count())?);
        }
        let Some(place) = self.rows.get_mut(group) else {
            return Ok(());
        };
        let row = place.get_or_insert_with(|| R::new(steps));
        if !column.has_histograms() {
            column.each_run(|from, values| row.floats(from, values));
            return Ok(());
        }
        let mut notes = Notes::default();
        for step in 0..steps {
            if let Some(histogram) = column.histogram(step) {
                self.ignored |= !row.histogram(step, histogram, &mut notes);
            } else if let Some(value) = column.float(step) {
                row.floats(step, &[value]);
            }
        }
        if notes.is_empty() {
            return Ok(());
        }
        let metric = self.inner.identity(index);
        self.aggregation
            .report(self.ev, &notes, metric.labels.metric_name())
    }

    /// Makes a value of each cell, group by group, step by step.
    fn finish(
        self,
        mut finish: impl FnMut(R::Cell, &mut Notes) -> Point,
    ) -> Result<SharedVector<'a>, QueryError> {
        let steps = self.aggregation.steps.count;
        let mut notes = Notes::default();
        let mut columns = Vec::with_capacity(self.rows.len());
        for row in self.rows {
            let mut out = ColumnBuilder::new(steps);
            for cell in row.into_iter().flat_map(R::into_cells) {
                out.push(finish(cell, &mut notes));
            }
            columns.push(out.finish());
        }
        if self.ignored {
            self.aggregation.histogram_ignored(self.ev);
        }
        self.aggregation.report(self.ev, &notes, "")?;
        Ok(Computed::shared(self.series, columns, steps, self.held))
    }
}

impl<R: Merge> Folding<'_, '_, R> {
    /// Takes over what the series of a group in a block have come to.
    fn piece(&mut self, group: usize, piece: Piece<R>) -> Result<(), QueryError> {
        match piece {
            Piece::Lone(lone) => self.column(group, lone.index, &lone.column),
            Piece::Row(behind) => {
                self.open(group)?;
                match self.rows.get_mut(group) {
                    Some(Some(row)) => row.merge(&behind),
                    Some(place) => *place = Some(behind),
                    None => {}
                }
                Ok(())
            }
        }
    }
}

/// Aggregates with rows of one kind, column by column; `finish` makes a group's value of a cell, group by group, step
/// by step.
pub(super) fn fold_columns<'a, R: Row>(
    ev: &Evaluator<'a>,
    aggregation: &Aggregation<'_>,
    inner: &SharedVector<'a>,
    finish: impl FnMut(R::Cell, &mut Notes) -> Point,
) -> Result<SharedVector<'a>, QueryError> {
    let (mut folding, of) = Folding::<R>::begin(ev, aggregation, inner)?;
    for_each_column(
        ev.cx,
        inner.as_ref(),
        aggregation.steps.count,
        |index, column| match of.get(index).map(|group| *group as usize) {
            Some(group) if !column.is_empty() => {
                folding.note_name(group, inner.drops_name(index));
                folding.column(group, index, &column)
            }
            _ => Ok(()),
        },
    )?;
    folding.finish(finish)
}

/// As [`fold_columns`], but whoever computes a block of series folds it too. How series are parted into blocks depends
/// on the query and the data only, so the answer does not depend on the number of threads.
pub(super) fn fold_blocks<'a, R: Merge>(
    ev: &Evaluator<'a>,
    aggregation: &Aggregation<'_>,
    inner: &SharedVector<'a>,
    finish: impl FnMut(R::Cell, &mut Notes) -> Point,
) -> Result<SharedVector<'a>, QueryError> {
    let (cx, steps) = (ev.cx, aggregation.steps.count);
    let (mut folding, of) = Folding::<R>::begin(ev, aggregation, inner)?;
    // Merging is left to one thread: it costs little where a group has several series in a block.
    let least = (SERIES_OF_GROUP * folding.series.len()).min(of.len() / MOST_BLOCKS);
    let shares = Shares::of(cx, inner.as_ref(), steps, least);
    let compute = |block: Range<usize>, scratch: &mut Scratch<'a>| {
        let mut partial = Partial::<R>::new(&cx.guard, steps);
        compute_block(inner.as_ref(), block, scratch, &mut |index, column, _| match of
            .get(index)
            .filter(|_| !column.is_empty())
        {
            Some(group) => partial.add(*group, inner.drops_name(index), (index, column)),
            None => Ok(()),
        })?;
        Ok(partial)
    };
    for_each_block(cx, shares, compute, |_, partial| {
        for part in partial.groups {
            let group = part.group as usize;
            folding.note_name(group, part.drop_name);
            part.pieces
                .into_iter()
                .try_for_each(|piece| folding.piece(group, piece))?;
        }
        Ok(())
    })?;
    folding.finish(finish)
}
