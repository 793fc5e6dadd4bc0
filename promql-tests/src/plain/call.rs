//! Function calls.

use std::cmp::Ordering;

use narthex_model::{Labels, LabelsBuilder, METRIC_NAME, MatchOp, Matcher};
use narthex_promql::ast::{Call, Expr, ValueType};

use super::evaluate::{Element, Failure, Plain, Point, Value};
use super::labels::text;
use super::math::{calendar, math, round, smaller};
use super::native::Native;
use super::{histogram, labels};

impl Plain<'_> {
    pub(super) fn call(&self, call: &Call, time: i64) -> Result<Value, Failure> {
        let seconds = time as f64 / 1000.0;
        if let Some(value) = self.clock(&call.function, seconds) {
            return match call.args.as_slice() {
                [] => Ok(Value::Scalar(value)),
                _ => Err(Failure::Unknown(call.function.clone())),
            };
        }
        match (call.function.as_str(), call.args.as_slice()) {
            ("min_of", [a, b]) => Ok(Value::Scalar(smaller(
                self.scalar(a, time)?,
                self.scalar(b, time)?,
                1.0,
            ))),
            ("max_of", [a, b]) => Ok(Value::Scalar(smaller(
                self.scalar(a, time)?,
                self.scalar(b, time)?,
                -1.0,
            ))),
            ("vector", [arg]) => Ok(alone(self.scalar(arg, time)?)),
            ("scalar", [arg]) => {
                let elements = self.vector(arg, time)?;
                let numbers: Vec<f64> = elements.iter().filter_map(|e| e.point.float()).collect();
                Ok(Value::Scalar(match numbers.as_slice() {
                    [value] => *value,
                    _ => f64::NAN,
                }))
            }
            ("timestamp" | "start_timestamp", [arg]) => self.timestamp(&call.function, arg, time),
            ("absent", [arg]) => {
                let nothing = self.vector(arg, time)?.is_empty();
                Ok(absent(nothing, arg))
            }
            ("absent_over_time", [arg]) => {
                let nothing = self.window(arg, time)?.runs.is_empty();
                Ok(absent(nothing, arg))
            }
            ("sort", [arg]) => self.sorted(arg, time, 1.0),
            ("sort_desc", [arg]) => self.sorted(arg, time, -1.0),
            ("sort_by_label", [arg, names @ ..]) => self.sorted_by_label(arg, names, time, false),
            ("sort_by_label_desc", [arg, names @ ..]) => self.sorted_by_label(arg, names, time, true),
            ("label_replace", [arg, texts @ ..]) => {
                labels::replace(&self.vector(arg, time)?, texts).map(Value::Vector)
            }
            ("label_join", [arg, texts @ ..]) => {
                labels::join(&self.vector(arg, time)?, texts).map(Value::Vector)
            }
            ("info", [arg, rest @ ..]) => self.info(arg, rest.first(), time).map(Value::Vector),
            (function, _) if function.starts_with("histogram_") => self.of_histograms(call, time),
            (function, []) => match calendar(function, seconds) {
                Some(value) => Ok(alone(value)),
                None => Err(Failure::Unknown(function.into())),
            },
            (_, [first, numbers @ ..]) if first.value_type() == ValueType::Vector => {
                let elements = self.vector(first, time)?;
                let numbers = numbers
                    .iter()
                    .map(|n| self.scalar(n, time))
                    .collect::<Result<Vec<_>, _>>()?;
                self.of_numbers(&call.function, elements, &numbers)
            }
            _ => self.of_window(call, time),
        }
    }

    /// What only the query's times say.
    fn clock(&self, function: &str, seconds: f64) -> Option<f64> {
        Some(match function {
            "time" => seconds,
            "pi" => std::f64::consts::PI,
            "start" => self.bounds.0 as f64 / 1000.0,
            "end" => self.bounds.1 as f64 / 1000.0,
            "range" => (self.bounds.1 - self.bounds.0) as f64 / 1000.0,
            "step" => self.step_ms as f64 / 1000.0,
            _ => return None,
        })
    }

    /// A selector's samples know their times; all else is of now, and has no beginning.
    fn timestamp(&self, function: &str, arg: &Expr, time: i64) -> Result<Value, Failure> {
        let begins = function == "start_timestamp";
        match arg {
            Expr::Paren(paren) => self.timestamp(function, &paren.expr, time),
            Expr::Vector(selector) => {
                let times = self.newest(selector, time, |sample, _| {
                    let at = if begins { sample.start_time } else { sample.time };
                    Point::Float(at as f64 / 1000.0)
                });
                self.unnamed(times, |at| Some(at.clone()))
            }
            _ => self.unnamed(self.vector(arg, time)?, |_| {
                (!begins).then_some(Point::Float(time as f64 / 1000.0))
            }),
        }
    }

    /// The numbers in the order of the values, NaN last.
    fn sorted(&self, arg: &Expr, time: i64, sign: f64) -> Result<Value, Failure> {
        let mut numbers: Vec<(f64, Element)> = self
            .vector(arg, time)?
            .into_iter()
            .filter_map(|element| Some((element.point.float()?, element)))
            .collect();
        numbers.sort_by(|(a, _), (b, _)| match (a.is_nan(), b.is_nan()) {
            (false, false) => (sign * a).total_cmp(&(sign * b)),
            (a, b) => a.cmp(&b),
        });
        Ok(Value::Vector(
            numbers.into_iter().map(|(_, element)| element).collect(),
        ))
    }

    /// In the order of these labels, and of all labels where these are equal. The labels of the random data have
    /// values of one digit or of letters, which stand in the same order with and without regard to numbers.
    fn sorted_by_label(&self, arg: &Expr, names: &[Expr], time: i64, down: bool) -> Result<Value, Failure> {
        let names = names.iter().map(text).collect::<Result<Vec<_>, _>>()?;
        let mut elements = self.vector(arg, time)?;
        let value = |labels: &Labels, name: &str| labels.get(name).unwrap_or("").to_owned();
        let order = |a: &Labels, b: &Labels| -> Ordering {
            names
                .iter()
                .map(|name| value(a, name).cmp(&value(b, name)))
                .find(|order| order.is_ne())
                .unwrap_or_else(|| a.cmp(b))
        };
        elements.sort_by(|a, b| {
            if down {
                order(&b.labels, &a.labels)
            } else {
                order(&a.labels, &b.labels)
            }
        });
        Ok(Value::Vector(elements))
    }

    fn of_histograms(&self, call: &Call, time: i64) -> Result<Value, Failure> {
        let found = match (call.function.as_str(), call.args.as_slice()) {
            ("histogram_quantile", [q, arg]) => {
                let q = self.scalar(q, time)?;
                histogram::asked(&self.vector(arg, time)?, |h| h.quantile(q))?
            }
            ("histogram_fraction", [lower, upper, arg]) => {
                let (lower, upper) = (self.scalar(lower, time)?, self.scalar(upper, time)?);
                histogram::asked(&self.vector(arg, time)?, |h| h.fraction(lower, upper))?
            }
            ("histogram_quantiles", [arg, name, shares @ ..]) => {
                let (name, elements) = (text(name)?, self.vector(arg, time)?);
                let mut found = Vec::new();
                for share in shares {
                    let q = self.scalar(share, time)?;
                    for element in histogram::asked(&elements, |h| h.quantile(q))? {
                        let mut labels = LabelsBuilder::from(&element.labels);
                        labels.set(name, &histogram::bound_text(q));
                        found.push(Element {
                            labels: labels.labels(),
                            ..element
                        });
                    }
                }
                found
            }
            (function, [arg]) => {
                let of: fn(&Native) -> f64 = match function {
                    "histogram_count" => |h| h.count,
                    "histogram_sum" => |h| h.sum,
                    "histogram_avg" => |h| h.sum / h.count,
                    "histogram_stdvar" => Native::variance,
                    "histogram_stddev" => |h| h.variance().sqrt(),
                    _ => return Err(Failure::Unknown(function.into())),
                };
                return self.unnamed(self.vector(arg, time)?, |point| {
                    Some(Point::Float(of(point.histogram()?)))
                });
            }
            (function, _) => return Err(Failure::Unknown(function.into())),
        };
        self.unnamed(found, |value| Some(value.clone()))
    }

    /// A function of each number alone, with numbers behind it.
    fn of_numbers(&self, function: &str, elements: Vec<Element>, numbers: &[f64]) -> Result<Value, Failure> {
        match (function, numbers) {
            ("round", []) => self.unnamed_floats(elements, |v| round(v, 1.0)),
            ("round", [to]) => self.unnamed_floats(elements, |v| round(v, *to)),
            ("clamp", [min, max]) if max < min => Ok(Value::Vector(Vec::new())),
            ("clamp", [min, max]) => {
                self.unnamed_floats(elements, |v| smaller(*min, smaller(*max, v, 1.0), -1.0))
            }
            ("clamp_min", [min]) => self.unnamed_floats(elements, |v| smaller(v, *min, -1.0)),
            ("clamp_max", [max]) => self.unnamed_floats(elements, |v| smaller(v, *max, 1.0)),
            (_, []) if math(function, 0.0).is_some() => {
                self.unnamed_floats(elements, |v| math(function, v).unwrap_or(f64::NAN))
            }
            (_, []) if calendar(function, 0.0).is_some() => {
                self.unnamed_floats(elements, |v| calendar(function, v).unwrap_or(f64::NAN))
            }
            _ => Err(Failure::Unknown(function.into())),
        }
    }
}

/// A vector of one number without labels.
fn alone(value: f64) -> Value {
    Value::Vector(vec![Element::number(Labels::empty(), value)])
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
    Value::Vector(vec![Element::number(labels.labels(), 1.0)])
}

fn demanded(expr: &Expr) -> &[Matcher] {
    match expr {
        Expr::Paren(paren) => demanded(&paren.expr),
        Expr::Vector(selector) => &selector.matchers,
        Expr::Matrix(matrix) => &matrix.vector.matchers,
        _ => &[],
    }
}
