//! `quantile`: all values of a group are kept until it is whole.

use std::sync::Arc;

use narthex_model::{FloatHistogram, Severity};

use super::fold::{Fold, fold_columns};
use super::{Aggregation, extremes};
use crate::error::QueryError;
use crate::eval::annotate::annotate_whole;
use crate::eval::evaluator::Evaluator;
use crate::eval::vector::SharedVector;
use crate::functions::{Notes, Point, general};

#[derive(Clone, Default)]
struct Values(Vec<f64>);

impl Fold for Values {
    const KEEPS_VALUES: bool = true;

    fn float(&mut self, value: f64) {
        self.0.push(value);
    }

    fn histogram(&mut self, _: &Arc<FloatHistogram>, _: &mut Notes) -> bool {
        false
    }
}

/// `quantile(0.9, x)`
pub(super) fn quantile<'a>(
    ev: &Evaluator<'a>,
    aggregation: &Aggregation<'_>,
    params: &[f64],
    inner: &SharedVector<'a>,
) -> Result<SharedVector<'a>, QueryError> {
    let (max, min) = extremes(params);
    let outside = [
        params.iter().any(|q| q.is_nan()).then_some(f64::NAN),
        Some(max).filter(|q| *q > 1.0),
        Some(min).filter(|q| *q < 0.0),
    ];
    for q in outside.into_iter().flatten() {
        let text = format!("quantile value should be between 0 and 1, got {}", general(q));
        annotate_whole(ev.cx, Severity::Warning, &text, &aggregation.param_places);
    }
    // Cells are finished group by group, step by step.
    let steps = aggregation.steps.count.max(1);
    let mut finished = 0_usize;
    fold_columns::<Vec<Values>>(ev, aggregation, inner, |mut cell, _| {
        let q = params.get(finished % steps).copied().unwrap_or(f64::NAN);
        finished += 1;
        if cell.0.is_empty() {
            Point::None
        } else {
            Point::Float(crate::functions::quantile(q, &mut cell.0))
        }
    })
}
