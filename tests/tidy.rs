//! House rules that prose would lose: sizes, headings, the direction of imports, where unsafe may stand.
//!
//! A list of exceptions only ever gets shorter: an exception that is no longer needed fails too.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

/// The only file that may be memory-unsafe.
const UNSAFE_FILE: &str = "tsdb/src/disk/mmap.rs";

/// Files above the limit, to be cut when next touched.
const LONG_FILES: &[&str] = &[];

/// Functions above the limit, as `file:function`, to be cut when next touched.
const LONG_FUNCTIONS: &[&str] = &[];

/// Top-level modules of each crate from top to bottom; each imports only what stands in a later row.
/// Modules of one row do not see each other.
const ORDER: &[(&str, &[&[&str]])] = &[
    (
        "src",
        &[
            &["main"],
            &["cli"],
            &["server", "tools"],
            &["http"],
            &["explain"],
            &["scrape", "discovery", "remote", "otlp"],
            &["client", "query", "prompb"],
            &["config"],
            &["relabel", "exposition"],
            &["telemetry"],
            &["shutdown", "clock"],
        ],
    ),
    (
        "tsdb/src",
        &[
            &["db", "inspect"],
            &["append", "select", "compact", "tail"],
            &["head", "wal", "catalog", "block"],
            &["postings", "histograms", "text_set"],
            &["disk"],
            &["options"],
            &["error"],
        ],
    ),
    (
        "promql/src",
        &[
            &["cache"],
            &["engine"],
            &["eval"],
            &["plan"],
            &["check"],
            &["parse"],
            &["functions"],
            &["value", "ast"],
            &["limits", "error", "features"],
            &["span"],
        ],
    ),
];

struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Lines before the file's inline tests.
    fn production(&self) -> Vec<&str> {
        let lines: Vec<&str> = self.text.lines().collect();
        let tests = lines.iter().enumerate().position(|(i, line)| {
            *line == "#[cfg(test)]" && lines.get(i + 1).is_some_and(|l| l.starts_with("mod "))
        });
        lines[..tests.unwrap_or(lines.len())].to_vec()
    }

    fn is_production(&self) -> bool {
        let folders = [
            "model/src/",
            "storage-format/src/",
            "tsdb/src/",
            "promql/src/",
            "promql-tests/src/",
            "src/",
        ];
        folders.iter().any(|f| self.path.starts_with(f))
            && !self.path.contains("/tests/")
            && !self.path.ends_with("/tests.rs")
    }
}

fn root() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from)
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') && name != "node_modules" && name != "data" {
                walk(&path, found);
            }
        } else {
            found.push(path);
        }
    }
}

fn files(extension: &str) -> Vec<Source> {
    let mut paths = Vec::new();
    walk(&root(), &mut paths);
    paths.sort();
    paths
        .into_iter()
        .filter(|p| p.extension().is_some_and(|e| e == extension))
        .map(|p| Source {
            path: p
                .strip_prefix(root())
                .unwrap()
                .to_string_lossy()
                .replace('\\', "/"),
            text: std::fs::read_to_string(&p).unwrap(),
        })
        .collect()
}

/// Fails with every finding; `excused` are allowed findings, each of which must still occur.
fn report(findings: Vec<(String, String)>, excused: &[&str]) {
    let found: BTreeSet<&str> = findings.iter().map(|(key, _)| key.as_str()).collect();
    let mut lines: Vec<String> = findings
        .iter()
        .filter(|(key, _)| !excused.contains(&key.as_str()))
        .map(|(key, what)| format!("{key}: {what}"))
        .collect();
    lines.extend(
        excused
            .iter()
            .filter(|e| !found.contains(*e))
            .map(|e| format!("{e}: no longer an exception, take it off the list")),
    );
    assert!(lines.is_empty(), "\n{}\n", lines.join("\n"));
}

#[test]
fn files_are_short() {
    let findings = files("rs")
        .into_iter()
        .filter(Source::is_production)
        .filter_map(|f| {
            let lines = f.production().len();
            (lines > FILE_LINES_MAX)
                .then(|| (f.path.clone(), format!("{lines} lines, at most {FILE_LINES_MAX}")))
        });
    report(findings.collect(), LONG_FILES);
}

#[test]
fn files_say_what_they_are_for() {
    let findings = files("rs").into_iter().filter_map(|f| {
        let opens = f
            .text
            .lines()
            .next()
            .is_some_and(|l| l.starts_with("//! ") && l.len() > 12);
        (!opens).then(|| (f.path, "the first line is not a `//!` sentence".to_owned()))
    });
    report(findings.collect(), &[]);
}

/// Functions with their lines, found by indentation as rustfmt leaves it: from `fn` to the closing brace below it.
fn functions<'a>(lines: &[&'a str]) -> Vec<(&'a str, usize)> {
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let words = line.trim_start();
        let after = [
            "pub ",
            "pub(crate) ",
            "pub(super) ",
            "const ",
            "async ",
            "unsafe ",
        ]
        .iter()
        .fold(words, |rest, word| rest.strip_prefix(word).unwrap_or(rest));
        let Some(name) = after.strip_prefix("fn ") else {
            continue;
        };
        let name = name.split(['(', '<']).next().unwrap_or("");
        let close = format!("{}}}", " ".repeat(indent));
        if line.ends_with('}') || line.ends_with(';') {
            continue;
        }
        if let Some(length) = lines[start..].iter().position(|l| *l == close) {
            found.push((name, length + 1));
        }
    }
    found
}

#[test]
fn functions_are_short() {
    let mut findings = Vec::new();
    for file in files("rs").iter().filter(|f| f.is_production()) {
        for (name, lines) in functions(&file.production()) {
            if lines > FUNCTION_LINES_MAX {
                findings.push((
                    format!("{}:{name}", file.path),
                    format!("{lines} lines, at most {FUNCTION_LINES_MAX}"),
                ));
            }
        }
    }
    report(findings, LONG_FUNCTIONS);
}

#[test]
fn unsafe_stands_in_one_file() {
    let word = ["un", "safe"].concat();
    let findings = files("rs")
        .into_iter()
        .filter(|f| f.path != UNSAFE_FILE)
        .filter_map(|f| {
            let line = f.text.lines().position(|l| {
                let code = l.split("//").next().unwrap_or("");
                [" {", " fn ", " impl "]
                    .iter()
                    .any(|after| code.contains(&format!("{word}{after}")))
            })?;
            Some((
                f.path,
                format!("line {}: {word} code belongs in {UNSAFE_FILE}", line + 1),
            ))
        });
    report(findings.collect(), &[]);
}

#[test]
fn no_matches_without_a_use() {
    let name = ["mat", "ches!("].concat();
    let findings = files("rs").into_iter().filter_map(|f| {
        let line = f
            .text
            .lines()
            .position(|l| l.trim_start().starts_with(&name) && l.trim_end().ends_with(");"))?;
        Some((
            f.path,
            format!("line {}: a bare matches asserts nothing", line + 1),
        ))
    });
    report(findings.collect(), &[]);
}

/// The first module named after `crate::` in each place of the text.
fn imports(text: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for line in text.lines() {
        let code = line.split("//").next().unwrap_or("");
        for after in code.split("crate::").skip(1) {
            for part in after
                .strip_prefix('{')
                .map_or_else(|| vec![after], |list| list.split(',').collect())
            {
                let end = part
                    .trim_start()
                    .find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                let part = part.trim_start();
                found.insert(&part[..end.unwrap_or(part.len())]);
            }
        }
    }
    found
}

#[test]
fn imports_keep_their_direction() {
    let mut findings = Vec::new();
    for (folder, rows) in ORDER {
        let row_of = |module: &str| rows.iter().position(|row| row.contains(&module));
        for file in files("rs")
            .iter()
            .filter(|f| f.path.starts_with(&format!("{folder}/")))
        {
            let inside = &file.path[folder.len() + 1..];
            let module = inside.split(['/', '.']).next().unwrap_or("");
            if module == "lib" {
                continue;
            }
            let Some(from) = row_of(module) else {
                findings.push((
                    file.path.clone(),
                    format!("the module `{module}` has no row in ORDER"),
                ));
                continue;
            };
            let production = file.production().join("\n");
            for import in imports(&production) {
                if import != module && row_of(import).is_some_and(|to| to <= from) {
                    findings.push((
                        format!("{} -> {import}", file.path),
                        "points up or sideways".to_owned(),
                    ));
                }
            }
        }
    }
    report(findings, &[]);
}

#[test]
fn links_in_markdown_resolve() {
    let mut findings = Vec::new();
    for file in files("md") {
        let folder = root().join(&file.path).parent().unwrap().to_path_buf();
        for target in file
            .text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let path = target.split('#').next().unwrap_or("");
            if !path.is_empty() && !path.contains("://") && !path.contains(' ') && !folder.join(path).exists()
            {
                findings.push((file.path.clone(), format!("the link to {target} leads nowhere")));
            }
        }
    }
    report(findings, &[]);
}

#[test]
fn guards_catch_what_they_are_for() {
    assert_eq!(
        functions(&[
            "    pub fn a(",
            "        x: u8,",
            "    ) {",
            "    }",
            "fn b() {",
            "}"
        ]),
        [("a", 4), ("b", 2)]
    );
    let found = imports(
        "use crate::head::Series;\nlet x = crate::wal::open(); // crate::not\nuse crate::{disk, error::E};",
    );
    assert_eq!(
        found.into_iter().collect::<Vec<_>>(),
        ["disk", "error", "head", "wal"]
    );
    let source = Source {
        path: "src/a.rs".into(),
        text: "//! A.\nfn a() {}\n#[cfg(test)]\nmod tests {\n}\n".into(),
    };
    assert_eq!(source.production().len(), 2);
}
