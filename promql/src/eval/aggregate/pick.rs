//! `topk` and `bottomk`: the series with the largest or smallest values of each group, at each step.

use super::Aggregation;
use super::group::groups;
use super::heap::{Best, Candidate};
use super::limit::{check_count, count_at, nothing};
use crate::ast::AggregateOp;
use crate::error::QueryError;
use crate::eval::column::{Column, ColumnBuilder};
use crate::eval::evaluator::Evaluator;
use crate::eval::stream::for_each_column;
use crate::eval::vector::{Computed, Identity, SharedVector, Vector};
use rustc_hash::FxHashMap;

/// `topk(3, x)`
pub(super) fn pick<'a>(
    ev: &Evaluator<'a>,
    aggregation: &Aggregation<'_>,
    params: &[f64],
    inner: SharedVector<'a>,
) -> Result<SharedVector<'a>, QueryError> {
    let steps = aggregation.steps.count;
    if !check_count(params)? {
        return nothing(ev, &inner, steps);
    }
    let largest = aggregation.op == AggregateOp::Topk;
    let groups = groups(inner.as_ref(), aggregation.grouping, aggregation.without);
    let mut best: Vec<Vec<Best>> = vec![Vec::new(); groups.series.len()];
    let mut held = Vec::new();
    let mut ignored = false;
    for_each_column(ev.cx, inner.as_ref(), steps, |index, column| {
        let cells = groups
            .of
            .get(index)
            .and_then(|group| best.get_mut(*group as usize));
        let Some(cells) = cells.filter(|_| !column.is_empty()) else {
            return Ok(());
        };
        if cells.is_empty() {
            held.push(ev.cx.guard.hold(steps)?);
            cells.resize(steps, Best::default());
        }
        ignored |= column.has_histograms();
        for (step, value) in column.floats() {
            let k = count_at(params, step);
            if let Some(cell) = cells.get_mut(step).filter(|_| k > 0) {
                let series = index as u32;
                cell.offer(Candidate { value, series }, k, largest);
            }
        }
        Ok(())
    })?;
    if ignored {
        // Wherever there are some, whatever k is there.
        ev.cx.note_whole();
        aggregation.histogram_ignored(ev);
    }
    if best.iter().flatten().any(Best::is_tied) {
        ev.cx.note_tie();
    }
    Ok(ranked(best, largest, inner.as_ref(), steps))
}

/// The chosen values as series, in the order of rank (which an instant query shows).
fn ranked<'a>(best: Vec<Vec<Best>>, largest: bool, inner: &dyn Vector, steps: usize) -> SharedVector<'a> {
    let mut places: FxHashMap<u32, usize> = FxHashMap::default();
    let mut chosen: Vec<(u32, ColumnBuilder)> = Vec::new();
    for cells in best {
        for (step, cell) in cells.into_iter().enumerate() {
            for candidate in cell.into_ranked(largest) {
                let place = *places.entry(candidate.series).or_insert_with(|| {
                    chosen.push((candidate.series, ColumnBuilder::new(steps)));
                    chosen.len() - 1
                });
                if let Some((_, builder)) = chosen.get_mut(place) {
                    while builder.pushed() < step {
                        builder.push_none();
                    }
                    builder.push_float(candidate.value);
                }
            }
        }
    }
    let (identities, columns): (Vec<Identity>, Vec<Column>) = chosen
        .into_iter()
        .map(|(index, builder)| (inner.identity(index as usize), builder.finish()))
        .unzip();
    Computed::shared(identities, columns, steps, Vec::new())
}
