//! Runs scripts: fills a store, asks the engine, compares.

use narthex_promql::value::{InstantSample, InstantValue, RangeSeries};
use narthex_promql::{Engine, Features, QueryOutput, Value};

use crate::script::{Command, Evaluation, Script, Steps, When};
use crate::store::Store;
use crate::{compare, load, script};

/// One minute, by which the range query around an instant one reaches to both sides.
const MINUTE_MS: i64 = 60_000;

/// An evaluation that did not go as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Number of the line in the script, from 1.
    pub line: usize,
    /// The query (or the line, where it is no query).
    pub query: String,
    /// What is different.
    pub difference: String,
}

/// What came of a script.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Evaluations that went as expected.
    pub passed: usize,
    /// Evaluations that did not, and lines that could not be read.
    pub failures: Vec<Failure>,
}

impl Report {
    /// Adds another script's report.
    pub fn merge(&mut self, other: Self) {
        self.passed += other.passed;
        self.failures.extend(other.failures);
    }
}

/// What is turned on for scripts: everything, but that a counter is known by its name and not by the label `__type__`.
#[must_use]
pub const fn script_features() -> Features {
    Features {
        type_and_unit_labels: false,
        ..Features::ALL
    }
}

/// Runs a script from an empty store on.
pub fn run(text: &str, engine: &Engine, store: &mut dyn Store) -> Report {
    let Script { commands, mistakes } = script::parse(text);
    let mut report = Report::default();
    for mistake in mistakes {
        report.failures.push(Failure {
            line: mistake.line,
            query: mistake.text,
            difference: format!("cannot be read: {}", mistake.message),
        });
    }
    let mut broken = store.clear().err();
    for command in &commands {
        match command {
            Command::Clear => broken = store.clear().err(),
            Command::Load(load) => {
                let loaded = load::samples(load)
                    .and_then(|series| store.append(&series))
                    .and_then(|()| store.settle());
                broken = broken.or(loaded
                    .err()
                    .map(|e| format!("line {}: load failed: {e}", load.line)));
            }
            Command::Eval(evaluation) => {
                let result = match &broken {
                    Some(message) => Err(message.clone()),
                    None => evaluate(evaluation, engine, store),
                };
                match result {
                    Ok(()) => report.passed += 1,
                    Err(difference) => report.failures.push(Failure {
                        line: evaluation.line,
                        query: evaluation.query.clone(),
                        difference,
                    }),
                }
            }
        }
    }
    report.failures.sort_by_key(|failure| failure.line);
    report
}

fn evaluate(evaluation: &Evaluation, engine: &Engine, store: &dyn Store) -> Result<(), String> {
    match evaluation.when {
        When::Range(steps) => {
            let answer = store.range(engine, &evaluation.query, steps);
            match check_failure(evaluation, answer)? {
                None => Ok(()),
                Some(output) => {
                    compare::annotations(evaluation, &output.annotations)?;
                    compare::value(evaluation, &output.value, Some(steps))
                }
            }
        }
        When::Instant { at } => {
            instant(evaluation, engine, store, &evaluation.query, at)?;
            for (query, at) in crate::pinned::variants(&evaluation.query, at, engine.options().features) {
                instant(evaluation, engine, store, &query, at)
                    .map_err(|difference| format!("as {query} at {at}: {difference}"))?;
            }
            Ok(())
        }
    }
}

/// The output, where success was expected and found; `None` where failure was.
fn check_failure(
    evaluation: &Evaluation,
    answer: Result<QueryOutput, String>,
) -> Result<Option<QueryOutput>, String> {
    match (&evaluation.fail, answer) {
        (None, Ok(output)) => Ok(Some(output)),
        (None, Err(error)) => Err(format!("failed: {error}")),
        (Some(pattern), Ok(_)) => Err(format!("expected the error {pattern:?}, got an answer")),
        (Some(pattern), Err(error)) if pattern.matches(&error) => Ok(None),
        (Some(pattern), Err(error)) => Err(format!("expected the error {pattern:?}, got {error}")),
    }
}

fn instant(
    evaluation: &Evaluation,
    engine: &Engine,
    store: &dyn Store,
    query: &str,
    at: i64,
) -> Result<(), String> {
    let answer = store.instant(engine, query, at);
    let Some(output) = check_failure(evaluation, answer)? else {
        return Ok(());
    };
    compare::annotations(evaluation, &output.annotations)?;
    compare::value(evaluation, &output.value, evaluation.range_vector)?;
    let special = evaluation.range_vector.is_some() || evaluation.string.is_some();
    if special || crate::pinned::knows_its_range(query, engine.options().features) {
        return Ok(());
    }
    let steps = Steps {
        start: at - MINUTE_MS,
        end: at + MINUTE_MS,
        step: MINUTE_MS,
    };
    middle_of_range(evaluation, engine, store, query, steps, &output.value)
        .map_err(|difference| format!("in range mode: {difference}"))
}

/// Asks for a range around the instant, and compares its middle step.
fn middle_of_range(
    evaluation: &Evaluation,
    engine: &Engine,
    store: &dyn Store,
    query: &str,
    steps: Steps,
    instant: &Value,
) -> Result<(), String> {
    let output = store
        .range(engine, query, steps)
        .map_err(|e| format!("failed: {e}"))?;
    if evaluation.ordered {
        return Ok(());
    }
    let Value::Matrix(series) = output.value else {
        return Err(format!("expected a matrix, got {:?}", output.value));
    };
    compare::sorted(&series)?;
    let middle = steps.start + steps.step;
    let samples: Vec<InstantSample> = series.into_iter().flat_map(|s| samples_at(s, middle)).collect();
    let value = match (instant, samples.as_slice()) {
        (
            Value::Scalar { .. },
            [
                InstantSample {
                    value: InstantValue::Float(value),
                    ..
                },
            ],
        ) => Value::Scalar {
            time: middle,
            value: *value,
        },
        _ => Value::Vector(samples),
    };
    compare::value(evaluation, &value, None)
}

fn samples_at(series: RangeSeries, time: i64) -> impl Iterator<Item = InstantSample> {
    let RangeSeries {
        labels,
        floats,
        histograms,
    } = series;
    let float = floats
        .into_iter()
        .find(|(at, _)| *at == time)
        .map(|(_, v)| InstantValue::Float(v));
    let histogram = histograms
        .into_iter()
        .find(|(at, _)| *at == time)
        .map(|(_, h)| InstantValue::Histogram(h));
    [float, histogram]
        .into_iter()
        .flatten()
        .map(move |value| InstantSample {
            labels: labels.clone(),
            time,
            value,
        })
}
