//! Crashes at every operation of a life with everything in it: late samples, sealing, blocks, merges, deletions,
//! cleaning, retention.
//!
//! Every seventh operation by default, all with `NARTHEX_FULL=1`; `--nocapture` shows how many there were.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use narthex_model::{Matcher, TimeRange};
use narthex_tsdb::disk::{Disk, FaultyDisk, MemoryDisk, PowerLoss};
use narthex_tsdb::{Batch, Db, Options};

use crate::world::{NOW, everything, labels, open};

const BATCHES: i64 = 100;
const RETENTION: i64 = 60;

fn options() -> Options {
    Options {
        wal_segment_bytes: 700,
        seal_interval_ms: 5,
        block_interval_ms: 10,
        max_block_ms: 30,
        out_of_order_window_ms: 50,
        retention_ms: RETENTION,
        ..Options::default()
    }
}

/// Series and time of every sample of a batch; the value is the time.
fn samples(number: i64) -> Vec<(String, i64)> {
    let mut samples = vec![
        ("all".to_owned(), number),
        (format!("third{}", number % 3), number),
    ];
    if number % 4 == 0 {
        samples.push((format!("own{number:03}"), number));
    }
    if number % 6 == 0 {
        // Of another series, and of one that has newer ones.
        samples.push(("late".to_owned(), number - 15));
        samples.push((format!("third{}", (number - 5) % 3), number - 4));
    }
    samples
}

/// What is deleted after a batch.
fn deletion(number: i64) -> Option<(&'static str, TimeRange)> {
    match number {
        26 => Some(("third0", TimeRange { min: 3, max: 24 })),
        48 => Some(("late", TimeRange::ALL)),
        61 => Some(("all", TimeRange { min: 40, max: 61 })),
        _ => None,
    }
}

#[derive(Debug, Default, Clone)]
struct Achieved {
    acknowledged: i64,
    synced: i64,
    /// Batches after which a deletion was acknowledged, and the one after which one was tried.
    deleted: Vec<i64>,
    tried: Option<i64>,
}

fn live(disk: &FaultyDisk) -> Achieved {
    let mut achieved = Achieved::default();
    let Ok(db) = Db::open_on(Arc::new(disk.clone()) as Arc<dyn Disk>, "data", options()) else {
        return achieved;
    };
    for number in 1..=BATCHES {
        let mut batch = Batch::new(number).with_group(1 + number as u64 % 2);
        for (series, time) in samples(number) {
            batch.push_float_labelled(&labels("m", &series), time, time as f64);
        }
        if db.append(&batch, NOW).is_err() {
            break;
        }
        achieved.acknowledged = number;
        if let Some((series, range)) = deletion(number) {
            achieved.tried = Some(number);
            if db.delete(&[Matcher::equal("instance", series)], range).is_err() {
                break;
            }
            achieved.tried = None;
            achieved.deleted.push(number);
            achieved.synced = number;
        }
        if number % 7 == 0 {
            if db.tick(number * 1_000).is_ok() {
                achieved.synced = number;
            }
            let _ = db.compact();
        }
        if number == 64 {
            let _ = db.clean_tombstones();
        }
    }
    achieved
}

fn covers(number: i64, series: &str, time: i64, batch: i64) -> bool {
    batch <= number && deletion(number).is_some_and(|(of, range)| of == series && range.contains(time))
}

type Held = BTreeSet<(String, i64)>;

fn held(db: &Db, context: &str) -> Held {
    let mut found = Held::new();
    for (labels, samples) in everything(db) {
        for (time, bits) in samples {
            assert_eq!(bits, (time as f64).to_bits(), "{context}");
            found.insert((labels.get("instance").unwrap().to_owned(), time));
        }
    }
    found
}

/// Checks what a store has; batches up to `sure` must be there.
fn check(found: &Held, achieved: &Achieved, sure: i64, context: &str) {
    let oldest = achieved.acknowledged + 1 - RETENTION;
    let mut batches: BTreeMap<(String, i64), i64> = BTreeMap::new();
    let mut sent = Held::new();
    for number in 1..=achieved.acknowledged + 1 {
        let (mut present, mut absent) = (Vec::new(), Vec::new());
        for (series, time) in samples(number) {
            let sample = (series.clone(), time);
            sent.insert(sample.clone());
            // A time that is there already keeps its value, which is the same.
            let first = *batches.entry(sample.clone()).or_insert(number);
            let gone = achieved.deleted.iter().any(|d| covers(*d, &series, time, number));
            let unsure = achieved.tried.is_some_and(|d| covers(d, &series, time, number));
            if gone {
                let again =
                    (number + 1..=achieved.acknowledged + 1).any(|later| samples(later).contains(&sample));
                assert!(
                    again || !found.contains(&sample),
                    "{context}: {sample:?} came back"
                );
            } else if !unsure && time > oldest && first == number {
                let list = if found.contains(&sample) {
                    &mut present
                } else {
                    &mut absent
                };
                list.push(sample);
            }
        }
        assert!(
            present.is_empty() || absent.is_empty(),
            "{context}: batch {number} has {present:?} without {absent:?}"
        );
        assert!(
            number > sure || absent.is_empty(),
            "{context}: batch {number} lacks {absent:?}"
        );
    }
    let strange: Vec<_> = found.difference(&sent).collect();
    assert!(strange.is_empty(), "{context}: {strange:?} was never sent");
}

/// Opened again and compacted a store holds the same, but for what has become too old.
fn stays(db: &Db, image: &MemoryDisk, found: &Held, context: &str) {
    db.close().unwrap();
    let db = open(image, options());
    assert_eq!(&held(&db, context), found, "{context}: opened again");
    let mut batch = Batch::new(BATCHES + 1);
    batch.push_float_labelled(&labels("m", "new"), BATCHES + 1, (BATCHES + 1) as f64);
    assert_eq!(db.append(&batch, NOW).unwrap().rejected, [], "{context}");
    db.seal().unwrap();
    db.compact().unwrap();
    db.clean_tombstones().unwrap();
    let mut after = held(&db, context);
    assert!(after.remove(&("new".to_owned(), BATCHES + 1)), "{context}");
    let (lost, new): (Vec<_>, Vec<_>) = (
        found.difference(&after).collect(),
        after.difference(found).collect(),
    );
    assert!(
        lost.is_empty() && new.is_empty(),
        "{context}: compacting lost {lost:?} and made {new:?}"
    );
}

fn count_operations() -> u64 {
    let disk = FaultyDisk::new();
    let achieved = live(&disk);
    assert_eq!((achieved.acknowledged, achieved.deleted.len()), (BATCHES, 3));
    let image = disk.after_kill();
    let db = open(&image, options());
    let levels: Vec<u32> = db.blocks().iter().map(|b| b.compaction.level).collect();
    assert!(levels.iter().any(|level| *level >= 2), "{levels:?}");
    assert!(db.blocks()[0].min_time > 0, "nothing was too old");
    disk.operations()
}

fn operations() -> (u64, Vec<u64>) {
    let all = count_operations();
    let step = if std::env::var_os("NARTHEX_FULL").is_some() {
        1
    } else {
        7
    };
    (all, (0..all).step_by(step).collect())
}

#[test]
fn a_killed_process_keeps_what_was_acknowledged_and_not_what_was_deleted() {
    let (all, some) = operations();
    println!("process crashes: {} of {all} operations", some.len());
    for operation in some {
        let disk = FaultyDisk::new();
        disk.crash_at(operation);
        let achieved = live(&disk);
        let context = format!("crash at operation {operation}");
        let image = disk.after_kill();
        let db = open(&image, options());
        let found = held(&db, &context);
        check(&found, &achieved, achieved.acknowledged, &context);
        stays(&db, &image, &found, &context);
    }
}

#[test]
fn a_power_loss_takes_whole_batches_and_brings_nothing_back() {
    let (all, some) = operations();
    let seeds = 3;
    println!(
        "power losses: {} of {all} operations, {seeds} images each",
        some.len()
    );
    for operation in some {
        let disk = FaultyDisk::new();
        disk.crash_at(operation);
        let achieved = live(&disk);
        for seed in 1..=seeds {
            let context = format!("power loss at operation {operation}, seed {seed}");
            let image = disk.after_power_loss(PowerLoss {
                seed: seed * 0x9e37_79b9 + operation,
            });
            let db = open(&image, options());
            let found = held(&db, &context);
            check(&found, &achieved, achieved.synced, &context);
            stays(&db, &image, &found, &context);
        }
    }
}
