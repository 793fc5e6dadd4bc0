//! Every name on disk, below the folder that belongs to narthex alone.

/// The folder of ours inside the storage path; what lies beside it is never touched.
pub const ROOT: &str = "narthex";
/// Held by the running process.
pub const LOCK: &str = "lock";
/// Folder of the write-ahead log.
pub const WAL: &str = "wal";
/// Folder of the series catalog.
pub const CATALOG: &str = "catalog";
/// Folder of sealed head segments and their tombstones.
pub const HEAD: &str = "head";
/// Folder of blocks, each a folder named by its ULID.
pub const BLOCKS: &str = "blocks";
/// Folder beside [`ROOT`] of copies of the store, each of which can be opened as one.
pub const SNAPSHOTS: &str = "snapshots";
/// In a block: what it holds, as JSON.
pub const BLOCK_META: &str = "meta.json";
/// In a block: labels to series to chunks.
pub const BLOCK_INDEX: &str = "index";
/// In a block: the chunks.
pub const BLOCK_CHUNKS: &str = "chunks";
/// In a block: deletions.
pub const BLOCK_TOMBSTONES: &str = "tombstones";
/// In a block: what of it could not be read, in words for people.
pub const BLOCK_DAMAGE: &str = "damage.txt";
/// Ends the name of a file or folder that is being written; removed at start.
pub const TEMPORARY_SUFFIX: &str = ".tmp";
/// Ends the name of the second copy of a file of the catalog, after the name of the first.
pub const COPY_SUFFIX: &str = ".copy";
/// Ends the name of a file or folder that was found corrupt and set aside.
pub const QUARANTINE_SUFFIX: &str = ".quarantine";

const WAL_SUFFIX: &str = ".wal";
const WAL_KEPT_SUFFIX: &str = ".kept";
const CURSOR_SUFFIX: &str = ".cursor";
const CATALOG_LOG_SUFFIX: &str = ".log";
const CATALOG_SNAPSHOT_SUFFIX: &str = ".snapshot";
const SEGMENT_SUFFIX: &str = ".segment";
const TOMBSTONES_SUFFIX: &str = ".tombstones";

/// `0000000000000012-9f86d081884c7d65.wal`: names sort by number; the segment's id stands in the name too, so
/// that frames can be told from foreign bytes even when the header is damaged.
#[must_use]
pub fn wal_segment(number: u64, id: u64) -> String {
    numbered_with_id(number, id, WAL_SUFFIX)
}

/// The number and id of a log segment's name, `None` for any other name.
#[must_use]
pub fn parse_wal_segment(name: &str) -> Option<(u64, u64)> {
    parse_numbered_with_id(name, WAL_SUFFIX)
}

/// `0000000000000012-9f86d081884c7d65.kept`: a log segment that a restart need not replay, kept for a cursor that is
/// not behind it yet.
#[must_use]
pub fn wal_kept(number: u64, id: u64) -> String {
    numbered_with_id(number, id, WAL_KEPT_SUFFIX)
}

/// The number and id of a kept log segment's name, `None` for any other name.
#[must_use]
pub fn parse_wal_kept(name: &str) -> Option<(u64, u64)> {
    parse_numbered_with_id(name, WAL_KEPT_SUFFIX)
}

/// `queue-1f.cursor`: up to where the reader of that name has done with the log. `None` if the name is not 1 to 64 of
/// `a-z`, `0-9`, `-` and `_`.
#[must_use]
pub fn cursor(name: &str) -> Option<String> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    ((1..=64).contains(&name.len()) && name.bytes().all(plain)).then(|| format!("{name}{CURSOR_SUFFIX}"))
}

/// The reader's name in a cursor file's name, `None` for any other name.
#[must_use]
pub fn parse_cursor(name: &str) -> Option<&str> {
    let reader = name.strip_suffix(CURSOR_SUFFIX)?;
    cursor(reader).map(|_| reader)
}

/// `0000000000000003-9f86d081884c7d65.log`: series added to the catalog since the snapshot of the same
/// generation; the name repeats the id as that of a log segment does.
#[must_use]
pub fn catalog_log(generation: u64, id: u64) -> String {
    numbered_with_id(generation, id, CATALOG_LOG_SUFFIX)
}

/// The generation and id of a catalog log's name, `None` for any other name.
#[must_use]
pub fn parse_catalog_log(name: &str) -> Option<(u64, u64)> {
    parse_numbered_with_id(name, CATALOG_LOG_SUFFIX)
}

/// `0000000000000003-9f86d081884c7d65.snapshot`: the whole catalog at the beginning of a generation.
#[must_use]
pub fn catalog_snapshot(generation: u64, id: u64) -> String {
    numbered_with_id(generation, id, CATALOG_SNAPSHOT_SUFFIX)
}

/// The generation and id of a catalog snapshot's name, `None` for any other name.
#[must_use]
pub fn parse_catalog_snapshot(name: &str) -> Option<(u64, u64)> {
    parse_numbered_with_id(name, CATALOG_SNAPSHOT_SUFFIX)
}

/// `0000000000000007.segment`: a sealed head segment.
#[must_use]
pub fn head_segment(number: u64) -> String {
    numbered(number, SEGMENT_SUFFIX)
}

/// The number of a sealed segment's name, `None` for any other name.
#[must_use]
pub fn parse_head_segment(name: &str) -> Option<u64> {
    parse_number(name.strip_suffix(SEGMENT_SUFFIX)?)
}

/// `0000000000000007.tombstones`: what was deleted from the sealed segment of that number.
#[must_use]
pub fn head_tombstones(number: u64) -> String {
    numbered(number, TOMBSTONES_SUFFIX)
}

/// The number of a segment's tombstones file, `None` for any other name.
#[must_use]
pub fn parse_head_tombstones(name: &str) -> Option<u64> {
    parse_number(name.strip_suffix(TOMBSTONES_SUFFIX)?)
}

fn numbered(number: u64, suffix: &str) -> String {
    format!("{number:016}{suffix}")
}

fn numbered_with_id(number: u64, id: u64, suffix: &str) -> String {
    format!("{number:016}-{id:016x}{suffix}")
}

fn parse_numbered_with_id(name: &str, suffix: &str) -> Option<(u64, u64)> {
    let (number, id) = name.strip_suffix(suffix)?.split_once('-')?;
    let id_digits = id.len() == 16 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let id = u64::from_str_radix(id, 16).ok().filter(|_| id_digits)?;
    Some((parse_number(number)?, id))
}

/// At least 16 digits, and no more than needed: each number has one name.
fn parse_number(digits: &str) -> Option<u64> {
    let number = digits.parse().ok()?;
    (format!("{number:016}") == digits).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn names_come_back(number: u64, id: u64) {
            prop_assert_eq!(parse_wal_segment(&wal_segment(number, id)), Some((number, id)));
            prop_assert_eq!(parse_wal_kept(&wal_kept(number, id)), Some((number, id)));
            prop_assert_eq!(parse_wal_segment(&wal_kept(number, id)), None);
            prop_assert_eq!(parse_catalog_log(&catalog_log(number, id)), Some((number, id)));
            prop_assert_eq!(parse_catalog_snapshot(&catalog_snapshot(number, id)), Some((number, id)));
            prop_assert_eq!(parse_head_segment(&head_segment(number)), Some(number));
            prop_assert_eq!(parse_head_tombstones(&head_tombstones(number)), Some(number));
        }
    }

    #[test]
    fn names_sort_by_number() {
        assert!(wal_segment(9, u64::MAX) < wal_segment(10, 0));
        assert_eq!(
            wal_segment(12, 0x9f86_d081_884c_7d65),
            "0000000000000012-9f86d081884c7d65.wal"
        );
    }

    #[test]
    fn foreign_names_are_left_alone() {
        for name in [
            "00000012",
            "12-9f86d081884c7d65.wal",
            "0000000000000012-9F86d081884c7d65.wal",
            "0000000000000012-+f86d081884c7d65.wal",
            "+000000000000012-9f86d081884c7d65.wal",
            "0000000000000012-9f86d081884c7d65.wal.tmp",
            "checkpoint.00000004",
            "-.wal",
            ".wal",
        ] {
            assert_eq!(parse_wal_segment(name), None, "{name}");
        }
        assert_eq!(parse_catalog_log("00000000000000003.log"), None);
        assert_eq!(cursor("queue-1f").as_deref(), Some("queue-1f.cursor"));
        assert_eq!(parse_cursor("queue-1f.cursor"), Some("queue-1f"));
        for name in ["", "A", "a/b", "..", "a b"] {
            assert_eq!(cursor(name), None, "{name}");
            assert_eq!(parse_cursor(&format!("{name}.cursor")), None, "{name}");
        }
        assert_eq!(parse_head_segment("meta.json"), None);
    }
}
