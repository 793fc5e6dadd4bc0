//! What a store does, case by case.

use std::sync::Arc;

use narthex_model::{
    FloatHistogram, Histogram, HistogramValue, Labels, MatchOp, Matcher, ResetHint, SampleBuffer, Selection,
    SeriesSource, SourceErrorKind, TimeRange,
};
use narthex_tsdb::disk::MemoryDisk;
use narthex_tsdb::{Batch, Db, Error, Exemplar, Options, Policy, Reason};

use crate::world::{NOW, everything, labels, open, select};

#[test]
fn a_batch_is_read_back_in_label_order_and_after_a_restart() {
    let disk = MemoryDisk::new();
    let db = open(&disk, Options::default());
    let series: Vec<_> = ["b", "a", "c"]
        .map(|i| db.resolve(&labels("up", i)).unwrap())
        .into();
    for time in 0..1_000 {
        let mut batch = Batch::new(time * 15_000).with_group(7);
        for (at, series) in series.iter().enumerate() {
            if !(at == 2 && time % 5 == 0) {
                batch.push_float(*series, time * 15_000, (time * at as i64) as f64 * 0.1);
            }
        }
        let commit = db.append(&batch, NOW).unwrap();
        assert_eq!(commit.rejected, []);
    }
    let before = everything(&db);
    let names: Vec<_> = before
        .iter()
        .map(|(l, s)| (l.get("instance").unwrap().to_owned(), s.len()))
        .collect();
    assert_eq!(
        names,
        [("a".into(), 1_000), ("b".into(), 1_000), ("c".into(), 800)]
    );
    db.close().unwrap();
    assert!(matches!(db.append(&Batch::new(0), NOW), Err(Error::Closed)));
    let db = open(&disk, Options::default());
    assert_eq!(everything(&db), before);
    assert_eq!(db.stats().damage, Vec::<String>::new());
}

#[test]
fn a_range_is_cut_on_both_ends_and_times_stay_shared() {
    let db = open(&MemoryDisk::new(), Options::default());
    let (a, b) = (
        db.resolve(&labels("m", "a")).unwrap(),
        db.resolve(&labels("m", "b")).unwrap(),
    );
    for time in 0..500 {
        let mut batch = Batch::new(time).with_group(1);
        batch.push_float(a, time, time as f64);
        batch.push_float(b, time, -time as f64);
        db.append(&batch, NOW).unwrap();
    }
    let snapshot = db.snapshot();
    for (min, max) in [(0, 499), (17, 333), (490, 600), (-5, 3), (250, 250)] {
        let range = TimeRange { min, max };
        let set = snapshot.select(&Selection { matchers: &[], range }).unwrap();
        let mut buffer = SampleBuffer::new();
        set.read(0, &mut buffer).unwrap();
        let version = buffer.times_version();
        let expected: Vec<i64> = (min.max(0)..=max.min(499)).collect();
        assert_eq!(buffer.times(), expected);
        set.read(1, &mut buffer).unwrap();
        assert_eq!((buffer.times(), buffer.times_version()), (&expected[..], version));
        assert_eq!(buffer.values()[0], -expected[0] as f64);
    }
}

#[test]
fn refused_samples_are_left_out_or_refuse_the_batch() {
    let db = open(&MemoryDisk::new(), Options::default());
    let series = db.resolve(&labels("m", "a")).unwrap();
    let mut batch = Batch::new(100);
    for (time, value) in [(100, 1.0), (100, 1.0), (100, 2.0), (99, 1.0), (101, 3.0)] {
        batch.push_float(series, time, value);
    }
    batch.push_float(series, NOW + 600_001, 3.0);
    let refused = db
        .append(&batch.clone().with_policy(Policy::Abort), NOW)
        .unwrap_err();
    assert!(matches!(&refused, Error::Refused(r) if r.len() == 3), "{refused}");
    assert_eq!(everything(&db), []);
    let commit = db.append(&batch, NOW).unwrap();
    assert_eq!((commit.appended, commit.series_created), (3, 1));
    let reasons: Vec<_> = commit
        .rejected
        .iter()
        .map(|r| (r.index, r.reason.to_string()))
        .collect();
    let duplicate = "duplicate sample for timestamp 100; overrides not allowed: existing 1, new value 2";
    assert_eq!(
        reasons,
        [
            (2, duplicate.into()),
            (3, "out of order sample".into()),
            (5, "out of bounds".to_owned())
        ]
    );
    assert_eq!(
        everything(&db)[0].1,
        [(100, 1.0_f64.to_bits()), (101, 3.0_f64.to_bits())]
    );
    let other = open(&MemoryDisk::new(), Options::default());
    let mut foreign = Batch::new(200);
    foreign.push_float(series, 200, 1.0);
    assert_eq!(
        other.append(&foreign, NOW).unwrap().rejected[0].reason,
        Reason::UnknownSeries
    );
    let stats = db.stats();
    assert_eq!(
        (stats.series, stats.samples, stats.out_of_order, stats.duplicates),
        (1, 2, 2, 2)
    );
}

#[test]
fn late_samples_are_merged_within_the_window() {
    let disk = MemoryDisk::new();
    let options = Options {
        out_of_order_window_ms: 1_000,
        ..Options::default()
    };
    let db = open(&disk, options.clone());
    for time in [5_000, 4_500, 4_700, 4_500, 5_100, 4_099, 4_100, 4_000] {
        let mut batch = Batch::new(time);
        batch.push_float_labelled(&labels("m", "a"), time, time as f64);
        let rejected = db.append(&batch, NOW).unwrap().rejected;
        let too_old = rejected.first().is_some_and(|r| r.reason == Reason::TooOld);
        assert_eq!(too_old, [4_099, 4_000].contains(&time), "{time}");
    }
    let expected: Vec<_> = [4_100, 4_500, 4_700, 5_000, 5_100]
        .map(|t| (t, (t as f64).to_bits()))
        .into();
    assert_eq!(everything(&db)[0].1, expected);
    db.close().unwrap();
    assert_eq!(everything(&open(&disk, options))[0].1, expected);
}

#[test]
fn histograms_and_start_times_survive() {
    let disk = MemoryDisk::new();
    let db = open(&disk, Options::default());
    let series = db.resolve(&labels("h", "a")).unwrap();
    let integer = HistogramValue::Integer(Arc::new(Histogram {
        count: 3,
        sum: 1.5,
        positive_buckets: vec![1, 2],
        ..Histogram::default()
    }));
    let float = HistogramValue::Float(Arc::new(FloatHistogram {
        count: 2.5,
        schema: 3,
        ..FloatHistogram::default()
    }));
    let mut batch = Batch::new(10);
    batch.push_histogram(series, 10, integer.clone());
    batch.set_start_time(5);
    batch.push_histogram(series, 10, float.clone());
    batch.push_histogram(series, 10, integer.clone());
    let commit = db.append(&batch, NOW).unwrap();
    assert_eq!((commit.appended, commit.rejected.len()), (2, 1));
    assert_eq!(
        commit.rejected[0].reason.to_string(),
        "duplicate sample for timestamp"
    );
    let mut batch = Batch::new(20);
    batch.push_float(series, 20, 7.0);
    batch.push_histogram(series, 30, float.clone());
    assert_eq!(db.append(&batch, NOW).unwrap().rejected, []);
    let check = |db: &Db| {
        let snapshot = db.snapshot();
        let set = snapshot
            .select(&Selection {
                matchers: &[],
                range: TimeRange::ALL,
            })
            .unwrap();
        let mut buffer = SampleBuffer::new();
        set.read(0, &mut buffer).unwrap();
        assert_eq!((buffer.times(), buffer.values()[1]), (&[10, 20, 30][..], 7.0));
        assert_eq!(buffer.histograms(), [(0, integer.clone()), (2, float.clone())]);
        assert_eq!(buffer.start_times(), [5, 0, 0]);
    };
    check(&db);
    db.close().unwrap();
    check(&open(&disk, Options::default()));
}

/// Hints of the samples of the only series that lie in a range, with their times.
fn hints(db: &Db, range: TimeRange) -> Vec<(i64, ResetHint)> {
    let snapshot = db.snapshot();
    let set = snapshot.select(&Selection { matchers: &[], range }).unwrap();
    let mut buffer = SampleBuffer::new();
    set.read(0, &mut buffer).unwrap();
    let hint =
        |(position, histogram): &(usize, HistogramValue)| (buffer.times()[*position], histogram.hint());
    buffer.histograms().iter().map(hint).collect()
}

#[test]
fn only_a_counter_that_goes_on_is_said_not_to_be_reset() {
    use ResetHint::{Gauge, NotReset, Reset, Unknown};
    let disk = MemoryDisk::new();
    let options = Options {
        out_of_order_window_ms: 1_000,
        ..Options::default()
    };
    let db = open(&disk, options.clone());
    let push = |time: i64, count: u64, hint: ResetHint| {
        let histogram = Histogram {
            count,
            hint,
            ..Histogram::default()
        };
        let mut batch = Batch::new(time);
        let value = HistogramValue::Integer(Arc::new(histogram));
        batch.push_histogram_labelled(&labels("h", "a"), time, value);
        assert_eq!(db.append(&batch, NOW).unwrap().rejected, []);
    };
    push(10, 1, Unknown);
    push(20, 2, Unknown);
    push(30, 3, NotReset);
    push(40, 2, NotReset);
    push(50, 5, Reset);
    push(60, 6, Unknown);
    push(70, 9, Gauge);
    push(80, 10, Unknown);
    push(90, 11, Unknown);
    let expected = [
        (10, Unknown),
        (20, NotReset),
        (30, NotReset),
        (40, Unknown),
        (50, Unknown),
        (60, NotReset),
        (70, Gauge),
        (80, Unknown),
        (90, NotReset),
    ];
    let part = TimeRange { min: 20, max: 60 };
    let check = |db: &Db, expected: &[(i64, ResetHint)]| {
        assert_eq!(hints(db, TimeRange::ALL), expected);
        // What lies before a range counts too.
        let inside = expected.iter().filter(|(time, _)| part.contains(*time));
        assert_eq!(hints(db, part), inside.copied().collect::<Vec<_>>());
    };
    check(&db, &expected);
    db.seal().unwrap();
    check(&db, &expected);
    // What comes late parts what was one run: a count that falls before 30, a float before 60, one count as before.
    push(25, 9, Unknown);
    push(85, 10, Unknown);
    let mut batch = Batch::new(55);
    batch.push_float_labelled(&labels("h", "a"), 55, 1.0);
    assert_eq!(db.append(&batch, NOW).unwrap().rejected, []);
    let mut late = expected.to_vec();
    late[2] = (30, Unknown);
    late[5] = (60, Unknown);
    late.insert(2, (25, NotReset));
    late.insert(9, (85, NotReset));
    check(&db, &late);
    db.seal().unwrap();
    check(&db, &late);
    db.close().unwrap();
    check(&open(&disk, options), &late);
}

#[test]
fn lists_are_sorted_merged_and_cut() {
    let db = open(&MemoryDisk::new(), Options::default());
    let mut batch = Batch::new(0);
    for (name, instance, time) in [("up", "b", 0), ("up", "a", 0), ("down", "a", 50)] {
        batch.push_float_labelled(&labels(name, instance), time, 1.0);
    }
    db.append(&batch, NOW).unwrap();
    db.resolve(&labels("never", "x")).unwrap();
    let snapshot = db.snapshot();
    let sets = [
        vec![Matcher::equal("instance", "a")],
        vec![Matcher::new(MatchOp::Regex, "__name__", "d.*").unwrap()],
    ];
    let all = TimeRange::ALL;
    assert_eq!(
        snapshot.series(&sets, all, 0).unwrap().items,
        [labels("down", "a"), labels("up", "a")]
    );
    let cut = snapshot.series(&[], all, 2).unwrap();
    assert_eq!((cut.items.len(), cut.truncated), (2, true));
    assert_eq!(
        snapshot.label_names(&[], all, 0).unwrap().items,
        ["__name__", "instance"]
    );
    assert_eq!(
        snapshot.label_values("instance", &[], all, 0).unwrap().items,
        ["a", "b"]
    );
    // A pattern has to be looked for, and no set at all means all series.
    assert!(snapshot.finds_few(&sets[..1], all));
    assert!(!snapshot.finds_few(&sets, all) && !snapshot.finds_few(&[], all));
    assert!(!snapshot.finds_few(&[vec![Matcher::equal("instance", "")]], all));
    assert!(snapshot.finds_at_most(2, &sets[..1], all) && !snapshot.finds_at_most(1, &sets[..1], all));
    let late = TimeRange { min: 40, max: 60 };
    // Of a part of the time the first series of a value may say nothing.
    assert!(snapshot.lists_few("instance", all) && !snapshot.lists_few("instance", late));
    assert_eq!(
        snapshot.label_values("__name__", &[], late, 0).unwrap().items,
        ["down"]
    );
    assert!(
        snapshot
            .label_values("nothing", &[], all, 0)
            .unwrap()
            .items
            .is_empty()
    );
    let cardinality = db.cardinality(1, &[vec![Matcher::equal("__name__", "up")]], Some("instance"));
    assert_eq!(
        (
            cardinality.series,
            cardinality.series_by_label_pair[0].name.as_str()
        ),
        (2, "__name__=up")
    );
    assert_eq!(cardinality.values_by_label_name[0].count, 2);
    let named = |counts: &[narthex_tsdb::NamedCount]| -> Vec<(String, u64)> {
        counts.iter().map(|c| (c.name.clone(), c.count)).collect()
    };
    let either = ["up", "down", "never"].map(|name| vec![Matcher::equal("__name__", name)]);
    let both = db.cardinality(0, &either, Some("__name__"));
    assert_eq!(both, db.cardinality(0, &[], Some("__name__")));
    assert_eq!(both.series_by_focus_value, both.series_by_metric_name);
    assert_eq!(named(&cardinality.series_by_focus_value), [("a".to_owned(), 1)]);
    assert_eq!(
        named(&cardinality.series_by_label_name),
        [("__name__".to_owned(), 2)]
    );
    assert!(db.cardinality(0, &[], None).series_by_focus_value.is_empty());
}

#[test]
fn a_snapshot_does_not_see_later_commits() {
    let db = open(
        &MemoryDisk::new(),
        Options {
            out_of_order_window_ms: 10_000,
            ..Options::default()
        },
    );
    let series = db.resolve(&labels("m", "a")).unwrap();
    let append = |time: i64| {
        let mut batch = Batch::new(time).with_group(1);
        batch.push_float(series, time, 1.0);
        db.append(&batch, NOW).unwrap();
    };
    (100..140).for_each(append);
    let snapshot = db.snapshot();
    let seen = select(&snapshot, &[], TimeRange::ALL);
    (140..400).for_each(append);
    append(50);
    assert_eq!(select(&snapshot, &[], TimeRange::ALL), seen);
    let narrow = select(&snapshot, &[], TimeRange { min: 110, max: 120 });
    assert_eq!(narrow[0].1.len(), 11);
    assert_eq!(everything(&db)[0].1.len(), 301);
}

#[test]
fn files_of_others_are_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    for name in ["wal", "chunks_head", "01HQ3X5Z8B4Y7K2M9N6P0R1S2T"] {
        std::fs::create_dir(path.join(name)).unwrap();
        std::fs::write(path.join(name).join("00000001"), "theirs").unwrap();
    }
    let db = Db::open(path, Options::default()).unwrap();
    let second = Db::open(path, Options::default()).unwrap_err();
    assert!(matches!(second, Error::Locked { .. }), "{second}");
    let mut batch = Batch::new(0);
    batch.push_float_labelled(&Labels::from_pairs([("a", "b")]), 0, 1.0);
    db.append(&batch, NOW).unwrap();
    let kinds: Vec<_> = db.stats().foreign.iter().map(|f| f.what).collect();
    assert_eq!(
        kinds,
        [
            "Prometheus block",
            "Prometheus head chunks",
            "Prometheus write-ahead log"
        ]
    );
    db.close().unwrap();
    assert_eq!(everything(&Db::open(path, Options::default()).unwrap()).len(), 1);
    assert_eq!(
        std::fs::read(path.join("wal").join("00000001")).unwrap(),
        b"theirs"
    );
    let mut names: Vec<_> = std::fs::read_dir(path)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["01HQ3X5Z8B4Y7K2M9N6P0R1S2T", "chunks_head", "narthex", "wal"]
    );
}

#[test]
fn readers_see_batches_whole_while_others_write() {
    let db = open(&MemoryDisk::new(), Options::default());
    let rounds = 400;
    std::thread::scope(|scope| {
        for writer in 0..2 {
            let db = db.clone();
            scope.spawn(move || {
                let series: Vec<_> = (0..300)
                    .map(|i| {
                        db.resolve(&labels(&format!("w{writer}"), &format!("{i:03}")))
                            .unwrap()
                    })
                    .collect();
                for time in 0..rounds {
                    let mut batch = Batch::new(time).with_group(writer);
                    series
                        .iter()
                        .for_each(|s| batch.push_float(*s, time, time as f64));
                    assert_eq!(db.append(&batch, NOW).unwrap().appended, 300);
                }
            });
        }
        let mut newest = 0;
        while newest < rounds * 2 {
            let snapshot = db.snapshot();
            let mut lengths = std::collections::BTreeMap::<String, Vec<usize>>::new();
            for (labels, samples) in select(&snapshot, &[], TimeRange::ALL) {
                lengths
                    .entry(labels.metric_name().to_owned())
                    .or_default()
                    .push(samples.len());
            }
            for found in lengths.values() {
                assert!(
                    found.len() == 300 && found.iter().all(|n| *n == found[0]),
                    "{found:?}"
                );
            }
            let seen = lengths.values().map(|l| l[0] as i64).sum();
            assert!(seen >= newest, "a later snapshot saw less");
            assert!(seen <= snapshot.commit() as i64);
            newest = seen;
        }
    });
}

#[test]
fn the_newest_exemplars_are_kept_if_asked_for() {
    let exemplar = |id: &str, time: i64| Exemplar {
        labels: Labels::from_pairs([("trace_id", id)]),
        value: 0.5,
        time,
    };
    for (capacity, expected) in [(0, vec![]), (2, vec!["b", "c"]), (10, vec!["a", "b", "c"])] {
        let db = open(
            &MemoryDisk::new(),
            Options {
                max_exemplars: capacity,
                ..Options::default()
            },
        );
        let series = db.resolve(&labels("m", "a")).unwrap();
        let early = db.snapshot();
        let mut batch = Batch::new(10);
        batch.push_float(series, 10, 1.0);
        for (id, time) in [("a", 10), ("a", 10), ("b", 11), ("old", 5), ("c", 12)] {
            batch.push_exemplar(series, exemplar(id, time));
        }
        db.append(&batch, NOW).unwrap();
        let found = db
            .snapshot()
            .exemplars(&[vec![Matcher::equal("__name__", "m")]], TimeRange::ALL);
        let ids: Vec<_> = found
            .iter()
            .flat_map(|(_, e)| e)
            .map(|e| e.labels.get("trace_id").unwrap().to_owned())
            .collect();
        assert_eq!(ids, expected);
        assert_eq!(early.exemplars(&[], TimeRange::ALL), []);
    }
}

#[test]
fn listings_end_when_nobody_wants_them() {
    let disk = MemoryDisk::new();
    let db = open(&disk, Options::default());
    let mut batch = Batch::new(10);
    batch.push_float_labelled(&labels("m", "a"), 10, 1.0);
    assert_eq!(db.append(&batch, NOW).unwrap().rejected, []);
    let all = TimeRange::ALL;
    let sets = [vec![Matcher::equal("__name__", "m")]];
    let patient = db.snapshot().until(|| false);
    assert_eq!(patient.series(&sets, all, 0).unwrap().items.len(), 1);
    let gone = db.snapshot().until(|| true);
    let errors = [
        gone.series(&sets, all, 0).unwrap_err(),
        gone.label_names(&[], all, 0).unwrap_err(),
        gone.label_names(&sets, all, 0).unwrap_err(),
        gone.label_values("__name__", &[], all, 0).unwrap_err(),
        gone.label_values("__name__", &sets, all, 0).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind, SourceErrorKind::Interrupted, "{error}");
    }
}
