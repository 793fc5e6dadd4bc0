//! From memory to sealed segments, and from them to nothing.

use std::path::Path;
use std::sync::Arc;

use narthex_model::{
    FloatHistogram, Histogram, HistogramValue, Matcher, ResetHint, STALE_NAN, SampleBuffer, Selection,
    SeriesSource, TimeRange,
};
use narthex_tsdb::disk::{Disk, MemoryDisk};
use narthex_tsdb::{Batch, Db, Options, Reason};

use crate::world::{NOW, everything, labels, open, select};

/// One scrape of 40 series: some shared, some with gaps, some with times of their own.
fn scrape(db: &Db, time: i64) {
    let mut batch = Batch::new(time).with_group(1);
    for series in 0..40_i64 {
        let own = if series % 8 == 7 { series % 3 - 5 } else { 0 };
        if series % 5 != 4 || time % 3 != 0 {
            let value = if time % 100 == 50 {
                f64::from_bits(STALE_NAN)
            } else {
                (time * series) as f64 / 10.0
            };
            batch.push_float_labelled(&labels("m", &format!("{series:02}")), time * 10 + own, value);
        }
    }
    assert_eq!(db.append(&batch, NOW).unwrap().rejected, []);
}

#[test]
fn answers_are_the_same_before_and_after_sealing_and_a_restart() {
    let disk = MemoryDisk::new();
    let db = open(&disk, Options::default());
    for round in 0..4_i64 {
        (round * 300..(round + 1) * 300).for_each(|time| scrape(&db, time));
        let range = TimeRange {
            min: 1_500,
            max: 8_200,
        };
        let matchers = [Matcher::equal("instance", "04")];
        let (all, part) = (everything(&db), select(&db.snapshot(), &matchers, range));
        let names = db.snapshot().series(&[], range, 0).unwrap();
        db.seal().unwrap();
        let stats = db.stats();
        assert_eq!(
            (stats.samples, stats.lowest_time.is_some_and(|t| t < 10)),
            (0, true)
        );
        assert!(stats.wal_bytes == 0 && stats.head_segment_bytes > 0, "{stats:?}");
        assert_eq!(everything(&db), all);
        assert_eq!(select(&db.snapshot(), &matchers, range), part);
        assert_eq!(db.snapshot().series(&[], range, 0).unwrap(), names);
        assert_eq!(everything(&open(&disk.fork(), Options::default())), all);
    }
    let bytes = db.stats().head_segment_bytes as f64
        / everything(&db).iter().map(|(_, s)| s.len()).sum::<usize>() as f64;
    assert!(bytes < 2.0, "{bytes} bytes per sample");
}

#[test]
fn the_log_is_sealed_when_it_has_many_samples_also_after_a_restart() {
    let disk = MemoryDisk::new();
    // 40 series may have 560 more.
    let options = Options {
        wal_unsealed_samples: 1_000,
        ..Options::default()
    };
    let mut db = open(&disk, options.clone());
    let mut log_was = 0;
    let mut seals = 0;
    for time in 0..400 {
        if time % 15 == 14 {
            drop(db);
            db = open(&disk, options.clone());
        }
        let samples = db.stats().samples;
        scrape(&db, time);
        db.tick(NOW).unwrap();
        let stats = db.stats();
        if stats.wal_bytes < log_was {
            assert!(
                (1_560 - 40..=1_560).contains(&samples),
                "sealed with {samples} samples and a scrape"
            );
            seals += 1;
        }
        assert!(stats.samples < 1_560, "{stats:?}");
        log_was = stats.wal_bytes;
    }
    assert!(seals >= 8, "{seals} seals");
}

#[test]
fn selections_read_in_turns_answer_as_if_read_one_after_the_other() {
    let disk = MemoryDisk::new();
    let options = Options {
        seal_interval_ms: 1_000,
        block_interval_ms: 2_000,
        ..Options::default()
    };
    let db = open(&disk, options);
    for time in 0..700 {
        scrape(&db, time);
        db.tick(NOW).unwrap();
    }
    db.compact().unwrap();
    let stats = db.stats();
    assert!(
        stats.blocks > 0 && stats.head_segment_bytes > 0 && stats.samples > 0,
        "{stats:?}"
    );
    let ranges = [
        (0, 7_000),
        (500, 6_500),
        (2_400, 2_500),
        (6_000, 9_000),
        (100, 6_990),
        (3_000, 3_000),
    ];
    let ranges = ranges.map(|(min, max)| TimeRange { min, max });
    let snapshot = db.snapshot();
    let sets = ranges.map(|range| {
        let selection = Selection { matchers: &[], range };
        (
            snapshot.select(&selection).unwrap(),
            select(&snapshot, &[], range).into_iter(),
        )
    });
    let mut sets = sets.map(|(set, expected)| (set, expected.peekable()));
    let mut buffer = SampleBuffer::new();
    for at in 0..40 {
        for (set, expected) in &mut sets {
            if at >= set.len() {
                continue;
            }
            set.read(at, &mut buffer).unwrap();
            let values = buffer.values().iter().map(|v| v.to_bits());
            let read: Vec<_> = buffer.times().iter().copied().zip(values).collect();
            let labels = set.labels(at);
            let samples = expected.next_if(|(known, _)| *known == labels);
            assert_eq!(read, samples.map(|(_, samples)| samples).unwrap_or_default());
        }
    }
    assert!(sets.iter_mut().all(|(_, expected)| expected.peek().is_none()));
}

#[test]
fn a_reader_keeps_its_view_while_the_store_seals() {
    let db = open(&MemoryDisk::new(), Options::default());
    (0..200).for_each(|time| scrape(&db, time));
    let early = db.snapshot();
    let seen = select(&early, &[], TimeRange::ALL);
    (200..300).for_each(|time| scrape(&db, time));
    let late = db.snapshot();
    let seen_late = select(&late, &[], TimeRange::ALL);
    db.seal().unwrap();
    assert!(
        db.stats().samples > 0,
        "what the early reader must not see stays in memory"
    );
    (300..310).for_each(|time| scrape(&db, time));
    assert_eq!(select(&early, &[], TimeRange::ALL), seen);
    assert_eq!(select(&late, &[], TimeRange::ALL), seen_late);
    drop((early, late));
    let now = everything(&db);
    db.seal().unwrap();
    assert_eq!((db.stats().samples, everything(&db)), (0, now));
}

#[test]
fn readers_and_writers_go_on_while_the_store_seals() {
    let db = open(&MemoryDisk::new(), Options::default());
    let rounds = 300;
    std::thread::scope(|scope| {
        scope.spawn(|| (0..rounds).for_each(|time| scrape(&db, time)));
        scope.spawn(|| {
            while db.snapshot().commit() < rounds as u64 {
                db.seal().unwrap();
            }
        });
        let mut newest = 0;
        while newest < rounds {
            let snapshot = db.snapshot();
            let commit = snapshot.commit() as i64;
            for (labels, samples) in select(&snapshot, &[], TimeRange::ALL) {
                let gaps = labels.get("instance").unwrap().parse::<i64>().unwrap() % 5 == 4;
                let expected = if gaps { commit - (commit + 2) / 3 } else { commit };
                assert_eq!(samples.len() as i64, expected, "{labels} at commit {commit}");
            }
            newest = commit;
        }
    });
}

#[test]
fn late_samples_histograms_and_start_times_are_sealed_too() {
    let disk = MemoryDisk::new();
    let options = Options {
        out_of_order_window_ms: 1_000,
        ..Options::default()
    };
    let db = open(&disk, options.clone());
    let series = db.resolve(&labels("m", "a")).unwrap();
    let integer = |count| {
        HistogramValue::Integer(Arc::new(Histogram {
            count,
            ..Histogram::default()
        }))
    };
    let float = HistogramValue::Float(Arc::new(FloatHistogram {
        count: 2.5,
        ..FloatHistogram::default()
    }));
    let mut batch = Batch::new(0);
    for time in [100, 300, 200, 250, 400] {
        batch.push_float(series, time, time as f64);
        batch.set_start_time(if time < 300 { 7 } else { 9 });
    }
    batch.push_histogram(series, 500, integer(1));
    batch.push_histogram(series, 600, integer(2));
    batch.push_histogram(series, 700, float.clone());
    assert_eq!(db.append(&batch, NOW).unwrap().rejected, []);
    let read = |db: &Db| {
        let snapshot = db.snapshot();
        let set = snapshot
            .select(&Selection {
                matchers: &[],
                range: TimeRange::ALL,
            })
            .unwrap();
        let mut buffer = SampleBuffer::new();
        set.read(0, &mut buffer).unwrap();
        let columns = (
            buffer.times().to_vec(),
            buffer.values().to_vec(),
            buffer.start_times().to_vec(),
        );
        (columns, buffer.histograms().to_vec())
    };
    let before = read(&db);
    assert_eq!(before.0.0, [100, 200, 250, 300, 400, 500, 600, 700]);
    let mut second = integer(2);
    second.set_hint(ResetHint::NotReset);
    assert_eq!(before.1, [(5, integer(1)), (6, second), (7, float)]);
    db.seal().unwrap();
    assert_eq!(db.stats().samples, 0);
    assert_eq!(read(&db), before);
    db.close().unwrap();
    assert_eq!(read(&open(&disk, options)), before);
}

#[test]
fn duplicates_are_known_after_sealing_and_a_restart() {
    let disk = MemoryDisk::new();
    let append = |db: &Db, time: i64, value: f64| {
        let mut batch = Batch::new(time);
        batch.push_float_labelled(&labels("m", "a"), time, value);
        let commit = db.append(&batch, NOW).unwrap();
        commit.rejected.first().map(|r| r.reason.to_string())
    };
    let db = open(&disk, Options::default());
    (0..100).for_each(|time| assert_eq!(append(&db, time, 1.0), None));
    db.seal().unwrap();
    let check = |db: &Db| {
        assert_eq!(append(db, 98, 1.0), Some(Reason::OutOfOrder.to_string()));
        assert_eq!(append(db, 99, 1.0), None);
        assert!(append(db, 99, 2.0).unwrap().starts_with("duplicate sample"));
        assert_eq!(everything(db)[0].1.len(), 100);
    };
    check(&db);
    db.close().unwrap();
    check(&open(&disk, Options::default()));
}

#[test]
fn old_segments_go_by_age_and_by_size() {
    let hour = 3_600_000;
    for (options, kept) in [
        (
            Options {
                retention_ms: 3 * hour,
                block_interval_ms: 0,
                ..Options::default()
            },
            3,
        ),
        (
            Options {
                retention_ms: 0,
                retention_bytes: 1,
                block_interval_ms: 0,
                ..Options::default()
            },
            1,
        ),
        (
            Options {
                retention_ms: 0,
                ..Options::default()
            },
            10,
        ),
    ] {
        let db = open(&MemoryDisk::new(), options);
        for step in 0..10 {
            for minute in 0..60 {
                let time = step * hour + minute * 60_000;
                let mut batch = Batch::new(time).with_group(1);
                batch.push_float_labelled(&labels("m", "a"), time, minute as f64);
                db.append(&batch, NOW).unwrap();
            }
            db.seal().unwrap();
            db.tick(step * 1_000).unwrap();
        }
        let found = everything(&db);
        assert_eq!(found[0].1.len(), kept * 60);
    }
}

#[test]
fn a_damaged_segment_is_set_aside_or_reported_and_never_wrong() {
    let disk = MemoryDisk::new();
    let db = open(&disk, Options::default());
    (0..100).for_each(|time| scrape(&db, time));
    db.seal().unwrap();
    (100..200).for_each(|time| scrape(&db, time));
    db.seal().unwrap();
    let sound = everything(&db);
    db.close().unwrap();
    let folder = Path::new("data/narthex/head");
    let file = &disk.list(folder).unwrap()[0];
    let path = folder.join(&file.name);
    let (mut aside, mut reported) = (0, 0);
    for place in (0..file.len).step_by(37) {
        let image = disk.fork();
        image
            .damage(&path, |bytes| bytes[place as usize] ^= 0x04)
            .unwrap();
        let db = open(&image, Options::default());
        if !db.stats().damage.is_empty() {
            assert!(db.stats().damage[0].contains(&file.name));
            assert!(
                image
                    .list(folder)
                    .unwrap()
                    .iter()
                    .any(|e| e.name.ends_with(".quarantine"))
            );
            aside += 1;
        }
        let snapshot = db.snapshot();
        let Ok(set) = snapshot.select(&Selection {
            matchers: &[],
            range: TimeRange::ALL,
        }) else {
            reported += 1;
            continue;
        };
        let mut buffer = SampleBuffer::new();
        for at in 0..set.len() {
            match set.read(at, &mut buffer) {
                Err(error) => {
                    assert!(error.message.contains(&file.name), "{error}");
                    reported += 1;
                }
                Ok(()) => {
                    let truth = &sound
                        .iter()
                        .find(|(labels, _)| *labels == set.labels(at))
                        .unwrap()
                        .1;
                    for (time, value) in buffer.times().iter().zip(buffer.values()) {
                        assert!(truth.contains(&(*time, value.to_bits())), "byte {place}");
                    }
                }
            }
        }
        let lost = set.lost();
        assert!(lost.iter().all(|text| text.contains(&file.name)), "{lost:?}");
        assert!(db.stats().damage.len() >= lost.len());
        reported += lost.len();
    }
    assert!(aside > 0 && reported > 0, "{aside} {reported}");
}

#[test]
fn a_late_sample_in_the_log_does_not_hide_what_is_sealed() {
    let disk = MemoryDisk::new();
    let options = Options {
        out_of_order_window_ms: 1_000,
        ..Options::default()
    };
    let append = |db: &Db, time: i64, value: f64| {
        let mut batch = Batch::new(time);
        batch.push_float_labelled(&labels("m", "a"), time, value);
        db.append(&batch, NOW).unwrap().rejected.len()
    };
    let db = open(&disk, options.clone());
    append(&db, 5_000, 1.0);
    db.seal().unwrap();
    append(&db, 4_500, 2.0);
    db.close().unwrap();
    let db = open(&disk, options);
    // Were 4,500 taken for the newest sample, the second of these would be a refused duplicate.
    assert_eq!([append(&db, 4_600, 3.0), append(&db, 4_600, 4.0)], [0, 0]);
    let samples: Vec<_> = everything(&db)[0]
        .1
        .iter()
        .map(|(t, v)| (*t, f64::from_bits(*v)))
        .collect();
    assert_eq!(samples, [(4_500, 2.0), (4_600, 3.0), (5_000, 1.0)]);
}

#[test]
fn a_lost_catalog_costs_the_names_and_gives_no_series_the_samples_of_another() {
    let disk = MemoryDisk::new();
    let db = open(&disk, Options::default());
    (0..100).for_each(|time| scrape(&db, time));
    db.seal().unwrap();
    (100..110).for_each(|time| scrape(&db, time));
    db.close().unwrap();
    let folder = Path::new("data/narthex/catalog");
    for file in disk.list(folder).unwrap() {
        disk.remove(&folder.join(&file.name)).unwrap();
    }
    for _ in 0..2 {
        let db = open(&disk, Options::default());
        let damage = db.stats().damage;
        assert!(
            damage.iter().any(|d| d.contains("lost the names of 40 series")),
            "{damage:?}"
        );
        let mut batch = Batch::new(2_000);
        batch.push_float_labelled(&labels("other", "x"), 2_000, 7.0);
        db.append(&batch, NOW).unwrap();
        let expected = vec![(labels("other", "x"), vec![(2_000, 7_f64.to_bits())])];
        assert_eq!(everything(&db), expected);
        db.close().unwrap();
    }
}

#[test]
fn exemplars_are_sealed_and_there_again_after_a_restart() {
    let options = Options {
        max_exemplars: 10,
        ..Options::default()
    };
    let disk = MemoryDisk::new();
    let db = open(&disk, options.clone());
    let append = |db: &narthex_tsdb::Db, time: i64| {
        let mut batch = Batch::new(time);
        batch.push_float_labelled(&labels("m", "a"), time, 1.0);
        let exemplar = narthex_tsdb::Exemplar {
            labels: narthex_model::Labels::from_pairs([("trace_id", time.to_string().as_str())]),
            value: f64::from_bits(0x7ff0_0000_0000_0002 + time as u64),
            time: time - 1,
        };
        batch.push_exemplar_labelled(&labels("m", "a"), exemplar);
        db.append(&batch, NOW).unwrap();
    };
    let found = |db: &narthex_tsdb::Db| -> Vec<(i64, u64, String)> {
        let found = db.snapshot().exemplars(&[], TimeRange::ALL);
        let all = found.into_iter().flat_map(|(_, e)| e);
        all.map(|e| (e.time, e.value.to_bits(), e.labels.to_string()))
            .collect()
    };
    for time in [10, 20, 30, 40] {
        append(&db, time);
        if time % 20 == 0 {
            db.seal().unwrap();
        }
    }
    append(&db, 50);
    let before = found(&db);
    assert_eq!(before.len(), 5);
    db.close().unwrap();
    drop(db);
    let db = open(&disk, options.clone());
    assert_eq!(found(&db), before);
    // Each stands in one segment only, also after it came out of the log.
    append(&db, 60);
    db.seal().unwrap();
    let before = found(&db);
    assert_eq!((before.len(), found(&open(&disk.fork(), options))), (6, before));
    assert_eq!(found(&open(&disk.fork(), Options::default())), []);
}
