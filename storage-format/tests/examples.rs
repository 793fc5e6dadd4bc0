//! The values that stand as bytes in the spec pages and in the fixtures.

use narthex_format::catalog::{SnapshotWriter, write_record};
use narthex_format::histogram::{FloatHistogram, Histogram, Span};
use narthex_format::wal::{Batch, Exemplar, Metadata, MetricKind, Sample, SegmentHeader, Tombstone};
use narthex_format::{SeriesTable, catalog, frame, header};

pub(crate) const ID: u64 = 0x9f86_d081_884c_7d65;
pub(crate) const TIME: i64 = 1_795_394_218_460;
pub(crate) const STALE: u64 = 0x7ff0_0000_0000_0002;

/// The batch of spec/wal.md.
pub(crate) fn small_batch() -> Batch<'static> {
    let mut batch = Batch {
        commit: 3,
        group: Some(0),
        time: TIME,
        ..Batch::default()
    };
    batch.series.push(7, [("__name__", "up"), ("job", "node")]);
    batch.floats.push(Sample {
        id: 7,
        time: TIME,
        start: None,
        value: 1.0,
    });
    batch.floats.push(Sample {
        id: 8,
        time: TIME,
        start: None,
        value: 0.5,
    });
    batch
}

pub(crate) fn histogram() -> Histogram {
    Histogram {
        hint: 2,
        schema: 3,
        zero_threshold: 1e-128,
        zero_count: 2,
        count: 12,
        sum: 18.4,
        positive_spans: vec![Span { offset: 0, length: 2 }, Span { offset: 1, length: 2 }],
        negative_spans: vec![Span {
            offset: -3,
            length: 1,
        }],
        positive_buckets: vec![1, 1, -1, 0],
        negative_buckets: vec![4],
        custom_values: vec![],
    }
}

pub(crate) fn float_histogram() -> FloatHistogram {
    FloatHistogram {
        hint: 3,
        schema: -53,
        zero_threshold: 0.0,
        zero_count: 0.0,
        count: 5.5,
        sum: f64::from_bits(STALE),
        positive_spans: vec![Span { offset: 0, length: 2 }],
        negative_spans: vec![],
        positive_buckets: vec![1.5, 4.0],
        negative_buckets: vec![],
        custom_values: vec![0.1, 10.0],
    }
}

/// A batch with one of everything.
pub(crate) fn full_batch() -> Batch<'static> {
    let mut batch = small_batch();
    batch.commit = 4;
    batch
        .series
        .push(9, [("__name__", "up"), ("job", "etcd"), ("path", "/größe")]);
    batch.floats.extend((20..40).map(|id| Sample {
        id,
        time: TIME,
        start: None,
        value: f64::from(id) / 7.0,
    }));
    batch.floats.push(Sample {
        id: 3,
        time: TIME - 15_000,
        start: Some(TIME - 60_000),
        value: f64::from_bits(STALE),
    });
    batch.histograms.push(Sample {
        id: 50,
        time: TIME,
        start: Some(0),
        value: histogram(),
    });
    batch.float_histograms.push(Sample {
        id: 51,
        time: TIME + 1,
        start: None,
        value: float_histogram(),
    });
    batch.exemplars.push(Exemplar {
        id: 7,
        time: TIME - 3,
        value: 0.25,
        labels: vec![("trace_id", "abc")],
    });
    batch.metadata.push(Metadata {
        metric: "up",
        kind: MetricKind::Gauge,
        help: "Is it up?",
        unit: "",
    });
    batch.tombstones.push(Tombstone {
        id: 7,
        from: TIME - 100,
        to: TIME,
    });
    batch
}

/// A log segment with these batches.
pub(crate) fn wal_segment(batches: &[Batch<'_>]) -> Vec<u8> {
    let mut file = SegmentHeader { number: 12, id: ID }.encode();
    for batch in batches {
        let offset = file.len() as u64;
        let start = frame::begin_frame(&mut file);
        batch.encode(&mut file).unwrap();
        frame::end_frame(&mut file, start, ID, offset).unwrap();
    }
    file
}

/// Two series that share strings.
pub(crate) fn series() -> SeriesTable<'static> {
    let mut table = SeriesTable::new();
    table.push(7, [("__name__", "up"), ("job", "node")]);
    table.push(8, [("__name__", "up"), ("job", "etcd")]);
    table
}

pub(crate) fn catalog_log() -> Vec<u8> {
    let mut file = catalog::LOG.encode(header::FileHeader { number: 3, id: ID });
    for record in [
        catalog::Record::Added(series()),
        catalog::Record::Removed(vec![7]),
    ] {
        let offset = file.len() as u64;
        write_record(&mut file, ID, offset, &record).unwrap();
    }
    file
}

pub(crate) fn catalog_snapshot() -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer = SnapshotWriter::new(3, ID, &mut file);
    writer
        .push(7, [("__name__", "up"), ("job", "node")], &mut file)
        .unwrap();
    writer
        .push(8, [("__name__", "up"), ("job", "etcd")], &mut file)
        .unwrap();
    writer.finish(9, 4, &mut file).unwrap();
    file
}

/// Chunks by the name they have in spec/chunk.md and in the fixtures.
pub(crate) fn chunks() -> Vec<(&'static str, Vec<f64>)> {
    let stale = f64::from_bits(STALE);
    vec![
        ("const", vec![0.1; 5]),
        ("const-int", vec![7.0; 480]),
        (
            "int",
            vec![100.0, 101.0, 101.0, 104.0, 105.0, 107.0, 107.0, 108.0, 110.0],
        ),
        (
            "int-stale",
            vec![12.0, 12.0, 12.0, 12.0, 12.0, 12.0, 12.0, 12.0, stale],
        ),
        (
            "int-patched",
            (0..24).map(|i| if i < 9 { 5.0 } else { 70_000.0 }).collect(),
        ),
        ("decimal", vec![0.25, 0.5, 0.75, 1.25, 1.5, 1.75, 1.25, 0.5]),
        ("sum", sums()),
        (
            "bits",
            (0..9).map(|i| 1.0 + f64::from(i) * f64::EPSILON).collect(),
        ),
        ("raw", vec![1e300, f64::from_bits(0xfff8_dead_beef_0001), 5e-324]),
    ]
}

/// Seconds summed from nanoseconds.
fn sums() -> Vec<f64> {
    let mut sum = 0.0;
    let step = |i: u64| (i * i * 7_919_377 % 1_009_876_543) as f64 / 1e9;
    (1..20)
        .map(|i| {
            sum += step(i);
            sum
        })
        .collect()
}

pub(crate) fn times() -> Vec<i64> {
    let jitter = [0, 1, 0, 2, 0, 0, 1, 0, 3, 0, 1, 1];
    jitter
        .iter()
        .zip(0..)
        .map(|(jitter, i)| TIME + 15_000 * i + jitter)
        .collect()
}
