//! Recorded answers of Prometheus's parser: the formatted text, or the exact error.

use std::io::Read;
use std::path::PathBuf;

use narthex_promql::{Features, parse};
use serde_json::Value;

/// Where recordings lie that are not part of the project.
fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("NARTHEX_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
        PathBuf::from,
    );
    let path = root.join(path);
    if path.exists() {
        return Some(path);
    }
    println!("SKIPPED: {} is not here", path.display());
    None
}

fn hold_against(path: &str) {
    let Some(path) = shared(path) else { return };
    let bytes = std::fs::read(&path).unwrap();
    let mut text = String::new();
    if path.extension().is_some_and(|e| e == "gz") {
        flate2::read::GzDecoder::new(bytes.as_slice())
            .read_to_string(&mut text)
            .unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
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
