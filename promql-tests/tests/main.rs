//! Runs the cases of this crate on every store, and Prometheus's own scripts where they are at hand.
#![expect(clippy::unwrap_used, reason = "a script that cannot be read ends the test")]

use std::path::{Path, PathBuf};

use narthex_promql::{Engine, EngineOptions};
use narthex_promql_tests::http_source::HttpSource;
use narthex_promql_tests::memory_source::MemorySource;
use narthex_promql_tests::repeated;
use narthex_promql_tests::run::{Report, run, script_features};
use narthex_promql_tests::store::Store;
use narthex_promql_tests::tsdb_source::{Stage, TsdbSource};

/// How many evaluations Prometheus's scripts hold at least.
const UPSTREAM_EVALUATIONS_MIN: usize = 2_200;

fn engine(parallelism: usize) -> Engine {
    Engine::new(EngineOptions {
        features: script_features(),
        parallelism,
        ..EngineOptions::default()
    })
}

fn scripts(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "test"))
        .collect();
    paths.sort();
    paths
}

fn describe(path: &Path, report: &Report) -> String {
    report
        .failures
        .iter()
        .map(|f| {
            format!(
                "{}:{}: {}\n    {}\n",
                path.display(),
                f.line,
                f.query,
                f.difference
            )
        })
        .collect()
}

/// How many evaluations of all scripts pass, and what is wrong with the others.
fn run_all(directory: &Path, engine: &Engine, store: &mut dyn Store) -> (usize, String) {
    let (mut passed, mut wrong) = (0, String::new());
    for path in scripts(directory) {
        let report = run(&std::fs::read_to_string(&path).unwrap(), engine, store);
        passed += report.passed;
        wrong += &describe(&path, &report);
    }
    (passed, wrong)
}

fn all_pass_on(store: &mut dyn Store, parallelism: usize) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let (passed, wrong) = run_all(&directory, &engine(parallelism), store);
    assert!(wrong.is_empty(), "on {}:\n{wrong}", store.name());
    assert!(passed > 200, "only {passed} evaluations were found");
}

#[test]
fn cases_pass_on_plain_maps() {
    all_pass_on(&mut MemorySource::default(), 1);
}

#[test]
fn cases_pass_on_several_threads() {
    all_pass_on(&mut MemorySource::default(), 4);
}

#[test]
fn cases_pass_on_the_head() {
    all_pass_on(&mut TsdbSource::new(Stage::Head).unwrap(), 1);
}

#[test]
fn cases_pass_on_sealed_segments() {
    all_pass_on(&mut TsdbSource::new(Stage::Sealed).unwrap(), 1);
}

#[test]
fn cases_pass_on_blocks() {
    all_pass_on(&mut TsdbSource::new(Stage::Block).unwrap(), 1);
}

#[test]
fn cases_pass_over_http() {
    all_pass_on(&mut HttpSource::new(engine(1)).unwrap(), 1);
}

/// Prometheus's own scripts, where they are at hand.
#[expect(clippy::print_stdout, reason = "who runs the tests learns what was left out")]
fn upstream_passes_on(store: &mut dyn Store) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let shared = std::env::var_os("NARTHEX_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
    let directory = shared.join("promql/upstream");
    if !directory.is_dir() {
        println!("skipped: {} is not there", directory.display());
        return;
    }
    let (passed, wrong) = run_all(&directory, &engine(1), store);
    assert!(wrong.is_empty(), "on {}:\n{wrong}", store.name());
    assert!(
        passed > UPSTREAM_EVALUATIONS_MIN,
        "only {passed} evaluations were found"
    );
}

#[test]
fn prometheus_own_scripts_pass_on_plain_maps() {
    upstream_passes_on(&mut MemorySource::default());
}

#[test]
fn prometheus_own_scripts_pass_on_the_head() {
    upstream_passes_on(&mut TsdbSource::new(Stage::Head).unwrap());
}

#[test]
fn prometheus_own_scripts_pass_on_sealed_segments() {
    upstream_passes_on(&mut TsdbSource::new(Stage::Sealed).unwrap());
}

#[test]
fn prometheus_own_scripts_pass_on_blocks() {
    upstream_passes_on(&mut TsdbSource::new(Stage::Block).unwrap());
}

#[test]
fn prometheus_own_scripts_pass_over_http() {
    upstream_passes_on(&mut HttpSource::new(engine(1)).unwrap());
}

#[test]
fn a_wrong_expectation_is_found_and_named() {
    let script = "load 1m\n  a 1 2 3\n\neval instant at 1m a\n  a 2\n\neval instant at 1m a\n  a 3\n\neval range from 0 to 2m step 1m a\n  a 1 2 _\n\neval instant at 1m a\n\neval instant at 1m a{\n";
    let report = run(script, &engine(1), &mut MemorySource::default());
    assert_eq!(report.passed, 1);
    let lines: Vec<_> = report.failures.iter().map(|f| f.line).collect();
    assert_eq!(lines, [7, 10, 13, 15]);
}

/// `NARTHEX_REPEATED` says how many stores live, `NARTHEX_SEED` from which seed on.
#[test]
fn answers_from_the_cache_are_the_plain_ones() {
    let asked = std::env::var("NARTHEX_REPEATED").ok();
    let count = asked.map_or(40, |count| count.parse().unwrap());
    let first = std::env::var("NARTHEX_SEED").map_or(0, |seed| seed.parse().unwrap());
    let summary = repeated::run(count, first).unwrap();
    let wrong: Vec<String> = summary.differences.iter().map(ToString::to_string).collect();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        summary.asked,
        wrong.join("\n")
    );
    let cache = summary.cache;
    assert!(summary.failed < summary.asked / 3, "{summary:?}");
    assert!(cache.whole > summary.asked / 50, "{summary:?}");
    assert!(cache.extended > summary.asked / 10, "{summary:?}");
    assert!(cache.evicted > 0, "{summary:?}");
}
