//! The project's own table of queries: one file a topic in `parse_cases/`.
//!
//! `> query`, then `= formatted` (nothing behind `=`: as the query stands) or `! error`; lines that follow each other
//! with the same sign are lines of one text. `features all` and `features default` hold from there on. `#` is a remark.

use std::fmt::Write;
use std::path::Path;

use narthex_promql::{Features, parse};

/// The text of the lines from `at` on that begin with `sign`, and how many they are.
fn lines(all: &[&str], at: usize, sign: char) -> (String, usize) {
    let found: Vec<&str> = all[at..]
        .iter()
        .map_while(|line| line.strip_prefix(sign))
        .collect();
    let texts: Vec<&str> = found.iter().map(|l| l.strip_prefix(' ').unwrap_or(l)).collect();
    (texts.join("\n"), found.len())
}

/// Runs one file; describes what differs.
fn run(path: &Path, differences: &mut String) -> usize {
    let text = std::fs::read_to_string(path).unwrap();
    let all: Vec<&str> = text.lines().collect();
    let mut features = Features::default();
    let (mut at, mut cases) = (0, 0);
    while at < all.len() {
        let here = format!("{}:{}", path.display(), at + 1);
        match all[at] {
            "features all" => features = Features::ALL,
            "features default" => features = Features::default(),
            line if line.starts_with('>') => {
                let (query, count) = lines(&all, at, '>');
                let (mut formatted, formatted_lines) = lines(&all, at + count, '=');
                let (error, error_lines) = lines(&all, at + count, '!');
                assert!(
                    formatted_lines + error_lines > 0,
                    "{here}: a query without an answer"
                );
                if formatted_lines == 1 && formatted.is_empty() {
                    formatted.clone_from(&query);
                }
                let expected = if error_lines > 0 { &error } else { &formatted };
                let got = parse(&query, &features).map_or_else(|e| e.to_string(), |expr| expr.pretty());
                if got != *expected {
                    writeln!(
                        differences,
                        "{here}: {query}\nexpected {expected}\ngot      {got}"
                    )
                    .unwrap();
                }
                cases += 1;
                at += count + formatted_lines + error_lines;
                continue;
            }
            line => assert!(
                line.is_empty() || line.starts_with('#'),
                "{here}: what is {line:?}?"
            ),
        }
        at += 1;
    }
    cases
}

#[test]
fn our_cases_parse_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parse_cases");
    let (mut differences, mut cases) = (String::new(), 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        cases += run(&entry.unwrap().path(), &mut differences);
    }
    println!("{cases} cases");
    assert!(cases > 200, "only {cases} cases were found");
    assert!(differences.is_empty(), "\n{differences}");
}
