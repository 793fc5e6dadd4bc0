//! Reading a page of the text formats: worst case blind and with every label, best case foreseen from the last page.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use narthex::exposition::{Event, Format, LabelList, MetricKind, Parser, Writer};

const SERIES: usize = 2_000;

/// A page as a server writes it: families of a few series, whole numbers and fractions.
fn page(format: Format) -> String {
    let mut writer = Writer::new(format);
    for family in 0..SERIES / 10 {
        let name = format!("http_request_duration_seconds_{family}");
        writer.family(&name, MetricKind::Gauge, "How long requests took, in seconds.");
        for series in 0..10 {
            let code = (200 + series).to_string();
            let labels = [
                ("handler", "/api/v1/query_range"),
                ("method", "POST"),
                ("code", &code),
            ];
            let value = match series % 2 {
                0 => (family * series) as f64,
                _ => 1.0 / (family + series) as f64,
            };
            writer.sample(&name, &labels, value);
        }
    }
    writer.finish()
}

/// Sums the values so that nothing is left out; `keys` are the guesses.
fn read(page: &[u8], format: Format, keys: &[Vec<u8>]) -> f64 {
    let mut parser = Parser::new(page, format);
    let (mut sum, mut next) = (0.0, 0);
    while let Ok(Some(event)) = parser.next_event(keys.get(next).map_or(b"", |key| key)) {
        if let Event::Sample(sample) = event {
            sum += sample.value;
            next += 1;
        }
    }
    sum
}

fn read_labels(page: &[u8], format: Format) -> usize {
    let mut parser = Parser::new(page, format);
    let mut labels = LabelList::new();
    let mut count = 0;
    while let Ok(Some(event)) = parser.next_event(b"") {
        if let Event::Sample(sample) = event
            && parser.labels(&sample, &mut labels).is_ok()
        {
            count += labels.len();
        }
    }
    count
}

fn keys(page: &[u8], format: Format) -> Vec<Vec<u8>> {
    let mut parser = Parser::new(page, format);
    let mut keys = Vec::new();
    while let Ok(Some(event)) = parser.next_event(b"") {
        if let Event::Sample(sample) = event {
            keys.push(sample.key.to_vec());
        }
    }
    keys
}

fn parse(criterion: &mut Criterion) {
    for (name, format) in [("classic", Format::Classic), ("openmetrics", Format::OpenMetrics)] {
        let page = page(format);
        let page = page.as_bytes();
        let keys = keys(page, format);
        assert_eq!(keys.len(), SERIES);
        let mut group = criterion.benchmark_group(format!("parse/{name}"));
        group.throughput(Throughput::Elements(SERIES as u64));
        group.bench_function("blind", |b| b.iter(|| read(black_box(page), format, &[])));
        group.bench_function("foreseen", |b| b.iter(|| read(black_box(page), format, &keys)));
        group.bench_function("labels", |b| b.iter(|| read_labels(black_box(page), format)));
        group.finish();
    }
}

criterion_group!(benches, parse);
criterion_main!(benches);
