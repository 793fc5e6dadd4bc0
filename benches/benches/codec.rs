//! The sealed encoding and back, and reading a block: real values from an OpenMetrics file with timestamps, such as
//! `promtool tsdb create-blocks-from openmetrics` takes, named by `NARTHEX_OPENMETRICS`, and random ones. Elements are
//! samples: the inverse of a figure in Gelem/s is nanoseconds a sample, on one core.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench that cannot go on has nothing to say, and one that is left out says so"
)]

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use narthex_format::chunk::{ValueDecoder, ValueEncoder};
use narthex_model::{Labels, SampleBuffer, Selection, SeriesSource, TimeRange};
use narthex_tsdb::{Batch, Db, Options};

/// Samples of a chunk.
const CHUNK: usize = 480;

/// Values of each series, by its text, in the order of their times.
type Rows = BTreeMap<String, Vec<f64>>;

/// The series of the file that the environment names.
fn recorded() -> Rows {
    let mut rows = Rows::new();
    let Some(path) = std::env::var_os("NARTHEX_OPENMETRICS") else {
        println!("no recorded values: NARTHEX_OPENMETRICS names no OpenMetrics file");
        return rows;
    };
    let text = std::fs::read_to_string(path).unwrap();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.rsplitn(3, ' ');
        let (_, value) = (words.next(), words.next().unwrap());
        let row = rows.entry(words.next().unwrap().to_owned()).or_default();
        row.push(value.parse().unwrap());
    }
    rows
}

fn changes(row: &[f64]) -> bool {
    row.windows(2).any(|pair| pair[0].to_bits() != pair[1].to_bits())
}

fn values(criterion: &mut Criterion) {
    let recorded: Vec<Vec<f64>> = recorded().into_values().collect();
    let changing: Vec<_> = recorded.iter().filter(|row| changes(row)).cloned().collect();
    let random = |i: u64| f64::from_bits((i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29));
    let noise = |id: u64| (0..CHUNK as u64).map(|i| random(id * CHUNK as u64 + i)).collect();
    let noise: Vec<Vec<f64>> = (0..500).map(noise).collect();
    for (name, rows) in [
        ("recorded", recorded),
        ("recorded, changing", changing),
        ("random", noise),
    ] {
        let chunks: Vec<&[f64]> = rows.iter().flat_map(|row| row.chunks(CHUNK)).collect();
        let samples: usize = chunks.iter().map(|chunk| chunk.len()).sum();
        if samples == 0 {
            continue;
        }
        let mut group = criterion.benchmark_group(format!("chunks/{name}"));
        group.throughput(Throughput::Elements(samples as u64));
        let mut encoder = ValueEncoder::default();
        let mut encode = |chunk: &[f64], bytes: &mut Vec<u8>| encoder.encode(chunk, bytes).unwrap();
        let mut encoded = Vec::new();
        for chunk in &chunks {
            let mut bytes = Vec::new();
            encode(chunk, &mut bytes);
            encoded.push((bytes, chunk.len()));
        }
        let mut bytes = Vec::new();
        group.bench_function("encode", |b| {
            b.iter(|| {
                for chunk in &chunks {
                    bytes.clear();
                    encode(black_box(chunk), &mut bytes);
                }
            });
        });
        let (mut decoder, mut out) = (ValueDecoder::default(), Vec::new());
        group.bench_function("decode", |b| {
            b.iter(|| {
                for (bytes, count) in &encoded {
                    out.clear();
                    decoder.decode(black_box(bytes), *count, &mut out).unwrap();
                }
            });
        });
        group.finish();
    }
}

/// Everything from one block: finding it, checksums, unpacking, times.
fn block(criterion: &mut Criterion) {
    let rows = recorded();
    let samples: usize = rows.values().map(Vec::len).sum();
    if samples == 0 {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        in_order_window_ms: i64::MAX,
        ..Options::default()
    };
    let db = Db::open(folder.path(), options).unwrap();
    let longest = rows.values().map(Vec::len).max().unwrap_or(0);
    let series = rows.iter().map(|(text, row)| {
        let labels = Labels::from_pairs([("__name__", text.as_str())]);
        (db.resolve(&labels).unwrap(), row)
    });
    let series: Vec<_> = series.collect();
    for at in 0..longest {
        let time = at as i64 * 15_000;
        let mut batch = Batch::new(time).with_group(0);
        for (series, row) in &series {
            if let Some(value) = row.get(at) {
                batch.push_float(*series, time, *value);
            }
        }
        db.append(&batch, time).unwrap();
    }
    db.compact_all(&|_, _| {}).unwrap();
    let snapshot = db.snapshot();
    let range = TimeRange::ALL;
    let mut buffer = SampleBuffer::new();
    let mut group = criterion.benchmark_group("block/recorded");
    group.throughput(Throughput::Elements(samples as u64));
    group.bench_function("read", |b| {
        b.iter(|| {
            let set = snapshot.select(&Selection { matchers: &[], range }).unwrap();
            let mut count = 0;
            for at in 0..set.len() {
                set.read(at, &mut buffer).unwrap();
                count += buffer.values().len();
            }
            assert_eq!(count, samples);
        });
    });
    group.finish();
}

criterion_group!(benches, values, block);
criterion_main!(benches);
