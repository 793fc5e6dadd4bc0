//! Functions of range vectors: numbers, histograms, and both in one window.

use narthex_promql::ast::{Call, Expr, ValueType};

use super::evaluate::{Element, Failure, Plain, Point, Value, distinct};
use super::native::Native;
use super::over_time::over_time;
use super::select::numbers;
use super::{extended, native_over_time};

/// Functions of range vectors that leave the samples, and so the name, as they are.
const KEEP_NAME: [&str; 2] = ["last_over_time", "first_over_time"];
/// Functions for which a sample is a sample.
const OF_ALL: [&str; 6] = [
    "count_over_time",
    "present_over_time",
    "last_over_time",
    "first_over_time",
    "ts_of_first_over_time",
    "ts_of_last_over_time",
];
/// Functions that see only numbers.
const OF_NUMBERS: [&str; 10] = [
    "min_over_time",
    "max_over_time",
    "stddev_over_time",
    "stdvar_over_time",
    "quantile_over_time",
    "mad_over_time",
    "ts_of_min_over_time",
    "ts_of_max_over_time",
    "deriv",
    "predict_linear",
];

impl Plain<'_> {
    /// A function of a range vector, with numbers before or behind it.
    pub(super) fn of_window(&self, call: &Call, time: i64) -> Result<Value, Failure> {
        let is_number = |arg: &&Expr| arg.value_type() == ValueType::Scalar;
        let (params, ranges): (Vec<&Expr>, Vec<&Expr>) = call.args.iter().partition(is_number);
        let [range] = ranges.as_slice() else {
            return Err(Failure::Unknown(call.function.clone()));
        };
        let params = params.iter().map(|number| self.scalar(number, time));
        let params = params.collect::<Result<Vec<_>, _>>()?;
        let seen = self.window(range, time)?;
        let mut found = Vec::new();
        for run in seen.runs {
            let point = match extension(range) {
                (false, false) => of_samples(&call.function, &run.samples, seen.ends, time, &params)?,
                (anchored, _) => {
                    let samples = numbers(&run.samples)?;
                    let value = if anchored {
                        extended::anchored(&call.function, &samples, seen.ends)
                    } else {
                        extended::smoothed(&call.function, &samples, seen.ends)
                    };
                    let value = value.ok_or_else(|| Failure::Unknown(call.function.clone()))?;
                    value.map(Point::Float)
                }
            };
            let Some(point) = point else { continue };
            let element = Element {
                labels: run.labels,
                drop_name: run.drop_name,
                point,
            };
            found.push(if KEEP_NAME.contains(&call.function.as_str()) {
                element
            } else {
                self.renamed(element)
            });
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

/// The value of a function over samples, of which there are some; nothing where it has none.
fn of_samples(
    function: &str,
    samples: &[(i64, Point)],
    ends: (i64, i64),
    time: i64,
    params: &[f64],
) -> Result<Option<Point>, Failure> {
    let floats: Vec<(i64, f64)> = samples
        .iter()
        .filter_map(|(at, point)| Some((*at, point.float()?)))
        .collect();
    let histograms: Vec<(i64, Native)> = samples
        .iter()
        .filter_map(|(at, point)| Some((*at, point.histogram()?.clone())))
        .collect();
    let mixed = !floats.is_empty() && !histograms.is_empty();
    let of_floats = |floats: &[(i64, f64)]| match over_time(function, floats, ends, time, params) {
        _ if floats.is_empty() => Ok(None),
        Some(value) => Ok(value.map(Point::Float)),
        None => Err(Failure::Unknown(function.into())),
    };
    if OF_ALL.contains(&function) {
        return Ok(match (function, samples) {
            ("last_over_time", [.., (_, last)]) => Some(last.clone()),
            ("first_over_time", [(_, first), ..]) => Some(first.clone()),
            _ => {
                // What the samples are does not matter.
                let times: Vec<(i64, f64)> = samples.iter().map(|(at, _)| (*at, 0.0)).collect();
                return of_floats(&times);
            }
        });
    }
    if OF_NUMBERS.contains(&function) || function == "double_exponential_smoothing" {
        return of_floats(&floats);
    }
    match function {
        "resets" | "changes" => Ok(Some(Point::Float(
            samples
                .windows(2)
                .filter(|pair| differ(function, &pair[0].1, &pair[1].1))
                .count() as f64,
        ))),
        "irate" | "idelta" => {
            // Of the last two samples, which must be alike.
            let last = samples.get(samples.len().saturating_sub(2)..).unwrap_or_default();
            match last {
                [(_, Point::Float(_)), (_, Point::Float(_))] => of_floats(&floats),
                [(_, Point::Histogram(_)), (_, Point::Histogram(_))] => {
                    native_over_time::of_window(function, &histograms, ends)
                }
                _ => Ok(None),
            }
        }
        _ if mixed => Ok(None),
        _ if histograms.is_empty() => of_floats(&floats),
        _ => native_over_time::of_window(function, &histograms, ends),
    }
}

/// Whether a sample is a reset, or a change, after the one before it.
fn differ(function: &str, before: &Point, now: &Point) -> bool {
    match (before, now) {
        (Point::Float(a), Point::Float(b)) if function == "resets" => b < a,
        (Point::Float(a), Point::Float(b)) => a != b && !(a.is_nan() && b.is_nan()),
        (Point::Histogram(a), Point::Histogram(b)) if function == "resets" => b.was_reset(a),
        (Point::Histogram(a), Point::Histogram(b)) => a != b,
        _ => true,
    }
}
