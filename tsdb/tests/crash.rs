//! Crashes at every operation of a store's life, full disks and failed syncs.

use std::collections::BTreeMap;
use std::sync::Arc;

use narthex_tsdb::disk::{Disk, FaultyDisk, MemoryDisk, PowerLoss};
use narthex_tsdb::{Batch, Db, Error, Options};

use crate::world::{NOW, everything, labels, open};

/// Series that batch `number` writes to: one of its own now and then, so that the log names new ones all the time.
fn targets(number: i64) -> Vec<String> {
    let mut names = vec!["all".to_owned(), format!("third{}", number % 3)];
    if number % 4 == 0 {
        names.push(format!("own{number:03}"));
    }
    names
}

fn options() -> Options {
    Options {
        wal_segment_bytes: 700,
        seal_interval_ms: 5,
        block_interval_ms: 10,
        ..Options::default()
    }
}

/// What a life has achieved when it ends.
#[derive(Debug, Default, Clone, Copy)]
struct Achieved {
    acknowledged: i64,
    synced: i64,
}

const BATCHES: i64 = 40;

/// Appends batches, syncing now and then, until all is done or the disk has crashed.
fn live(disk: &FaultyDisk) -> Achieved {
    let mut achieved = Achieved::default();
    let Ok(db) = Db::open_on(Arc::new(disk.clone()) as Arc<dyn Disk>, "data", options()) else {
        return achieved;
    };
    for number in 1..=BATCHES {
        let mut batch = Batch::new(number).with_group(1 + number as u64 % 2);
        for target in targets(number) {
            batch.push_float_labelled(&labels("m", &target), number, number as f64);
        }
        if db.append(&batch, NOW).is_err() {
            break;
        }
        achieved.acknowledged = number;
        if number % 7 == 0 {
            if db.tick(number * 1_000).is_ok() {
                achieved.synced = number;
            }
            let _ = db.compact();
        }
    }
    achieved
}

/// Batches that a store holds; each must be whole.
fn held(db: &Db, context: &str) -> Vec<i64> {
    let mut found: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for (labels, samples) in everything(db) {
        for (time, bits) in samples {
            assert_eq!(bits, (time as f64).to_bits(), "{context}");
            found
                .entry(time)
                .or_default()
                .push(labels.get("instance").unwrap().to_owned());
        }
    }
    for (number, mut names) in found.clone() {
        let mut expected = targets(number);
        expected.sort();
        names.sort();
        assert_eq!(names, expected, "{context}: batch {number} is not whole");
    }
    found.into_keys().collect()
}

fn count_operations() -> u64 {
    let disk = FaultyDisk::new();
    assert_eq!(live(&disk).acknowledged, BATCHES);
    let count = |folder: &str| {
        disk.list(&std::path::Path::new("data/narthex").join(folder))
            .unwrap()
            .len()
    };
    assert!(
        count("head") >= 1 && count("blocks") > 1,
        "{} {}",
        count("head"),
        count("blocks")
    );
    disk.operations()
}

#[test]
fn a_killed_process_loses_nothing_acknowledged() {
    let operations = count_operations();
    assert!(operations > 50, "{operations}");
    for operation in 0..operations {
        let disk = FaultyDisk::new();
        disk.crash_at(operation);
        let achieved = live(&disk);
        let context = format!("crash at operation {operation}");
        let image = disk.after_kill();
        let db = open(&image, options());
        let found = held(&db, &context);
        let expected: Vec<i64> = (1..=achieved.acknowledged).collect();
        assert!(
            found.starts_with(&expected),
            "{context}: {found:?} lacks some of {expected:?}"
        );
        assert!(
            found.len() <= expected.len() + 1,
            "{context}: {found:?} was never sent"
        );
        goes_on(&db, &image, &found, &context);
    }
}

#[test]
fn a_power_loss_takes_whole_batches_and_nothing_synced() {
    for operation in 0..count_operations() {
        for seed in 1..=6 {
            let disk = FaultyDisk::new();
            disk.crash_at(operation);
            let achieved = live(&disk);
            let context = format!("power loss at operation {operation}, seed {seed}");
            let image = disk.after_power_loss(PowerLoss {
                seed: seed * 0x9e37_79b9 + operation,
            });
            let db = open(&image, options());
            let found = held(&db, &context);
            let expected: Vec<i64> = (1..=achieved.synced).collect();
            assert!(
                found.starts_with(&expected),
                "{context}: {found:?} lacks some of {expected:?}"
            );
            assert!(
                found.iter().all(|n| *n <= achieved.acknowledged + 1),
                "{context}: {found:?}"
            );
            goes_on(&db, &image, &found, &context);
        }
    }
}

/// A store that has been recovered takes new batches and finds them again.
fn goes_on(db: &Db, image: &MemoryDisk, found: &[i64], context: &str) {
    let number = 1_000;
    let mut batch = Batch::new(number);
    for target in targets(number) {
        batch.push_float_labelled(&labels("m", &target), number, number as f64);
    }
    assert_eq!(db.append(&batch, NOW).unwrap().rejected, [], "{context}");
    db.close().unwrap();
    let again = held(&open(image, options()), context);
    assert_eq!(again, [found, &[number]].concat(), "{context}");
}

#[test]
fn a_full_disk_refuses_and_recovers_by_itself() {
    let disk = FaultyDisk::new();
    let db = Db::open_on(Arc::new(disk.clone()) as Arc<dyn Disk>, "data", options()).unwrap();
    let append = |time: i64| {
        let mut batch = Batch::new(time).with_group(1);
        batch.push_float_labelled(&labels("m", "a"), time, 1.0);
        db.append(&batch, NOW)
    };
    append(1).unwrap();
    disk.set_full(true);
    for time in 2..5 {
        let error = append(time).unwrap_err();
        assert!(matches!(error, Error::DiskFull { .. }), "{error}");
        assert_eq!(everything(&db)[0].1.len(), 1);
    }
    disk.set_full(false);
    append(3).unwrap();
    append(6).unwrap();
    assert_eq!(db.stats().wal_write_failures, 3);
    let times = |db: &Db| everything(db)[0].1.iter().map(|s| s.0).collect::<Vec<_>>();
    assert_eq!(times(&db), [1, 3, 6]);
    assert_eq!(times(&open(&disk.after_kill(), options())), [1, 3, 6]);
}

#[test]
fn a_full_disk_still_expires_what_is_old_and_then_seals() {
    let disk = FaultyDisk::new();
    let options = Options {
        retention_ms: 250,
        seal_interval_ms: 100,
        ..Options::default()
    };
    let db = Db::open_on(Arc::new(disk.clone()) as Arc<dyn Disk>, "data", options.clone()).unwrap();
    let append = |time: i64| {
        let mut batch = Batch::new(time).with_group(1);
        batch.push_float_labelled(&labels("m", "a"), time, 1.0);
        db.append(&batch, NOW).unwrap();
    };
    for time in 0..=200 {
        append(time);
        db.tick(time * 1_000).unwrap();
    }
    (201..=360).for_each(append);
    let files = || {
        disk.list(std::path::Path::new("data/narthex/head"))
            .unwrap()
            .len()
    };
    assert_eq!(files(), 2);
    disk.set_full(true);
    let error = db.tick(400_000).unwrap_err();
    assert!(matches!(error, Error::DiskFull { .. }), "{error}");
    assert_eq!((files(), everything(&db)[0].1.len()), (1, 260));
    disk.set_full(false);
    db.tick(401_000).unwrap();
    assert_eq!((files(), db.stats().samples), (2, 0));
    let recovered = open(&disk.after_kill(), options);
    assert_eq!(everything(&recovered)[0].1.len(), 260);
}

#[test]
fn what_a_failed_sync_lost_is_written_again() {
    for failures in 1..4 {
        let disk = FaultyDisk::new();
        let db = Db::open_on(
            Arc::new(disk.clone()) as Arc<dyn Disk>,
            "data",
            Options::default(),
        )
        .unwrap();
        let append = |time: i64| {
            let mut batch = Batch::new(time).with_group(1);
            batch.push_float_labelled(&labels("m", "a"), time, 1.0);
            db.append(&batch, NOW).unwrap();
        };
        (1..4).for_each(append);
        disk.fail_syncs(failures);
        for _ in 0..failures {
            let error = db.sync().unwrap_err();
            assert!(error.to_string().contains("refuses to sync"), "{error}");
        }
        append(4);
        db.sync().unwrap();
        assert_eq!(db.stats().wal_sync_failures, u64::from(failures));
        append(5);
        for seed in 0..20 {
            let db = open(&disk.after_power_loss(PowerLoss { seed }), Options::default());
            let times: Vec<i64> = everything(&db)[0].1.iter().map(|s| s.0).collect();
            assert!(
                times == [1, 2, 3, 4] || times == [1, 2, 3, 4, 5],
                "{failures} {seed} {times:?}"
            );
        }
    }
}

#[test]
fn damage_costs_only_the_records_it_hits() {
    let disk = FaultyDisk::new();
    live(&disk);
    let sound = disk.after_kill();
    let folder = std::path::Path::new("data/narthex/wal");
    for (at, file) in sound.list(folder).unwrap().into_iter().enumerate() {
        let path = folder.join(&file.name);
        for place in (0..file.len).step_by(23) {
            let image = disk.after_kill();
            image
                .damage(&path, |bytes| bytes[place as usize] ^= 0x10)
                .unwrap();
            let db = open(&image, options());
            let stats = db.stats();
            assert_eq!(stats.damage.is_empty(), stats.wal_corruptions == 0);
            assert!(
                stats.wal_corruptions > 0,
                "file {at}, byte {place}: damage was not noticed"
            );
            assert!(stats.damage[0].contains(&file.name), "{:?}", stats.damage);
            let samples: usize = everything(&db).iter().map(|(_, s)| s.len()).sum();
            let all: i64 = (1..=BATCHES).map(|n| targets(n).len() as i64).sum();
            assert!(
                samples as i64 >= all - 6,
                "file {at}, byte {place}: {samples} of {all}"
            );
            let bits_right = everything(&db)
                .iter()
                .all(|(_, s)| s.iter().all(|(t, v)| *v == (*t as f64).to_bits()));
            assert!(bits_right, "file {at}, byte {place}");
        }
    }
}
