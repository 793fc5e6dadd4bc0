//! Any bytes as an index and as its tables, without the checksums that would stop them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex_format::index::{Index, Strings, postings};

fuzz_target!(|data: &[u8]| {
    if let Ok(index) = Index::open(data) {
        let _ = index.for_each(|_, entry| drop(index.labels(entry)));
        for name in 0..index.names().len() {
            let Ok(values) = index.values(name) else { continue };
            for value in 0..values.len() {
                let _ = (values.get(value), index.postings(name, value, &mut Vec::new()));
            }
        }
    }
    if let Ok(strings) = Strings::open(data) {
        let _ = strings.find("node");
        let _ = strings.walk(0, |_, _| true);
    }
    let mut series = Vec::new();
    let _ = postings::decode(data, 1_000, &mut series);
    assert!(series.len() <= 1_000);
});
