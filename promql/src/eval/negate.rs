//! The unary minus.

use std::sync::Arc;

use narthex_model::{FloatHistogram, ResetHint};

use super::evaluator::Evaluator;
use super::mapped::mapped_without_name;
use super::steps::Steps;
use super::vector::Output;
use crate::error::QueryError;
use crate::functions::Point;
use crate::plan::NodeId;

/// `-x`
pub(super) fn negate<'a>(
    ev: &Evaluator<'a>,
    operand: NodeId,
    steps: Steps,
) -> Result<Output<'a>, QueryError> {
    Ok(match ev.eval(operand, steps)? {
        Output::Scalar(values) => Output::Scalar(Arc::new(values.iter().map(|v| -v).collect())),
        Output::Vector(inner) => {
            let delayed = ev.cx.features.delayed_name_removal;
            Output::Vector(mapped_without_name(inner, delayed, |_, column, _| {
                Ok(if column.has_histograms() {
                    column.map_points(|_, point| match point {
                        Point::Float(value) => Point::Float(-value),
                        Point::Histogram(h) => Point::Histogram(Arc::new(negated(&h))),
                        Point::None => Point::None,
                    })
                } else {
                    column.map_floats(|v| -v)
                })
            }))
        }
        Output::Text(_) => return Err(QueryError::Execution("expected a number".to_owned())),
    })
}

/// All counts and the sum with their signs turned. What comes out is a gauge.
fn negated(h: &FloatHistogram) -> FloatHistogram {
    let turn = |counts: &[f64]| counts.iter().map(|c| -c).collect();
    FloatHistogram {
        hint: ResetHint::Gauge,
        zero_count: -h.zero_count,
        count: -h.count,
        sum: -h.sum,
        positive_buckets: turn(&h.positive_buckets),
        negative_buckets: turn(&h.negative_buckets),
        ..h.clone()
    }
}
