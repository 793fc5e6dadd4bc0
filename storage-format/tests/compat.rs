//! Files that earlier versions wrote are read today: `fixtures/` is written once and never again.

use std::path::PathBuf;

use narthex_format::catalog;
use narthex_format::chunk::ValueDecoder;
use narthex_format::frame::{Frames, Step};
use narthex_format::wal::{Record, SegmentHeader};

use crate::examples;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/v1")
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
    let file = fixture("wal", || examples::wal_segment(&batches));
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
    let file = fixture("catalog-snapshot", examples::catalog_snapshot);
    let mut tables = Vec::new();
    assert!(
        catalog::read_snapshot(&file, examples::ID, |table| tables.push(table))
            .unwrap()
            .is_complete()
    );
    assert_eq!(tables, [examples::series()]);
    let file = fixture("catalog-log", examples::catalog_log);
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
        let chunk = fixture(&format!("chunk-{name}"), || {
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
