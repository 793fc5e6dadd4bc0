//! How far around a step the samples lie that its value depends on.

use narthex_model::{METRIC_NAME, MatchOp};
use rustc_hash::FxHashSet;

use super::node::{AggregatePlan, CallPlan, NodeId, Op, Plan, SelectorPlan, TimeShift};
use crate::ast::AggregateOp;
use crate::features::Features;
use crate::functions::range_function;

/// Functions whose answer depends on the times of the whole query, or on the labels of all series that it selects.
const OF_THE_WHOLE: [&str; 8] = [
    "start",
    "end",
    "range",
    "info",
    "sort",
    "sort_desc",
    "sort_by_label",
    "sort_by_label_desc",
];

/// What is known of a query whose value at a step is the same, whatever its other steps are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Locality {
    /// Samples later than so many milliseconds after a step do not change its value. Negative if all lie before it.
    pub(crate) ahead_ms: i64,
    /// Unless `topk` or `bottomk` leaves out one of equal values: the order of what they choose from is that in which
    /// the series of the whole query come.
    pub(crate) but_for_ties: bool,
}

/// How a query is evaluated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Evaluating {
    pub(crate) features: Features,
    /// How far selectors look, in milliseconds.
    pub(crate) lookback_ms: i64,
    /// From one step to the next, in milliseconds.
    pub(crate) step_ms: i64,
}

/// Whether the value at a step, and what is found on the way to it, depends on the samples around the step alone, and how
/// far these reach; `None` also if it depends on no samples.
pub(crate) fn locality(plan: &Plan, root: NodeId, evaluating: Evaluating) -> Option<Locality> {
    // Whether a series keeps its name may follow from what others it meets at any step.
    if plan.names_range
        || evaluating.features.delayed_name_removal
        || leaves_steps_out(plan, root, evaluating)
    {
        return None;
    }
    let is_ordered = |id| is_in_label_order(plan, id, evaluating.features);
    let mut but_for_ties = false;
    // Operands stand before the nodes that use them.
    let mut reaches: Vec<Option<i64>> = Vec::with_capacity(plan.nodes.len());
    for node in &plan.nodes {
        let operands = node.op.operands();
        let of_operands = operands
            .iter()
            .filter_map(|id| *reaches.get(id.0 as usize)?)
            .max();
        reaches.push(match &node.op {
            Op::Select(selector) | Op::Window(selector, _) => {
                let smoothed = if selector.smoothed {
                    evaluating.lookback_ms
                } else {
                    0
                };
                Some(shifted(smoothed, selector.shift)?)
            }
            Op::Subquery(subquery) => match of_operands {
                Some(reach) => Some(shifted(reach, subquery.shift)?),
                None => None,
            },
            _ => of_operands,
        });
        match &node.op {
            Op::Call(call) if is_of_the_whole(plan, call) => return None,
            Op::Aggregate(aggregate) if counts_into_names(plan, aggregate) => return None,
            Op::Aggregate(aggregate) if !is_ordered(aggregate.expr) => match aggregate.op {
                AggregateOp::Topk | AggregateOp::Bottomk => but_for_ties = true,
                // The first ones, and sums that are not compensated for the order in which they are added up.
                AggregateOp::Limitk | AggregateOp::Stddev | AggregateOp::Stdvar => return None,
                _ => {}
            },
            _ => {}
        }
    }
    let ahead_ms = (*reaches.get(root.0 as usize)?)?;
    Some(Locality {
        ahead_ms,
        but_for_ties,
    })
}

/// Whether a subquery is evaluated at steps between the windows that look at them: what is found there belongs to the
/// whole answer and to no part of it.
fn leaves_steps_out(plan: &Plan, root: NodeId, evaluating: Evaluating) -> bool {
    let mut seen = FxHashSet::default();
    let mut left = vec![(root, evaluating.step_ms)];
    while let Some((id, step_ms)) = left.pop() {
        if !seen.insert((id, step_ms)) {
            continue;
        }
        let op = &plan.node(id).op;
        let inside = match op {
            Op::Subquery(subquery) if step_ms > subquery.range_ms => return true,
            Op::Subquery(subquery) => subquery.step_ms,
            _ => step_ms,
        };
        left.extend(op.operands().into_iter().map(|operand| (operand, inside)));
    }
    false
}

fn is_of_the_whole(plan: &Plan, call: &CallPlan) -> bool {
    let numbers = |args: &[NodeId]| args.iter().all(|arg| matches!(plan.node(*arg).op, Op::Number(_)));
    match call.function.as_str() {
        // Series are named by the quantiles at the first step.
        "histogram_quantiles" => !numbers(call.args.get(2..).unwrap_or(&[])),
        function => OF_THE_WHOLE.contains(&function),
    }
}

/// Whether values become what a metric is called: names that go when others are there.
fn counts_into_names(plan: &Plan, aggregate: &AggregatePlan) -> bool {
    let label = aggregate.param.map(|id| &plan.node(id).op);
    let is_name = |label: &str| label.starts_with("__");
    aggregate.op == AggregateOp::CountValues && matches!(label, Some(Op::Text(label)) if is_name(label))
}

/// A reach seen from outside of a shift; `None` if it is from a time that does not move with the step.
const fn shifted(reach_ms: i64, shift: TimeShift) -> Option<i64> {
    match shift.at {
        Some(_) => None,
        None => Some(reach_ms.saturating_sub(shift.offset_ms)),
    }
}

/// Whether a vector's series come in the order of labels, which no other series change.
fn is_in_label_order(plan: &Plan, id: NodeId, features: Features) -> bool {
    match &plan.node(id).op {
        Op::Select(_) => true,
        // With the name go type and unit.
        Op::Call(_) if features.type_and_unit_labels => false,
        Op::Call(call) => range_function(&call.function).is_some() && is_of_one_name(plan, call),
        _ => false,
    }
}

/// Whether all series of a function's window have the same name: without it they are still different.
fn is_of_one_name(plan: &Plan, call: &CallPlan) -> bool {
    let is_name = |selector: &SelectorPlan| {
        let mut matchers = selector.matchers.iter();
        matchers.any(|m| m.name == METRIC_NAME && m.op == MatchOp::Equal && !m.value.is_empty())
    };
    call.args
        .iter()
        .any(|arg| matches!(&plan.node(*arg).op, Op::Window(selector, _) if is_name(selector)))
}

#[cfg(test)]
mod tests {
    use super::super::{QueryTimes, plan};
    use super::*;
    use crate::check::parse;
    use crate::features::Features;

    const FEATURES: Features = Features {
        delayed_name_removal: false,
        type_and_unit_labels: false,
        ..Features::ALL
    };

    fn of(text: &str, features: Features) -> Option<(i64, bool)> {
        let times = QueryTimes {
            start: 0,
            end: 3_600_000,
            step: 60_000,
            default_subquery_step: 60_000,
        };
        let expr = parse(text, &features).unwrap();
        let (plan, root) = plan(&expr, &times).unwrap();
        let evaluating = Evaluating {
            features,
            lookback_ms: 300_000,
            step_ms: times.step,
        };
        locality(&plan, root, evaluating).map(|l| (l.ahead_ms, l.but_for_ties))
    }

    #[test]
    fn how_far_queries_look() {
        let table = [
            ("x", Some((0, false))),
            ("x[5m]", Some((0, false))),
            ("rate(x[5m] offset 1m)", Some((-60_000, false))),
            ("x offset -1m + x offset 2h", Some((60_000, false))),
            ("x smoothed", Some((300_000, false))),
            (
                "rate(x[5m] smoothed) / rate(x[5m] anchored)",
                Some((300_000, false)),
            ),
            (
                "max_over_time(rate(x[5m])[1h:] offset 10m)",
                Some((-600_000, false)),
            ),
            (
                "max_over_time((x offset -2m)[1h:] offset 1m)",
                Some((60_000, false)),
            ),
            ("rate(x[step()])", Some((0, false))),
            ("timestamp(x) - time()", Some((0, false))),
            // At fixed times, of the whole query, or of nothing.
            ("x @ 60", None),
            ("x + max_over_time(x[1h:1m] @ end())", None),
            ("rate(x[range()])", None),
            ("x offset min_of(5m, -range())", None),
            ("x[5m:min_of(1m, range())]", None),
            ("x * (time() > bool start())", None),
            ("time()", None),
            ("vector(1)", None),
            // Subqueries with steps between their windows.
            ("max_over_time(x[1m:15s])", Some((0, false))),
            ("max_over_time(x[59s:15s])", None),
            ("max_over_time(min_over_time(x[1m:15s])[1h:1m])", Some((0, false))),
            ("max_over_time(min_over_time(x[1m:15s])[1h:2m])", None),
            // Where all series say what becomes of each.
            ("info(x)", None),
            ("sort(x)", None),
            ("abs(sort_by_label_desc(x, \"a\"))", None),
            ("histogram_quantiles(x, \"q\", 0.5, 0.9)", Some((0, false))),
            ("histogram_quantiles(x, \"q\", 0.5, scalar(y))", None),
            ("count_values(\"v\", x)", Some((0, false))),
            ("count_values(\"__name__\", x)", None),
            // Where an order decides.
            ("topk(2, x)", Some((0, false))),
            ("topk(2, rate(x[5m]))", Some((0, false))),
            ("bottomk(2, rate({job=\"a\"}[5m]))", Some((0, true))),
            ("topk(2, sum by (job) (x))", Some((0, true))),
            ("stddev(quantile_over_time(0.5, x[5m]))", Some((0, false))),
            ("stddev(-x)", None),
            ("limitk(2, x)", Some((0, false))),
            ("limitk(2, sum by (job) (x))", None),
            ("limit_ratio(0.5, sum by (job) (x))", Some((0, false))),
            ("quantile(0.5, sum by (job) (x))", Some((0, false))),
        ];
        for (text, expected) in table {
            assert_eq!(of(text, FEATURES), expected, "{text}");
        }
    }
    #[test]
    fn names_that_go_at_the_end_go_for_all_steps() {
        let delayed = Features {
            delayed_name_removal: true,
            ..FEATURES
        };
        assert_eq!(of("x", delayed), None);
        let typed = Features {
            type_and_unit_labels: true,
            ..FEATURES
        };
        assert_eq!(of("topk(2, rate(x[5m]))", typed), Some((0, true)));
    }
}
