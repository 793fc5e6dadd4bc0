//! Any bytes as a catalog's snapshot, and as a record whose checksum was right.
#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex_format::catalog::{Record, read_snapshot};

fuzz_target!(|data: &[u8]| {
    let mut series = 0;
    if let Ok(summary) = read_snapshot(data, 1, |table| series += table.len() as u64) {
        assert_eq!(summary.series, series);
    }
    if let Ok(record) = Record::decode(data) {
        let mut again = Vec::new();
        record.encode(&mut again);
        assert_eq!(Record::decode(&again), Ok(record));
    }
});
