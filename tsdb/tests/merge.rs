//! From blocks to longer blocks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use narthex_model::{Histogram, HistogramValue, Labels, SampleBuffer, Selection, SeriesSource, TimeRange};
use narthex_tsdb::disk::{Disk, MemoryDisk};
use narthex_tsdb::{Batch, Db, Options};

use crate::world::{NOW, everything, labels, open};

fn options() -> Options {
    Options {
        seal_interval_ms: 500,
        block_interval_ms: 1_000,
        out_of_order_window_ms: 20_000,
        max_block_ms: 9_000,
        ..Options::default()
    }
}

/// One scrape of 12 series, some with gaps; now and then a sample that comes late.
fn scrape(db: &Db, time: i64) {
    let mut batch = Batch::new(time).with_group(1);
    for series in 0..12_i64 {
        let gap = series % 5 == 4 && time % 30 == 0;
        let gone = series % 7 == 6 && time / 1_000 % 2 == 1;
        if !gap && !gone {
            let value = (time * series) as f64 / 10.0;
            batch.push_float_labelled(&labels("m", &format!("{series:02}")), time, value);
        }
    }
    if time % 700 == 0 && time > 4_000 {
        let late = time - 3_995;
        batch.push_float_labelled(&labels("m", "00"), late, late as f64);
        batch.push_float_labelled(&labels("late", "00"), late, late as f64);
    }
    assert_eq!(db.append(&batch, NOW).unwrap().rejected, []);
}

fn blocks(disk: &MemoryDisk) -> Vec<PathBuf> {
    let folder = Path::new("data/narthex/blocks");
    let entries = disk.list(folder).unwrap();
    entries.iter().map(|e| folder.join(&e.name)).collect()
}

fn copy(from: &MemoryDisk, to: &MemoryDisk, folder: &Path) {
    to.create_dir_all(folder).unwrap();
    for entry in from.list(folder).unwrap() {
        let path = folder.join(&entry.name);
        let file = to.create(&path).unwrap();
        file.append(&from.read(&path).unwrap()).unwrap();
    }
}

fn live(db: &Db, until: i64, merging: bool) {
    for time in (0..until).step_by(10) {
        scrape(db, time);
        if time % 100 == 0 {
            db.tick(time).unwrap();
            if merging {
                db.compact().unwrap();
            }
        }
    }
}

fn expected(until: i64) -> Vec<(Labels, Vec<(i64, u64)>)> {
    let db = open(
        &MemoryDisk::new(),
        Options {
            block_interval_ms: 0,
            ..options()
        },
    );
    live(&db, until, false);
    everything(&db)
}

#[test]
fn merged_blocks_answer_as_memory_does() {
    let disk = MemoryDisk::new();
    let db = open(&disk, options());
    live(&db, 30_000, true);
    let expected = expected(30_000);
    assert_eq!(everything(&db), expected);
    let metas = db.blocks();
    let lengths: Vec<i64> = metas.iter().map(|m| m.max_time - m.min_time).collect();
    assert!(
        lengths.iter().filter(|length| **length == 9_000).count() >= 2,
        "{lengths:?}"
    );
    let oldest = metas.iter().min_by_key(|m| m.min_time).unwrap();
    assert!(
        oldest.compaction.level >= 3 && oldest.compaction.sources.len() >= 9,
        "{oldest:?}"
    );
    for pair in metas.windows(2) {
        assert!(pair[0].max_time <= pair[1].min_time, "{pair:?}");
    }
    let reopened = open(&disk.fork(), options());
    assert_eq!(everything(&reopened), expected);
    assert_eq!(reopened.stats().damage, Vec::<String>::new());
    // What was cut before is not cut again from segments that are still there.
    let before = blocks(&disk);
    db.compact().unwrap();
    assert_eq!(blocks(&disk), before);
}

#[test]
fn histograms_and_start_times_are_merged_too() {
    let disk = MemoryDisk::new();
    let (db, kept) = (open(&disk, options()), open(&MemoryDisk::new(), options()));
    for time in (0..20_000).step_by(10) {
        let mut batch = Batch::new(time).with_group(1);
        batch.push_float_labelled(&labels("m", "counter"), time, time as f64);
        if time % 3_000 < 2_000 {
            batch.set_start_time(time - time % 700);
        }
        let value = Histogram {
            count: (time % 900) as u64,
            sum: time as f64,
            ..Histogram::default()
        };
        batch.push_histogram_labelled(
            &labels("m", "native"),
            time,
            HistogramValue::Integer(Arc::new(value)),
        );
        batch.set_start_time(time - time % 900);
        for db in [&db, &kept] {
            assert_eq!(db.append(&batch, NOW).unwrap().rejected, []);
        }
        if time % 100 == 0 {
            db.tick(time).unwrap();
            db.compact().unwrap();
        }
    }
    assert!(db.blocks().iter().any(|block| block.compaction.level >= 3));
    let read = |db: &Db, at: usize| {
        let snapshot = db.snapshot();
        let selection = Selection {
            matchers: &[],
            range: TimeRange::ALL,
        };
        let set = snapshot.select(&selection).unwrap();
        let mut buffer = SampleBuffer::new();
        set.read(at, &mut buffer).unwrap();
        let columns = (buffer.times().to_vec(), buffer.values().to_vec());
        (
            columns,
            buffer.start_times().to_vec(),
            buffer.histograms().to_vec(),
        )
    };
    for at in 0..2 {
        let expected = read(&kept, at);
        let starts = expected.1.iter().filter(|start| **start != 0).count();
        assert!(starts > 1_000, "{starts} start times");
        assert_eq!(read(&db, at), expected);
    }
}

#[test]
fn everything_becomes_one_block_when_asked() {
    let disk = MemoryDisk::new();
    let db = open(&disk, options());
    live(&db, 12_345, true);
    let expected = everything(&db);
    db.compact_all(&|_, _| {}).unwrap();
    assert_eq!(everything(&db), expected);
    assert_eq!(blocks(&disk).len(), 1);
    assert_eq!(disk.list(Path::new("data/narthex/head")).unwrap().len(), 0);
    let samples: usize = expected.iter().map(|(_, s)| s.len()).sum();
    assert_eq!(db.blocks()[0].stats.num_samples, samples as u64);
    db.close().unwrap();
    let db = open(&disk, options());
    assert_eq!(everything(&db), expected);
    scrape(&db, 12_350);
    db.seal().unwrap();
    drop(db);
    let db = open(&disk, options());
    assert_eq!(
        everything(&db).iter().map(|(_, s)| s.len()).sum::<usize>(),
        samples + 12
    );
}

#[test]
fn a_merge_that_was_interrupted_is_finished_at_start() {
    let disk = MemoryDisk::new();
    let db = open(&disk, options());
    live(&db, 4_000, false);
    while blocks(&disk).len() < 2 {
        // One by one, so that there is a moment with parents only.
        db.tick(5_000).unwrap();
        let unmerged = Options {
            max_block_ms: 1_000,
            ..options()
        };
        db.close().unwrap();
        open(&disk, unmerged).compact().unwrap();
    }
    let before = disk.fork();
    let expected = everything(&open(&before, options()));
    let parents = blocks(&disk);
    let db = open(&disk, options());
    db.compact_all(&|_, _| {}).unwrap();
    db.close().unwrap();
    assert_eq!(blocks(&disk).len(), 1);
    for parent in &parents {
        copy(&before, &disk, parent);
    }
    assert_eq!(blocks(&disk).len(), 1 + parents.len());
    let db = open(&disk, options());
    assert_eq!(everything(&db), expected);
    assert_eq!((blocks(&disk).len(), db.blocks().len()), (1, 1));
    assert_eq!(db.stats().damage, Vec::<String>::new());
}

#[test]
fn a_damaged_parent_stays_and_the_others_are_merged() {
    let disk = MemoryDisk::new();
    let unmerged = Options {
        max_block_ms: 1_000,
        ..options()
    };
    let db = open(&disk, unmerged);
    live(&db, 12_000, true);
    db.close().unwrap();
    let bad = blocks(&disk).remove(1);
    // The first byte of the samples.
    disk.damage(&bad.join("chunks"), |bytes| bytes[40] ^= 1).unwrap();
    let db = open(&disk, options());
    let error = db.compact().unwrap_err().to_string();
    assert!(
        error.contains(&bad.join("chunks").display().to_string()),
        "{error}"
    );
    assert!(error.contains("corrupt at byte"), "{error}");
    db.compact().unwrap();
    assert!(blocks(&disk).contains(&bad));
    let levels: Vec<u32> = db.blocks().iter().map(|m| m.compaction.level).collect();
    assert!(levels.iter().any(|level| *level > 1), "{levels:?}");
}

#[test]
fn closing_does_not_wait_for_a_merge_and_a_second_compaction_does_not_run() {
    let disk = MemoryDisk::new();
    let db = open(&disk, options());
    live(&db, 12_000, false);
    std::thread::scope(|scope| {
        let compacting = scope.spawn(|| db.compact());
        let second = scope.spawn(|| db.compact());
        second.join().unwrap().unwrap();
        db.close().unwrap();
        let ended = compacting.join().unwrap();
        assert!(
            matches!(ended, Ok(()) | Err(narthex_tsdb::Error::Closed)),
            "{ended:?}"
        );
    });
    let expected = expected(12_000);
    assert_eq!(everything(&open(&disk, options())), expected);
}
