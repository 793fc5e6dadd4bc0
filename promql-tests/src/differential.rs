//! Random queries, answered by the engine and by the plain evaluator.

use std::collections::BTreeMap;
use std::fmt;

use narthex_model::{Labels, SampleValue, is_stale};
use narthex_promql::ast::{Expr, ValueType};
use narthex_promql::value::InstantValue;
use narthex_promql::{
    Engine, EngineOptions, Features, InstantQuery, QueryError, QueryOptions, RangeQuery, Value,
};

use crate::compare::almost_equal;
use crate::generate::Queries;
use crate::memory_source::MemorySource;
use crate::plain::{Element, Failure, Native, Plain, Point, Sample, Series, Value as PlainValue};
use crate::random::Random;
use crate::random_data::Given;
use crate::store::{self, Store};
use crate::{random_data, random_natives};

/// Relative difference up to which two numbers count as equal.
const EPSILON: f64 = 1e-11;
/// How many seeds share the same data.
const QUERIES_PER_DATA: u64 = 16;
/// Threads of the second engine.
const THREADS: usize = 4;
/// Of how many queries one is asked for so many steps of so many series that the engine takes its threads.
const WIDE_ONCE_IN: usize = 10;
/// Of how many queries one is asked where names go at the query's end.
const DELAYED_ONCE_IN: usize = 4;
/// How many steps that is.
const WIDE_STEPS: i64 = 300;
const SAME_LABELS: Failure = Failure::Query("vector cannot contain metrics with the same labelset");
/// Step of subqueries that name none.
const DEFAULT_STEP_MS: i64 = 25_000;

/// A query with two answers. The seed asks it again.
#[derive(Debug, Clone)]
pub struct Difference {
    /// What query, times and data come from.
    pub seed: u64,
    /// The query, and when it was asked.
    pub question: String,
    /// What differs.
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}: {}\n    {}", self.seed, self.question, self.what)
    }
}

/// What came of many queries.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Queries with the same answer twice.
    pub passed: usize,
    /// Of these, queries that both refuse.
    pub refused: usize,
    /// Of these, queries whose answer is empty at all steps.
    pub empty: usize,
    /// All others.
    pub differences: Vec<Difference>,
}

/// Asks `count` queries: those of the seeds from `first` on.
#[must_use]
pub fn run(count: u64, first: u64) -> Summary {
    let mut summary = Summary::default();
    let mut case: Option<Case> = None;
    for seed in first..first.saturating_add(count) {
        let of_data = seed / QUERIES_PER_DATA;
        let data = match case.take() {
            Some(case) if case.seed == of_data => case,
            _ => Case::new(of_data),
        };
        match data.check(seed) {
            Ok(Agreed::Refused) => summary.refused += 1,
            Ok(Agreed::Empty) => summary.empty += 1,
            Ok(Agreed::Same) => {}
            Err(difference) => {
                summary.differences.push(difference);
                case = Some(data);
                continue;
            }
        }
        summary.passed += 1;
        case = Some(data);
    }
    summary
}

enum Agreed {
    Same,
    Empty,
    Refused,
}

/// When a query is asked.
#[derive(Debug, Clone, Copy)]
struct When {
    start: i64,
    end: i64,
    /// 0: at `start` only.
    step: i64,
    lookback_ms: i64,
    /// Whether names go at the query's end.
    delayed: bool,
}

/// Values by series, each with times: one number for a float, several for a histogram.
type Answer = BTreeMap<Labels, Vec<(i64, Vec<f64>)>>;

/// Elements in order, each with its number.
type Order = Vec<(Labels, f64)>;

/// One set of series.
struct Case {
    seed: u64,
    base: i64,
    data: Vec<Series>,
    source: MemorySource,
    /// More series, for threads.
    wide: MemorySource,
}

/// A store that holds these series.
fn filled(data: &[Given]) -> MemorySource {
    let mut source = MemorySource::default();
    // A map of maps takes anything.
    let _ = source.append(data);
    source
}

/// The same for the plain evaluator.
fn plainly_written((labels, samples): &Given) -> Series {
    let sample = |sample: &store::Sample| Sample {
        time: sample.time,
        point: match &sample.value {
            SampleValue::Float(value) if is_stale(*value) => None,
            SampleValue::Float(value) => Some(Point::Float(*value)),
            SampleValue::Histogram(histogram) => Some(Point::Histogram(Native::of(&histogram.to_float()))),
        },
        start_time: sample.start_time,
    };
    (labels.clone(), samples.iter().map(sample).collect())
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x0da7_a5e7);
        let base = random.one(&[0, 1_600_000_000_000, 1_599_999_993_000, -300_000]);
        let mut given = random_data::series(&mut random, base);
        let mut wide = random_data::many_series(&mut random, base);
        let histograms = random_natives::series(&mut random, base);
        wide.extend(histograms.iter().cloned());
        given.extend(histograms);
        given.sort_by(|a, b| a.0.cmp(&b.0));
        Self {
            seed,
            base,
            data: given.iter().map(plainly_written).collect(),
            source: filled(&given),
            wide: filled(&wide),
        }
    }

    fn check(&self, seed: u64) -> Result<Agreed, Difference> {
        let mut random = Random::new(seed);
        let start = self.base + random.between(-20, 640) * 1_000 + random.one(&[0, 0, 0, 1, 500]);
        let step = random.one(&[0, 1_000, 7_000, 15_000, 15_000, 30_000, 60_000, 120_000]);
        let when = When {
            start,
            end: start + step * random.between(0, 20) + random.one(&[0, 0, 1]).min(step),
            step,
            lookback_ms: random.one(&[300_000, 300_000, 60_000, 15_000]),
            delayed: random.once_in(DELAYED_ONCE_IN),
        };
        let depth = random.one(&[1, 2, 2, 3, 3, 4, 4, 5]);
        let mut queries = Queries {
            random: &mut random,
            base: self.base,
            delayed: when.delayed,
        };
        let query = queries.any(depth, step == 0);
        let compared = if random.once_in(WIDE_ONCE_IN) {
            self.compare_threads(&query, when)
        } else {
            Ok(())
        };
        let compared = compared.and_then(|()| self.compare(&query, when));
        compared.map_err(|what| Difference {
            seed,
            question: format!("{query}\n    {when:?}"),
            what,
        })
    }

    /// Asks for so many steps of so many series that the engine takes its threads.
    fn compare_threads(&self, query: &str, when: When) -> Result<(), String> {
        let many = When {
            step: 2_000,
            end: when.start + 2_000 * WIDE_STEPS,
            ..when
        };
        let one = ask(&self.wide, query, many, 1);
        let several = ask(&self.wide, query, many, THREADS);
        match (&one, &several) {
            (Ok(one), Ok(several)) if identical(&one.0, &several.0) => Ok(()),
            (Err(one), Err(several)) if one == several => Ok(()),
            _ => Err(format!(
                "one thread answers {one:?}, {THREADS} answer {several:?}"
            )),
        }
    }

    fn compare(&self, query: &str, when: When) -> Result<Agreed, String> {
        let expr =
            narthex_promql::parse(query, &features(when.delayed)).map_err(|e| format!("is no query: {e}"))?;
        let engine = ask(&self.source, query, when, 1);
        let (plain, order) = match self.plainly(&expr, when) {
            Err(Failure::Unknown(what)) => return Err(format!("the plain evaluator does not know {what}")),
            Err(Failure::Query(what)) => {
                return match engine {
                    // Where several things are wrong, which one is found first is not said.
                    Err(QueryError::Execution(_)) => Ok(Agreed::Refused),
                    other => Err(format!("plain: {what}; engine: {other:?}")),
                };
            }
            Ok(answer) => answer,
        };
        let (engine, engine_order) = engine.map_err(|e| format!("plain: {plain:?}; engine: {e}"))?;
        close(&plain, &engine)?;
        if let Expr::Call(call) = &expr
            && call.function.starts_with("sort")
            && when.step == 0
        {
            let by_label = call.function.starts_with("sort_by_label");
            let same = |((a, x), (b, y)): (&(Labels, f64), &(Labels, f64))| {
                if by_label {
                    a == b
                } else {
                    almost_equal(*x, *y, EPSILON)
                }
            };
            if order.len() != engine_order.len() || !order.iter().zip(&engine_order).all(same) {
                return Err(format!("plain is sorted {order:?}, engine {engine_order:?}"));
            }
        }
        Ok(if plain.is_empty() {
            Agreed::Empty
        } else {
            Agreed::Same
        })
    }

    fn plainly(&self, expr: &Expr, when: When) -> Result<(Answer, Order), Failure> {
        let plain = Plain {
            data: &self.data,
            delayed: when.delayed,
            step_ms: when.step,
            lookback_ms: when.lookback_ms,
            default_step_ms: DEFAULT_STEP_MS,
            bounds: (when.start, when.end),
            steps: (when.start, when.end - (when.end - when.start) % when.step.max(1)),
        };
        let (mut found, mut order) = (Answer::new(), Order::new());
        let mut time = when.start;
        if expr.value_type() == ValueType::Matrix {
            for run in plain.window(expr, time)?.runs {
                let samples = run.samples.iter().map(|(at, point)| (*at, numbers(point)));
                if found.insert(run.shown(), samples.collect()).is_some() {
                    return Err(SAME_LABELS);
                }
            }
            return Ok((found, order));
        }
        while time <= when.end {
            let elements = match plain.evaluate(expr, time)? {
                PlainValue::Scalar(value) => vec![Element {
                    labels: Labels::empty(),
                    drop_name: false,
                    point: Point::Float(value),
                }],
                PlainValue::Vector(elements) => elements,
            };
            for element in elements {
                let labels = element.shown();
                order.push((labels.clone(), element.point.float().unwrap_or(f64::NAN)));
                let samples = found.entry(labels).or_default();
                if samples.last().is_some_and(|(at, _)| *at == time) {
                    return Err(SAME_LABELS);
                }
                samples.push((time, numbers(&element.point)));
            }
            if when.step == 0 {
                break;
            }
            time += when.step;
        }
        Ok((found, order))
    }
}

/// All that counts of a value.
fn numbers(point: &Point) -> Vec<f64> {
    match point {
        Point::Float(value) => vec![*value],
        Point::Histogram(histogram) => histogram.numbers(),
    }
}

/// The engine's answer, and its values in order.
fn ask(
    source: &MemorySource,
    query: &str,
    when: When,
    parallelism: usize,
) -> Result<(Answer, Order), QueryError> {
    let engine = Engine::new(EngineOptions {
        features: features(when.delayed),
        parallelism,
        default_subquery_step_ms: DEFAULT_STEP_MS,
        lookback_delta_ms: when.lookback_ms,
        ..EngineOptions::default()
    });
    let source = source.source();
    let options = QueryOptions::default();
    let output = if when.step == 0 {
        let query = InstantQuery {
            text: query,
            time: when.start,
            options,
        };
        engine.instant(source.as_ref(), &query)?
    } else {
        let query = RangeQuery {
            text: query,
            start: when.start,
            end: when.end,
            step: when.step,
            options,
        };
        engine.range(source.as_ref(), &query)?
    };
    Ok(answer(output.value))
}

pub(crate) fn features(delayed_name_removal: bool) -> Features {
    Features {
        experimental_functions: true,
        binop_fill_modifiers: true,
        extended_range_selectors: true,
        delayed_name_removal,
        ..Features::default()
    }
}

fn answer(value: Value) -> (Answer, Order) {
    let (mut found, mut order) = (Answer::new(), Order::new());
    match value {
        Value::Scalar { time, value } => {
            found.insert(Labels::empty(), vec![(time, vec![value])]);
        }
        Value::Vector(samples) => {
            for sample in samples {
                let numbers = match sample.value {
                    InstantValue::Float(value) => vec![value],
                    InstantValue::Histogram(histogram) => Native::of(&histogram).numbers(),
                };
                let number = match numbers.as_slice() {
                    [value] => *value,
                    _ => f64::NAN,
                };
                order.push((sample.labels.clone(), number));
                found
                    .entry(sample.labels)
                    .or_default()
                    .push((sample.time, numbers));
            }
        }
        Value::Matrix(series) => {
            for one in series {
                let floats = one.floats.into_iter().map(|(at, value)| (at, vec![value]));
                let histograms = one.histograms.into_iter();
                let histograms = histograms.map(|(at, histogram)| (at, Native::of(&histogram).numbers()));
                let samples = found.entry(one.labels).or_default();
                samples.extend(floats.chain(histograms));
                samples.sort_by_key(|(at, _)| *at);
            }
        }
        Value::String { .. } => {}
    }
    (found, order)
}

/// Whether two answers hold the same series, times and values to the bit; NaN is NaN.
fn identical(a: &Answer, b: &Answer) -> bool {
    let same = |a: &f64, b: &f64| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
    let numbers = |a: &[f64], b: &[f64]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b));
    let equal = |a: &[(i64, Vec<f64>)], b: &[(i64, Vec<f64>)]| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && numbers(&a.1, &b.1))
    };
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && equal(a.1, b.1))
}

/// Whether the engine's answer is the plain one up to [`EPSILON`].
fn close(plain: &Answer, engine: &Answer) -> Result<(), String> {
    for (labels, samples) in plain {
        let Some(found) = engine.get(labels) else {
            return Err(format!("{labels} is missing, plain: {samples:?}"));
        };
        let near = |a: &(i64, Vec<f64>), b: &(i64, Vec<f64>)| {
            let numbers = || a.1.iter().zip(&b.1).all(|(a, b)| almost_equal(*a, *b, EPSILON));
            a.0 == b.0 && a.1.len() == b.1.len() && numbers()
        };
        if samples.len() != found.len() || !samples.iter().zip(found).all(|(a, b)| near(a, b)) {
            let other = samples.iter().zip(found).find(|(a, b)| !near(a, b));
            return Err(format!(
                "{labels}: first difference {other:?}\n    plain:  {samples:?}\n    engine: {found:?}"
            ));
        }
    }
    match engine.iter().find(|(labels, _)| !plain.contains_key(*labels)) {
        Some((labels, samples)) => Err(format!("{labels} is too much, engine: {samples:?}")),
        None => Ok(()),
    }
}
