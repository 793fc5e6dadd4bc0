//! Asks the queries of a file of a store on disk, without a server between: where does a query's time go?
//!
//! `cargo run --release -p narthex-benches --example ask -- DIR END FILE [threads] [rounds] [text]`: DIR is a data
//! directory that no server has open, END the evaluation time in Unix seconds, FILE has one query a line (`instant
//! EXPR` or `range SPAN STEP EXPR`; other lines are passed over), of which only those that contain the text are asked.
//! Prints the least wall and CPU time of the rounds, in milliseconds, and the samples read.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a tool for people at a terminal"
)]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use std::time::Instant;

use narthex_promql::{Engine, EngineOptions, InstantQuery, QueryOptions, RangeQuery};
use narthex_tsdb::{Db, Options};

/// CPU time of this process in seconds.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let main: f64 = stat
        .split_whitespace()
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0.0);
    main / 1e9
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |at: usize| arguments.get(at).map(String::as_str);
    let number = |at: usize, default: i64| argument(at).and_then(|a| a.parse().ok()).unwrap_or(default);
    let (folder, end) = (argument(0).unwrap(), number(1, 0) * 1_000);
    let lines = std::fs::read_to_string(argument(2).unwrap()).unwrap();
    let (threads, rounds) = (number(3, 1) as usize, number(4, 3));
    let wanted = argument(5).unwrap_or("");
    let db = Db::open(folder, Options::default()).unwrap();
    let engine = Engine::new(EngineOptions {
        parallelism: threads,
        ..EngineOptions::default()
    });
    println!("  wall ms    CPU ms   samples read  query");
    for line in lines.lines().filter(|line| line.contains(wanted)) {
        let (mut wall, mut busy, mut read) = (f64::INFINITY, f64::INFINITY, 0);
        for _ in 0..rounds {
            let (began, before) = (Instant::now(), cpu());
            let Some(samples) = ask(&engine, &db, line, end) else {
                break;
            };
            wall = wall.min(began.elapsed().as_secs_f64() * 1e3);
            busy = busy.min((cpu() - before) * 1e3);
            read = samples;
        }
        if wall.is_finite() {
            println!("{wall:9.2} {busy:9.2} {read:14}  {line}");
        }
    }
}

/// Answers one line; how many samples were read for it.
fn ask(engine: &Engine, db: &Db, line: &str, end: i64) -> Option<u64> {
    let options = QueryOptions::default();
    let source = db.snapshot();
    let output = if let Some(text) = line.strip_prefix("instant ") {
        let query = InstantQuery {
            text,
            time: end,
            options,
        };
        engine.instant(&source, &query)
    } else {
        let mut parts = line.strip_prefix("range ")?.splitn(3, ' ');
        let mut next = || parts.next().and_then(|p| p.parse::<i64>().ok());
        let (span, step) = (next()?, next()?);
        let query = RangeQuery {
            text: parts.next()?,
            start: end - span * 1_000,
            end,
            step: step * 1_000,
            options,
        };
        engine.range(&source, &query)
    };
    Some(output.unwrap().stats.samples_read)
}
