//! No acknowledged sample is lost: the process is killed at random moments under remote-write load.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::mpsc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::{Server, WrittenSeries, request, write_request};

const KILLS: usize = 50;
const WRITERS: usize = 3;
const SERIES: usize = 20;
const STEP_MS: i64 = 10;

/// A small generator of pseudo-random numbers (xorshift), so that a failure can be run again by its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the server under test runs on the real clock and refuses the far future"
)]
fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

/// Sends batch after batch for one writer's series until the server is gone; `acked` is the last acknowledged tick.
fn write_until_gone(
    port: u16,
    writer: usize,
    start_ms: i64,
    acked: &AtomicI64,
    stop: &AtomicBool,
    said: &mpsc::Sender<()>,
) {
    let writer_name = writer.to_string();
    let names: Vec<String> = (0..SERIES).map(|s| s.to_string()).collect();
    let mut tick = acked.load(Ordering::SeqCst) + 1;
    while !stop.load(Ordering::SeqCst) {
        let samples = [(start_ms + tick * STEP_MS, tick as f64)];
        let labels: Vec<[(&str, &str); 3]> = names
            .iter()
            .map(|s| [("__name__", "kept"), ("series", s), ("writer", &writer_name)])
            .collect();
        let series: Vec<WrittenSeries<'_>> = labels.iter().map(|l| (&l[..], &samples[..])).collect();
        let headers = [
            ("Content-Encoding", "snappy"),
            ("Content-Type", "application/x-protobuf"),
        ];
        match request(port, "POST", "/api/v1/write", &headers, &write_request(&series)) {
            Ok(answer) => assert_eq!(answer.status, 204, "{}", answer.text()),
            Err(_) => return,
        }
        acked.store(tick, Ordering::SeqCst);
        tick += 1;
        let _ = said.send(());
    }
}

/// What the server holds of one writer: for each series the ticks, ascending.
fn read_back(server: &Server, writer: usize, start_ms: i64, last: i64) -> Vec<Vec<i64>> {
    let end = (start_ms + (last + 2) * STEP_MS) as f64 / 1_000.0;
    let span = (last + 4) * STEP_MS + 1_000;
    let path = format!("/api/v1/query?query=kept%7Bwriter%3D%22{writer}%22%7D%5B{span}ms%5D&time={end}");
    let answer = server.get(&path).json();
    assert_eq!(answer["status"], "success", "{answer}");
    let mut series: Vec<Vec<i64>> = Vec::new();
    for one in answer["data"]["result"].as_array().unwrap() {
        let values = one["values"].as_array().unwrap();
        series.push(
            values
                .iter()
                .map(|v| v[1].as_str().unwrap().parse().unwrap())
                .collect(),
        );
        for value in values {
            let time_ms = (value[0].as_f64().unwrap() * 1_000.0).round() as i64;
            let tick: i64 = value[1].as_str().unwrap().parse().unwrap();
            assert_eq!(time_ms, start_ms + tick * STEP_MS, "a value at a foreign time");
        }
    }
    series
}

#[test]
fn acknowledged_samples_survive_sigkill() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("empty.yml");
    std::fs::write(&config, "global: {scrape_interval: 1h}\n").unwrap();
    let config = format!("--config.file={}", config.display());
    let args = [
        config.as_str(),
        "--web.enable-remote-write-receiver",
        "--log.level=info",
    ];
    let data = folder.path().join("data");
    let seed = std::process::id() as u64 | 1;
    let mut random = Random(seed);
    let start_ms = now_ms() - 600_000;
    let acked: Vec<AtomicI64> = (0..WRITERS).map(|_| AtomicI64::new(0)).collect();
    for round in 0..=KILLS {
        let server = Server::start(&data, &args);
        for (writer, acked) in acked.iter().enumerate() {
            let last = acked.load(Ordering::SeqCst);
            let found = read_back(&server, writer, start_ms, last);
            assert!(
                last == 0 || found.len() == SERIES,
                "seed {seed}, round {round}: {} series",
                found.len()
            );
            for ticks in &found {
                // The batch that was under way when the process died may be there (whole) or not.
                let whole: Vec<i64> = (1..=last).collect();
                assert!(
                    ticks.starts_with(&whole),
                    "seed {seed}, round {round}: acknowledged {last}, found {ticks:?}"
                );
                assert!(ticks.len() as i64 <= last + 1, "seed {seed}, round {round}");
                assert_eq!(
                    ticks, &found[0],
                    "seed {seed}, round {round}: a batch is there in part"
                );
            }
            // An unacknowledged batch that is there counts as written, as a sender that repeats it would find.
            acked.store(found.first().map_or(0, |t| t.len() as i64), Ordering::SeqCst);
        }
        if round == KILLS {
            break;
        }
        let stop = AtomicBool::new(false);
        let (said, heard) = mpsc::channel();
        std::thread::scope(|scope| {
            for (writer, acked) in acked.iter().enumerate() {
                let (said, stop, port) = (said.clone(), &stop, server.port);
                scope.spawn(move || write_until_gone(port, writer, start_ms, acked, stop, &said));
            }
            drop(said);
            for _ in 0..1 + random.below(25) {
                heard
                    .recv()
                    .expect("a writer stopped before the server was killed");
            }
            server.kill();
            stop.store(true, Ordering::SeqCst);
        });
    }
    let total: i64 = acked.iter().map(|a| a.load(Ordering::SeqCst)).sum();
    assert!(total > KILLS as i64, "the writers got something through");
}
