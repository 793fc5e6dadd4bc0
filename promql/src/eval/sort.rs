//! `sort` and its kin: the order of an instant vector.

use std::cmp::Ordering;

use narthex_model::{Labels, Severity};

use super::call::argument;
use super::column::Column;
use super::evaluator::Evaluator;
use super::scratch::Scratch;
use super::steps::Steps;
use super::stream::for_each_column;
use super::vector::{Computed, Identity, SharedVector};
use crate::error::QueryError;
use crate::plan::{CallPlan, Node};

/// `sort(x)`, `sort_desc(x)`, `sort_by_label(x, "a")`, `sort_by_label_desc(x, "a")`
pub(super) fn sort<'a>(
    ev: &Evaluator<'a>,
    node: &'a Node,
    plan: &'a CallPlan,
    steps: Steps,
) -> Result<SharedVector<'a>, QueryError> {
    let names = plan
        .args
        .iter()
        .skip(1)
        .map(|id| ev.text(*id))
        .collect::<Result<Vec<_>, _>>()?;
    let inner = ev.vector(argument(plan, 0)?, steps)?;
    let by_label = plan.function.starts_with("sort_by_label");
    let descending = plan.function.ends_with("_desc");
    let range_query = steps == ev.cx.steps && ev.cx.times.start != ev.cx.times.end;
    if steps.count != 1 || range_query {
        let mut scratch = Scratch::new(ev.cx);
        scratch.annotate(
            Severity::Warning,
            "sort is ineffective for range queries since results are always ordered by labels",
            &node.spans(),
        );
        ev.cx.absorb(scratch);
        return Ok(if by_label {
            inner
        } else {
            super::mapped::mapped(inner, |_, column, _| Ok(column.map_floats(|v| v)))
        });
    }
    let mut found: Vec<(Identity, Column)> = Vec::new();
    for_each_column(ev.cx, inner.as_ref(), steps.count, |index, column| {
        let shown = if by_label {
            column.has(0)
        } else {
            column.float(0).is_some()
        };
        if let (true, Some(identity)) = (shown, inner.series().get(index)) {
            found.push((identity.clone(), column));
        }
        Ok(())
    })?;
    if by_label {
        found.sort_by(|(a, _), (b, _)| {
            let order = by_labels(&a.labels, &b.labels, &names);
            if descending { order.reverse() } else { order }
        });
    } else {
        found.sort_by(|(_, a), (_, b)| by_value(a.float(0), b.float(0), descending));
    }
    let (series, columns) = found.into_iter().unzip();
    Ok(Computed::shared(series, columns, steps.count, Vec::new()))
}

/// NaN comes last in both directions.
fn by_value(a: Option<f64>, b: Option<f64>, descending: bool) -> Ordering {
    let (a, b) = (a.unwrap_or(f64::NAN), b.unwrap_or(f64::NAN));
    match (a.is_nan(), b.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => {
            let order = a.partial_cmp(&b).unwrap_or(Ordering::Equal);
            if descending { order.reverse() } else { order }
        }
    }
}

fn by_labels(a: &Labels, b: &Labels, names: &[&str]) -> Ordering {
    names
        .iter()
        .map(|name| natural(a.get(name).unwrap_or(""), b.get(name).unwrap_or("")))
        .find(|order| order.is_ne())
        .unwrap_or_else(|| a.cmp(b))
}

/// Runs of digits compare as numbers, everything else as text.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        match (a.is_empty(), b.is_empty()) {
            (true, true) => return Ordering::Equal,
            (true, false) => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            (false, false) => {}
        }
        let ((left, rest_a), (right, rest_b)) = (take_chunk(a), take_chunk(b));
        let order = match (left.parse::<i64>(), right.parse::<i64>()) {
            (Ok(x), Ok(y)) => x.cmp(&y),
            _ => left.cmp(right),
        };
        if order.is_ne() {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
}

/// The leading run of digits, or of anything else.
fn take_chunk(text: &str) -> (&str, &str) {
    let digits = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text
        .find(|c: char| c.is_ascii_digit() != digits)
        .unwrap_or(text.len());
    text.split_at(end)
}
