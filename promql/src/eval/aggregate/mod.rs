//! Aggregations: columns folded into groups as they come.

mod average;
mod compensated;
mod count_values;
mod fold;
mod folds;
mod group;
mod heap;
mod limit;
mod partial;
mod pick;
mod quantile;
mod xxhash;

use narthex_model::Severity;

use super::annotate::annotate;
use super::evaluator::Evaluator;
use super::scratch::Scratch;
use super::steps::Steps;
use super::vector::SharedVector;
use crate::ast::AggregateOp;
use crate::error::QueryError;
use crate::functions::Notes;
use crate::plan::{AggregatePlan, Node};
use crate::span::Span;

/// `sum by (job) (x)`
pub(super) fn aggregate<'a>(
    ev: &Evaluator<'a>,
    node: &'a Node,
    plan: &'a AggregatePlan,
    steps: Steps,
) -> Result<SharedVector<'a>, QueryError> {
    let aggregation = Aggregation {
        op: plan.op,
        grouping: &plan.grouping,
        without: plan.without,
        places: node.operand_spans(0),
        param_places: node.operand_spans(1),
        steps,
    };
    if plan.op == AggregateOp::CountValues {
        return count_values::count_values(ev, plan, &aggregation);
    }
    let params = plan.param.map(|id| ev.scalar(id, steps)).transpose()?;
    let params: &[f64] = params.as_deref().map_or(&[], |values| values);
    let inner = ev.vector(plan.expr, steps)?;
    match plan.op {
        AggregateOp::Topk | AggregateOp::Bottomk => pick::pick(ev, &aggregation, params, inner),
        AggregateOp::Limitk => limit::limitk(ev, &aggregation, params, &inner),
        AggregateOp::LimitRatio => limit::limit_ratio(ev, &aggregation, params, &inner),
        AggregateOp::Quantile => quantile::quantile(ev, &aggregation, params, &inner),
        _ => folds::aggregate(ev, &aggregation, &inner),
    }
}

/// What is aggregated how.
struct Aggregation<'p> {
    op: AggregateOp,
    grouping: &'p [String],
    without: bool,
    /// Where the aggregated expression stands.
    places: Vec<Span>,
    /// Where the parameter stands.
    param_places: Vec<Span>,
    steps: Steps,
}

impl Aggregation<'_> {
    /// Notes that histograms were left out.
    fn histogram_ignored(&self, ev: &Evaluator<'_>) {
        let name = match self.op {
            AggregateOp::Min => "min",
            AggregateOp::Max => "max",
            AggregateOp::Stddev => "stddev",
            AggregateOp::Stdvar => "stdvar",
            AggregateOp::Quantile => "quantile",
            AggregateOp::Topk => "topk",
            AggregateOp::Bottomk => "bottomk",
            _ => return,
        };
        let text = format!("ignored histogram in {name} aggregation");
        annotate(ev.cx, Severity::Info, &text, &self.places);
    }

    /// Takes over the findings of kernels about a metric.
    fn report(&self, ev: &Evaluator<'_>, notes: &Notes, metric: &str) -> Result<(), QueryError> {
        if notes.is_empty() {
            return Ok(());
        }
        let mut scratch = Scratch::new(ev.cx);
        let outcome = scratch.report(notes, metric, &self.places);
        ev.cx.absorb(scratch);
        outcome
    }
}

/// Largest and smallest value, NaN left aside.
fn extremes(params: &[f64]) -> (f64, f64) {
    params
        .iter()
        .filter(|v| !v.is_nan())
        .fold((f64::NEG_INFINITY, f64::INFINITY), |(max, min), v| {
            (max.max(*v), min.min(*v))
        })
}
