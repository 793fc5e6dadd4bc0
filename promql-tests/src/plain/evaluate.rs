//! One expression at one time.

use narthex_model::Labels;
use narthex_promql::ast::{Binary, Expr};

use super::binary::{scalars, with_scalar};
use super::native::Native;

/// What a series is at one time.
#[derive(Debug, Clone, PartialEq)]
pub enum Point {
    /// A number.
    Float(f64),
    /// A native histogram.
    Histogram(Native),
}

impl Point {
    /// The number, if it is one.
    #[must_use]
    pub const fn float(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            Self::Histogram(_) => None,
        }
    }

    /// The histogram, if it is one.
    #[must_use]
    pub const fn histogram(&self) -> Option<&Native> {
        match self {
            Self::Float(_) => None,
            Self::Histogram(histogram) => Some(histogram),
        }
    }
}

/// One sample of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Unix milliseconds.
    pub time: i64,
    /// `None` is the end of the series.
    pub point: Option<Point>,
    /// When what it counts began, in Unix milliseconds; 0: not known.
    pub start_time: i64,
}

/// A series: its labels and its samples, ascending in time.
pub type Series = (Labels, Vec<Sample>);

/// A series' value at one step.
#[derive(Debug, Clone, PartialEq)]
pub struct Element {
    /// The series.
    pub labels: Labels,
    /// Whether its name goes at the query's end.
    pub drop_name: bool,
    /// Its value.
    pub point: Point,
}

impl Element {
    /// A number.
    pub(super) const fn number(labels: Labels, value: f64) -> Self {
        Self {
            labels,
            drop_name: false,
            point: Point::Float(value),
        }
    }

    /// The same series with another value.
    pub(super) fn with(&self, point: Point) -> Self {
        Self {
            labels: self.labels.clone(),
            drop_name: self.drop_name,
            point,
        }
    }

    /// The labels as the answer shows them.
    #[must_use]
    pub fn shown(&self) -> Labels {
        shown(&self.labels, self.drop_name)
    }
}

/// The labels of a series as the answer shows them.
pub(super) fn shown(labels: &Labels, drop_name: bool) -> Labels {
    if drop_name {
        labels.without_name()
    } else {
        labels.clone()
    }
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
    /// How far an instant selector looks back, in milliseconds.
    pub lookback_ms: i64,
    /// Step of subqueries that name none, in milliseconds.
    pub default_step_ms: i64,
    /// `start()` and `end()` of the query, in Unix milliseconds.
    pub bounds: (i64, i64),
    /// `step()` of the query, in milliseconds.
    pub step_ms: i64,
    /// The first and the last step, in Unix milliseconds: for the query's own expression those of the query.
    pub steps: (i64, i64),
    /// Whether names that are wrong go at the query's end only.
    pub delayed: bool,
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
                Value::Vector(elements) => self.unnamed(elements, |point| {
                    Some(match point {
                        Point::Float(value) => Point::Float(-value),
                        Point::Histogram(histogram) => Point::Histogram(histogram.each(|value| -value)),
                    })
                }),
            },
            Expr::Vector(selector) => self.instant(selector, time).map(Value::Vector),
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
            (Value::Scalar(left), Value::Scalar(right)) => Ok(Value::Scalar(scalars(binary.op, left, right))),
            (Value::Vector(left), Value::Vector(right)) => {
                self.vectors(binary, &left, &right).map(Value::Vector)
            }
            (Value::Vector(elements), Value::Scalar(right)) => {
                let right = Point::Float(right);
                with_scalar(self, binary, elements, |point| (point.clone(), right.clone()))
            }
            (Value::Scalar(left), Value::Vector(elements)) => {
                let left = Point::Float(left);
                with_scalar(self, binary, elements, |point| (left.clone(), point.clone()))
            }
        }
    }

    /// The element under a name that is no longer right.
    pub(super) fn renamed(&self, element: Element) -> Element {
        Element {
            labels: if self.delayed {
                element.labels
            } else {
                element.labels.without_name()
            },
            drop_name: true,
            ..element
        }
    }

    /// The elements with other values and without their names.
    pub(super) fn unnamed(
        &self,
        elements: Vec<Element>,
        change: impl Fn(&Point) -> Option<Point>,
    ) -> Result<Value, Failure> {
        let changed = elements
            .into_iter()
            .filter_map(|element| Some(self.renamed(element.with(change(&element.point)?))));
        let changed = changed.collect();
        if self.delayed && self.steps.0 == self.steps.1 {
            // Names may still tell them apart in the end, and who asks at one time waits for that.
            return Ok(Value::Vector(changed));
        }
        distinct(changed).map(Value::Vector)
    }

    /// The numbers among the elements with other values and without their names.
    pub(super) fn unnamed_floats(
        &self,
        elements: Vec<Element>,
        change: impl Fn(f64) -> f64,
    ) -> Result<Value, Failure> {
        self.unnamed(elements, |point| Some(Point::Float(change(point.float()?))))
    }
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
