//! Function calls.

use narthex_model::{Labels, LabelsBuilder, METRIC_NAME, MatchOp, Matcher};
use narthex_promql::ast::{Call, Expr, ValueType};

use super::evaluate::{Element, Failure, Plain, Value, distinct, each_without_name};
use super::math::{calendar, math, round, smaller};
use super::over_time::over_time;
use super::{extended, histogram, labels};

/// Functions of range vectors that leave the samples, and so the name, as they are.
const KEEP_NAME: [&str; 2] = ["last_over_time", "first_over_time"];

impl Plain<'_> {
    pub(super) fn call(&self, call: &Call, time: i64) -> Result<Value, Failure> {
        let seconds = time as f64 / 1000.0;
        match (call.function.as_str(), call.args.as_slice()) {
            ("time", []) => Ok(Value::Scalar(seconds)),
            ("pi", []) => Ok(Value::Scalar(std::f64::consts::PI)),
            ("vector", [arg]) => Ok(Value::Vector(vec![Element {
                labels: Labels::empty(),
                value: self.scalar(arg, time)?,
            }])),
            ("scalar", [arg]) => Ok(Value::Scalar(match self.vector(arg, time)?.as_slice() {
                [element] => element.value,
                _ => f64::NAN,
            })),
            ("timestamp", [arg]) => self.timestamp(arg, time),
            ("absent", [arg]) => {
                let nothing = self.vector(arg, time)?.is_empty();
                Ok(absent(nothing, arg))
            }
            ("absent_over_time", [arg]) => {
                let nothing = self.window(arg, time)?.series.is_empty();
                Ok(absent(nothing, arg))
            }
            ("sort", [arg]) => self.sorted(arg, time, 1.0),
            ("sort_desc", [arg]) => self.sorted(arg, time, -1.0),
            ("label_replace", [arg, texts @ ..]) => {
                labels::replace(&self.vector(arg, time)?, texts).map(Value::Vector)
            }
            ("label_join", [arg, texts @ ..]) => {
                labels::join(&self.vector(arg, time)?, texts).map(Value::Vector)
            }
            ("histogram_quantile", [q, arg]) => {
                let q = self.scalar(q, time)?;
                histogram::histogram_quantile(q, &self.vector(arg, time)?).map(Value::Vector)
            }
            (function, []) if calendar(function, seconds).is_some() => {
                let value = calendar(function, seconds).unwrap_or(f64::NAN);
                let labels = Labels::empty();
                Ok(Value::Vector(vec![Element { labels, value }]))
            }
            (_, [first, numbers @ ..]) if is_vector(first) => {
                let elements = self.vector(first, time)?;
                let numbers = numbers
                    .iter()
                    .map(|n| self.scalar(n, time))
                    .collect::<Result<Vec<_>, _>>()?;
                of_numbers(&call.function, elements, &numbers)
            }
            _ => self.of_window(call, time),
        }
    }

    fn timestamp(&self, arg: &Expr, time: i64) -> Result<Value, Failure> {
        match arg {
            Expr::Paren(paren) => self.timestamp(&paren.expr, time),
            Expr::Vector(selector) => {
                let newest = self.newest(selector, time).into_iter();
                let times = newest.map(|(labels, at, _)| Element {
                    labels: labels.without_name(),
                    value: at as f64 / 1000.0,
                });
                distinct(times.collect()).map(Value::Vector)
            }
            _ => each_without_name(self.vector(arg, time)?, |_| time as f64 / 1000.0),
        }
    }

    /// In the order of the values, NaN last.
    fn sorted(&self, arg: &Expr, time: i64, sign: f64) -> Result<Value, Failure> {
        let mut elements = self.vector(arg, time)?;
        elements.sort_by(|a, b| match (a.value.is_nan(), b.value.is_nan()) {
            (false, false) => (sign * a.value).total_cmp(&(sign * b.value)),
            (a, b) => a.cmp(&b),
        });
        Ok(Value::Vector(elements))
    }

    /// A function of a range vector, with numbers before or behind it.
    fn of_window(&self, call: &Call, time: i64) -> Result<Value, Failure> {
        let is_number = |arg: &&Expr| arg.value_type() == ValueType::Scalar;
        let (numbers, ranges): (Vec<&Expr>, Vec<&Expr>) = call.args.iter().partition(is_number);
        let [range] = ranges.as_slice() else {
            return Err(Failure::Unknown(call.function.clone()));
        };
        let numbers = numbers.iter().map(|number| self.scalar(number, time));
        let numbers = numbers.collect::<Result<Vec<_>, _>>()?;
        let window = self.window(range, time)?;
        let mut found = Vec::new();
        for (labels, samples) in window.series {
            let value = match extension(range) {
                (true, _) => extended::anchored(&call.function, &samples, window.ends),
                (_, true) => extended::smoothed(&call.function, &samples, window.ends),
                _ => over_time(&call.function, &samples, window.ends, time, &numbers),
            };
            let value = value.ok_or_else(|| Failure::Unknown(call.function.clone()))?;
            let labels = if KEEP_NAME.contains(&call.function.as_str()) {
                labels
            } else {
                labels.without_name()
            };
            found.extend(value.map(|value| Element { labels, value }));
        }
        distinct(found).map(Value::Vector)
    }
}

/// Whether a range selector is anchored, and whether it is smoothed.
fn extension(expr: &Expr) -> (bool, bool) {
    match expr {
        Expr::Paren(paren) => extension(&paren.expr),
        Expr::Matrix(matrix) => (matrix.vector.anchored, matrix.vector.smoothed),
        _ => (false, false),
    }
}

fn is_vector(expr: &Expr) -> bool {
    expr.value_type() == ValueType::Vector
}

/// A function of each element alone, with numbers behind it.
fn of_numbers(function: &str, elements: Vec<Element>, numbers: &[f64]) -> Result<Value, Failure> {
    match (function, numbers) {
        ("round", []) => each_without_name(elements, |v| round(v, 1.0)),
        ("round", [to]) => each_without_name(elements, |v| round(v, *to)),
        ("clamp", [min, max]) if max < min => Ok(Value::Vector(Vec::new())),
        ("clamp", [min, max]) => each_without_name(elements, |v| smaller(*min, smaller(*max, v, 1.0), -1.0)),
        ("clamp_min", [min]) => each_without_name(elements, |v| smaller(v, *min, -1.0)),
        ("clamp_max", [max]) => each_without_name(elements, |v| smaller(v, *max, 1.0)),
        (function, []) if math(function, 0.0).is_some() => {
            each_without_name(elements, |v| math(function, v).unwrap_or(f64::NAN))
        }
        (function, []) if calendar(function, 0.0).is_some() => {
            each_without_name(elements, |v| calendar(function, v).unwrap_or(f64::NAN))
        }
        _ => Err(Failure::Unknown(function.into())),
    }
}

/// One element where there is nothing, with the labels that the selector demands.
fn absent(nothing: bool, arg: &Expr) -> Value {
    if !nothing {
        return Value::Vector(Vec::new());
    }
    let mut labels = LabelsBuilder::new();
    let mut named: Vec<&str> = Vec::new();
    for matcher in demanded(arg).iter().filter(|m| m.name != METRIC_NAME) {
        if matcher.op == MatchOp::Equal && !named.contains(&matcher.name.as_str()) {
            named.push(&matcher.name);
            labels.set(&matcher.name, &matcher.value);
        } else {
            labels.remove(&matcher.name);
        }
    }
    Value::Vector(vec![Element {
        labels: labels.labels(),
        value: 1.0,
    }])
}

fn demanded(expr: &Expr) -> &[Matcher] {
    match expr {
        Expr::Paren(paren) => demanded(&paren.expr),
        Expr::Vector(selector) => &selector.matchers,
        Expr::Matrix(matrix) => &matrix.vector.matchers,
        _ => &[],
    }
}
