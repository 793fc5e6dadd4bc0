//! Any bytes as tombstones, as a cursor and as a block's meta.json; what is read is written and read the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex_format::block::BlockMeta;
use narthex_format::cursor::Cursor;
use narthex_format::header::FileHeader;
use narthex_format::tombstones;

fuzz_target!(|data: &[u8]| {
    let id = tombstones::KIND.decode(data).map_or(1, |header| header.id);
    if let Ok(found) = tombstones::decode(data, id) {
        let written = tombstones::encode(FileHeader { number: 0, id }, &found.ranges);
        let again = written.and_then(|file| tombstones::decode(&file, id));
        assert!(again.is_ok_and(|again| again.complete && again.ranges == found.ranges));
    }
    let _ = tombstones::decode_frame(data);
    if let Ok(cursor) = Cursor::decode(data) {
        assert_eq!(cursor.encode().and_then(|file| Cursor::decode(&file)), Ok(cursor));
    }
    if let Ok(meta) = BlockMeta::decode(data) {
        assert_eq!(meta.encode().and_then(|file| BlockMeta::decode(&file)), Ok(meta));
    }
});
