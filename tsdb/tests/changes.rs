//! What a store says has changed: samples before that time are what they were, whatever was done meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};

use narthex_model::{Matcher, Moment, SampleBuffer, Selection, SeriesSource, TimeRange};
use narthex_tsdb::disk::MemoryDisk;
use narthex_tsdb::{Batch, Db, Options};
use proptest::prelude::*;

use crate::world::{NOW, everything, labels, open};

#[derive(Debug, Clone)]
enum Act {
    /// Samples of some series, so many milliseconds before (or behind) the newest.
    Append(Vec<(u8, i64)>),
    Delete(u8, i64, i64),
    Import(u8, i64),
    Seal,
    Compact,
    Tick,
    CleanTombstones,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let sample = (0_u8..6, prop_oneof![8 => -200_i64..=0, 1 => 0_i64..3_000]);
    let act = prop_oneof![
        12 => prop::collection::vec(sample, 1..8).prop_map(Act::Append),
        1 => (0_u8..6, 0_i64..3_000, 0_i64..500).prop_map(|(s, from, length)| Act::Delete(s, from, length)),
        1 => (0_u8..6, 0_i64..3_000).prop_map(|(s, before)| Act::Import(s, before)),
        2 => Just(Act::Seal),
        2 => Just(Act::Compact),
        2 => Just(Act::Tick),
        1 => Just(Act::CleanTombstones),
    ];
    prop::collection::vec(act, 1..60)
}

fn append(db: &Db, samples: &[(u8, i64)], newest: &mut i64) {
    let mut batch = Batch::new(*newest);
    for (series, before) in samples {
        let time = *newest - before;
        batch.push_float_labelled(&labels("m", &series.to_string()), time, time as f64);
        *newest = time.max(*newest);
    }
    // What is too old or there already is refused: that changes nothing.
    db.append(&batch, NOW).unwrap();
}

fn import(db: &Db, series: u8, time: i64) {
    let mut import = db.import_block(time, time + 1).unwrap();
    let mut buffer = SampleBuffer::new();
    buffer.set_times(&[time]);
    buffer.values_mut().push(0.5);
    import.series(&labels("m", &series.to_string()), &buffer).unwrap();
    import.finish().unwrap();
}

type Contents = Vec<(narthex_model::Labels, Vec<(i64, u64)>)>;

fn before(contents: &Contents, time: i64) -> Contents {
    let kept = contents.iter().map(|(labels, samples)| {
        let samples = samples.iter().copied().filter(|(t, _)| *t < time);
        (labels.clone(), samples.collect::<Vec<_>>())
    });
    kept.filter(|(_, samples)| !samples.is_empty()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn what_is_said_to_be_unchanged_is(acts in acts(), with_retention in any::<bool>()) {
        let options = Options {
            seal_interval_ms: 300,
            block_interval_ms: 500,
            out_of_order_window_ms: 5_000,
            retention_ms: if with_retention { 2_000 } else { 0 },
            ..Options::default()
        };
        let db = open(&MemoryDisk::new(), options);
        let mut newest = 10_000;
        let mut past: Vec<(Moment, Contents)> = Vec::new();
        for act in acts {
            past.push((db.snapshot().moment().unwrap(), everything(&db)));
            match &act {
                Act::Append(samples) => append(&db, samples, &mut newest),
                Act::Delete(series, from, length) => {
                    let min = newest - from;
                    let matcher = Matcher::equal("instance", series.to_string());
                    db.delete(&[matcher], TimeRange { min, max: min + length }).unwrap();
                }
                Act::Import(series, before) => import(&db, *series, newest - before),
                Act::Seal => db.seal().unwrap(),
                Act::Compact => db.compact().unwrap(),
                Act::Tick => db.tick(newest).unwrap(),
                Act::CleanTombstones => db.clean_tombstones().unwrap(),
            }
            let (snapshot, now) = (db.snapshot(), everything(&db));
            for (moment, then) in &past {
                let unchanged = snapshot.unchanged_before(*moment);
                prop_assert_eq!(before(then, unchanged), before(&now, unchanged), "before {} since {:?}, {:?}", unchanged, moment, act);
            }
        }
    }
}

#[test]
fn only_what_changes_something_is_told() {
    let disk = MemoryDisk::new();
    let db = open(
        &disk,
        Options {
            out_of_order_window_ms: 1_000_000,
            ..Options::default()
        },
    );
    let mut newest = 1_000_000;
    append(&db, &[(0, 0), (1, 0)], &mut newest);
    let moment = db.snapshot().moment().unwrap();
    let unchanged = |moment| db.snapshot().unchanged_before(moment);
    assert_eq!(unchanged(moment), i64::MAX);
    append(&db, &[(0, 0)], &mut newest);
    db.seal().unwrap();
    db.compact().unwrap();
    db.tick(newest).unwrap();
    assert_eq!(unchanged(moment), i64::MAX, "a sample that was there already");
    append(&db, &[(0, -5_000)], &mut newest);
    assert_eq!(unchanged(moment), 1_005_000);
    append(&db, &[(1, 25_000)], &mut newest);
    assert_eq!(unchanged(moment), 980_000, "a late one");
    let later = db.snapshot().moment().unwrap();
    assert_eq!(unchanged(later), i64::MAX);
    db.delete(&[Matcher::equal("instance", "1")], TimeRange::ALL)
        .unwrap();
    assert_eq!(unchanged(later), i64::MIN);
    drop(db);
    // A restart begins a life of its own.
    let db = open(&disk, Options::default());
    assert_eq!(db.snapshot().unchanged_before(moment), i64::MIN);
}

/// What a snapshot has, read once.
fn contents(snapshot: &narthex_tsdb::Snapshot) -> Contents {
    let range = TimeRange::ALL;
    let set = snapshot.select(&Selection { matchers: &[], range }).unwrap();
    let mut buffer = SampleBuffer::new();
    let read = (0..set.len()).map(|at| {
        set.read(at, &mut buffer).unwrap();
        let bits = buffer.values().iter().map(|v| v.to_bits());
        (set.labels(at), buffer.times().iter().copied().zip(bits).collect())
    });
    read.collect()
}

#[test]
fn what_others_change_meanwhile_is_told() {
    const WRITERS: i64 = 2;
    const COMPARISONS: usize = 100;
    let enough = AtomicBool::new(false);
    let options = Options {
        out_of_order_window_ms: 1_000_000,
        ..Options::default()
    };
    let db = open(&MemoryDisk::new(), options);
    let write = &|writer: i64| {
        for i in (0_i64..).take_while(|_| !enough.load(Ordering::Relaxed)) {
            let mut batch = Batch::new(i * 1_000);
            for series in 0..40 {
                // Now and then a sample between two that are there.
                let time = if i % 7 == 6 && series == writer {
                    i * 500 + 3
                } else {
                    i * 1_000
                };
                let labels = labels("m", &format!("{writer}-{series}"));
                batch.push_float_labelled(&labels, time, time as f64);
            }
            db.append(&batch, NOW).unwrap();
        }
    };
    let delete = || {
        for i in 0..20 {
            let matcher = Matcher::equal("instance", format!("1-{i}"));
            db.delete(
                &[matcher],
                TimeRange {
                    min: 0,
                    max: i * 5_000,
                },
            )
            .unwrap();
        }
    };
    let mut past: Vec<(Moment, Contents)> = Vec::new();
    let mut compared = 0;
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            scope.spawn(move || write(writer));
        }
        let deleter = scope.spawn(delete);
        while compared < COMPARISONS || !deleter.is_finished() {
            let snapshot = db.snapshot();
            let moment = snapshot.moment().unwrap();
            let unchanged: Vec<i64> = past
                .iter()
                .map(|(then, _)| snapshot.unchanged_before(*then))
                .collect();
            let now = contents(&snapshot);
            if snapshot.moment() != Some(moment) {
                continue;
            }
            for ((then, had), unchanged) in past.iter().zip(unchanged) {
                assert_eq!(
                    before(had, unchanged),
                    before(&now, unchanged),
                    "{unchanged}: {then:?} {moment:?}"
                );
                compared += usize::from(unchanged > 1_000 && unchanged < i64::MAX);
            }
            past.push((moment, now));
            if past.len() > 8 {
                past.remove(0);
            }
        }
        enough.store(true, Ordering::Relaxed);
    });
}
