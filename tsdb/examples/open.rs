//! Opens a store again and says what that took: `cargo run --release -p narthex-tsdb --example open -- FOLDER [threads]`.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a tool for people at a terminal"
)]

use std::time::Instant;

use narthex_tsdb::{Db, Options};

/// CPU seconds of this process, in user and kernel mode.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit(')').next().unwrap().split_whitespace();
    let ticks: Vec<f64> = fields.skip(11).take(2).map(|f| f.parse().unwrap()).collect();
    ticks.iter().sum::<f64>() / 100.0
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap();
    let threads = arguments.next().map_or(2, |n| n.parse().unwrap());
    let options = Options {
        open_threads: threads,
        ..Options::default()
    };
    let begin = Instant::now();
    let db = Db::open(&folder, options).unwrap();
    let stats = db.stats();
    println!(
        "{} series and {} samples in {:.2} s, {:.2} s of CPU",
        stats.series,
        stats.samples,
        begin.elapsed().as_secs_f64(),
        cpu()
    );
    // Left as it was found.
    std::process::exit(0);
}
