//! One expression at one time.

use narthex_model::Labels;
use narthex_promql::ast::{Binary, Expr};

use super::binary::{filter, operate};
use super::over_natives::NativeSeries;

/// A series: its labels and its samples (Unix milliseconds and value), ascending in time.
pub type Series = (Labels, Vec<(i64, f64)>);

/// A series' value at one step.
#[derive(Debug, Clone, PartialEq)]
pub struct Element {
    /// The series.
    pub labels: Labels,
    /// Its value.
    pub value: f64,
}

/// The value of an expression at one time.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// One number.
    Scalar(f64),
    /// Elements in the order of the expression.
    Vector(Vec<Element>),
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The query cannot be answered over these series.
    Query(&'static str),
    /// This evaluator does not know what the expression is made of.
    Unknown(String),
}

/// The plain evaluator over some series, in label order.
#[derive(Debug, Clone, Copy)]
pub struct Plain<'d> {
    /// All series.
    pub data: &'d [Series],
    /// All series of native histograms.
    pub natives: &'d [NativeSeries],
    /// How far an instant selector looks back, in milliseconds.
    pub lookback_ms: i64,
    /// Step of subqueries that name none, in milliseconds.
    pub default_step_ms: i64,
    /// `start()` and `end()` of the query, in Unix milliseconds.
    pub bounds: (i64, i64),
    /// The first and the last step, in Unix milliseconds: for the query's own expression those of the query.
    pub steps: (i64, i64),
}

impl Plain<'_> {
    /// The value of `expr` at `time`.
    ///
    /// # Errors
    /// When the query cannot be answered, or holds what this evaluator does not know.
    pub fn evaluate(&self, expr: &Expr, time: i64) -> Result<Value, Failure> {
        match expr {
            Expr::Number(number) => Ok(Value::Scalar(number.value)),
            Expr::Paren(paren) => self.evaluate(&paren.expr, time),
            Expr::Unary(unary) => match self.evaluate(&unary.expr, time)? {
                value if !unary.minus => Ok(value),
                Value::Scalar(value) => Ok(Value::Scalar(-value)),
                Value::Vector(elements) => each_without_name(elements, |value| -value),
            },
            Expr::Vector(selector) => Ok(Value::Vector(self.instant(selector, time))),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate, time).map(Value::Vector),
            Expr::Binary(binary) => self.binary(binary, time),
            Expr::Call(call) => self.call(call, time),
            Expr::Matrix(_) | Expr::Subquery(_) | Expr::String(_) => Err(Failure::Unknown(format!(
                "{expr} where a number or vector stands"
            ))),
        }
    }

    /// The vector that `expr` is at `time`.
    pub(super) fn vector(&self, expr: &Expr, time: i64) -> Result<Vec<Element>, Failure> {
        match self.evaluate(expr, time)? {
            Value::Vector(elements) => Ok(elements),
            Value::Scalar(_) => Err(Failure::Unknown(format!("{expr} is no vector"))),
        }
    }

    /// The number that `expr` is at `time`.
    pub(super) fn scalar(&self, expr: &Expr, time: i64) -> Result<f64, Failure> {
        match self.evaluate(expr, time)? {
            Value::Scalar(value) => Ok(value),
            Value::Vector(_) => Err(Failure::Unknown(format!("{expr} is no scalar"))),
        }
    }

    fn binary(&self, binary: &Binary, time: i64) -> Result<Value, Failure> {
        let (left, right) = (
            self.evaluate(&binary.lhs, time)?,
            self.evaluate(&binary.rhs, time)?,
        );
        match (left, right) {
            (Value::Scalar(left), Value::Scalar(right)) => Ok(Value::Scalar(operate(binary.op, left, right))),
            (Value::Vector(left), Value::Vector(right)) => {
                super::binary::vectors(binary, &left, &right).map(Value::Vector)
            }
            (Value::Vector(elements), Value::Scalar(right)) => {
                with_scalar(binary, elements, |value| (value, right))
            }
            (Value::Scalar(left), Value::Vector(elements)) => {
                with_scalar(binary, elements, |value| (left, value))
            }
        }
    }
}

/// `v op 5` or `5 op v`; `sides` says which value stands where.
fn with_scalar(
    binary: &Binary,
    elements: Vec<Element>,
    sides: impl Fn(f64) -> (f64, f64),
) -> Result<Value, Failure> {
    if binary.op.is_comparison() && !binary.return_bool {
        let kept = elements.into_iter().filter(|element| {
            let (left, right) = sides(element.value);
            filter(binary.op, left, right)
        });
        return Ok(Value::Vector(kept.collect()));
    }
    each_without_name(elements, |value| {
        let (left, right) = sides(value);
        operate(binary.op, left, right)
    })
}

/// The elements with other values and without their names.
pub(super) fn each_without_name(
    elements: Vec<Element>,
    change: impl Fn(f64) -> f64,
) -> Result<Value, Failure> {
    let changed = elements
        .into_iter()
        .map(|element| Element {
            labels: element.labels.without_name(),
            value: change(element.value),
        })
        .collect();
    distinct(changed).map(Value::Vector)
}

/// The elements, if no two of them have the same labels.
pub(super) fn distinct(elements: Vec<Element>) -> Result<Vec<Element>, Failure> {
    for (at, element) in elements.iter().enumerate() {
        if elements
            .iter()
            .skip(at + 1)
            .any(|other| other.labels == element.labels)
        {
            return Err(Failure::Query(
                "vector cannot contain metrics with the same labelset",
            ));
        }
    }
    Ok(elements)
}
