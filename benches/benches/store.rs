//! The store: a batch into log and head, selecting, reading.
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has nothing to say")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use narthex_benches::{SCRAPES, SERIES, TARGETS, filled, labels, value};
use narthex_model::{MatchOp, Matcher, Projection, SampleBuffer, Selection, SeriesSource, TimeRange};
use narthex_tsdb::{Batch, Db, Options, SeriesRef};

fn append(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(folder.path(), Options::default()).unwrap();
    let refs: Vec<SeriesRef> = (0..SERIES)
        .map(|id| db.resolve(&labels(0, id)).unwrap())
        .collect();
    let mut group = criterion.benchmark_group("append");
    group.throughput(Throughput::Elements(SERIES as u64));
    let mut scrape = 0;
    group.bench_function("batch, logged", |b| {
        b.iter(|| {
            let time = scrape as i64 * 15_000;
            let mut batch = Batch::new(time).with_group(0);
            for (id, series) in refs.iter().enumerate() {
                batch.push_float(*series, time, value(id, scrape));
            }
            scrape += 1;
            db.append(black_box(&batch), time).unwrap();
        });
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

criterion_group!(benches, append, read);
criterion_main!(benches);
