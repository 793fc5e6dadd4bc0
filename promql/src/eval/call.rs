//! Function calls: which operator answers which function.

use std::sync::Arc;

use super::column::Column;
use super::evaluator::Evaluator;
use super::mapped::mapped_without_name;
use super::range_call::range_call;
use super::scratch::Scratch;
use super::select::{Yield, instant_selector};
use super::steps::Steps;
use super::stream::for_each_column;
use super::vector::{Computed, Identity, Output};
use super::{absent, histogram_calls, info, label_calls, sort};
use crate::error::QueryError;
use crate::functions::{
    Point, clamp, date_function, histogram_function, math_function, range_function, round_to,
};
use crate::plan::{CallPlan, Node, NodeId, Op};

/// `f(x)`
pub(super) fn call<'a>(
    ev: &Evaluator<'a>,
    node: &'a Node,
    plan: &'a CallPlan,
    steps: Steps,
) -> Result<Output<'a>, QueryError> {
    let name = plan.function.as_str();
    if let Some(values) = clock(ev, name, steps) {
        return Ok(Output::Scalar(Arc::new(values)));
    }
    if name == "absent_over_time" {
        return absent::absent_over_time(ev, node, plan, steps).map(Output::Vector);
    }
    if let Some(kernel) = range_function(name) {
        return range_call(ev, node, plan, kernel, steps).map(Output::Vector);
    }
    if let Some(function) = math_function(name) {
        return floats(ev, argument(plan, 0)?, steps, function);
    }
    if let Some(function) = histogram_function(name) {
        let inner = ev.vector(argument(plan, 0)?, steps)?;
        return Ok(Output::Vector(histogram_calls::of_histograms(
            ev, inner, function,
        )));
    }
    if let Some(function) = date_function(name) {
        return match plan.args.first() {
            Some(arg) => floats(ev, *arg, steps, function),
            None => {
                let values = steps.times().map(|t| function(seconds(t))).collect();
                Ok(Output::Vector(Computed::one(
                    Identity::default(),
                    Column::full(values),
                )))
            }
        };
    }
    match name {
        "scalar" => scalar(ev, argument(plan, 0)?, steps),
        "vector" => ev.vector_or_scalar(argument(plan, 0)?, steps).map(Output::Vector),
        "timestamp" => timestamp(ev, argument(plan, 0)?, steps, Yield::Time),
        "start_timestamp" => timestamp(ev, argument(plan, 0)?, steps, Yield::StartTime),
        "round" | "clamp" | "clamp_min" | "clamp_max" => bounded(ev, plan, steps),
        "min_of" | "max_of" => extreme(ev, plan, steps),
        "info" => info::info(ev, plan, steps).map(Output::Vector),
        "absent" => absent::absent(ev, plan, steps).map(Output::Vector),
        "label_replace" => label_calls::label_replace(ev, plan, steps).map(Output::Vector),
        "label_join" => label_calls::label_join(ev, plan, steps).map(Output::Vector),
        "sort" | "sort_desc" | "sort_by_label" | "sort_by_label_desc" => {
            sort::sort(ev, node, plan, steps).map(Output::Vector)
        }
        "histogram_quantile" => histogram_calls::quantile(ev, node, plan, steps).map(Output::Vector),
        "histogram_quantiles" => histogram_calls::quantiles(ev, node, plan, steps).map(Output::Vector),
        "histogram_fraction" => histogram_calls::fraction(ev, node, plan, steps).map(Output::Vector),
        _ => Err(QueryError::Execution(format!(
            "function \"{name}\" is not built yet"
        ))),
    }
}

/// An argument that the checker knows to be there.
pub(super) fn argument(plan: &CallPlan, index: usize) -> Result<NodeId, QueryError> {
    plan.args
        .get(index)
        .copied()
        .ok_or_else(|| QueryError::Execution(format!("too few arguments in call to \"{}\"", plan.function)))
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}

/// Functions of nothing but the query's times.
fn clock(ev: &Evaluator<'_>, name: &str, steps: Steps) -> Option<Vec<f64>> {
    let times = &ev.cx.times;
    let constant = match name {
        "time" => return Some(steps.times().map(seconds).collect()),
        "pi" => std::f64::consts::PI,
        "start" => seconds(times.start),
        "end" => seconds(times.end),
        "step" => seconds(times.step),
        "range" => seconds(times.end.saturating_sub(times.start)),
        _ => return None,
    };
    Some(vec![constant; steps.count])
}

/// A function of each float; histograms are left out.
fn floats<'a>(
    ev: &Evaluator<'a>,
    arg: NodeId,
    steps: Steps,
    function: fn(f64) -> f64,
) -> Result<Output<'a>, QueryError> {
    let inner = ev.vector(arg, steps)?;
    let delayed = ev.cx.features.delayed_name_removal;
    Ok(Output::Vector(mapped_without_name(
        inner,
        delayed,
        move |_, column, _| Ok(column.map_floats(function)),
    )))
}

/// `round`, `clamp`, `clamp_min`, `clamp_max`: functions of each float and of scalars.
fn bounded<'a>(ev: &Evaluator<'a>, plan: &'a CallPlan, steps: Steps) -> Result<Output<'a>, QueryError> {
    let inner = ev.vector(argument(plan, 0)?, steps)?;
    let first = plan.args.get(1).map(|a| ev.scalar(*a, steps)).transpose()?;
    let second = plan.args.get(2).map(|a| ev.scalar(*a, steps)).transpose()?;
    let delayed = ev.cx.features.delayed_name_removal;
    let name = plan.function.as_str();
    let map = move |_: usize, column: Column, _: &mut Scratch<'_>| {
        Ok(column.map_points(|step, point| {
            let Point::Float(value) = point else {
                return Point::None;
            };
            let param = |p: &Option<Arc<Vec<f64>>>, default: f64| {
                p.as_ref()
                    .and_then(|values| values.get(step).copied())
                    .unwrap_or(default)
            };
            let (a, b) = (param(&first, 1.0), param(&second, f64::NAN));
            Point::Float(match name {
                "round" => round_to(value, a),
                "clamp_min" => clamp(value, a, f64::INFINITY),
                "clamp_max" => clamp(value, f64::NEG_INFINITY, a),
                _ if b < a => return Point::None,
                _ => clamp(value, a, b),
            })
        }))
    };
    Ok(Output::Vector(mapped_without_name(inner, delayed, map)))
}

/// `min_of` and `max_of` of scalars.
fn extreme<'a>(ev: &Evaluator<'a>, plan: &'a CallPlan, steps: Steps) -> Result<Output<'a>, QueryError> {
    let a = ev.scalar(argument(plan, 0)?, steps)?;
    let b = ev.scalar(argument(plan, 1)?, steps)?;
    let max = plan.function == "max_of";
    // As Go's math.Max and math.Min: of all the last one wins over NaN, and NaN over every other.
    let last = if max { f64::INFINITY } else { f64::NEG_INFINITY };
    let pick = |a: f64, b: f64| match (a.is_nan() || b.is_nan(), max) {
        _ if a == last || b == last => last,
        (true, _) => f64::NAN,
        (false, true) => a.max(b),
        (false, false) => a.min(b),
    };
    Ok(Output::Scalar(Arc::new(
        a.iter().zip(b.iter()).map(|(a, b)| pick(*a, *b)).collect(),
    )))
}

/// The value of the only element, NaN where there is not exactly one.
fn scalar<'a>(ev: &Evaluator<'a>, arg: NodeId, steps: Steps) -> Result<Output<'a>, QueryError> {
    let inner = ev.vector(arg, steps)?;
    let mut found = vec![0_u32; steps.count];
    let mut values = vec![f64::NAN; steps.count];
    for_each_column(ev.cx, inner.as_ref(), steps.count, |_, column| {
        for (step, value) in column.floats() {
            if let (Some(found), Some(place)) = (found.get_mut(step), values.get_mut(step)) {
                *found += 1;
                *place = if *found == 1 { value } else { f64::NAN };
            }
        }
        Ok(())
    })?;
    Ok(Output::Scalar(Arc::new(values)))
}

/// The time of each sample: its own if a selector found it, else that of the evaluation.
fn timestamp<'a>(
    ev: &Evaluator<'a>,
    arg: NodeId,
    steps: Steps,
    yields: Yield,
) -> Result<Output<'a>, QueryError> {
    let delayed = ev.cx.features.delayed_name_removal;
    if let Op::Select(selector) = &ev.plan.node(arg).op {
        let times = instant_selector(ev, selector, ev.plan.node(arg).spans(), steps, yields)?;
        return Ok(Output::Vector(mapped_without_name(
            times,
            delayed,
            |_, column, _| Ok(column),
        )));
    }
    let inner = ev.vector(arg, steps)?;
    Ok(Output::Vector(mapped_without_name(
        inner,
        delayed,
        move |_, column, _| {
            Ok(column.map_points(|step, _| match yields {
                Yield::StartTime => Point::None,
                _ => Point::Float(seconds(steps.time(step))),
            }))
        },
    )))
}
