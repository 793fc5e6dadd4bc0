//! Durations that are computed.

use super::expr::NumberLiteral;
use super::op::BinaryOp;
use crate::span::Span;

/// Arithmetic over durations.
#[derive(Debug, Clone, PartialEq)]
pub enum DurationExpr {
    /// A number of seconds (or a duration literal, in seconds).
    Number(NumberLiteral),
    /// `a + b`; operators are + - * / % ^.
    Binary {
        /// The operator.
        op: BinaryOp,
        /// Left side.
        lhs: Box<DurationExpr>,
        /// Right side.
        rhs: Box<DurationExpr>,
        /// Whether the operation stands in parentheses.
        wrapped: bool,
        /// Where it stands.
        span: Span,
    },
    /// `-a` or `+a`.
    Unary {
        /// Whether the sign is a minus.
        minus: bool,
        /// The operand.
        expr: Box<DurationExpr>,
        /// Whether the operation stands in parentheses.
        wrapped: bool,
        /// Where it stands.
        span: Span,
    },
    /// `step()`
    Step {
        /// Whether it stands in parentheses.
        wrapped: bool,
        /// Where it stands.
        span: Span,
    },
    /// `range()`
    Range {
        /// Whether it stands in parentheses.
        wrapped: bool,
        /// Where it stands.
        span: Span,
    },
    /// `min_of(a, b)` or `max_of(a, b)`
    MinMax {
        /// Whether it is `max_of`.
        max: bool,
        /// First argument.
        lhs: Box<DurationExpr>,
        /// Second argument.
        rhs: Box<DurationExpr>,
        /// Whether it stands in parentheses.
        wrapped: bool,
        /// Where it stands.
        span: Span,
    },
}

impl DurationExpr {
    /// Where the expression stands; parentheses around it do not count.
    #[must_use]
    pub const fn span(&self) -> Span {
        match self {
            Self::Number(number) => number.span,
            Self::Binary { span, .. }
            | Self::Unary { span, .. }
            | Self::Step { span, .. }
            | Self::Range { span, .. }
            | Self::MinMax { span, .. } => *span,
        }
    }

    /// The same in parentheses. A literal cannot be marked, so it becomes the operand of a plus sign.
    #[must_use]
    pub fn wrapped(mut self) -> Self {
        match &mut self {
            Self::Number(number) => {
                return Self::Unary {
                    minus: false,
                    span: number.span,
                    wrapped: true,
                    expr: Box::new(self),
                };
            }
            Self::Binary { wrapped, .. }
            | Self::Unary { wrapped, .. }
            | Self::Step { wrapped, .. }
            | Self::Range { wrapped, .. }
            | Self::MinMax { wrapped, .. } => *wrapped = true,
        }
        self
    }
}
