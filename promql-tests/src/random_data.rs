//! Random series: gauges, counters with resets, classic buckets; with gaps, stale markers, NaN and infinities.

use narthex_model::{Labels, SampleValue, stale_nan};

use crate::random::Random;
use crate::store::Sample;

/// A series of numbers.
type Series = (Labels, Vec<(i64, f64)>);

/// Labels, and samples as a store takes them.
pub type Given = (Labels, Vec<Sample>);

/// How many scrapes there are.
pub const SCRAPES: i64 = 40;
/// Milliseconds from one to the next.
pub const INTERVAL_MS: i64 = 15_000;

/// Values of `inst` in [`series`]; the label is missing where it is empty.
const INSTANCES: [&str; 3] = ["0", "1", ""];
/// How many values of `inst` there are in [`many_series`].
const MANY_INSTANCES: usize = 32;

/// Series in label order whose samples begin about `base` (Unix milliseconds).
#[must_use]
pub fn series(random: &mut Random, base: i64) -> Vec<Given> {
    of_instances(random, base, &INSTANCES)
}

/// The same with so many series that several threads work on them.
#[must_use]
pub fn many_series(random: &mut Random, base: i64) -> Vec<Given> {
    let names: Vec<String> = (0..MANY_INSTANCES).map(|i| i.to_string()).collect();
    of_instances(
        random,
        base,
        &names.iter().map(String::as_str).collect::<Vec<_>>(),
    )
}

fn of_instances(random: &mut Random, base: i64, instances: &[&str]) -> Vec<Given> {
    let mut all: Vec<Series> = Vec::new();
    let shared = times(random, base);
    for metric in ["g", "h", "c_total", "d_total"] {
        for job in ["a", "b", "c"] {
            for inst in instances.iter().copied() {
                if random.once_in(3) {
                    continue;
                }
                let pairs = [("__name__", metric), ("job", job), ("inst", inst)];
                let own = column(random, base, &shared);
                let samples = if metric.ends_with("_total") {
                    counter(random, own)
                } else {
                    gauge(random, own)
                };
                all.push((Labels::from_pairs(pairs), samples));
            }
        }
    }
    all.extend(buckets(random, &shared));
    let own = column(random, base, &shared);
    all.push((Labels::from_pairs([("__name__", "one")]), gauge(random, own)));
    for (job, zone) in [("a", "x"), ("b", "y"), ("c", "x")] {
        let pairs = [("__name__", "meta"), ("job", job), ("zone", zone)];
        let samples = shared.iter().map(|time| (*time, 1.0)).collect();
        all.push((Labels::from_pairs(pairs), samples));
    }
    all.extend(targets(random, &shared));
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all.into_iter().map(given).collect()
}

/// What a store takes. Counters say when they began.
fn given((labels, samples): Series) -> Given {
    let first = samples.first().map_or(0, |(time, _)| time - INTERVAL_MS);
    let start_time = if labels.metric_name().ends_with("_total") {
        first
    } else {
        0
    };
    let sample = |(time, value)| Sample {
        time,
        value: SampleValue::Float(value),
        start_time,
    };
    (labels, samples.into_iter().map(sample).collect())
}

/// Series of targets, and what is known of these: versions follow each other, now and then at the same time.
fn targets(random: &mut Random, times: &[i64]) -> Vec<Series> {
    let mut all = Vec::new();
    for (job, instance) in [("a", "x:1"), ("a", "y:1"), ("b", "x:1")] {
        let of = |name, more: &[(&str, &str)]| {
            let identity = [("__name__", name), ("job", job), ("instance", instance)];
            Labels::from_pairs(identity.into_iter().chain(more.iter().copied()))
        };
        all.push((of("of_target", &[]), counter(random, times.to_vec())));
        let change = random.below(times.len());
        // A version goes when the next one comes, with a marker or without.
        let meet = usize::from(random.once_in(8));
        let mut before: Vec<(i64, f64)> = times[..change + meet].iter().map(|time| (*time, 1.0)).collect();
        if meet == 0 && random.once_in(2) {
            before.push((times[change], stale_nan()));
        }
        let after: Vec<(i64, f64)> = times[change..].iter().map(|time| (*time, 1.0)).collect();
        all.push((of("target_info", &[("version", "1")]), before));
        all.push((of("target_info", &[("version", "2"), ("zone", "x")]), after));
        if random.once_in(2) {
            let version = random.one(&["2", "3"]);
            let constant = times.iter().map(|time| (*time, 1.0)).collect();
            all.push((of("build_info", &[("version", version), ("go", "1")]), constant));
        }
    }
    all
}

fn times(random: &mut Random, base: i64) -> Vec<i64> {
    let first = base + random.between(-2, 2) * 1_000;
    (0..SCRAPES).map(|i| first + i * INTERVAL_MS).collect()
}

/// The times of one series: shared with the others, late by a little, or with holes.
fn column(random: &mut Random, base: i64, shared: &[i64]) -> Vec<i64> {
    match random.below(5) {
        0 => {
            let mut own = times(random, base);
            for time in &mut own {
                *time += random.between(-400, 400);
            }
            own
        }
        1 => shared.iter().copied().filter(|_| !random.once_in(4)).collect(),
        2 => {
            let hole = random.below(shared.len());
            let length = random.below(shared.len());
            let inside = |at: usize| hole <= at && at < hole + length;
            let outside = shared.iter().enumerate().filter(|(at, _)| !inside(*at));
            outside.map(|(_, time)| *time).collect()
        }
        _ => shared.to_vec(),
    }
}

/// Sometimes a stale marker instead of a value.
fn perhaps_stale(random: &mut Random, time: i64, value: f64) -> (i64, f64) {
    (time, if random.once_in(30) { stale_nan() } else { value })
}

fn gauge(random: &mut Random, times: Vec<i64>) -> Vec<(i64, f64)> {
    let odd = random.once_in(3);
    let constant = random.once_in(8).then(|| random.between(-3, 3) as f64);
    let value = |random: &mut Random| {
        if odd && random.once_in(8) {
            return random.one(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0]);
        }
        constant.unwrap_or_else(|| random.between(-40, 80) as f64 / 4.0)
    };
    times
        .into_iter()
        .map(|time| {
            let value = value(random);
            perhaps_stale(random, time, value)
        })
        .collect()
}

fn counter(random: &mut Random, times: Vec<i64>) -> Vec<(i64, f64)> {
    let mut total = random.between(0, 200) as f64;
    let resets = random.between(5, 60) as usize;
    times
        .into_iter()
        .map(|time| {
            if random.once_in(resets) {
                total = 0.0;
            }
            total += random.between(0, 20) as f64;
            perhaps_stale(random, time, total)
        })
        .collect()
}

/// Buckets of three jobs; now and then one is missing or counts less than the one before.
fn buckets(random: &mut Random, times: &[i64]) -> Vec<Series> {
    let bounds = ["0.1", "0.5", "1", "10", "+Inf"];
    let mut all = Vec::new();
    for job in ["a", "b", "c"] {
        let mut totals = [0.0_f64; 5];
        let mut columns: [Vec<(i64, f64)>; 5] = Default::default();
        for time in times {
            let mut grown = 0.0;
            for (total, column) in totals.iter_mut().zip(&mut columns) {
                grown += random.between(0, 5) as f64;
                *total += grown;
                let value = if random.once_in(50) { *total - 3.0 } else { *total };
                column.push((*time, value));
            }
        }
        for (le, samples) in bounds.into_iter().zip(columns) {
            if !random.once_in(15) {
                let pairs = [("__name__", "lat_bucket"), ("job", job), ("le", le)];
                all.push((Labels::from_pairs(pairs), samples));
            }
        }
    }
    all
}
