//! Binary operators where a native histogram stands on one side at least.

use std::sync::Arc;

use narthex_model::histogram::Combined;
use narthex_model::{FloatHistogram, ResetHint};

use super::notes::{HistogramOperation, Note, Notes};
use super::window::Point;
use crate::ast::BinaryOp;

/// What an operator makes of two elements.
#[derive(Debug, Clone, PartialEq)]
pub enum HistogramResult {
    /// A histogram.
    Value(Point),
    /// A comparison, and whether it holds.
    Holds(bool),
    /// Exponential and custom buckets cannot be combined: there is no result, but a warning.
    IncompatibleBuckets,
    /// The operator is not made for elements of these kinds: there is no result, but an info.
    IncompatibleTypes,
}

/// Applies an operator to two histograms: `+`, `-`, `==`, `!=`.
pub fn histogram_with_histogram(
    op: BinaryOp,
    a: &FloatHistogram,
    b: &FloatHistogram,
    notes: &mut Notes,
) -> HistogramResult {
    let mut result = a.clone();
    let (operation, combined) = match op {
        BinaryOp::Add => (HistogramOperation::Addition, result.add(b)),
        BinaryOp::Sub => (HistogramOperation::Subtraction, result.sub(b)),
        BinaryOp::Eq => return HistogramResult::Holds(a.same_data(b)),
        BinaryOp::Ne => return HistogramResult::Holds(!a.same_data(b)),
        _ => return HistogramResult::IncompatibleTypes,
    };
    let Ok(combined) = combined else {
        return HistogramResult::IncompatibleBuckets;
    };
    report(combined, operation, notes);
    if op == BinaryOp::Sub {
        result.hint = ResetHint::Gauge;
    }
    value(result)
}

fn report(combined: Combined, operation: HistogramOperation, notes: &mut Notes) {
    if combined.reset_collision {
        notes.add(Note::CounterResetCollision(operation));
    }
    if combined.bounds_reconciled {
        notes.add(Note::BucketsReconciled(operation));
    }
}

/// Applies an operator to a histogram and a float behind it: `*`, `/`, `</`, `>/`.
#[must_use]
pub fn histogram_with_float(op: BinaryOp, histogram: &FloatHistogram, float: f64) -> HistogramResult {
    let mut result = histogram.clone();
    match op {
        BinaryOp::Mul => result.mul(float),
        BinaryOp::Div => result.div(float),
        BinaryOp::TrimUpper => {
            result.keep_below(float);
            return HistogramResult::Value(Point::Histogram(Arc::new(result)));
        }
        BinaryOp::TrimLower => {
            result.keep_above(float);
            return HistogramResult::Value(Point::Histogram(Arc::new(result)));
        }
        _ => return HistogramResult::IncompatibleTypes,
    }
    value(result)
}

/// Applies an operator to a float and a histogram behind it: `*`.
#[must_use]
pub fn float_with_histogram(op: BinaryOp, float: f64, histogram: &FloatHistogram) -> HistogramResult {
    if op == BinaryOp::Mul {
        histogram_with_float(op, histogram, float)
    } else {
        HistogramResult::IncompatibleTypes
    }
}

fn value(mut histogram: FloatHistogram) -> HistogramResult {
    histogram.compact();
    HistogramResult::Value(Point::Histogram(Arc::new(histogram)))
}
