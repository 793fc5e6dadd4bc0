//! Series that come and go: what they cost when they are gone.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use narthex_model::{Labels, Matcher, Projection, Selection, SeriesSource, TimeRange};
use narthex_tsdb::disk::{Disk, MemoryDisk};
use narthex_tsdb::{Batch, Db, Options, Reason};

use crate::world::{NOW, everything, labels, open, select};

fn options() -> Options {
    Options {
        seal_interval_ms: 500,
        block_interval_ms: 1_000,
        in_order_window_ms: 500,
        wal_segment_bytes: 4_096,
        ..Options::default()
    }
}

/// Series of one generation that a scrape at `time` has; every tenth series is of all generations.
fn targets(time: i64) -> impl Iterator<Item = Labels> {
    let generation = time / 1_000;
    (0..100).map(move |i| {
        let name = if i % 10 == 0 {
            format!("always-{i}")
        } else {
            format!("pod-{generation}-{i}")
        };
        labels("m", &name)
    })
}

fn scrape(db: &Db, time: i64) {
    let mut batch = Batch::new(time).with_group(1);
    for target in targets(time) {
        batch.push_float_labelled(&target, time, time as f64);
    }
    assert_eq!(db.append(&batch, NOW).unwrap().rejected, []);
}

fn catalog_bytes(disk: &MemoryDisk) -> u64 {
    let entries = disk.list(Path::new("data/narthex/catalog")).unwrap();
    entries.iter().map(|e| e.len).sum()
}

type Expected = BTreeMap<Labels, Vec<(i64, u64)>>;

fn live(db: &Db, times: std::ops::Range<i64>, expected: &mut Expected) {
    for time in times.step_by(50) {
        scrape(db, time);
        for target in targets(time) {
            let bits = (time as f64).to_bits();
            expected.entry(target).or_default().push((time, bits));
        }
        db.tick(time).unwrap();
        db.compact().unwrap();
    }
}

#[test]
fn what_has_left_costs_no_memory_and_no_catalog_and_still_answers() {
    let disk = MemoryDisk::new();
    let db = open(&disk, options());
    let mut expected = Expected::new();
    let mut figures = Vec::new();
    for generation in 0..40 {
        live(&db, generation * 1_000..(generation + 1) * 1_000, &mut expected);
        let stats = db.stats();
        figures.push((
            stats.series,
            stats.head_bytes,
            stats.label_pairs,
            catalog_bytes(&disk),
        ));
    }
    for (at, (series, bytes, pairs, catalog)) in figures.iter().enumerate().skip(20) {
        let (_, then, _, old) = figures[10];
        assert!(*series < 700 && *pairs < 700, "{at}: {figures:?}");
        assert!(*bytes < then * 3 / 2 && *catalog < old * 3, "{at}: {figures:?}");
    }
    assert!(db.stats().series_removed > 3_000);
    let expected: Vec<_> = expected.into_iter().collect();
    assert_eq!(everything(&db), expected);
    // A range has the series that have samples there, and no others.
    let range = TimeRange {
        min: 12_000,
        max: 12_900,
    };
    let matchers = [Matcher::equal("__name__", "m")];
    let found = select(&db.snapshot(), &matchers, range);
    assert_eq!(found.len(), 100);
    let names = db.snapshot().label_values("instance", &[], range, 0).unwrap();
    assert!(names.items.contains(&"pod-12-11".to_owned()));
    db.close().unwrap();
    let reopened = open(&disk, options());
    assert_eq!(reopened.stats().damage, Vec::<String>::new());
    assert_eq!(everything(&reopened), expected);
    assert!(reopened.stats().series < 900, "{:?}", reopened.stats().series);
    let mut more = expected.into_iter().collect();
    live(&reopened, 40_000..46_000, &mut more);
    assert_eq!(everything(&reopened), more.into_iter().collect::<Vec<_>>());
}

#[test]
fn a_series_that_comes_back_gets_another_reference_and_keeps_its_samples() {
    let disk = MemoryDisk::new();
    let db = open(&disk, options());
    let back = labels("m", "pod-0-1");
    let old = db.resolve(&back).unwrap();
    let mut expected = Expected::new();
    live(&db, 0..8_000, &mut expected);
    let early = db.snapshot();
    let mut batch = Batch::new(8_000);
    batch.push_float(old, 8_000, 1.0);
    let commit = db.append(&batch, NOW).unwrap();
    assert_eq!(commit.rejected[0].reason, Reason::UnknownSeries);
    let new = db.resolve(&back).unwrap();
    assert_ne!(old, new);
    batch.reset(8_000);
    batch.push_float(new, 8_000, 1.0);
    assert_eq!(db.append(&batch, NOW).unwrap().rejected, []);
    let before = select(&early, &[], TimeRange::ALL);
    assert_eq!(before, expected.clone().into_iter().collect::<Vec<_>>());
    expected
        .entry(back.clone())
        .or_default()
        .push((8_000, 1_f64.to_bits()));
    let all: Vec<_> = expected.clone().into_iter().collect();
    assert_eq!(everything(&db), all);
    // Killed and opened again, before and after the second life is sealed.
    assert_eq!(everything(&open(&disk.fork(), options())), all);
    live(&db, 8_050..12_000, &mut expected);
    let all: Vec<_> = expected.into_iter().collect();
    assert_eq!(everything(&db), all);
    let image = disk.fork();
    let reopened = open(&image, options());
    assert_eq!(reopened.stats().damage, Vec::<String>::new());
    assert_eq!(everything(&reopened), all);
}

#[test]
fn a_selection_groups_series_that_leave_meanwhile_by_their_labels() {
    let disk = MemoryDisk::new();
    let db = open(&disk, options());
    let (range, mut met) = (TimeRange::ALL, 0);
    for time in (0..8_000).step_by(50) {
        scrape(&db, time);
        let (snapshot, before) = (db.snapshot(), db.stats().series_removed);
        let set = snapshot.select(&Selection { matchers: &[], range }).unwrap();
        let labels: Vec<Labels> = (0..set.len()).map(|at| set.labels(at)).collect();
        // One step on the way out.
        db.tick(time).unwrap();
        met += u32::from(db.stats().series_removed > before);
        for (names, without) in [(&["instance"][..], false), (&["instance"], true)] {
            let projection = Projection { names, without };
            assert_eq!(set.group(&projection), projection.group(labels.iter()));
        }
        drop(set);
        drop(snapshot);
        db.tick(time).unwrap();
        db.compact().unwrap();
    }
    assert!(met > 0, "no series left while somebody looked at it");
}

/// Writers with series that come and go, a reader that counts, and maintenance, all at once.
#[test]
fn commits_sealing_cutting_leaving_and_readers_go_on_at_once() {
    let disk = MemoryDisk::new();
    let db = open(&disk, options());
    let (writers, rounds, running) = (3_i64, 900_i64, AtomicBool::new(true));
    let target = |writer: i64, round: i64, i: i64| {
        let generation = round / 60;
        labels("m", &format!("{writer}-{generation}-{i}"))
    };
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..writers)
            .map(|writer| {
                let db = &db;
                scope.spawn(move || {
                    // References are kept as a scraper keeps them: looked up again when the store says so.
                    let mut known = BTreeMap::new();
                    for round in 0..rounds {
                        let time = round * 10;
                        let mut batch = Batch::new(time).with_group(writer as u64 % 2);
                        let names: Vec<Labels> = (0..20).map(|i| target(writer, round, i)).collect();
                        for name in &names {
                            let series = *known
                                .entry(name.clone())
                                .or_insert_with(|| db.resolve(name).unwrap());
                            batch.push_float(series, time, round as f64);
                        }
                        let commit = db.append(&batch, NOW).unwrap();
                        for rejected in commit.rejected {
                            // Writers may be a window apart: what came too late is refused by the rules.
                            if rejected.reason == Reason::UnknownSeries {
                                let name = &names[rejected.index];
                                known.insert(name.clone(), db.resolve(name).unwrap());
                                let mut again = Batch::new(time);
                                again.push_float_labelled(name, time, round as f64);
                                db.append(&again, NOW).unwrap();
                            }
                        }
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            let mut now = 0;
            while running.load(Ordering::Relaxed) {
                now += 1_000;
                db.tick(now).unwrap();
                db.seal().unwrap();
            }
        });
        scope.spawn(|| {
            while running.load(Ordering::Relaxed) {
                db.compact().unwrap();
            }
        });
        scope.spawn(|| {
            while running.load(Ordering::Relaxed) {
                let snapshot = db.snapshot();
                let first = select(&snapshot, &[], TimeRange::ALL);
                assert!(first.iter().all(|(_, s)| s.is_sorted_by(|a, b| a.0 < b.0)));
                assert_eq!(
                    select(&snapshot, &[], TimeRange::ALL),
                    first,
                    "a snapshot stays as it is"
                );
            }
        });
        handles.into_iter().for_each(|h| h.join().unwrap());
        running.store(false, Ordering::Relaxed);
    });
    let found = everything(&db);
    let appended = db.stats().floats_appended;
    let held: usize = found.iter().map(|(_, samples)| samples.len()).sum();
    assert_eq!(held as u64, appended, "what was acknowledged is there once");
    for (labels, samples) in &found {
        for (time, bits) in samples {
            let value = (time / 10) as f64;
            assert_eq!(*bits, value.to_bits(), "{labels}");
        }
    }
    db.close().unwrap();
    assert_eq!(everything(&open(&disk, options())), found);
}

#[test]
fn a_damaged_catalog_costs_no_names() {
    let disk = MemoryDisk::new();
    let db = open(&disk, options());
    let mut expected = Expected::new();
    live(&db, 0..2_000, &mut expected);
    db.seal().unwrap();
    db.close().unwrap();
    let expected: Vec<_> = expected.into_iter().collect();
    let folder = Path::new("data/narthex/catalog");
    let files = disk.list(folder).unwrap();
    assert_eq!(files.len() % 2, 0, "{files:?}");
    let (mut cases, mut damaged) = (0, 0);
    for file in &files {
        let path = folder.join(&file.name);
        let places = (0..file.len).step_by(41).map(Some).chain([None]);
        for place in places {
            let image = disk.fork();
            match place {
                Some(place) => image
                    .damage(&path, |bytes| bytes[place as usize] ^= 0x10)
                    .unwrap(),
                None => image.remove(&path).unwrap(),
            }
            let db = open(&image, options());
            let told = db.stats().damage;
            assert!(
                told.iter().all(|d| d.contains(&file.name)),
                "{file:?} {place:?}: {told:?}"
            );
            damaged += usize::from(!told.is_empty());
            cases += 1;
            assert_eq!(everything(&db), expected, "{file:?} {place:?}");
            // The next tick writes both again: it is the other one's turn to be damaged.
            db.tick(1).unwrap();
            db.close().unwrap();
            let again = open(&image, options());
            if !told.is_empty() {
                assert_eq!(again.stats().damage, Vec::<String>::new());
            }
            assert_eq!(everything(&again), expected);
        }
    }
    assert!(cases > 100 && damaged > cases / 3, "{cases} {damaged}");
}
