//! Random operations against a map from series and time to value.

use std::collections::{BTreeMap, BTreeSet};

use narthex_model::{Matcher, STALE_NAN, TimeRange};
use narthex_tsdb::disk::MemoryDisk;
use narthex_tsdb::{Batch, Options};
use proptest::prelude::*;

use crate::world::{NOW, labels, open, select};

/// One sample to be appended: series, step of time against the batch's, value.
type Push = (u8, i64, u64);

#[derive(Debug, Clone)]
enum Operation {
    /// A batch of a scrape group (0: none) some time after the one before.
    Append {
        group: u64,
        step: i64,
        pushes: Vec<Push>,
    },
    Reopen,
    Tick,
    /// Of one series, or of all.
    Delete {
        series: Option<u8>,
        min: i64,
        length: i64,
    },
    Clean,
    CompactAll,
    Select {
        min: i64,
        length: i64,
    },
}

fn operation() -> impl Strategy<Value = Operation> {
    let bits = prop_oneof![
        8 => (0..50_u64).prop_map(|v| (v as f64 / 4.0).to_bits()),
        1 => Just(STALE_NAN),
        1 => any::<u64>(),
    ];
    let delta = prop_oneof![6 => Just(0_i64), 1 => -3_000..3_000_i64];
    let push = (0..12_u8, delta, bits);
    prop_oneof![
        20 => (0..3_u64, -500..2_000_i64, prop::collection::vec(push, 0..12))
            .prop_map(|(group, step, pushes)| Operation::Append { group, step, pushes }),
        1 => Just(Operation::Reopen),
        2 => Just(Operation::Tick),
        2 => (prop::option::of(0..12_u8), -3_000..60_000_i64, 0..15_000_i64)
            .prop_map(|(series, min, length)| Operation::Delete { series, min, length }),
        1 => Just(Operation::Clean),
        1 => Just(Operation::CompactAll),
        4 => (-5_000..100_000_i64, 0..50_000_i64).prop_map(|(min, length)| Operation::Select { min, length }),
    ]
}

/// What the store should hold, by its own simple rules.
#[derive(Default)]
struct Model {
    series: BTreeMap<u8, BTreeMap<i64, u64>>,
    /// The newest time of each series that was ever appended in order.
    last: BTreeMap<u8, i64>,
    newest: Newest,
    /// Series that something was deleted from: whether the store remembers the time of a deleted newest sample depends
    /// on whether it has been opened since, so what it accepts of them is taken from it.
    deleted: BTreeSet<u8>,
}

/// The newest time of all. The store forgets that of a deleted sample when it is opened anew.
#[derive(Clone, Copy, Default)]
struct Newest {
    /// As the store knows it if it has not been opened since.
    seen: Option<i64>,
    /// Of what has not been deleted.
    kept: Option<i64>,
}

impl Newest {
    fn note(&mut self, time: i64) {
        self.seen = self.seen.max(Some(time));
        self.kept = self.kept.max(Some(time));
    }

    /// Whether a late sample is inside of the window; `None` if that depends on what the store has forgotten.
    fn inside(self, window: i64, time: i64) -> Option<bool> {
        let inside = |newest: Option<i64>| window > 0 && newest.is_none_or(|n| time >= n - window);
        let (strict, lenient) = (inside(self.seen), inside(self.kept));
        (strict == lenient).then_some(strict)
    }
}

impl Model {
    fn accepts(&mut self, window: i64, newest: Newest, (series, time, bits): Push, rejected: bool) -> bool {
        let samples = self.series.entry(series).or_default();
        if self.deleted.contains(&series) {
            if !rejected {
                samples.entry(time).or_insert(bits);
                let last = self.last.entry(series).or_insert(time);
                *last = time.max(*last);
                self.newest.note(time);
            }
            return !rejected;
        }
        let accepted = match self.last.get(&series) {
            Some(last) if time == *last => return samples[&time] == bits,
            Some(last) if time < *last => {
                let inside = newest.inside(window, time).unwrap_or(!rejected);
                if inside {
                    samples.entry(time).or_insert(bits);
                }
                return inside;
            }
            _ => true,
        };
        samples.insert(time, bits);
        self.last.insert(series, time);
        self.newest.note(time);
        accepted
    }

    fn delete(&mut self, series: Option<u8>, range: TimeRange) {
        for (number, samples) in &mut self.series {
            if series.is_none_or(|series| series == *number) {
                let before = samples.len();
                samples.retain(|time, _| !range.contains(*time));
                if samples.len() < before {
                    self.deleted.insert(*number);
                }
            }
        }
        let newest = |samples: &BTreeMap<i64, u64>| samples.last_key_value().map(|(time, _)| *time);
        self.newest.kept = self.series.values().filter_map(newest).max();
    }

    fn select(&self, range: TimeRange) -> Vec<(u8, Vec<(i64, u64)>)> {
        let inside = |samples: &BTreeMap<i64, u64>| -> Vec<_> {
            samples
                .iter()
                .filter(|(t, _)| range.contains(**t))
                .map(|(t, v)| (*t, *v))
                .collect()
        };
        self.series
            .iter()
            .map(|(s, samples)| (*s, inside(samples)))
            .filter(|(_, s)| !s.is_empty())
            .collect()
    }
}

/// Runs operations on a store whose times are `scale` as long.
fn run(window: i64, scale: i64, operations: Vec<Operation>) {
    let disk = MemoryDisk::new();
    let options = Options {
        out_of_order_window_ms: window * scale,
        wal_segment_bytes: 2_000,
        seal_interval_ms: 5_000 * scale,
        block_interval_ms: 12_000 * scale,
        max_block_ms: 120_000 * scale,
        in_order_window_ms: i64::MAX / 4,
        ..Options::default()
    };
    let mut db = open(&disk, options.clone());
    let mut model = Model::default();
    let (mut now, window) = (0, window * scale);
    let name = |series: u8| labels("m", &format!("{series:02}"));
    let check = |db: &narthex_tsdb::Db, model: &Model, range: TimeRange| {
        let found = select(&db.snapshot(), &[], range);
        let expected: Vec<_> = model
            .select(range)
            .into_iter()
            .map(|(s, samples)| (name(s), samples))
            .collect();
        assert_eq!(found, expected, "{range:?}");
    };
    for operation in operations {
        match operation {
            Operation::Append { group, step, pushes } => {
                now += step * scale;
                let pushes: Vec<Push> = pushes
                    .into_iter()
                    .map(|(series, delta, bits)| (series, delta * scale, bits))
                    .collect();
                let mut batch = Batch::new(now);
                if group > 0 {
                    batch = batch.with_group(group);
                }
                let newest = model.newest;
                let mut refused = Vec::new();
                for (series, delta, bits) in &pushes {
                    batch.push_float_labelled(&name(*series), now + delta, f64::from_bits(*bits));
                }
                let commit = db.append(&batch, NOW).unwrap();
                let found: Vec<_> = commit.rejected.iter().map(|r| r.index).collect();
                for (index, (series, delta, bits)) in pushes.into_iter().enumerate() {
                    let rejected = found.contains(&index);
                    if !model.accepts(window, newest, (series, now + delta, bits), rejected) {
                        refused.push(index);
                    }
                }
                assert_eq!(found, refused);
            }
            Operation::Reopen => {
                db.close().unwrap();
                drop(db);
                db = open(&disk, options.clone());
                check(&db, &model, TimeRange::ALL);
            }
            Operation::Tick => {
                db.tick(now).unwrap();
                db.compact().unwrap();
            }
            Operation::Delete { series, min, length } => {
                let range = TimeRange {
                    min: min * scale,
                    max: (min + length) * scale,
                };
                let matcher = match series {
                    Some(series) => Matcher::equal("instance", &*format!("{series:02}")),
                    None => Matcher::equal("__name__", "m"),
                };
                db.delete(&[matcher], range).unwrap();
                model.delete(series, range);
            }
            Operation::Clean => db.clean_tombstones().unwrap(),
            Operation::CompactAll => db.compact_all(&|_, _| {}).unwrap(),
            Operation::Select { min, length } => check(
                &db,
                &model,
                TimeRange {
                    min: min * scale,
                    max: (min + length) * scale,
                },
            ),
        }
    }
    check(&db, &model, TimeRange::ALL);
    assert_eq!(db.stats().damage, Vec::<String>::new());
}

/// Cases of about 75 operations: 100,000 operations of each test with `NARTHEX_FULL=1`.
fn cases(few: u32) -> u32 {
    if std::env::var_os("NARTHEX_FULL").is_some() {
        1_400
    } else {
        few
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(60), ..ProptestConfig::default() })]

    #[test]
    fn a_store_holds_what_a_map_holds(operations in prop::collection::vec(operation(), 1..150)) {
        run(0, 1, operations);
    }

    #[test]
    fn so_it_does_with_samples_in_any_order(operations in prop::collection::vec(operation(), 1..150)) {
        run(2_500, 1, operations);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(20), ..ProptestConfig::default() })]

    /// Blocks of two hours, samples up to a day late.
    #[test]
    fn so_it_does_with_samples_hours_and_days_late(
        operations in prop::collection::vec(operation(), 1..150),
        window in prop::sample::select(vec![3_000, 36_000, 144_000_i64]),
    ) {
        run(window, 600, operations);
    }
}
