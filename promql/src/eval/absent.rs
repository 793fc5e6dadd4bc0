//! `absent` and `absent_over_time`: one element where there is none.

use narthex_model::{Labels, LabelsBuilder, METRIC_NAME, MatchOp, Matcher};
use rustc_hash::FxHashSet;

use super::call::argument;
use super::column::{Column, ColumnBuilder};
use super::evaluator::Evaluator;
use super::range_call::by_series;
use super::steps::Steps;
use super::stream::for_each_column;
use super::vector::{Computed, Identity, SharedVector};
use crate::error::QueryError;
use crate::functions::range_function;
use crate::plan::{CallPlan, Node, Op};

/// `absent(x)`
pub(super) fn absent<'a>(
    ev: &Evaluator<'a>,
    plan: &'a CallPlan,
    steps: Steps,
) -> Result<SharedVector<'a>, QueryError> {
    let inner = ev.vector(argument(plan, 0)?, steps)?;
    where_nothing_is(ev, plan, &inner, steps)
}

/// `absent_over_time(x[5m])`
pub(super) fn absent_over_time<'a>(
    ev: &Evaluator<'a>,
    node: &'a Node,
    plan: &'a CallPlan,
    steps: Steps,
) -> Result<SharedVector<'a>, QueryError> {
    let kernel = range_function("present_over_time")
        .ok_or_else(|| QueryError::Execution("no present_over_time".to_owned()))?;
    let inner = by_series(ev, node, plan, kernel, steps)?;
    where_nothing_is(ev, plan, &inner, steps)
}

fn where_nothing_is<'a>(
    ev: &Evaluator<'a>,
    plan: &'a CallPlan,
    inner: &SharedVector<'a>,
    steps: Steps,
) -> Result<SharedVector<'a>, QueryError> {
    let mut present = vec![false; steps.count];
    for_each_column(ev.cx, inner.as_ref(), steps.count, |_, column| {
        for (step, there) in present.iter_mut().enumerate() {
            *there |= column.has(step);
        }
        Ok(())
    })?;
    let mut out = ColumnBuilder::new(steps.count);
    for there in present {
        if there {
            out.push_none();
        } else {
            out.push_float(1.0);
        }
    }
    let column: Column = out.finish();
    let labels = match plan.args.first().map(|arg| &ev.plan.node(*arg).op) {
        Some(Op::Select(selector) | Op::Window(selector, _)) => labels_of(&selector.matchers),
        _ => Labels::empty(),
    };
    Ok(Computed::one(Identity::new(labels), column))
}

/// The labels that a missing series would have had: for each name the first equality; any other matcher of the name
/// that stands behind it takes the label away again.
///
/// Source: Prometheus `createLabelsForAbsentFunction`.
fn labels_of(matchers: &[Matcher]) -> Labels {
    let mut labels = LabelsBuilder::new();
    let mut seen: FxHashSet<&str> = FxHashSet::default();
    for matcher in matchers.iter().filter(|m| m.name != METRIC_NAME) {
        if matcher.op == MatchOp::Equal && seen.insert(&matcher.name) {
            labels.set(&matcher.name, &matcher.value);
        } else {
            labels.remove(&matcher.name);
        }
    }
    labels.labels()
}
