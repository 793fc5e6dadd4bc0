//! Nodes of the syntax tree.

use narthex_model::Matcher;

use super::duration::DurationExpr;
use super::op::{AggregateOp, BinaryOp, Cardinality, ValueType};
use crate::span::Span;

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// `sum by (job) (x)`
    Aggregate(Box<Aggregate>),
    /// `a + b`
    Binary(Box<Binary>),
    /// `rate(x[5m])`
    Call(Call),
    /// `x[5m]`
    Matrix(Box<MatrixSelector>),
    /// `x[5m:1m]`
    Subquery(Box<Subquery>),
    /// `1.5`
    Number(NumberLiteral),
    /// `(x)`
    Paren(Box<Paren>),
    /// `"text"`
    String(StringLiteral),
    /// `-x`
    Unary(Box<Unary>),
    /// `x{job="a"}`
    Vector(VectorSelector),
}

impl Expr {
    /// Where the expression stands.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Self::Aggregate(e) => e.span,
            Self::Binary(e) => e.span,
            Self::Call(e) => e.span,
            Self::Matrix(e) => e.span,
            Self::Subquery(e) => e.span,
            Self::Number(e) => e.span,
            Self::Paren(e) => e.span,
            Self::String(e) => e.span,
            Self::Unary(e) => e.span,
            Self::Vector(e) => e.span,
        }
    }

    /// The kind of value that the expression yields.
    #[must_use]
    pub fn value_type(&self) -> ValueType {
        match self {
            Self::Aggregate(_) | Self::Vector(_) => ValueType::Vector,
            Self::Call(e) => e.return_type,
            Self::Matrix(_) | Self::Subquery(_) => ValueType::Matrix,
            Self::Number(_) => ValueType::Scalar,
            Self::String(_) => ValueType::String,
            Self::Paren(e) => e.expr.value_type(),
            Self::Unary(e) => e.expr.value_type(),
            Self::Binary(e) => {
                let (links, first) = e.chain();
                let mut parts = links.iter().map(|link| &link.rhs).chain([first]);
                if parts.all(|part| part.value_type() == ValueType::Scalar) {
                    ValueType::Scalar
                } else {
                    ValueType::Vector
                }
            }
        }
    }
}

/// An aggregation.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// Which one.
    pub op: AggregateOp,
    /// What is aggregated.
    pub expr: Expr,
    /// The parameter of topk, bottomk, limitk, limit_ratio, quantile and count_values.
    pub param: Option<Expr>,
    /// Labels of `by` or `without`.
    pub grouping: Vec<String>,
    /// `without` instead of `by`.
    pub without: bool,
    /// Where it stands.
    pub span: Span,
}

/// A binary operation.
pub struct Binary {
    /// The operator.
    pub op: BinaryOp,
    /// Left side.
    pub lhs: Expr,
    /// Right side.
    pub rhs: Expr,
    /// How series of both sides find each other; `None` unless both sides are vectors.
    pub matching: Option<VectorMatching>,
    /// `bool`: comparisons yield 0 or 1.
    pub return_bool: bool,
    /// Where the operator stands.
    pub op_span: Span,
    /// Where it stands, both sides included.
    pub span: Span,
}

/// How series of two vectors find each other.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct VectorMatching {
    /// Which side may have several series per group.
    pub card: Cardinality,
    /// Labels of `on` or `ignoring`.
    pub labels: Vec<String>,
    /// `on` instead of `ignoring`.
    pub on: bool,
    /// Labels that `group_left`/`group_right` copies from the "one" side.
    pub include: Vec<String>,
    /// Value for series missing on the left (`fill`, `fill_left`).
    pub fill_left: Option<f64>,
    /// Value for series missing on the right (`fill`, `fill_right`).
    pub fill_right: Option<f64>,
}

/// A function call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The function's name; it is in the function table.
    pub function: String,
    /// Arguments in order.
    pub args: Vec<Expr>,
    /// What the function returns.
    pub return_type: ValueType,
    /// Where it stands.
    pub span: Span,
}

/// `x{a="b"} offset 5m @ 10`
#[derive(Debug, Clone, PartialEq, Default)]
pub struct VectorSelector {
    /// The metric's name if it was written before the braces or as a bare string in them.
    pub name: String,
    /// All matchers, that for the name included, in the order written (name last, as Prometheus has it).
    pub matchers: Vec<Matcher>,
    /// Offset and `@`.
    pub modifiers: Modifiers,
    /// `anchored`.
    pub anchored: bool,
    /// `smoothed`.
    pub smoothed: bool,
    /// Where it stands.
    pub span: Span,
}

/// Offset and `@` of a selector or subquery.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Modifiers {
    /// `offset` in milliseconds; positive looks back.
    pub offset_ms: i64,
    /// `offset` as an expression over durations, where it is more than a literal.
    pub offset_expr: Option<Box<DurationExpr>>,
    /// `@ <time>` in Unix milliseconds.
    pub timestamp: Option<i64>,
    /// `@ start()` or `@ end()`.
    pub at: Option<AtBound>,
}

/// The query's own bound in `@ start()` or `@ end()`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtBound {
    /// `@ start()`
    Start,
    /// `@ end()`
    End,
}

/// `x[5m]`
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixSelector {
    /// The selector before the brackets, with the modifiers behind them.
    pub vector: VectorSelector,
    /// Length of the window in milliseconds.
    pub range_ms: i64,
    /// The length as an expression, where it is more than a literal.
    pub range_expr: Option<Box<DurationExpr>>,
    /// Where it stands.
    pub span: Span,
}

/// `x[5m:1m]`
#[derive(Debug, Clone, PartialEq)]
pub struct Subquery {
    /// What is evaluated at each inner step.
    pub expr: Expr,
    /// Length of the window in milliseconds.
    pub range_ms: i64,
    /// The length as an expression, where it is more than a literal.
    pub range_expr: Option<Box<DurationExpr>>,
    /// Inner step in milliseconds; 0 stands for the default.
    pub step_ms: i64,
    /// The step as an expression, where it is more than a literal.
    pub step_expr: Option<Box<DurationExpr>>,
    /// Offset and `@`.
    pub modifiers: Modifiers,
    /// Where it stands.
    pub span: Span,
}

/// `1.5`, `0x10`, `Inf`, or a duration `1h30m` used as a number of seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberLiteral {
    /// The number.
    pub value: f64,
    /// Whether it was written as a duration.
    pub is_duration: bool,
    /// Where it stands.
    pub span: Span,
}

/// `(x)`
#[derive(Debug, Clone, PartialEq)]
pub struct Paren {
    /// What stands inside.
    pub expr: Expr,
    /// Where it stands, parentheses included.
    pub span: Span,
}

/// `"text"`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StringLiteral {
    /// The text, unescaped; bytes that are no UTF-8 show as U+FFFD.
    pub value: String,
    /// How the literal is written if it holds bytes that are no UTF-8.
    pub quoted: Option<Box<str>>,
    /// Where it stands, quotes included.
    pub span: Span,
}

/// `-x` or `+x`
#[derive(Debug, Clone, PartialEq)]
pub struct Unary {
    /// Whether the sign is a minus.
    pub minus: bool,
    /// The operand.
    pub expr: Expr,
    /// Where it stands.
    pub span: Span,
}
