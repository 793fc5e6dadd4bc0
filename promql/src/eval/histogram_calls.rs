//! Functions of histograms, classic ones (series with `le`) and native ones.

use super::evaluator::Evaluator;
use super::mapped::mapped_without_name;
use super::steps::Steps;
use super::vector::SharedVector;
use crate::error::QueryError;
use crate::functions::Point;
use crate::plan::{CallPlan, Node};
use narthex_model::FloatHistogram;

/// A function of each native histogram; floats are left out.
pub(super) fn of_histograms<'a>(
    ev: &Evaluator<'a>,
    inner: SharedVector<'a>,
    function: fn(&FloatHistogram) -> f64,
) -> SharedVector<'a> {
    let delayed = ev.cx.features.delayed_name_removal;
    mapped_without_name(inner, delayed, move |_, column, _| {
        Ok(column.map_points(|_, point| match point {
            Point::Histogram(h) => Point::Float(function(&h)),
            _ => Point::None,
        }))
    })
}

/// `histogram_quantile`, `histogram_quantiles`, `histogram_fraction`
pub(super) fn histogram_call<'a>(
    ev: &Evaluator<'a>,
    node: &'a Node,
    plan: &'a CallPlan,
    steps: Steps,
) -> Result<SharedVector<'a>, QueryError> {
    let _ = (ev, node, steps);
    Err(QueryError::Execution(format!(
        "function \"{}\" is not built yet",
        plan.function
    )))
}
