//! Folding: each column goes into its group's cells, one per step, and is gone.

use std::sync::Arc;

use narthex_model::FloatHistogram;

use super::Aggregation;
use super::group::groups;
use crate::error::QueryError;
use crate::eval::column::ColumnBuilder;
use crate::eval::evaluator::Evaluator;
use crate::eval::stream::for_each_column;
use crate::eval::vector::{Computed, SharedVector};
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

/// Aggregates with cells of one kind; `finish` makes a group's value of a cell, group by group, step by step.
pub(super) fn fold_groups<'a, F: Fold>(
    ev: &Evaluator<'a>,
    aggregation: &Aggregation<'_>,
    inner: &SharedVector<'a>,
    mut finish: impl FnMut(F, &mut Notes) -> Point,
) -> Result<SharedVector<'a>, QueryError> {
    let steps = aggregation.steps.count;
    let mut groups = groups(inner.series(), aggregation.grouping, aggregation.without);
    let mut cells: Vec<Vec<F>> = vec![Vec::new(); groups.series.len()];
    let mut held = Vec::new();
    let mut ignored = false;
    for_each_column(ev.cx, inner.as_ref(), steps, |index, column| {
        let Some(group) = groups.of.get(index).copied() else {
            return Ok(());
        };
        let Some(cells) = cells.get_mut(group).filter(|_| !column.is_empty()) else {
            return Ok(());
        };
        if cells.is_empty() {
            held.push(ev.cx.guard.hold(steps)?);
            cells.resize(steps, F::default());
        }
        if F::KEEPS_VALUES {
            held.push(ev.cx.guard.hold(column.count())?);
        }
        if let (Some(to), Some(from)) = (groups.series.get_mut(group), inner.series().get(index)) {
            to.drop_name |= from.drop_name;
        }
        if let Some(values) = column.all_floats() {
            for (cell, value) in cells.iter_mut().zip(values) {
                cell.float(*value);
            }
            return Ok(());
        }
        let mut notes = Notes::default();
        for (step, cell) in cells.iter_mut().enumerate() {
            if let Some(histogram) = column.histogram(step) {
                ignored |= !cell.histogram(histogram, &mut notes);
            } else if let Some(value) = column.float(step) {
                cell.float(value);
            }
        }
        let metric = inner.series().get(index).map_or("", |i| i.labels.metric_name());
        aggregation.report(ev, &notes, metric)
    })?;
    let mut notes = Notes::default();
    let mut columns = Vec::with_capacity(cells.len());
    for cells in cells {
        let mut out = ColumnBuilder::new(steps);
        for cell in cells {
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
