//! From sealed segments to blocks.

use std::path::{Path, PathBuf};

use narthex_model::{Matcher, SeriesSource, TimeRange};
use narthex_tsdb::disk::{Disk, MemoryDisk};
use narthex_tsdb::{Batch, Db, Options};

use crate::world::{NOW, everything, labels, open, select};

/// Labels, then time and bits.
type Series = (narthex_model::Labels, Vec<(i64, u64)>);

fn options() -> Options {
    Options {
        seal_interval_ms: 500,
        block_interval_ms: 1_000,
        out_of_order_window_ms: 2_000,
        max_block_ms: 1_000,
        ..Options::default()
    }
}

fn maintain(db: &Db, now: i64) {
    db.tick(now).unwrap();
    db.compact().unwrap();
}

/// One scrape of 20 series: some with gaps, some with times of their own, some that come and go.
fn scrape(db: &Db, time: i64) {
    let mut batch = Batch::new(time).with_group(1);
    for series in 0..20_i64 {
        let own = if series % 8 == 7 { series % 3 - 5 } else { 0 };
        let gap = series % 5 == 4 && time % 30 == 0;
        let gone = series % 7 == 6 && time / 1_000 % 2 == 1;
        if !gap && !gone {
            let value = (time * series) as f64 / 10.0;
            batch.push_float_labelled(&labels("m", &format!("{series:02}")), time + own, value);
        }
    }
    assert_eq!(db.append(&batch, NOW).unwrap().rejected, []);
}

fn files(disk: &MemoryDisk, folder: &str) -> Vec<PathBuf> {
    let folder = Path::new("data/narthex").join(folder);
    let entries = disk.list(&folder).unwrap();
    entries.iter().map(|e| folder.join(&e.name)).collect()
}

/// A store of five windows, four of them in blocks, and what it held before they were cut.
fn lived(disk: &MemoryDisk) -> (Db, Vec<Series>) {
    let db = open(disk, options());
    let all_in_memory = open(&MemoryDisk::new(), Options::default());
    for time in (0..8_000).step_by(10) {
        scrape(&db, time);
        scrape(&all_in_memory, time);
        if time % 100 == 0 {
            maintain(&db, time);
        }
    }
    maintain(&db, 8_000);
    (db, everything(&all_in_memory))
}

#[test]
fn blocks_answer_as_memory_does_and_segments_go() {
    let disk = MemoryDisk::new();
    let (db, expected) = lived(&disk);
    let stats = db.stats();
    assert!(stats.blocks >= 4 && stats.block_bytes > 0, "{stats:?}");
    assert!(files(&disk, "head").len() < 10, "{:?}", files(&disk, "head"));
    assert_eq!(everything(&db), expected);
    let reopened = open(&disk.fork(), options());
    assert_eq!(everything(&reopened), expected);
    assert_eq!(reopened.stats().damage, Vec::<String>::new());
    let range = TimeRange {
        min: 1_200,
        max: 1_900,
    };
    let matchers = [
        Matcher::equal("__name__", "m"),
        Matcher::new(narthex_model::MatchOp::Regex, "instance", "0.*|1[0-3]").unwrap(),
        Matcher::new(narthex_model::MatchOp::NotEqual, "instance", "03").unwrap(),
    ];
    let found = select(&db.snapshot(), &matchers, range);
    let names: Vec<_> = found.iter().map(|(l, _)| l.get("instance").unwrap()).collect();
    assert_eq!(
        names,
        ["00", "01", "02", "04", "05", "07", "08", "09", "10", "11", "12"]
    );
    let listed = db.snapshot().series(&[matchers.to_vec()], range, 0).unwrap();
    assert_eq!(
        listed.items,
        found.iter().map(|(l, _)| l.clone()).collect::<Vec<_>>()
    );
    let values = db
        .snapshot()
        .label_values("instance", &[matchers.to_vec()], range, 0)
        .unwrap();
    assert_eq!(values.items, names);
}

#[test]
fn a_reader_from_before_finds_everything_and_late_samples_are_merged() {
    let disk = MemoryDisk::new();
    let db = open(&disk, options());
    for time in (0..1_500).step_by(10) {
        scrape(&db, time);
    }
    let early = db.snapshot();
    let seen = select(&early, &[], TimeRange::ALL);
    let set = early
        .select(&narthex_model::Selection {
            matchers: &[],
            range: TimeRange::ALL,
        })
        .unwrap();
    for time in (1_500..9_000).step_by(10) {
        scrape(&db, time);
        if time % 100 == 0 {
            maintain(&db, time);
        }
        if time == 4_000 {
            let mut batch = Batch::new(time);
            batch.push_float_labelled(&labels("m", "00"), 2_505, 7.0);
            batch.push_float_labelled(&labels("m", "late"), 2_500, 8.0);
            assert_eq!(db.append(&batch, NOW).unwrap().rejected, []);
        }
    }
    assert_eq!(select(&early, &[], TimeRange::ALL), seen);
    assert_eq!(set.len(), seen.len());
    drop(set);
    drop(early);
    let now = everything(&db);
    maintain(&db, 20_000);
    maintain(&db, 40_000);
    assert_eq!(everything(&db), now);
    let first = &now[0].1;
    assert!(first.iter().any(|(t, v)| (*t, *v) == (2_505, 7.0_f64.to_bits())));
    assert!(
        now.iter()
            .any(|(l, s)| l.get("instance") == Some("late") && s.len() == 1)
    );
    assert_eq!(everything(&open(&disk.fork(), options())), now);
    let mut batch = Batch::new(0);
    batch.push_float_labelled(&labels("m", "00"), 1_005, 9.0);
    assert_eq!(
        open(&disk.fork(), options())
            .append(&batch, NOW)
            .unwrap()
            .rejected
            .len(),
        1
    );
}

#[test]
fn old_and_too_many_blocks_go() {
    let disk = MemoryDisk::new();
    let (db, expected) = lived(&disk);
    db.close().unwrap();
    let retention_ms = 4_500;
    let db = open(
        &disk,
        Options {
            retention_ms,
            ..options()
        },
    );
    for now in 9..20 {
        maintain(&db, now * 1_000);
    }
    let left = everything(&db);
    assert!(left[0].1[0].0 >= 3_000 && left[0].1.last() == expected[0].1.last());
    let blocks = files(&disk, "blocks");
    for now in 20..30 {
        maintain(&db, now * 1_000);
    }
    assert_eq!(files(&disk, "blocks"), blocks);
    db.close().unwrap();
    let db = open(
        &disk,
        Options {
            retention_bytes: 1,
            ..options()
        },
    );
    for now in 30..33 {
        maintain(&db, now * 1_000);
        assert_eq!((files(&disk, "blocks").len(), files(&disk, "head").len()), (0, 1));
    }
    assert!(!everything(&db).is_empty());
}

#[test]
fn damage_in_a_block_is_named_and_never_answers_wrongly() {
    let disk = MemoryDisk::new();
    let (db, expected) = lived(&disk);
    db.close().unwrap();
    let mut cases = 0;
    if let Some(block) = files(&disk, "blocks").into_iter().nth(1) {
        for name in ["meta.json", "index", "chunks"] {
            let path = block.join(name);
            let len = disk.read(&path).unwrap().len();
            for at in (0..len).step_by(len / 20 + 1) {
                for truncate in [false, true] {
                    let image = disk.fork();
                    let change = |bytes: &mut Vec<u8>| {
                        if truncate {
                            bytes.truncate(at);
                        } else {
                            bytes[at] ^= 0x10;
                        }
                    };
                    image.damage(&path, change).unwrap();
                    check_damaged(&image, &expected, &format!("{name} at {at}, cut {truncate}"));
                    cases += 1;
                }
            }
        }
    }
    assert!(cases > 100, "{cases}");
}

fn check_damaged(image: &MemoryDisk, expected: &[Series], context: &str) {
    let opened = Db::open_on(std::sync::Arc::new(image.clone()), "data", options());
    let db = match opened {
        Ok(db) => db,
        Err(error) => {
            let refused = matches!(error, narthex_tsdb::Error::Unsupported { .. });
            assert!(refused, "{context}: {error}");
            return;
        }
    };
    let snapshot = db.snapshot();
    let whole = narthex_model::Selection {
        matchers: &[],
        range: TimeRange::ALL,
    };
    let Ok(set) = snapshot.select(&whole) else {
        return;
    };
    let mut buffer = narthex_model::SampleBuffer::new();
    for at in 0..set.len() {
        if set.read(at, &mut buffer).is_err() {
            continue;
        }
        let labels = set.labels(at);
        let known = &expected.iter().find(|(l, _)| *l == labels).unwrap().1;
        for (time, value) in buffer.times().iter().zip(buffer.values()) {
            assert!(
                known.contains(&(*time, value.to_bits())),
                "{context}: {labels} at {time}"
            );
        }
    }
}
