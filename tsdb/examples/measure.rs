//! Measures the store: `cargo run --release -p narthex-tsdb --example measure -- [series] [scrapes] [push]`.
//!
//! Times are CPU time of the one thread that does everything, as a busy machine would spoil any other.
//! Series come in targets of 1,000; values are counters, gauges and constants. With `push` no scrape group is named.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a tool for people at a terminal"
)]

use narthex_model::{Labels, Matcher, SampleBuffer, Selection, SeriesSource, TimeRange};
use narthex_tsdb::{Batch, Db, Options, SeriesRef};

/// CPU time that this thread has used.
struct Cpu(f64);

impl Cpu {
    fn now() -> Self {
        let line = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        Self(
            line.split_whitespace()
                .next()
                .and_then(|n| n.parse().ok())
                .unwrap_or(0.0),
        )
    }

    fn nanoseconds(&self) -> f64 {
        Self::now().0 - self.0
    }
}

fn anonymous_bytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("RssAnon")).unwrap_or("");
    line.split_whitespace()
        .nth(1)
        .and_then(|n| n.parse::<f64>().ok())
        .unwrap_or(0.0)
        * 1024.0
}

fn labels(id: usize) -> Labels {
    Labels::from_pairs([
        ("__name__", format!("metric_{}_total", id % 250).as_str()),
        (
            "instance",
            &format!("10.0.{}.{}:9100", id / 256_000, id / 1_000 % 256),
        ),
        ("job", "node"),
        ("cluster", "production"),
        ("namespace", &format!("team-{}", id / 5_000)),
        ("pod", &format!("app-{:x}", id / 1_000)),
        ("device", &format!("disk{}", id / 250 % 4)),
        ("mode", "read"),
    ])
}

fn value(id: usize, scrape: usize) -> f64 {
    match id % 4 {
        0 => 42.0,
        1 => (scrape * 7 * (id % 100 + 1)) as f64,
        2 => ((scrape * 31 + id) % 1_000) as f64 / 10.0,
        _ => (scrape / 8) as f64,
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: usize| arguments.next().and_then(|a| a.parse().ok()).unwrap_or(default);
    let (series, scrapes) = (number(50_000), number(480));
    let push = std::env::args().any(|a| a == "push");
    let folder = tempfile::tempdir().unwrap();
    let before = anonymous_bytes();
    let db = Db::open(folder.path(), Options::default()).unwrap();
    let clock = Cpu::now();
    let refs: Vec<SeriesRef> = (0..series).map(|id| db.resolve(&labels(id)).unwrap()).collect();
    println!(
        "register        {:8.0} ns/series",
        clock.nanoseconds() / series as f64
    );

    let clock = Cpu::now();
    for scrape in 0..scrapes {
        for (target, refs) in refs.chunks(1_000).enumerate() {
            let time = (scrape * 15_000 + target) as i64;
            let mut batch = Batch::new(time);
            if !push {
                batch = batch.with_group(target as u64);
            }
            for (at, series) in refs.iter().enumerate() {
                batch.push_float(*series, time, value(target * 1_000 + at, scrape));
            }
            assert!(db.append(&batch, time).unwrap().rejected.is_empty());
        }
        db.tick(scrape as i64 * 1_000).unwrap();
    }
    let samples = (series * scrapes) as f64;
    let seconds = clock.nanoseconds() / 1e9;
    println!(
        "append          {:8.2} M samples/s (one thread, log included)",
        samples / seconds / 1e6
    );
    println!(
        "memory          {:8.0} B/series anonymous",
        (anonymous_bytes() - before) / series as f64
    );
    let stats = db.stats();
    println!(
        "head            {:8.0} B/series counted, {} chunks",
        stats.head_bytes as f64 / series as f64,
        stats.chunks
    );
    println!(
        "log             {:8.2} B/sample",
        stats.wal_bytes as f64 / samples
    );

    let snapshot = db.snapshot();
    let read = |what: &str, matchers: &[Matcher]| {
        let clock = Cpu::now();
        let set = snapshot
            .select(&Selection {
                matchers,
                range: TimeRange::ALL,
            })
            .unwrap();
        let selected = clock.nanoseconds();
        let mut buffer = SampleBuffer::new();
        let mut count = 0;
        for at in 0..set.len() {
            set.read(at, &mut buffer).unwrap();
            count += buffer.values().len();
        }
        let read = clock.nanoseconds() - selected;
        let nanoseconds = read / count.max(1) as f64;
        println!(
            "{what:15} {:8.2} ms to select {} series, {nanoseconds:.2} ns/sample to read",
            selected / 1e6,
            set.len()
        );
    };
    read("read all", &[]);
    read("read one metric", &[Matcher::equal("__name__", "metric_5_total")]);
    drop(snapshot);
    db.close().unwrap();
    drop(db);
    let clock = Cpu::now();
    let db = Db::open(folder.path(), Options::default()).unwrap();
    let seconds = clock.nanoseconds() / 1e9;
    let replayed = db.stats().samples as f64;
    println!(
        "open            {seconds:8.2} s for {:.1} M samples, {:.2} M samples/s",
        replayed / 1e6,
        replayed / seconds / 1e6
    );
}
