//! Recorded answers of `parse_query`: the syntax tree as JSON.

use std::path::PathBuf;

use narthex::http::parse_query::syntax_tree;
use narthex_promql::{Features, parse};
use serde_json::Value;

#[test]
fn recorded_syntax_trees_are_ours() {
    let root = std::env::var_os("NARTHEX_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"),
        PathBuf::from,
    );
    let path = root.join("promql/golden/parse.jsonl");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("SKIPPED: {} is not here", path.display());
        return;
    };
    let (mut passed, mut failed) = (0, 0);
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        if row["ok"] != true {
            continue;
        }
        let query = row["query"].as_str().unwrap();
        match parse(query, &Features::default()).map(|expr| syntax_tree(&expr)) {
            Ok(tree) if tree == row["ast"] => passed += 1,
            other => {
                failed += 1;
                eprintln!("DIFFERS {query}\n  expected {}\n  got      {other:?}", row["ast"]);
            }
        }
    }
    eprintln!("{}: {passed} passed, {failed} failed", path.display());
    assert_eq!(failed, 0);
}
