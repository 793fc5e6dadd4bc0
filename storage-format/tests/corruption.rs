//! Every byte of every kind of file, flipped or cut: an error, or what was written; never a panic.

use narthex_format::block::BlockMeta;
use narthex_format::chunk::HistogramDecoder;
use narthex_format::frame::{Frames, Step};
use narthex_format::index::Index;
use narthex_format::segment::{self, ChunksFile, GroupCache};
use narthex_format::wal::{Record, SegmentHeader};
use narthex_format::{catalog, tombstones};

use crate::examples;

/// Each single-byte damage of `file`, and each length it can be cut to.
fn damaged(file: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let flips = (0..file.len()).flat_map(move |at| {
        [0x01, 0x80, 0xff].map(|flip| {
            let mut copy = file.to_vec();
            copy[at] ^= flip;
            copy
        })
    });
    flips.chain((0..file.len()).map(|length| file[..length].to_vec()))
}

#[test]
fn a_log_segment_loses_only_what_was_hit() {
    let batches = [
        examples::small_batch(),
        examples::full_batch(),
        examples::small_batch(),
    ];
    let file = examples::wal_segment(&batches);
    for copy in damaged(&file) {
        let id = SegmentHeader::decode(&copy).map_or(examples::ID, |header| header.id);
        let mut sound = 0;
        for step in Frames::new(&copy, id) {
            if let Step::Frame { payload, .. } = step {
                let record = Record::decode(payload).unwrap();
                assert!(
                    batches
                        .iter()
                        .any(|batch| format!("{:?}", Record::Batch(batch.clone())) == format!("{record:?}"))
                );
                sound += 1;
            }
        }
        assert!(sound >= 2 || copy.len() < file.len());
    }
}

#[test]
fn a_record_whose_checksum_was_right_is_still_read_with_care() {
    let mut payload = Vec::new();
    examples::full_batch().encode(&mut payload).unwrap();
    for copy in damaged(&payload) {
        let _ = Record::decode(&copy);
    }
}

#[test]
fn a_catalog_tells_what_it_lost() {
    let file = examples::catalog_snapshot();
    for copy in damaged(&file) {
        if let Ok(summary) =
            catalog::read_snapshot(&copy, examples::ID, |table| assert_eq!(table, examples::series()))
        {
            assert!(!summary.is_complete());
        }
    }
    for copy in damaged(&examples::catalog_log()) {
        for step in Frames::new(&copy, examples::ID) {
            if let Step::Frame { payload, .. } = step {
                catalog::Record::decode(payload).unwrap();
            }
        }
    }
}

#[test]
fn chunks_do_not_panic() {
    for (_, values) in examples::chunks() {
        let chunk = narthex_format::chunk::encode(&values).unwrap();
        for copy in damaged(&chunk) {
            for count in [values.len(), 1, 1_024] {
                let mut out = Vec::new();
                let _ = narthex_format::chunk::decode(&copy, count, &mut out);
                assert!(out.len() <= count);
            }
        }
    }
}

#[test]
fn a_segment_is_refused_or_read_right() {
    let file = examples::head_segment();
    for copy in damaged(&file) {
        let Ok(segment) = ChunksFile::open(&copy, &segment::SEGMENT) else {
            continue;
        };
        // What opening did not look at: the groups, each under its own checksum.
        assert!(segment.verify().is_err());
        let mut cache = GroupCache::default();
        let mut lists = Vec::new();
        segment.directory().for_each(|_, list| lists.push(list)).unwrap();
        for place in lists.iter().flat_map(|list| segment.chunks(list).unwrap()) {
            assert!(
                segment.chunk(place, &mut cache).is_err()
                    || segment.exemplars().is_err()
                    || segment.metadata().is_err()
            );
        }
    }
}

#[test]
fn an_index_is_refused_by_its_checks_and_bounded_without_them() {
    let file = examples::index();
    for copy in damaged(&file) {
        let Ok(index) = Index::open(&copy) else { continue };
        assert!(index.verify().is_err());
        let _ = index.for_each(|_, entry| drop(index.labels(entry)));
        for name in 0..index.names().len() {
            let _ = index.names().get(name);
            let Ok(values) = index.values(name) else { continue };
            for value in 0..values.len() {
                let mut out = Vec::new();
                let _ = (values.get(value), index.postings(name, value, &mut out));
                assert!(out.len() <= index.series_count() as usize);
            }
        }
    }
}

#[test]
fn tombstones_and_metas_do_not_lie() {
    for copy in damaged(&examples::tombstones_file()) {
        if let Ok(read) = tombstones::decode(&copy, examples::ID) {
            // One copy of the two may be whole.
            assert!(read.ranges.is_empty() || read.ranges == examples::tombstones());
            assert!(!read.complete || read.ranges == examples::tombstones());
        }
    }
    for copy in damaged(&examples::block_meta().encode().unwrap()) {
        let _ = BlockMeta::decode(&copy);
    }
}

#[test]
fn histogram_chunks_do_not_panic() {
    for copy in damaged(&examples::histogram_chunk()) {
        for count in [3, 1, 1_024] {
            let _ = HistogramDecoder::default().decode::<u64, i64>(&copy, count, &mut Vec::new());
            let _ = HistogramDecoder::default().decode::<f64, f64>(&copy, count, &mut Vec::new());
        }
    }
}
