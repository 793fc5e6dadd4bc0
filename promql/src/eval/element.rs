//! A binary operator on two elements.

use narthex_model::Severity;

use super::scratch::Scratch;
use crate::ast::BinaryOp;
use crate::functions::{
    HistogramResult, Notes, Point, float_with_histogram, histogram_with_float, histogram_with_histogram,
};
use crate::plan::{compare_floats, float_operation};
use crate::span::Span;

/// What an operator makes of two elements.
pub(super) enum Element {
    /// A value, or none.
    Value(Point),
    /// A comparison, and whether it holds.
    Holds(bool),
}

/// Whether the operator compares.
pub(super) const fn is_comparison(op: BinaryOp) -> bool {
    matches!(
        op,
        BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge
    )
}

/// Whether the operator answers elements of its left side or parts of them, which keep the metric's name.
pub(super) const fn keeps_name(op: BinaryOp, return_bool: bool) -> bool {
    (is_comparison(op) && !return_bool) || matches!(op, BinaryOp::TrimUpper | BinaryOp::TrimLower)
}

/// Applies an arithmetic or comparison operator to two elements, neither of them [`Point::None`]. What it notices is
/// noted at `places`.
pub(super) fn element(
    op: BinaryOp,
    a: &Point,
    b: &Point,
    scratch: &mut Scratch<'_>,
    places: &[Span],
) -> Element {
    let mut notes = Notes::default();
    let (result, kinds) = match (a, b) {
        (Point::Float(a), Point::Float(b)) => (floats(op, *a, *b), ("float", "float")),
        (Point::Float(a), Point::Histogram(b)) => (float_with_histogram(op, *a, b), ("float", "histogram")),
        (Point::Histogram(a), Point::Float(b)) => (histogram_with_float(op, a, *b), ("histogram", "float")),
        (Point::Histogram(a), Point::Histogram(b)) => (
            histogram_with_histogram(op, a, b, &mut notes),
            ("histogram", "histogram"),
        ),
        (Point::None, _) | (_, Point::None) => return Element::Value(Point::None),
    };
    for note in notes.found() {
        let (severity, text) = note.describe("");
        scratch.annotate(severity, &text, places);
    }
    match result {
        HistogramResult::Value(point) => return Element::Value(point),
        HistogramResult::Holds(holds) => return Element::Holds(holds),
        HistogramResult::IncompatibleBuckets => {
            let text = format!(
                "incompatible bucket layout encountered for binary operator {}",
                op.as_str()
            );
            scratch.annotate(Severity::Warning, &text, places);
        }
        HistogramResult::IncompatibleTypes => {
            let (left, right) = kinds;
            let symbol = op.as_str();
            let text = format!(
                "incompatible sample types encountered for binary operator \"{symbol}\": {left} {symbol} {right}"
            );
            scratch.annotate(Severity::Info, &text, places);
        }
    }
    Element::Value(Point::None)
}

fn floats(op: BinaryOp, a: f64, b: f64) -> HistogramResult {
    float_operation(op, a, b)
        .map(|value| HistogramResult::Value(Point::Float(value)))
        .or_else(|| compare_floats(op, a, b).map(HistogramResult::Holds))
        .unwrap_or(HistogramResult::IncompatibleTypes)
}
