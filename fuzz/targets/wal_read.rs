//! Any bytes as a log segment, and as a record whose checksum was right.
#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex_format::wal::{Frames, Record, SegmentHeader, Step};

fuzz_target!(|data: &[u8]| {
    let id = SegmentHeader::decode(data).map_or(1, |header| header.id);
    let mut covered = 32;
    for step in Frames::new(data, id) {
        match step {
            Step::Frame { offset, payload } => {
                assert!(offset >= covered);
                covered = offset + 16 + payload.len() as u64;
                let _ = Record::decode(payload);
            }
            Step::Lost(lost) => covered = lost.offset + lost.length,
        }
    }
    // What is read is written the same again, but for the freedom of varints and of runs.
    if let Ok(Record::Batch(batch)) = Record::decode(data) {
        let mut again = Vec::new();
        if batch.encode(&mut again).is_ok() {
            let Ok(read) = Record::decode(&again) else { panic!("what was written is not read") };
            let mut twice = Vec::new();
            assert!(read.encode(&mut twice).is_ok());
            assert_eq!(again, twice);
        }
    }
});
