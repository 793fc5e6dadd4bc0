//! The store: a batch into log and head, records of the log, sealing, selecting, reading.
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has nothing to say")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use narthex_benches::{SCRAPES, SERIES, TARGETS, filled, scraped, series, value};
use narthex_format::wal::{Batch as Record, Sample};
use narthex_model::{MatchOp, Matcher, Projection, SampleBuffer, Selection, SeriesSource, TimeRange};
use narthex_tsdb::{Db, Options};

fn append(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(folder.path(), Options::default()).unwrap();
    let refs = series(&db, 0);
    let mut group = criterion.benchmark_group("append");
    group.throughput(Throughput::Elements(SERIES as u64));
    let mut scrape = 0;
    group.bench_function("batch, logged", |b| {
        b.iter(|| {
            let time = scrape as i64 * 15_000;
            let batch = scraped(0, &refs, scrape);
            scrape += 1;
            db.append(black_box(&batch), time).unwrap();
        });
    });
    group.finish();
}

fn log(criterion: &mut Criterion) {
    let floats = (0..SERIES).map(|id| Sample {
        id: id as u32,
        time: 15_000,
        start: None,
        value: value(id, 7),
    });
    let record = Record {
        time: 15_000,
        group: Some(1),
        floats: floats.collect(),
        ..Record::default()
    };
    let mut bytes = Vec::new();
    record.encode(&mut bytes).unwrap();
    let mut group = criterion.benchmark_group("log");
    group.throughput(Throughput::Elements(SERIES as u64));
    group.bench_function("encode", |b| {
        let mut out = Vec::new();
        b.iter(|| {
            out.clear();
            black_box(&record).encode(&mut out).unwrap();
            out.len()
        });
    });
    group.bench_function("decode", |b| {
        b.iter(|| Record::decode(black_box(&bytes)).unwrap().floats.len());
    });
    group.finish();
}

/// Half an hour of a target's samples, from memory into a segment.
fn seal(criterion: &mut Criterion) {
    const SEALED: usize = 120;
    let unsealed = || {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(folder.path(), Options::default()).unwrap();
        let refs = series(&db, 0);
        for scrape in 0..SEALED {
            db.append(&scraped(0, &refs, scrape), scrape as i64 * 15_000)
                .unwrap();
        }
        (folder, db)
    };
    let mut group = criterion.benchmark_group("seal");
    group.sample_size(10);
    group.throughput(Throughput::Elements((SERIES * SEALED) as u64));
    group.bench_function("half an hour", |b| {
        b.iter_batched_ref(unsealed, |(_, db)| db.seal().unwrap(), BatchSize::PerIteration);
    });
    group.finish();
}

fn read(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let db = filled(folder.path());
    let snapshot = db.snapshot();
    let one = [Matcher::new(MatchOp::Equal, "__name__", "metric_7_total").unwrap()];
    let some = [Matcher::new(MatchOp::Regex, "__name__", "metric_1.*").unwrap()];
    for (name, matchers) in [("one metric", &one[..]), ("a regex", &some[..]), ("all", &[])] {
        let select = || {
            let range = TimeRange::ALL;
            snapshot.select(&Selection { matchers, range }).unwrap()
        };
        let set = select();
        let mut group = criterion.benchmark_group(format!("select/{name}"));
        group.throughput(Throughput::Elements(set.len() as u64));
        group.bench_function("find", |b| b.iter(|| select().len()));
        group.bench_function("labels", |b| {
            b.iter(|| {
                (0..set.len())
                    .map(|at| set.labels(at).as_key().len())
                    .sum::<usize>()
            });
        });
        group.bench_function("group", |b| {
            let by = Projection {
                names: &["mode"],
                without: false,
            };
            b.iter(|| set.group(&by).first.len());
        });
        group.throughput(Throughput::Elements((set.len() * SCRAPES) as u64));
        group.bench_function("read", |b| {
            b.iter_batched_ref(
                SampleBuffer::new,
                |buffer| {
                    let mut count = 0;
                    for at in 0..set.len() {
                        set.read(at, buffer).unwrap();
                        count += buffer.values().len();
                    }
                    assert_eq!(count, set.len() * SCRAPES);
                },
                BatchSize::PerIteration,
            );
        });
        group.finish();
    }
    assert_eq!(db.stats().series as usize, TARGETS * SERIES);
}

criterion_group!(benches, append, log, seal, read);
criterion_main!(benches);
