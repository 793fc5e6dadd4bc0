//! Random native histograms: counters with resets, gauges, custom bounds; resolutions and bounds change on the way, and
//! numbers come in between.

use narthex_model::histogram::CUSTOM_BUCKETS_SCHEMA;
use std::sync::Arc;

use narthex_model::{FloatHistogram, HistogramValue, Labels, ResetHint, SampleValue, Span, stale_nan};

use crate::random::Random;
use crate::random_data::{Given, INTERVAL_MS, SCRAPES};
use crate::store::Sample;

/// Number of the first exponential bucket at the finest resolution.
const FIRST_BUCKET: i32 = -5;
/// Exponential buckets at the finest resolution.
const BUCKETS: usize = 9;
/// The finest resolution.
const FINEST: i32 = 2;
/// Custom bounds; some are left out now and then.
const BOUNDS: [f64; 4] = [-1.0, 2.0, 5.0, 10.0];

/// Series in label order whose samples begin about `base` (Unix milliseconds).
#[must_use]
pub fn series(random: &mut Random, base: i64) -> Vec<Given> {
    let first = base + random.between(-2, 2) * 1_000;
    let mut all = Vec::new();
    for metric in ["nc", "ng", "nh"] {
        for job in ["a", "b", "c"] {
            for inst in ["0", "1"] {
                if random.once_in(4) {
                    continue;
                }
                let labels = Labels::from_pairs([("__name__", metric), ("job", job), ("inst", inst)]);
                let samples = match metric {
                    "nc" => custom(random, first),
                    "ng" => gauge(random, first),
                    _ => counter(random, first, job == "a"),
                };
                all.push((labels, samples.into_iter().map(given).collect()));
            }
        }
    }
    for job in ["a", "b"] {
        let labels = Labels::from_pairs([("__name__", "mx"), ("job", job)]);
        all.push((labels, mixed(random, first)));
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

/// What a store takes.
fn given((time, histogram): (i64, Option<FloatHistogram>)) -> Sample {
    Sample {
        time,
        value: match histogram {
            Some(h) => SampleValue::Histogram(HistogramValue::Float(Arc::new(h))),
            None => SampleValue::Float(stale_nan()),
        },
        start_time: 0,
    }
}

/// Runs of histograms and runs of numbers under the same labels.
fn mixed(random: &mut Random, first: i64) -> Vec<Sample> {
    let mut samples: Vec<Sample> = counter(random, first, false).into_iter().map(given).collect();
    let mut number = None;
    for sample in &mut samples {
        if random.once_in(6) {
            number = match number {
                None => Some(0.0),
                Some(_) => None,
            };
        }
        if let Some(number) = &mut number {
            *number += random.between(0, 9) as f64;
            sample.value = SampleValue::Float(*number);
        }
    }
    samples
}

/// One sample each scrape, but for gaps and ends.
fn scraped(
    random: &mut Random,
    first: i64,
    mut next: impl FnMut(&mut Random) -> FloatHistogram,
) -> Vec<(i64, Option<FloatHistogram>)> {
    let mut samples = Vec::new();
    for scrape in 0..SCRAPES {
        let histogram = next(random);
        if random.once_in(15) {
            continue;
        }
        let value = (!random.once_in(25)).then_some(histogram);
        samples.push((first + scrape * INTERVAL_MS, value));
    }
    samples
}

fn spans(first: i32, length: usize) -> Vec<Span> {
    vec![Span {
        offset: first,
        length: length as u32,
    }]
}

fn counter(random: &mut Random, first: i64, around_zero: bool) -> Vec<(i64, Option<FloatHistogram>)> {
    let (mut counts, mut zero, mut sum) = ([0.0; BUCKETS], 0.0, 0.0);
    let mut schema = random.between(0, 2) as i32;
    scraped(random, first, |random| {
        if random.once_in(15) {
            (counts, zero, sum) = ([0.0; BUCKETS], 0.0, 0.0);
        }
        if random.once_in(12) {
            schema = random.between(0, 2) as i32;
        }
        for count in &mut counts {
            *count += random.one(&[0.0, 0.0, 1.0, 2.0, 7.0]);
        }
        if around_zero {
            zero += random.one(&[0.0, 1.0, 3.0]);
        }
        sum += random.between(0, 40) as f64 * 0.5;
        let mut histogram = FloatHistogram {
            schema: FINEST,
            zero_threshold: 0.001,
            zero_count: zero,
            count: zero + counts.iter().sum::<f64>(),
            sum,
            positive_spans: spans(FIRST_BUCKET, BUCKETS),
            positive_buckets: counts.to_vec(),
            ..FloatHistogram::default()
        };
        histogram.reduce_resolution(schema);
        histogram
    })
}

fn gauge(random: &mut Random, first: i64) -> Vec<(i64, Option<FloatHistogram>)> {
    scraped(random, first, |random| {
        let mut side = || -> Vec<f64> { (0..BUCKETS).map(|_| random.between(0, 6) as f64).collect() };
        let (positive, negative) = (side(), side());
        FloatHistogram {
            hint: ResetHint::Gauge,
            schema: FINEST,
            zero_threshold: 0.001,
            count: positive.iter().chain(&negative).sum(),
            sum: random.between(-50, 50) as f64 * 0.25,
            positive_spans: spans(FIRST_BUCKET, BUCKETS),
            negative_spans: spans(FIRST_BUCKET, BUCKETS),
            positive_buckets: positive,
            negative_buckets: negative,
            ..FloatHistogram::default()
        }
    })
}

fn custom(random: &mut Random, first: i64) -> Vec<(i64, Option<FloatHistogram>)> {
    let (mut counts, mut sum) = ([0.0; BOUNDS.len() + 1], 0.0);
    let mut left_out = usize::MAX;
    scraped(random, first, |random| {
        if random.once_in(15) {
            (counts, sum) = ([0.0; BOUNDS.len() + 1], 0.0);
        }
        if random.once_in(12) {
            left_out = random.below(2 * BOUNDS.len());
        }
        for count in &mut counts {
            *count += random.one(&[0.0, 1.0, 2.0, 5.0]);
        }
        sum += random.between(0, 40) as f64 * 0.5;
        let (mut bounds, mut buckets) = (BOUNDS.to_vec(), counts.to_vec());
        if left_out < bounds.len() {
            bounds.remove(left_out);
            let fallen = buckets.remove(left_out);
            buckets[left_out] += fallen;
        }
        FloatHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count: buckets.iter().sum(),
            sum,
            positive_spans: spans(0, buckets.len()),
            positive_buckets: buckets,
            custom_values: bounds,
            ..FloatHistogram::default()
        }
    })
}
