//! Queries over a filled store, by one thread: what is read, rated, aggregated, kept, and written as JSON.
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has nothing to say")]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use narthex::http::answer_json;
use narthex_benches::{SCRAPES, filled};
use narthex_promql::{Engine, EngineOptions, InstantQuery, QueryOptions, RangeQuery, ResultCache};

const RANGES: &[(&str, &str)] = &[
    (
        "rate, summed by a label",
        "sum by (mode) (rate({__name__=~\"metric_1.*_total\"}[5m]))",
    ),
    ("rate, summed", "sum(rate({job=\"node\"}[5m]))"),
    ("selector, averaged", "avg by (instance) (metric_7_total)"),
    ("largest of an hour", "max(max_over_time(metric_6_total[1h]))"),
    ("mean of ten minutes", "avg(avg_over_time(metric_6_total[10m]))"),
    ("topk", "topk(5, rate(metric_5_total[5m]))"),
];

fn query(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let db = filled(folder.path());
    let engine = Engine::new(EngineOptions::default());
    let (source, options) = (db.snapshot(), QueryOptions::default());
    let end = SCRAPES as i64 * 15_000;
    let query = |text| RangeQuery {
        text,
        start: 0,
        end,
        step: 60_000,
        options,
    };
    let mut group = criterion.benchmark_group("range, a step a minute");
    for (name, text) in RANGES {
        let ask = || engine.range(&source, &query(text)).unwrap();
        group.throughput(Throughput::Elements(ask().stats.samples_read));
        group.bench_function(*name, |b| b.iter(ask));
    }
    group.finish();
    let mut group = criterion.benchmark_group("asked again");
    for (name, text) in RANGES {
        let cache = ResultCache::new(64 << 20);
        let query = query(text);
        cache.range(&engine, &source, &query).unwrap();
        group.bench_function(*name, |b| {
            b.iter(|| cache.range(&engine, &source, &query).unwrap());
        });
        assert_eq!(cache.stats().missed, 1);
    }
    group.finish();
    let mut group = criterion.benchmark_group("JSON");
    let query = query("rate({mode=\"user\", device=\"disk1\"}[5m])");
    let value = engine.range(&source, &query).unwrap().value;
    let bytes = answer_json(value.clone()).len();
    group.throughput(Throughput::Bytes(bytes as u64));
    group.bench_function("matrix", |b| {
        b.iter_batched(|| value.clone(), answer_json, BatchSize::LargeInput);
    });
    group.finish();
    let mut group = criterion.benchmark_group("instant");
    for text in [
        "count by (__name__) ({job=\"node\"})",
        "sum by (mode) (rate({job=\"node\"}[5m]))",
    ] {
        group.bench_function(text, |b| {
            let query = InstantQuery {
                text,
                time: end,
                options,
            };
            b.iter(|| engine.instant(&source, &query).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, query);
criterion_main!(benches);
