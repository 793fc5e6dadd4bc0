//! Recorded answers of Prometheus's parser: the formatted text, or the exact error.

use narthex_promql::{Features, parse};
use serde_json::Value;

use crate::recordings::{read, shared};

fn hold_against(path: &str) {
    let Some(path) = shared(path) else { return };
    let text = read(&path);
    let (mut passed, mut failed) = (0, 0);
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let query = row["query"].as_str().unwrap();
        let (expected, got) = match parse(query, &Features::default()) {
            Ok(_) => (
                String::new(),
                row["error"].as_str().unwrap_or_default().to_owned(),
            ),
            Err(error) => (
                row["error"].as_str().unwrap_or_default().to_owned(),
                format!("invalid parameter \"query\": {error}"),
            ),
        };
        if expected == got {
            passed += 1;
        } else {
            failed += 1;
            println!("DIFFERS {query}\n  expected {expected}\n  got      {got}");
        }
    }
    println!("{}: {passed} passed, {failed} failed", path.display());
    assert_eq!(failed, 0);
}

#[test]
fn recorded_parses_are_ours() {
    hold_against("promql/golden/parse.jsonl");
}

#[test]
fn recorded_dashboard_queries_parse_as_recorded() {
    hold_against("promql/golden/parse-dashboards.jsonl.gz");
}
