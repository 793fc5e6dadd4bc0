//! Random queries, answered by the engine and by the plain evaluator.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use narthex_model::{FloatHistogram, HistogramValue, Labels, SampleValue, stale_nan};
use narthex_promql::ast::{Expr, ValueType};
use narthex_promql::value::InstantValue;
use narthex_promql::{
    Engine, EngineOptions, Features, InstantQuery, QueryError, QueryOptions, RangeQuery, Value,
};

use crate::compare::almost_equal;
use crate::generate::Queries;
use crate::memory_source::MemorySource;
use crate::plain::{Failure, Native, NativeSeries, Plain, Point, Series, Value as PlainValue};
use crate::random::Random;
use crate::random_natives::Histograms;
use crate::store::{Sample, Store};
use crate::{random_data, random_natives};

/// Relative difference up to which two numbers count as equal.
const EPSILON: f64 = 1e-11;
/// How many seeds share the same data.
const QUERIES_PER_DATA: u64 = 16;
/// Threads of the second engine.
const THREADS: usize = 4;
/// Of how many queries one is asked for so many steps of so many series that the engine takes its threads.
const WIDE_ONCE_IN: usize = 10;
/// Of how many queries one is over native histograms.
const NATIVE_ONCE_IN: usize = 4;
/// How many steps that is.
const WIDE_STEPS: i64 = 300;
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
        write!(
            f,
            "--differential 1 --seed {}: {}\n    {}",
            self.seed, self.question, self.what
        )
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
}

/// Values by series, each with times: one number for a float, several for a histogram.
type Answer = BTreeMap<Labels, Vec<(i64, Vec<f64>)>>;

/// One set of series.
struct Case {
    seed: u64,
    base: i64,
    data: Vec<Series>,
    natives: Vec<NativeSeries>,
    source: MemorySource,
    /// More series, for threads.
    wide: MemorySource,
}

/// A store that holds these series.
fn filled(data: &[Series], natives: &[Histograms]) -> MemorySource {
    let mut samples: Vec<(Labels, Vec<Sample>)> = data
        .iter()
        .map(|(labels, samples)| {
            let sample = |(time, value): &(i64, f64)| Sample {
                time: *time,
                value: SampleValue::Float(*value),
                start_time: 0,
            };
            (labels.clone(), samples.iter().map(sample).collect())
        })
        .collect();
    samples.extend(natives.iter().map(|(labels, samples)| {
        let sample = |(time, histogram): &(i64, Option<FloatHistogram>)| Sample {
            time: *time,
            start_time: 0,
            value: match histogram {
                Some(h) => SampleValue::Histogram(HistogramValue::Float(Arc::new(h.clone()))),
                None => SampleValue::Float(stale_nan()),
            },
        };
        (labels.clone(), samples.iter().map(sample).collect())
    }));
    let mut source = MemorySource::default();
    // A map of maps takes anything.
    let _ = source.append(&samples);
    source
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x0da7_a5e7);
        let base = random.one(&[0, 1_600_000_000_000, 1_599_999_993_000, -300_000]);
        let data = random_data::series(&mut random, base);
        let wide = random_data::many_series(&mut random, base);
        let histograms = random_natives::series(&mut random, base);
        let wide = filled(&wide, &histograms);
        let source = filled(&data, &histograms);
        let natives = histograms.iter().map(|(labels, samples)| {
            let plain = samples
                .iter()
                .map(|(time, h)| (*time, h.as_ref().map(Native::of)));
            (labels.clone(), plain.collect())
        });
        let natives = natives.collect();
        Self {
            seed,
            base,
            data,
            natives,
            source,
            wide,
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
        };
        let depth = random.one(&[1, 2, 2, 3, 3, 4, 4, 5]);
        let base = self.base;
        let mut queries = Queries {
            random: &mut random,
            base,
        };
        let of_natives = queries.random.once_in(NATIVE_ONCE_IN);
        let query = if of_natives {
            queries.native(depth)
        } else if step == 0 {
            queries.at_one_time(depth)
        } else {
            queries.query(depth)
        };
        let compared = if random.once_in(WIDE_ONCE_IN) {
            self.compare_threads(&query, when)
        } else {
            Ok(())
        };
        let compared = compared.and_then(|()| self.compare(&query, when, of_natives));
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

    fn compare(&self, query: &str, when: When, of_natives: bool) -> Result<Agreed, String> {
        let expr = narthex_promql::parse(query, &features()).map_err(|e| format!("is no query: {e}"))?;
        let engine = ask(&self.source, query, when, 1);
        let (plain, order) = match self.plainly(&expr, when, of_natives) {
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
            && !(order.len() == engine_order.len()
                && order
                    .iter()
                    .zip(&engine_order)
                    .all(|(a, b)| almost_equal(*a, *b, EPSILON)))
        {
            return Err(format!("plain is sorted {order:?}, engine {engine_order:?}"));
        }
        Ok(if plain.is_empty() {
            Agreed::Empty
        } else {
            Agreed::Same
        })
    }

    fn plainly(&self, expr: &Expr, when: When, of_natives: bool) -> Result<(Answer, Vec<f64>), Failure> {
        let plain = Plain {
            data: &self.data,
            natives: &self.natives,
            lookback_ms: when.lookback_ms,
            default_step_ms: DEFAULT_STEP_MS,
            bounds: (when.start, when.end),
            steps: (when.start, when.end - (when.end - when.start) % when.step.max(1)),
        };
        let (mut found, mut order) = (Answer::new(), Vec::new());
        let mut time = when.start;
        if expr.value_type() == ValueType::Matrix {
            let series = plain.window(expr, time)?.series.into_iter();
            let numbers = |samples: Vec<(i64, f64)>| samples.into_iter().map(|(at, value)| (at, vec![value]));
            found.extend(series.map(|(labels, samples)| (labels, numbers(samples).collect())));
            return Ok((found, order));
        }
        while time <= when.end {
            let elements: Vec<(Labels, Vec<f64>)> = if of_natives {
                let points = plain.native(expr, time)?.into_iter();
                let numbers = |point| match point {
                    Point::Float(value) => vec![value],
                    Point::Histogram(histogram) => histogram.numbers(),
                };
                points.map(|(labels, point)| (labels, numbers(point))).collect()
            } else {
                match plain.evaluate(expr, time)? {
                    PlainValue::Scalar(value) => vec![(Labels::empty(), vec![value])],
                    PlainValue::Vector(elements) => {
                        order.extend(elements.iter().map(|element| element.value));
                        elements.into_iter().map(|e| (e.labels, vec![e.value])).collect()
                    }
                }
            };
            for (labels, numbers) in elements {
                found.entry(labels).or_default().push((time, numbers));
            }
            if when.step == 0 {
                break;
            }
            time += when.step;
        }
        Ok((found, order))
    }
}

/// The engine's answer, and its values in order.
fn ask(
    source: &MemorySource,
    query: &str,
    when: When,
    parallelism: usize,
) -> Result<(Answer, Vec<f64>), QueryError> {
    let engine = Engine::new(EngineOptions {
        features: features(),
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

fn features() -> Features {
    Features {
        experimental_functions: true,
        binop_fill_modifiers: true,
        extended_range_selectors: true,
        ..Features::default()
    }
}

fn answer(value: Value) -> (Answer, Vec<f64>) {
    let (mut found, mut order) = (Answer::new(), Vec::new());
    match value {
        Value::Scalar { time, value } => {
            found.insert(Labels::empty(), vec![(time, vec![value])]);
        }
        Value::Vector(samples) => {
            for sample in samples {
                let numbers = match sample.value {
                    InstantValue::Float(value) => {
                        order.push(value);
                        vec![value]
                    }
                    InstantValue::Histogram(histogram) => Native::of(&histogram).numbers(),
                };
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
