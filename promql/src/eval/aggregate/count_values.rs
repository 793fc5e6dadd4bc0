//! `count_values`: how many series have each value.

use narthex_model::{Labels, LabelsBuilder, Projection};
use rustc_hash::FxHashMap;

use super::Aggregation;
use super::group::names;
use crate::error::QueryError;
use crate::eval::column::{Column, ColumnBuilder};
use crate::eval::evaluator::Evaluator;
use crate::eval::label_calls::is_label_name;
use crate::eval::stream::for_each_column;
use crate::eval::vector::{Computed, Identity, SharedVector};
use crate::functions::{Point, quoted};
use crate::plan::AggregatePlan;

/// `count_values("version", x)`
pub(super) fn count_values<'a>(
    ev: &Evaluator<'a>,
    plan: &AggregatePlan,
    aggregation: &Aggregation<'_>,
) -> Result<SharedVector<'a>, QueryError> {
    let label = plan
        .param
        .ok_or_else(|| QueryError::Execution("count_values needs a label".to_owned()))
        .and_then(|id| ev.text(id))?;
    if !is_label_name(label) {
        let written = aggregation
            .param_places
            .first()
            .and_then(|span| ev.cx.text.get(span.start..span.end));
        let written = written.map_or_else(|| quoted(label), str::to_owned);
        return Err(QueryError::Execution(format!("invalid label name {written}")));
    }
    let mut grouping = aggregation.grouping.to_vec();
    if !aggregation.without {
        grouping.push(label.to_owned());
    }
    let projection = Projection {
        names: &names(&grouping, aggregation.without),
        without: aggregation.without,
    };
    let steps = aggregation.steps.count;
    let inner = ev.vector(plan.expr, aggregation.steps)?;
    let mut places: FxHashMap<Labels, usize> = FxHashMap::default();
    let mut counts: Vec<(Identity, Vec<u32>)> = Vec::new();
    let mut held = Vec::new();
    for_each_column(ev.cx, inner.as_ref(), steps, |index, column| {
        let Some(identity) = inner.series().get(index) else {
            return Ok(());
        };
        let mut last: Option<(Point, usize)> = None;
        for step in 0..steps {
            let point = column.get(step);
            let place = match (&point, &last) {
                (Point::None, _) => continue,
                (Point::Float(a), Some((Point::Float(b), place))) if a.to_bits() == b.to_bits() => *place,
                _ => {
                    let labels = counted_labels(&identity.labels, label, &point, &projection);
                    let next = counts.len();
                    let place = *places.entry(labels.clone()).or_insert(next);
                    if place == next {
                        held.push(ev.cx.guard.hold(steps)?);
                        counts.push((Identity::new(labels), vec![0; steps]));
                    }
                    place
                }
            };
            if let Some((counted, counts)) = counts.get_mut(place) {
                counted.drop_name |= identity.drop_name;
                if let Some(count) = counts.get_mut(step) {
                    *count += 1;
                }
            }
            last = Some((point, place));
        }
        Ok(())
    })?;
    let (series, columns): (Vec<Identity>, Vec<Column>) = counts
        .into_iter()
        .map(|(identity, counts)| (identity, column_of(&counts)))
        .unzip();
    Ok(Computed::shared(series, columns, steps, held))
}

fn counted_labels(labels: &Labels, label: &str, point: &Point, projection: &Projection<'_>) -> Labels {
    let mut builder = LabelsBuilder::from(labels);
    builder.set(label, &value_text(point));
    projection.of(&builder.labels())
}

/// The value as Go's `strconv.FormatFloat(v, 'f', -1, 64)` writes it.
fn value_text(point: &Point) -> String {
    match point {
        Point::Float(value) if value.is_nan() => "NaN".to_owned(),
        Point::Float(value) if value.is_infinite() => if *value > 0.0 { "+Inf" } else { "-Inf" }.to_owned(),
        Point::Float(value) => format!("{value}"),
        Point::Histogram(h) => h.to_string(),
        Point::None => String::new(),
    }
}

fn column_of(counts: &[u32]) -> Column {
    let mut out = ColumnBuilder::new(counts.len());
    for count in counts {
        if *count == 0 {
            out.push_none();
        } else {
            out.push_float(f64::from(*count));
        }
    }
    out.finish()
}
