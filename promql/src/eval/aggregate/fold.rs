//! Folding: each column goes into its group's cells, one per step, and is gone.

use std::sync::Arc;

use narthex_model::FloatHistogram;

use super::Aggregation;
use super::group::groups;
use crate::error::QueryError;
use crate::eval::column::ColumnBuilder;
use crate::eval::evaluator::Evaluator;
use crate::eval::stream::for_each_column;
use crate::eval::vector::{Computed, Identity, SharedVector};
use crate::functions::{Notes, Point};

/// What a group knows at one step.
pub(super) trait Fold: Clone + Default {
    /// Whether each value is kept until the group is whole.
    const KEEPS_VALUES: bool = false;

    /// Another float.
    fn float(&mut self, value: f64);

    /// Another histogram; false if the aggregation leaves histograms out.
    fn histogram(&mut self, histogram: &Arc<FloatHistogram>, notes: &mut Notes) -> bool;

    /// The group's value.
    fn result(self, notes: &mut Notes) -> Point;
}

/// What a group knows at all steps.
pub(super) trait Row {
    /// The same at one step.
    type Cell;
    /// Whether each value is kept until the group is whole.
    const KEEPS_VALUES: bool;

    /// A group without values.
    fn new(steps: usize) -> Self;

    /// Another float at each step.
    fn floats(&mut self, values: &[f64]);

    /// Another float at one step.
    fn float(&mut self, step: usize, value: f64);

    /// Another histogram at one step; see [`Fold::histogram`].
    fn histogram(&mut self, step: usize, histogram: &Arc<FloatHistogram>, notes: &mut Notes) -> bool;

    /// Step by step.
    fn into_cells(self) -> impl Iterator<Item = Self::Cell>;
}

impl<F: Fold> Row for Vec<F> {
    type Cell = F;
    const KEEPS_VALUES: bool = F::KEEPS_VALUES;

    fn new(steps: usize) -> Self {
        vec![F::default(); steps]
    }

    fn floats(&mut self, values: &[f64]) {
        for (cell, value) in self.iter_mut().zip(values) {
            cell.float(*value);
        }
    }

    fn float(&mut self, step: usize, value: f64) {
        if let Some(cell) = self.get_mut(step) {
            cell.float(value);
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

/// Aggregates with rows of one kind; `finish` makes a group's value of a cell, group by group, step by step.
pub(super) fn fold_groups<'a, R: Row>(
    ev: &Evaluator<'a>,
    aggregation: &Aggregation<'_>,
    inner: &SharedVector<'a>,
    mut finish: impl FnMut(R::Cell, &mut Notes) -> Point,
) -> Result<SharedVector<'a>, QueryError> {
    let steps = aggregation.steps.count;
    let mut groups = groups(inner.as_ref(), aggregation.grouping, aggregation.without);
    let mut rows: Vec<Option<R>> = groups.series.iter().map(|_| None).collect();
    let labels: usize = groups.series.iter().map(Identity::bytes).sum();
    let listed = labels + groups.of.len() * size_of::<u32>();
    let mut held = vec![ev.cx.guard.hold_bytes(listed)?];
    let mut ignored = false;
    for_each_column(ev.cx, inner.as_ref(), steps, |index, column| {
        let Some(group) = groups.of.get(index).map(|group| *group as usize) else {
            return Ok(());
        };
        let Some(row) = rows.get_mut(group).filter(|_| !column.is_empty()) else {
            return Ok(());
        };
        if row.is_none() {
            let mut room = ev.cx.guard.hold(steps)?;
            room.grow(steps * size_of::<R::Cell>())?;
            held.push(room);
        }
        let row = row.get_or_insert_with(|| R::new(steps));
        if R::KEEPS_VALUES {
            held.push(ev.cx.guard.hold(column.count())?);
        }
        if let Some(to) = groups.series.get_mut(group) {
            to.drop_name |= inner.drops_name(index);
        }
        if let Some(values) = column.all_floats() {
            row.floats(values);
            return Ok(());
        }
        let mut notes = Notes::default();
        for step in 0..steps {
            if let Some(histogram) = column.histogram(step) {
                ignored |= !row.histogram(step, histogram, &mut notes);
            } else if let Some(value) = column.float(step) {
                row.float(step, value);
            }
        }
        if notes.is_empty() {
            return Ok(());
        }
        aggregation.report(ev, &notes, inner.identity(index).labels.metric_name())
    })?;
    let mut notes = Notes::default();
    let mut columns = Vec::with_capacity(rows.len());
    for row in rows {
        let mut out = ColumnBuilder::new(steps);
        for cell in row.into_iter().flat_map(R::into_cells) {
            out.push(finish(cell, &mut notes));
        }
        columns.push(out.finish());
    }
    if ignored {
        aggregation.histogram_ignored(ev);
    }
    aggregation.report(ev, &notes, "")?;
    Ok(Computed::shared(groups.series, columns, steps, held))
}
