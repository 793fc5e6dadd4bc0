//! The values that stand as bytes in the spec pages and in the fixtures.

use narthex_format::block::{BlockCompaction, BlockFile, BlockMeta, BlockStats};
use narthex_format::catalog::{SnapshotWriter, write_record};
use narthex_format::chunk::HistogramEncoder;
use narthex_format::histogram::{FloatHistogram, Histogram, Span};
use narthex_format::index::IndexWriter;
use narthex_format::segment::{
    ChunkDecoder, ChunkInput, ChunkList, ChunksFile, ChunksWriter, DirectoryWriter, GroupCache,
    GroupMetadata, InputTimes, InputValues, Summary,
};
use narthex_format::wal::{Batch, Exemplar, Metadata, MetricKind, Sample, SegmentHeader, Tombstone};
use narthex_format::{SeriesTable, catalog, frame, header, segment};

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

/// Two series of one scrape, one of them with a hole, and an exemplar and metadata.
pub(crate) fn head_segment() -> Vec<u8> {
    let mut file = Vec::new();
    let header = header::FileHeader { number: 7, id: ID };
    let mut writer = ChunksWriter::new(&segment::SEGMENT, header, &mut file).unwrap();
    let column = writer.column(&times()).unwrap();
    let whole: Vec<f64> = (0..12).map(f64::from).collect();
    let present: Vec<bool> = (0..12).map(|i| i != 4).collect();
    let series = [(8, None, &whole[..]), (7, Some(&present[..]), &whole[1..])];
    let mut directory = DirectoryWriter::default();
    for (id, presence, values) in series {
        let times = InputTimes::Shared {
            column,
            start: 0,
            presence,
        };
        let input = ChunkInput {
            times,
            starts: None,
            values: InputValues::Floats(values),
        };
        let list = writer.series(&[input], &mut file).unwrap();
        directory.push(id, &list).unwrap();
    }
    let exemplars = [Exemplar {
        id: 7,
        time: TIME,
        value: 0.25,
        labels: vec![("trace_id", "abc")],
    }];
    let up = Metadata {
        metric: "up",
        kind: MetricKind::Gauge,
        help: "",
        unit: "",
    };
    let metadata = [GroupMetadata {
        group: Some(0),
        metrics: vec![up],
    }];
    let summary = Summary {
        time_min: TIME,
        time_max: TIME + 165_001,
        commit: 9,
        log_segment: 12,
        log_offset: 105,
        ..Summary::default()
    };
    writer
        .finish(summary, directory, &exemplars, &metadata, &mut file)
        .unwrap();
    file
}

/// What the samples of [`head_segment`] are: id, times, values.
pub(crate) fn head_samples() -> Vec<(u32, Vec<i64>, Vec<f64>)> {
    let whole: Vec<f64> = (0..12).map(f64::from).collect();
    let mut times_with_hole = times();
    times_with_hole.remove(4);
    vec![(7, times_with_hole, whole[1..].to_vec()), (8, times(), whole)]
}

/// The samples of a segment through its directory.
pub(crate) fn samples(file: &ChunksFile<'_>) -> Vec<(u32, Vec<i64>, Vec<f64>)> {
    let (mut cache, mut decoder) = (GroupCache::default(), ChunkDecoder::default());
    let mut lists = Vec::new();
    file.directory()
        .for_each(|id, list| lists.push((id, list)))
        .unwrap();
    let read = |(id, list): (u32, ChunkList)| {
        assert_eq!(file.directory().find(id), Ok(Some(list.clone())));
        let (mut times, mut values) = (Vec::new(), Vec::new());
        for place in file.chunks(&list).unwrap() {
            let chunk = file.chunk(place, &mut cache).unwrap();
            file.times(&chunk, &mut decoder, &mut times).unwrap();
            chunk.floats(&mut decoder, &mut values).unwrap();
        }
        (id, times, values)
    };
    lists.into_iter().map(read).collect()
}

pub(crate) fn index_series() -> Vec<(Vec<(&'static str, &'static str)>, ChunkList)> {
    let list = |position, length| ChunkList {
        plan: 0,
        position,
        lengths: vec![length],
    };
    vec![
        (vec![("__name__", "up"), ("job", "etcd")], list(0, 5)),
        (vec![("__name__", "up"), ("job", "node")], list(5, 5)),
        (
            vec![("__name__", "up"), ("job", "node"), ("zone", "a")],
            list(10, 6),
        ),
    ]
}

pub(crate) fn index() -> Vec<u8> {
    let mut writer = IndexWriter::default();
    for (labels, chunks) in index_series() {
        writer.push(labels, chunks).unwrap();
    }
    let mut file = Vec::new();
    writer.finish(ID, &mut file).unwrap();
    file
}

pub(crate) fn tombstones() -> Vec<Tombstone> {
    vec![
        Tombstone {
            id: 7,
            from: 100,
            to: 199,
        },
        Tombstone {
            id: 8,
            from: 150,
            to: 150,
        },
    ]
}

pub(crate) fn tombstones_file() -> Vec<u8> {
    narthex_format::tombstones::encode(header::FileHeader { number: 7, id: ID }, &tombstones()).unwrap()
}

pub(crate) fn cursor() -> narthex_format::cursor::Cursor {
    narthex_format::cursor::Cursor {
        segment: 12,
        id: ID,
        offset: 105,
    }
}

pub(crate) fn block_meta() -> BlockMeta {
    BlockMeta {
        format: "narthex".to_owned(),
        version: 1,
        ulid: "01JQ7V6W5N8M3K2H1G0F9E8D7C".to_owned(),
        min_time: 1_795_392_000_000,
        max_time: 1_795_399_200_000,
        stats: BlockStats {
            num_samples: 23,
            num_float_samples: 23,
            num_series: 2,
            num_chunks: 2,
            ..BlockStats::default()
        },
        compaction: BlockCompaction {
            level: 1,
            sources: vec!["01JQ7V6W5N8M3K2H1G0F9E8D7C".to_owned()],
            ..BlockCompaction::default()
        },
        files: vec![
            BlockFile {
                name: "index".to_owned(),
                bytes: 343,
            },
            BlockFile {
                name: "chunks".to_owned(),
                bytes: 417,
            },
        ],
    }
}

/// Histograms as a chunk.
pub(crate) fn histogram_chunk() -> Vec<u8> {
    let mut out = Vec::new();
    HistogramEncoder::default()
        .encode(&[histogram(), histogram(), Histogram::default()], &mut out)
        .unwrap();
    out
}
