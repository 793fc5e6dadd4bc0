//! Runs PromQL test scripts, or random queries on two evaluators.
#![expect(clippy::print_stdout, reason = "the report is what this program is for")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use narthex_promql::{Engine, EngineOptions};
use narthex_promql_tests::http_source::HttpSource;
use narthex_promql_tests::memory_source::MemorySource;
use narthex_promql_tests::run::{Report, run, script_features};
use narthex_promql_tests::store::Store;
use narthex_promql_tests::tsdb_source::{Stage, TsdbSource};

const USAGE: &str = "usage: narthex-promql-tests DIR [--store memory|head|sealed|block|http|all]
       narthex-promql-tests --differential COUNT [--seed FIRST]";

fn main() -> ExitCode {
    match work(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            println!("{message}");
            ExitCode::from(2)
        }
    }
}

/// Runs what was asked for; whether all went as expected.
fn work(arguments: &[String]) -> Result<bool, String> {
    let (directory, store) = match arguments {
        [flag, count] if flag == "--differential" => return differential(count, "0"),
        [flag, count, second, seed] if flag == "--differential" && second == "--seed" => {
            return differential(count, seed);
        }
        [directory] => (directory, "memory"),
        [directory, flag, store] | [flag, store, directory] if flag == "--store" => {
            (directory, store.as_str())
        }
        _ => return Err(USAGE.into()),
    };
    let engine = Engine::new(EngineOptions {
        features: script_features(),
        ..EngineOptions::default()
    });
    let mut stores = stores(store, &engine)?;
    let several = stores.len() > 1;
    let mut total = Report::default();
    for path in scripts(Path::new(directory))? {
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        for store in &mut stores {
            let report = run(&text, &engine, store.as_mut());
            let on = if several {
                format!(" on {}", store.name())
            } else {
                String::new()
            };
            for failure in &report.failures {
                println!("{}:{}{on}: {}", path.display(), failure.line, failure.query);
                println!("    {}", failure.difference);
            }
            println!(
                "{}{on}: {} passed, {} failed",
                path.display(),
                report.passed,
                report.failures.len()
            );
            total.merge(report);
        }
    }
    println!("{} passed, {} failed", total.passed, total.failures.len());
    Ok(total.failures.is_empty())
}

fn differential(count: &str, seed: &str) -> Result<bool, String> {
    let number = |text: &str| {
        text.parse()
            .map_err(|_| format!("{text:?} is no whole number\n{USAGE}"))
    };
    let summary = narthex_promql_tests::differential::run(number(count)?, number(seed)?);
    for difference in &summary.differences {
        println!("{difference}");
    }
    println!("{} refused, {} empty", summary.refused, summary.empty);
    println!("{} passed, {} failed", summary.passed, summary.differences.len());
    Ok(summary.differences.is_empty())
}

fn stores(names: &str, engine: &Engine) -> Result<Vec<Box<dyn Store>>, String> {
    let store = |name: &str| -> Result<Box<dyn Store>, String> {
        Ok(match name {
            "memory" => Box::new(MemorySource::default()),
            "head" => Box::new(TsdbSource::new(Stage::Head)?),
            "sealed" => Box::new(TsdbSource::new(Stage::Sealed)?),
            "block" => Box::new(TsdbSource::new(Stage::Block)?),
            "http" => Box::new(HttpSource::new(engine.clone())?),
            _ => return Err(format!("unknown store {name:?}\n{USAGE}")),
        })
    };
    match names {
        "all" => ["memory", "head", "sealed", "block", "http"]
            .map(store)
            .into_iter()
            .collect(),
        name => store(name).map(|store| vec![store]),
    }
}

/// The scripts of a folder, by name.
fn scripts(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(directory).map_err(|e| format!("{}: {e}", directory.display()))?;
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "test"))
        .collect();
    if paths.is_empty() {
        return Err(format!("{}: no file here ends in .test", directory.display()));
    }
    paths.sort();
    Ok(paths)
}
