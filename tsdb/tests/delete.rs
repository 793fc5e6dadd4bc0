//! Deleting: what is gone is gone for every reader, wherever it lay, and stays gone.

use std::path::Path;

use narthex_model::{Labels, Matcher, TimeRange};
use narthex_tsdb::disk::{Disk, MemoryDisk};
use narthex_tsdb::{Batch, Db, Options};

use crate::world::{NOW, everything, labels, open, select};

fn options() -> Options {
    Options {
        seal_interval_ms: 500,
        block_interval_ms: 1_000,
        out_of_order_window_ms: 20_000,
        max_block_ms: 1_000,
        ..Options::default()
    }
}

fn append(db: &Db, time: i64) {
    let mut batch = Batch::new(time).with_group(1);
    for series in 0..6_i64 {
        batch.push_float_labelled(&labels("m", &series.to_string()), time, (time + series) as f64);
    }
    assert_eq!(db.append(&batch, NOW).unwrap().rejected, []);
}

/// A store with blocks, sealed segments and samples in memory.
fn lived(disk: &MemoryDisk) -> Db {
    let db = open(disk, options());
    for time in (0..4_250).step_by(10) {
        append(&db, time);
        if time % 100 == 0 {
            db.tick(time).unwrap();
            db.compact().unwrap();
        }
    }
    let stats = db.stats();
    assert!(
        stats.blocks >= 2 && stats.head_segment_bytes > 0 && stats.samples > 0,
        "{stats:?}"
    );
    db
}

type Found = Vec<(Labels, Vec<(i64, u64)>)>;

fn without(all: &Found, instance: &str, range: TimeRange) -> Found {
    let mut left = all.clone();
    for (labels, samples) in &mut left {
        if labels.get("instance") == Some(instance) {
            samples.retain(|(time, _)| !range.contains(*time));
        }
    }
    left.retain(|(_, samples)| !samples.is_empty());
    left
}

#[test]
fn what_is_deleted_is_gone_from_blocks_segments_and_memory_for_good() {
    for (min, max) in [
        (i64::MIN, i64::MAX),
        (500, 700),
        (0, 0),
        (3_900, 4_200),
        (4_240, 4_240),
        (900, 4_100),
        (5_000, 6_000),
        (10, 9),
    ] {
        let disk = MemoryDisk::new();
        let db = lived(&disk);
        let range = TimeRange { min, max };
        let expected = without(&everything(&db), "2", range);
        db.delete(&[Matcher::equal("instance", "2")], range).unwrap();
        let context = format!("{min} to {max}");
        assert_eq!(everything(&db), expected, "{context}");
        let check = |db: &Db, what: &str| {
            assert_eq!(everything(db), expected, "{context}: {what}");
            assert_eq!(db.stats().damage, Vec::<String>::new(), "{context}: {what}");
        };
        check(&open(&disk.fork(), options()), "reopened");
        let cleaned = open(&disk.fork(), options());
        cleaned.clean_tombstones().unwrap();
        check(&cleaned, "cleaned");
        assert!(
            cleaned.blocks().iter().all(|b| b.stats.num_tombstones == 0),
            "{context}"
        );
        db.seal().unwrap();
        check(&db, "sealed");
        check(&open(&disk.fork(), options()), "sealed and reopened");
        db.compact_all(&|_, _| {}).unwrap();
        check(&db, "one block");
        check(&open(&disk.fork(), options()), "one block, reopened");
    }
}

#[test]
fn what_comes_after_a_delete_stays() {
    let disk = MemoryDisk::new();
    let db = lived(&disk);
    let matchers = [Matcher::equal("instance", "2")];
    db.delete(&matchers, TimeRange::ALL).unwrap();
    let mut batch = Batch::new(0);
    // Where blocks, segments and memory had samples, the newest of all among them.
    let times = [500, 3_500, 4_230, 4_240, 4_300];
    for time in times {
        batch.push_float_labelled(&labels("m", "2"), time, 7.0);
    }
    assert_eq!(db.append(&batch, NOW).unwrap().rejected, []);
    let expected: Vec<_> = times.map(|time| (time, 7.0_f64.to_bits())).to_vec();
    let check = |db: &Db, what: &str| {
        let found = select(&db.snapshot(), &matchers, TimeRange::ALL);
        assert_eq!(found.len(), 1, "{what}");
        assert_eq!(found[0].1, expected, "{what}");
    };
    check(&db, "in memory");
    check(&open(&disk.fork(), options()), "reopened");
    db.seal().unwrap();
    check(&db, "sealed");
    check(&open(&disk.fork(), options()), "sealed and reopened");
    for time in (4_310..9_000).step_by(10) {
        let mut batch = Batch::new(time).with_group(1);
        batch.push_float_labelled(&labels("m", "0"), time, 1.0);
        db.append(&batch, NOW).unwrap();
        db.tick(time).unwrap();
        db.compact().unwrap();
    }
    check(&db, "cut");
    check(&open(&disk.fork(), options()), "cut and reopened");
    db.clean_tombstones().unwrap();
    check(&db, "cleaned");
    db.compact_all(&|_, _| {}).unwrap();
    check(&open(&disk.fork(), options()), "one block");
}

#[test]
fn a_reader_may_hold_back_sealing_while_something_is_deleted() {
    let disk = MemoryDisk::new();
    let db = lived(&disk);
    let early = db.snapshot();
    for time in (4_250..4_400).step_by(10) {
        append(&db, time);
    }
    let expected = without(
        &everything(&db),
        "3",
        TimeRange {
            min: 4_000,
            max: 4_300,
        },
    );
    db.delete(
        &[Matcher::equal("instance", "3")],
        TimeRange {
            min: 4_000,
            max: 4_300,
        },
    )
    .unwrap();
    assert_eq!(everything(&db), expected);
    // What the reader sees is sealed, the rest stays in memory and log.
    db.seal().unwrap();
    assert_eq!(everything(&db), expected);
    assert_eq!(everything(&open(&disk.fork(), options())), expected);
    drop(early);
    db.seal().unwrap();
    assert_eq!(everything(&db), expected);
    assert_eq!(everything(&open(&disk.fork(), options())), expected);
}

#[test]
fn one_damaged_place_brings_nothing_back() {
    let disk = MemoryDisk::new();
    let db = lived(&disk);
    db.seal().unwrap();
    let matchers = [Matcher::equal("instance", "2")];
    db.delete(&matchers, TimeRange { min: 100, max: 4_000 }).unwrap();
    let expected = everything(&db);
    db.close().unwrap();
    let mut files = Vec::new();
    for folder in ["head", "blocks"] {
        let folder = Path::new("data/narthex").join(folder);
        for entry in disk.list(&folder).unwrap() {
            let path = folder.join(&entry.name);
            if entry.is_dir {
                files.push(path.join("tombstones"));
            } else if entry.name.ends_with(".tombstones") {
                files.push(path);
            }
        }
    }
    assert!(files.len() >= 3, "{files:?}");
    for path in files {
        let len = disk.read(&path).unwrap().len();
        for at in 0..len {
            let image = disk.fork();
            image.damage(&path, |bytes| bytes[at] ^= 0x10).unwrap();
            let db = open(&image, options());
            assert_eq!(everything(&db), expected, "{} byte {at}", path.display());
            let damage = db.stats().damage;
            assert!(
                damage.iter().all(|d| d.contains(&*path.to_string_lossy())),
                "{damage:?}"
            );
            assert!(!damage.is_empty(), "{} byte {at}", path.display());
        }
    }
}

#[test]
fn a_copy_is_a_store_of_its_own() {
    let disk = MemoryDisk::new();
    let db = lived(&disk);
    db.delete(
        &[Matcher::equal("instance", "2")],
        TimeRange { min: 0, max: 2_000 },
    )
    .unwrap();
    let held = db.snapshot();
    append(&db, 4_250);
    let before = everything(&db);
    let whole = db.copy("whole", true).unwrap();
    let blocks = db.copy("blocks", false).unwrap();
    assert_eq!(whole, Path::new("data/snapshots/whole"));
    drop(held);
    for time in (4_260..8_000).step_by(10) {
        append(&db, time);
        db.tick(time).unwrap();
        db.compact().unwrap();
    }
    db.delete(&[Matcher::equal("instance", "1")], TimeRange::ALL)
        .unwrap();
    let copy = Db::open_on(std::sync::Arc::new(disk.clone()), &whole, options()).unwrap();
    assert_eq!(everything(&copy), before);
    assert_eq!(copy.stats().damage, Vec::<String>::new());
    append(&copy, 9_000);
    copy.close().unwrap();
    let copy = Db::open_on(std::sync::Arc::new(disk.clone()), &blocks, options()).unwrap();
    let ends = copy.blocks().iter().map(|b| b.max_time).max().unwrap();
    for ((labels, found), (_, all)) in everything(&copy).iter().zip(&before) {
        let older: Vec<_> = all.iter().filter(|(time, _)| *time < ends).copied().collect();
        assert_eq!(found, &older, "{labels}");
    }
    db.close().unwrap();
    assert_eq!(open(&disk, options()).stats().foreign, []);
    assert!(db.copy("late", true).is_err());
}

#[test]
fn what_comes_back_after_everything_was_deleted_stays_through_compaction() {
    for reopened in [false, true] {
        let disk = MemoryDisk::new();
        let mut db = open(&disk, options());
        let everything_deleted = [Matcher::equal("__name__", "m")];
        append(&db, 0);
        db.compact_all(&|_, _| {}).unwrap();
        if reopened {
            db.close().unwrap();
            drop(db);
            db = open(&disk, options());
        }
        db.delete(&everything_deleted, TimeRange::ALL).unwrap();
        db.clean_tombstones().unwrap();
        // No segment and no block is left that would tell which numbers have been given out.
        append(&db, 1);
        let found = everything(&db);
        assert_eq!(found.len(), 6);
        db.compact_all(&|_, _| {}).unwrap();
        assert_eq!(everything(&db), found, "reopened: {reopened}");
    }
}
