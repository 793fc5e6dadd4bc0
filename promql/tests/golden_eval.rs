//! Recorded answers of Prometheus: values, labels, annotations and errors.

use std::collections::BTreeMap;

use narthex_model::Severity;
use narthex_promql::{
    Engine, EngineOptions, InstantQuery, QueryError, QueryOptions, QueryOutput, RangeQuery, Value,
};
use serde_json::{Value as Json, json};

use crate::memory::Memory;
use crate::recordings::{read, shared};

fn hold_against(name: &str, parallelism: usize) {
    let (Some(data), Some(other), Some(golden)) = (
        shared("promql/data/demo.om.gz"),
        shared("promql/data/cilium.om.gz"),
        shared(&format!("promql/golden/eval-{name}.jsonl.gz")),
    ) else {
        return;
    };
    let mut memory = Memory::default();
    memory.load(&read(&data));
    memory.load(&read(&other));
    let engine = Engine::new(EngineOptions {
        parallelism,
        ..EngineOptions::default()
    });
    let (mut passed, mut failed) = (0, 0);
    for line in read(&golden).lines() {
        let row: Json = serde_json::from_str(line).unwrap();
        let text = row["query"].as_str().unwrap();
        let ms = |key: &str| row[key].as_i64().unwrap() * 1_000;
        let options = QueryOptions::default();
        let instant = engine.instant(
            &memory,
            &InstantQuery {
                text,
                time: ms("end"),
                options,
            },
        );
        let range = engine.range(
            &memory,
            &RangeQuery {
                text,
                start: ms("start"),
                end: ms("end"),
                step: ms("step"),
                options,
            },
        );
        for (kind, outcome) in [("instant", instant), ("range", range)] {
            match difference(&row[kind], &answer(&outcome), "") {
                None => passed += 1,
                Some(difference) => {
                    failed += 1;
                    println!("DIFFERS {kind} {text}\n  {difference}");
                }
            }
        }
    }
    println!("{}: {passed} passed, {failed} failed", golden.display());
    assert_eq!(failed, 0);
}

/// The answer as the API writes it, sorted by labels, numbers as texts.
fn answer(outcome: &Result<QueryOutput, QueryError>) -> Json {
    let output = match outcome {
        Ok(output) => output,
        Err(error) => {
            let text = match error {
                QueryError::Parse(_) | QueryError::BadRequest(_) => {
                    format!("invalid parameter \"query\": {error}")
                }
                _ => error.to_string(),
            };
            return json!({"status": "error", "error": text});
        }
    };
    let stamp = |ms: i64| ms / 1_000;
    let (kind, result) = match &output.value {
        Value::Scalar { time, value } => ("scalar", json!([stamp(*time), value.to_string()])),
        Value::String { time, text } => ("string", json!([stamp(*time), text])),
        Value::Vector(samples) => {
            let sorted: BTreeMap<String, Json> = samples
                .iter()
                .map(|s| {
                    let narthex_promql::value::InstantValue::Float(value) = &s.value else {
                        unreachable!()
                    };
                    let metric = metric(&s.labels);
                    (
                        metric.to_string(),
                        json!({"metric": metric, "value": [stamp(s.time), value.to_string()]}),
                    )
                })
                .collect();
            ("vector", sorted.into_values().collect())
        }
        Value::Matrix(series) => {
            let sorted: BTreeMap<String, Json> = series
                .iter()
                .map(|s| {
                    let metric = metric(&s.labels);
                    let values: Vec<Json> = s
                        .floats
                        .iter()
                        .map(|(t, v)| json!([stamp(*t), v.to_string()]))
                        .collect();
                    (metric.to_string(), json!({"metric": metric, "values": values}))
                })
                .collect();
            ("matrix", sorted.into_values().collect())
        }
    };
    let mut answer = json!({"status": "success", "data": {"resultType": kind, "result": result}});
    for (key, severity) in [("warnings", Severity::Warning), ("infos", Severity::Info)] {
        let texts: Vec<&str> = output.annotations.texts(severity).collect();
        if !texts.is_empty() {
            answer[key] = json!(texts);
        }
    }
    answer
}

fn metric(labels: &narthex_model::Labels) -> Json {
    labels
        .iter()
        .map(|(n, v)| (n.to_owned(), Json::from(v)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn difference(expected: &Json, got: &Json, path: &str) -> Option<String> {
    match (expected, got) {
        (Json::Object(a), Json::Object(b)) => {
            if let Some(key) = b.keys().find(|k| !a.contains_key(*k)) {
                return Some(format!("{path}.{key}: unexpected {}", b[key]));
            }
            a.iter()
                .filter(|(key, _)| !matches!(key.as_str(), "http" | "errorType"))
                .find_map(|(key, a)| {
                    let path = format!("{path}.{key}");
                    match b.get(key) {
                        None => Some(format!("{path}: missing, expected {a:.200}")),
                        Some(b) => difference(a, b, &path),
                    }
                })
        }
        (Json::Array(a), Json::Array(b)) if a.len() == b.len() => {
            let mut pairs = a.iter().zip(b).enumerate();
            pairs.find_map(|(at, (a, b))| difference(a, b, &format!("{path}[{at}]")))
        }
        (Json::String(a), Json::String(b)) if close(a, b) => None,
        (a, b) if a == b => None,
        (a, b) => Some(format!("{path}: {b:.300}\n  expected {a:.300}")),
    }
}

fn close(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    let (Ok(a), Ok(b)) = (a.parse::<f64>(), b.parse::<f64>()) else {
        return false;
    };
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-11 * a.abs().max(b.abs())
}

#[test]
fn recorded_answers_about_a_demo_service_are_ours() {
    hold_against("demo", 1);
}

#[test]
fn recorded_answers_of_dashboards_are_ours() {
    hold_against("cilium", 2);
}
