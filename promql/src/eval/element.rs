//! A binary operator on two elements.

use narthex_model::Severity;

use super::scratch::Scratch;
use crate::ast::BinaryOp;
use crate::functions::Point;
use crate::plan::{compare_floats, float_operation};
use crate::span::Span;

/// What an operator makes of two elements.
pub(super) enum Element {
    /// A value.
    Value(Point),
    /// A comparison, and whether it holds.
    Holds(bool),
    /// The operator is not made for elements of these kinds: there is no result.
    Mismatch(Mismatch),
}

/// Two elements that an operator cannot take.
pub(super) struct Mismatch {
    left: &'static str,
    right: &'static str,
}

/// Whether the operator compares.
pub(super) const fn is_comparison(op: BinaryOp) -> bool {
    matches!(
        op,
        BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge
    )
}

/// Applies an arithmetic or comparison operator to two elements, neither of them [`Point::None`].
pub(super) fn element(op: BinaryOp, a: &Point, b: &Point) -> Element {
    match (a, b) {
        (Point::Float(a), Point::Float(b)) => match float_operation(op, *a, *b) {
            Some(value) => Element::Value(Point::Float(value)),
            None => match compare_floats(op, *a, *b) {
                Some(holds) => Element::Holds(holds),
                None => mismatch("float", "float"),
            },
        },
        (Point::Float(_), _) => mismatch("float", "histogram"),
        (_, Point::Float(_)) => mismatch("histogram", "float"),
        _ => mismatch("histogram", "histogram"),
    }
}

const fn mismatch(left: &'static str, right: &'static str) -> Element {
    Element::Mismatch(Mismatch { left, right })
}

/// The operator as it is written.
pub(super) const fn symbol(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::Mod => "%",
        BinaryOp::Pow => "^",
        BinaryOp::Atan2 => "atan2",
        BinaryOp::Eq => "==",
        BinaryOp::Ne => "!=",
        BinaryOp::Lt => "<",
        BinaryOp::Le => "<=",
        BinaryOp::Gt => ">",
        BinaryOp::Ge => ">=",
        BinaryOp::And => "and",
        BinaryOp::Or => "or",
        BinaryOp::Unless => "unless",
        BinaryOp::TrimUpper => "</",
        BinaryOp::TrimLower => ">/",
    }
}

/// Notes that two elements could not be taken.
pub(super) fn report_mismatch(op: BinaryOp, mismatch: &Mismatch, scratch: &mut Scratch<'_>, places: &[Span]) {
    let text = format!(
        "incompatible sample types encountered for binary operator \"{}\": {} {} {}",
        symbol(op),
        mismatch.left,
        symbol(op),
        mismatch.right
    );
    scratch.annotate(Severity::Info, &text, places);
}
