//! Files that earlier versions wrote are read today: `fixtures/` is written once and never again.

use std::path::PathBuf;

use narthex_format::block::BlockMeta;
use narthex_format::chunk::{HistogramDecoder, ValueDecoder};
use narthex_format::cursor::Cursor;
use narthex_format::frame::{Frames, Step};
use narthex_format::index::Index;
use narthex_format::segment::{self, ChunksFile};
use narthex_format::wal::{Record, SegmentHeader};
use narthex_format::{Histogram, catalog, tombstones};

use crate::examples;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(name)
}

/// The fixture's bytes. A new fixture is written by NARTHEX_WRITE_FIXTURES=1, an existing one never.
fn fixture(name: &str, write: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
    let path = path(name);
    if !path.exists() && std::env::var_os("NARTHEX_WRITE_FIXTURES").is_some() {
        std::fs::write(&path, write()).unwrap();
    }
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn wal_v1() {
    let batches = [examples::small_batch(), examples::full_batch()];
    let file = fixture("v1/wal", || examples::wal_segment(&batches));
    let header = SegmentHeader::decode(&file).unwrap();
    let records: Vec<_> = Frames::new(&file, header.id)
        .map(|step| match step {
            Step::Frame { payload, .. } => format!("{:?}", Record::decode(payload).unwrap()),
            Step::Lost(lost) => panic!("{lost:?}"),
        })
        .collect();
    assert_eq!(
        records,
        batches.map(|batch| format!("{:?}", Record::Batch(batch)))
    );
}

#[test]
fn catalog_v1() {
    let file = fixture("v1/catalog-snapshot", examples::catalog_snapshot);
    let mut tables = Vec::new();
    assert!(
        catalog::read_snapshot(&file, examples::ID, |table| tables.push(table))
            .unwrap()
            .is_complete()
    );
    assert_eq!(tables, [examples::series()]);
    let file = fixture("v1/catalog-log", examples::catalog_log);
    let header = catalog::LOG.decode(&file).unwrap();
    let records: Vec<_> = Frames::new(&file, header.id)
        .map(|step| match step {
            Step::Frame { payload, .. } => catalog::Record::decode(payload).unwrap(),
            Step::Lost(lost) => panic!("{lost:?}"),
        })
        .collect();
    assert_eq!(
        records,
        [
            catalog::Record::Added(examples::series()),
            catalog::Record::Removed(vec![7])
        ]
    );
}

#[test]
fn chunks_v1() {
    for (name, values) in examples::chunks() {
        let chunk = fixture(&format!("v1/chunk-{name}"), || {
            narthex_format::chunk::encode(&values).unwrap()
        });
        let mut read = Vec::new();
        ValueDecoder::default()
            .decode(&chunk, values.len(), &mut read)
            .unwrap();
        assert!(
            read.iter()
                .map(|v| v.to_bits())
                .eq(values.iter().map(|v| v.to_bits())),
            "{name}"
        );
    }
}

fn reads_segment(name: &str) {
    let file = fixture(name, examples::head_segment);
    let segment = ChunksFile::open(&file, &segment::SEGMENT).unwrap();
    segment.verify().unwrap();
    assert_eq!(examples::samples(&segment), examples::head_samples());
    assert_eq!(segment.exemplars().unwrap()[0].labels, [("trace_id", "abc")]);
    assert_eq!(segment.metadata().unwrap()[0].metrics[0].metric, "up");
    assert_eq!(
        (segment.summary().samples, segment.summary().log_offset),
        (23, 105)
    );
}

#[test]
fn segment_v1() {
    reads_segment("v1/segment");
}

#[test]
fn segment_v2() {
    reads_segment("v2/segment");
}

#[test]
fn block_v1() {
    let file = fixture("v1/index", examples::index);
    let index = Index::open(&file).unwrap();
    index.verify().unwrap();
    for (number, (labels, chunks)) in examples::index_series().iter().enumerate() {
        let entry = index.series(number as u32).unwrap();
        let read = index.labels(&entry).unwrap();
        assert!(
            read.iter()
                .map(|(n, v)| (n.as_str(), v.as_str()))
                .eq(labels.iter().copied())
        );
        assert_eq!(entry.chunks, *chunks);
    }
    let file = fixture("v1/meta.json", || examples::block_meta().encode().unwrap());
    assert_eq!(BlockMeta::decode(&file), Ok(examples::block_meta()));
    let file = fixture("v1/cursor", || examples::cursor().encode().unwrap());
    assert_eq!(Cursor::decode(&file), Ok(examples::cursor()));
    let file = fixture("v1/tombstones", examples::tombstones_file);
    assert_eq!(
        tombstones::decode(&file, examples::ID).unwrap().ranges,
        examples::tombstones()
    );
}

#[test]
fn histograms_v1() {
    let chunk = fixture("v1/chunk-histogram", examples::histogram_chunk);
    let mut read = Vec::new();
    HistogramDecoder::default()
        .decode::<u64, i64>(&chunk, 3, &mut read)
        .unwrap();
    assert_eq!(
        read,
        [examples::histogram(), examples::histogram(), Histogram::default()]
    );
}
