//! Following the log: everything once within a process, from the last acknowledged place after a crash.

use std::sync::Arc;

use narthex_model::Labels;
use narthex_tsdb::disk::{Disk, FaultyDisk, MemoryDisk, PowerLoss};
use narthex_tsdb::{Batch, Db, Exemplar, Options, Tail, TailStep};

use crate::world::{NOW, labels, open};

fn options() -> Options {
    Options {
        wal_segment_bytes: 400,
        seal_interval_ms: 5,
        ..Options::default()
    }
}

fn append(db: &Db, time: i64) -> bool {
    let mut batch = Batch::new(time).with_group(1);
    for instance in ["a".to_owned(), format!("new{}", time / 3)] {
        batch.push_float_labelled(&labels("m", &instance), time, time as f64);
    }
    db.append(&batch, NOW).is_ok()
}

/// Times read until the end, each with the right series, and what was lost.
fn times(tail: &mut Tail) -> (Vec<i64>, Vec<String>) {
    let (mut times, mut lost) = (Vec::new(), Vec::new());
    loop {
        match tail.read().unwrap() {
            TailStep::End => return (times, lost),
            TailStep::Lost(text) => lost.push(text),
            TailStep::Batch(batch) => {
                let time = batch.floats[0].time;
                assert_eq!(batch.floats.len(), 2);
                assert_eq!(tail.labels(batch.floats[0].series), Some(labels("m", "a")));
                let new = labels("m", &format!("new{}", time / 3));
                assert_eq!(tail.labels(batch.floats[1].series), Some(new));
                assert_eq!(batch.floats[1].value, time as f64);
                times.push(time);
            }
        }
    }
}

fn whole(tail: &mut Tail) -> Vec<i64> {
    let (times, lost) = times(tail);
    assert_eq!(lost, Vec::<String>::new());
    times
}

fn files(disk: &dyn Disk, suffix: &str) -> usize {
    let folder = std::path::Path::new("data/narthex/wal");
    let names = disk.list(folder).unwrap();
    names.iter().filter(|e| e.name.ends_with(suffix)).count()
}

#[test]
fn a_new_reader_begins_now_and_an_old_one_where_it_stopped() {
    let disk = MemoryDisk::new();
    let db = open(&disk, options());
    (0..10).for_each(|t| assert!(append(&db, t)));
    let mut tail = db.tail("queue").unwrap();
    assert!(tail.is_new());
    assert_eq!(whole(&mut tail), Vec::<i64>::new());
    (10..40).for_each(|t| assert!(append(&db, t)));
    assert_eq!(whole(&mut tail), (10..40).collect::<Vec<_>>());
    tail.acknowledge(tail.position()).unwrap();
    (40..50).for_each(|t| assert!(append(&db, t)));
    assert_eq!(whole(&mut tail), (40..50).collect::<Vec<_>>());
    db.close().unwrap();
    drop((db, tail));

    let db = open(&disk, options());
    assert_eq!(db.tails(), ["queue"]);
    let mut tail = db.tail("queue").unwrap();
    assert!(!tail.is_new());
    assert!(append(&db, 50));
    assert_eq!(whole(&mut tail), (40..51).collect::<Vec<_>>());
    assert_eq!(whole(&mut tail), Vec::<i64>::new());
    db.forget_tail("queue").unwrap();
    assert_eq!((db.tails(), files(&disk, ".cursor")), (vec![], 0));
    let error = db.tail("../x").unwrap_err();
    assert!(error.to_string().contains("is no name for a cursor"), "{error}");
}

#[test]
fn sealed_log_is_kept_for_readers_and_not_replayed() {
    let disk = MemoryDisk::new();
    let db = open(&disk, options());
    assert_eq!(db.stats().wal_unread_commit, None);
    let mut fast = db.tail("fast").unwrap();
    let mut slow = db.tail("slow").unwrap();
    for time in 0..60 {
        assert!(append(&db, time));
        db.tick(time * 1_000).unwrap();
        assert_eq!(whole(&mut fast), [time]);
        fast.acknowledge(fast.position()).unwrap();
    }
    let stats = db.stats();
    assert!(files(&disk, ".kept") > 5, "{}", files(&disk, ".kept"));
    assert!(stats.wal_kept_bytes > 0 && stats.wal_kept_bytes < stats.wal_bytes);
    assert_eq!(stats.wal_unread_commit, Some(1));
    drop((fast, slow, db));

    let db = open(&disk, options());
    // Only what is not sealed is in the head again.
    assert!(db.stats().samples < 20, "{}", db.stats().samples);
    slow = db.tail("slow").unwrap();
    assert_eq!(whole(&mut slow), (0..60).collect::<Vec<_>>());
    slow.acknowledge(slow.position()).unwrap();
    db.tick(60_000).unwrap();
    assert_eq!((files(&disk, ".kept"), db.stats().wal_kept_bytes), (0, 0));
    assert_eq!(db.stats().wal_lost_segments, 0);
    db.forget_tail("fast").unwrap();
    assert!(
        db.stats().wal_unread_commit > Some(40),
        "{:?}",
        db.stats().wal_unread_commit
    );
}

#[test]
fn what_is_kept_too_long_is_lost_and_said_so() {
    let disk = MemoryDisk::new();
    let options = Options {
        wal_kept_ms: 10_000,
        ..options()
    };
    let db = open(&disk, options);
    let mut tail = db.tail("queue").unwrap();
    for time in 0..40 {
        assert!(append(&db, time));
        db.tick(time * 1_000).unwrap();
    }
    let (found, lost) = times(&mut tail);
    assert_eq!(found.last(), Some(&39));
    assert!(found[0] > 15 && found[0] < 35, "{found:?}");
    assert!(found.windows(2).all(|pair| pair[1] == pair[0] + 1), "{found:?}");
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert!(lost[0].contains("were gone before they were read"), "{lost:?}");
    assert!(db.stats().wal_lost_segments > 0);
}

#[test]
fn a_size_limit_counts_what_is_kept() {
    let disk = MemoryDisk::new();
    let options = Options {
        retention_bytes: 4_000,
        ..options()
    };
    let db = open(&disk, options);
    let _tail = db.tail("queue").unwrap();
    for time in 0..200 {
        assert!(append(&db, time));
        db.tick(0).unwrap();
    }
    assert!(
        db.stats().wal_kept_bytes <= 2_000,
        "{}",
        db.stats().wal_kept_bytes
    );
}

const BATCHES: i64 = 40;

/// Appends, follows and acknowledges until the disk fails. Returns what was acknowledged to the writer, and up to where
/// the reader has tried to acknowledge.
fn live(disk: &FaultyDisk) -> (i64, i64) {
    let (mut written, mut read) = (0, 0);
    let Ok(db) = Db::open_on(Arc::new(disk.clone()) as Arc<dyn Disk>, "data", options()) else {
        return (written, read);
    };
    let Ok(mut tail) = db.tail("queue") else {
        return (written, read);
    };
    let mut newest = 0;
    for number in 1..=BATCHES {
        if !append(&db, number) {
            break;
        }
        written = number;
        if number % 7 == 0 && db.tick(number * 1_000).is_err() {
            break;
        }
        // The reader lags by a few batches.
        if number % 5 == 0 {
            for _ in 0..4 {
                match tail.read() {
                    Ok(TailStep::Batch(batch)) => newest = batch.floats[0].time,
                    _ => break,
                }
            }
            read = newest;
            if tail.acknowledge(tail.position()).is_err() {
                break;
            }
        }
    }
    (written, read)
}

fn operations() -> u64 {
    let disk = FaultyDisk::new();
    assert_eq!(live(&disk).0, BATCHES);
    assert!(files(&disk, ".kept") > 0);
    disk.operations()
}

#[test]
fn a_killed_process_costs_a_reader_nothing() {
    for operation in 0..operations() {
        let disk = FaultyDisk::new();
        disk.crash_at(operation);
        let (written, read) = live(&disk);
        let context = format!("crash at operation {operation}: {written} written, {read} read");
        let image = disk.after_kill();
        let db = open(&image, options());
        let known = db.tails() == ["queue"];
        let mut tail = db.tail("queue").unwrap();
        let found = whole(&mut tail);
        // A batch may be there that was not acknowledged, and so may a cursor.
        if known {
            assert!(
                found.windows(2).all(|pair| pair[1] == pair[0] + 1),
                "{context}: {found:?}"
            );
            let first = found.first().copied().unwrap_or(written + 1);
            assert!(first <= read + 1, "{context}: {found:?}");
            let last = found.last().copied().unwrap_or(first - 1);
            assert!(last == written || last == written + 1, "{context}: {found:?}");
        } else {
            assert_eq!(written, 0, "{context}");
        }
        assert!(append(&db, 1_000), "{context}");
        assert_eq!(whole(&mut tail), [1_000], "{context}");
    }
}

#[test]
fn a_power_loss_never_leaves_a_reader_behind_a_gap() {
    for operation in (0..operations()).step_by(3) {
        for seed in 1..=4 {
            let disk = FaultyDisk::new();
            disk.crash_at(operation);
            live(&disk);
            let context = format!("power loss at operation {operation}, seed {seed}");
            let image = disk.after_power_loss(PowerLoss {
                seed: seed * 0x9e37_79b9 + operation,
            });
            let db = open(&image, options());
            let mut tail = db.tail("queue").unwrap();
            // The names of some series may be gone with the records that defined them.
            while tail.read().unwrap() != TailStep::End {}
            for time in 1_000..1_040 {
                assert!(append(&db, time), "{context}");
                db.tick(time * 1_000).unwrap();
            }
            let expected: Vec<i64> = (1_000..1_040).collect();
            assert_eq!(whole(&mut tail), expected, "{context}");
        }
    }
}

#[test]
fn what_a_failed_sync_made_the_log_repeat_comes_once() {
    let disk = FaultyDisk::new();
    let db = Db::open_on(
        Arc::new(disk.clone()) as Arc<dyn Disk>,
        "data",
        Options::default(),
    )
    .unwrap();
    let mut tail = db.tail("queue").unwrap();
    (1..4).for_each(|t| assert!(append(&db, t)));
    assert_eq!(whole(&mut tail), [1, 2, 3]);
    disk.fail_syncs(1);
    db.sync().unwrap_err();
    (4..6).for_each(|t| assert!(append(&db, t)));
    assert_eq!(whole(&mut tail), [4, 5]);
}

#[test]
fn exemplars_are_followed_once_and_survive_a_restart() {
    let disk = MemoryDisk::new();
    let options = Options {
        max_exemplars: 10,
        ..Options::default()
    };
    let db = open(&disk, options.clone());
    let mut tail = db.tail("queue").unwrap();
    let series = labels("m", "a");
    let exemplar = Exemplar {
        labels: Labels::from_pairs([("trace_id", "x")]),
        value: 0.5,
        time: 1,
    };
    for time in 1..3 {
        let mut batch = Batch::new(time);
        batch.push_float_labelled(&series, time, 1.0);
        batch.push_exemplar(db.resolve(&series).unwrap(), exemplar.clone());
        db.append(&batch, NOW).unwrap();
    }
    let mut found = Vec::new();
    while let TailStep::Batch(batch) = tail.read().unwrap() {
        found.extend(batch.exemplars.into_iter().map(|(_, e)| e));
    }
    assert_eq!(found, std::slice::from_ref(&exemplar));
    drop((db, tail));
    let db = open(&disk, options);
    let kept = db.snapshot().exemplars(&[], narthex_model::TimeRange::ALL);
    assert_eq!(kept, [(series, vec![exemplar])]);
}
