//! How much room a store takes, and what it does when there is none.

use std::path::Path;
use std::sync::Arc;

use narthex_tsdb::disk::{Disk, FaultyDisk};
use narthex_tsdb::{Batch, Db, Error, Options};

use crate::world::{NOW, everything, labels, open};

fn open_on(disk: &FaultyDisk, options: Options) -> Db {
    Db::open_on(Arc::new(disk.clone()) as Arc<dyn Disk>, "data", options).unwrap()
}

fn append(db: &Db, time: i64, series: u64) -> Result<(), Error> {
    let mut batch = Batch::new(time).with_group(1);
    for series in 0..series {
        // Hard to compress.
        let mut value = (time as u64 * 31 + series).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        value = (value ^ value >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        batch.push_float_labelled(
            &labels("m", &series.to_string()),
            time,
            f64::from_bits(value >> 3),
        );
    }
    db.append(&batch, NOW).map(drop)
}

#[test]
fn a_store_stays_below_its_largest_size_while_it_works() {
    let disk = FaultyDisk::new();
    let largest = 400_000;
    let options = Options {
        retention_bytes: largest,
        wal_segment_bytes: 20_000,
        seal_interval_ms: 1_000_000,
        block_interval_ms: 50,
        max_block_ms: 450,
        ..Options::default()
    };
    let db = open_on(&disk, options.clone());
    let (mut highest, mut before) = (0, 0);
    for time in 0..8_000 {
        append(&db, time, 40).unwrap();
        if time % 5 == 0 {
            db.tick(time * 1_000).unwrap();
        }
        if time % 50 == 0 {
            db.compact().unwrap();
            let levels = db.blocks().iter().map(|b| b.compaction.level).max();
            highest = highest.max(levels.unwrap_or(0));
        }
        before = before.max(db.stats().block_bytes);
    }
    let peak = disk.peak_bytes();
    assert!(peak <= largest, "{peak}");
    assert!(peak > largest / 2, "{peak}");
    assert!(highest > 1, "nothing was merged");
    let found = everything(&db);
    assert_eq!(found.len(), 40);
    assert!(
        found
            .iter()
            .all(|(_, s)| s.last().unwrap().0 == 7_999 && s.len() > 300)
    );
    let again = open(&disk.after_kill(), options);
    assert_eq!(everything(&again), found);
}

#[test]
fn a_full_disk_stops_compaction_and_not_reading() {
    let disk = FaultyDisk::new();
    let options = Options {
        seal_interval_ms: 500,
        block_interval_ms: 1_000,
        max_block_ms: 9_000,
        ..Options::default()
    };
    let db = open_on(&disk, options.clone());
    for time in (0..8_000).step_by(10) {
        append(&db, time, 4).unwrap();
        if time % 500 == 0 {
            db.tick(time * 1_000).unwrap();
        }
    }
    let before = everything(&db);
    disk.set_full(true);
    for _ in 0..2 {
        let error = db.compact().unwrap_err();
        assert!(matches!(error, Error::DiskFull { .. }), "{error}");
        assert!(error.to_string().contains("free some space"), "{error}");
    }
    assert!(matches!(append(&db, 9_000, 4), Err(Error::DiskFull { .. })));
    assert_eq!(everything(&db), before);
    assert_eq!(disk.list(Path::new("data/narthex/blocks")).unwrap(), []);
    disk.set_full(false);
    db.compact().unwrap();
    assert!(
        db.blocks().iter().any(|b| b.compaction.level > 1),
        "{:?}",
        db.blocks()
    );
    append(&db, 9_000, 4).unwrap();
    let after = everything(&db);
    assert_eq!(after[0].1.len(), before[0].1.len() + 1);
    assert_eq!(everything(&open(&disk.after_kill(), options)), after);
}

#[test]
fn a_store_stays_below_its_largest_size_between_two_looks() {
    let disk = FaultyDisk::new();
    let largest = 400_000;
    let options = Options {
        retention_bytes: largest,
        wal_segment_bytes: 20_000,
        seal_interval_ms: 1_000_000,
        block_interval_ms: 50,
        ..Options::default()
    };
    let db = open_on(&disk, options);
    for time in 0..4_000 {
        append(&db, time, 40).unwrap();
        if time % 1_000 == 999 {
            db.tick(time * 1_000).unwrap();
            db.compact().unwrap();
        }
    }
    let peak = disk.peak_bytes();
    assert!(peak <= largest && peak > largest / 2, "{peak}");
    assert!(
        everything(&db)
            .iter()
            .all(|(_, s)| s.last().unwrap().0 == 3_999 && s.len() > 300)
    );
}
