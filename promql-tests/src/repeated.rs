//! Random queries, asked again and again while samples come and go: with a cache of answers and without.

use std::sync::Arc;

use narthex_model::{Labels, MatchOp, Matcher, SampleValue, TimeRange};
use narthex_promql::{
    Engine, EngineOptions, QueryError, QueryOptions, QueryOutput, RangeQuery, ResultCache, ResultCacheStats,
    Value,
};
use narthex_tsdb::disk::MemoryDisk;
use narthex_tsdb::{Batch, Db, Options};

use crate::compare::almost_equal;
use crate::differential::{Difference, features};
use crate::generate::Queries;
use crate::plain::Native;
use crate::random::Random;
use crate::random_data::{self, INTERVAL_MS, SCRAPES};
use crate::random_natives;
use crate::store::Sample;

/// Up to which relative difference two numbers count as equal: sums of series that are parted into blocks in another way
/// differ less.
const EPSILON: f64 = 1e-15;
/// Of how many samples one comes late.
const LATE_ONCE_IN: usize = 25;
const QUERIES: usize = 8;
const CENTURY_MS: i64 = 100 * 365 * 86_400_000;

/// What came of all queries.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// How many were asked.
    pub asked: u64,
    /// Of these, those that fail both ways.
    pub failed: u64,
    /// Where their answers came from.
    pub cache: ResultCacheStats,
    /// Queries with two answers.
    pub differences: Vec<Difference>,
}

/// Lives of `count` stores: those of the seeds from `first` on.
///
/// # Errors
/// What a store says.
pub fn run(count: u64, first: u64) -> Result<Summary, String> {
    let mut summary = Summary::default();
    for seed in first..first.saturating_add(count) {
        let mut life = Life::new(seed)?;
        while let Some(now) = life.go_on()? {
            for query in 0..QUERIES {
                life.ask(query, now, &mut summary);
            }
        }
        let stats = life.cache.stats();
        summary.cache.whole += stats.whole;
        summary.cache.extended += stats.extended;
        summary.cache.missed += stats.missed;
        summary.cache.evicted += stats.evicted;
    }
    Ok(summary)
}

/// What is asked every time.
struct Asked {
    text: String,
    step: i64,
    /// How far it looks back, or from when on.
    window: Window,
    delayed: bool,
    lookback_ms: i64,
}

#[derive(Debug, Clone, Copy)]
enum Window {
    Sliding(i64),
    From(i64),
}

/// One store, from its first sample to the last.
struct Life {
    seed: u64,
    random: Random,
    db: Db,
    cache: ResultCache,
    /// Samples that have not come yet, the next one last.
    coming: Vec<(Labels, Sample)>,
    late: Vec<(Labels, Sample)>,
    now: i64,
    queries: Vec<Asked>,
}

impl Life {
    fn new(seed: u64) -> Result<Self, String> {
        let mut random = Random::new(seed ^ 0x11fe_0fca);
        let base = random.one(&[0, 1_600_000_000_000, 1_599_999_993_000]);
        let mut given = if random.once_in(4) {
            random_data::many_series(&mut random, base)
        } else {
            random_data::series(&mut random, base)
        };
        given.extend(random_natives::series(&mut random, base));
        let of_series = |(labels, samples): random_data::Given| {
            samples.into_iter().map(move |sample| (labels.clone(), sample))
        };
        let mut coming: Vec<(Labels, Sample)> = given.into_iter().flat_map(of_series).collect();
        coming.sort_by_key(|(_, sample)| std::cmp::Reverse(sample.time));
        let options = Options {
            out_of_order_window_ms: CENTURY_MS,
            max_future_ms: CENTURY_MS,
            retention_ms: if random.once_in(3) { 5 * 60_000 } else { 0 },
            block_interval_ms: 120_000,
            ..Options::default()
        };
        let db = Db::open_on(Arc::new(MemoryDisk::new()), "life", options).map_err(|e| e.to_string())?;
        let queries = (0..QUERIES).map(|_| asked(&mut random, base)).collect();
        Ok(Self {
            seed,
            random,
            db,
            // Now and then with room for a few answers only.
            cache: ResultCache::new(if seed.is_multiple_of(4) { 12_000 } else { 1 << 20 }),
            coming,
            late: Vec::new(),
            now: base - 20_000,
            queries,
        })
    }

    /// Lets some time pass, and returns what time it is then; `None` once there is nothing left to come.
    fn go_on(&mut self) -> Result<Option<i64>, String> {
        if self.coming.is_empty() && self.late.is_empty() {
            return Ok(None);
        }
        self.now += self.random.one(&[0, 5_000, 15_000, 30_000, 90_000]);
        let mut arrived = Vec::new();
        while let Some(next) = self.coming.pop_if(|(_, sample)| sample.time <= self.now) {
            if self.random.once_in(LATE_ONCE_IN) {
                self.late.push(next);
            } else {
                arrived.push(next);
            }
        }
        let is_last = self.coming.is_empty();
        if is_last || self.random.once_in(3) {
            arrived.append(&mut self.late);
        }
        self.append(arrived)?;
        let text = |error: narthex_tsdb::Error| error.to_string();
        match self.random.below(16) {
            0 => self.delete()?,
            1 => self.db.seal().map_err(text)?,
            2 => self.db.seal().and_then(|()| self.db.compact()).map_err(text)?,
            3 => self
                .db
                .seal()
                .and_then(|()| self.db.compact())
                .and_then(|()| self.db.tick(self.now))
                .map_err(text)?,
            4 => self.db.clean_tombstones().map_err(text)?,
            _ => {}
        }
        Ok(Some(self.now))
    }

    /// Some of the samples in each batch, whatever their times.
    fn append(&mut self, arrived: Vec<(Labels, Sample)>) -> Result<(), String> {
        let mut arrived = arrived.as_slice();
        while !arrived.is_empty() {
            let count = self.random.between(1, 40).min(arrived.len() as i64) as usize;
            let (some, rest) = arrived.split_at(count);
            arrived = rest;
            let mut batch = Batch::new(some.first().map_or(0, |(_, sample)| sample.time));
            for (labels, sample) in some {
                match &sample.value {
                    SampleValue::Float(value) => batch.push_float_labelled(labels, sample.time, *value),
                    SampleValue::Histogram(value) => {
                        batch.push_histogram_labelled(labels, sample.time, value.clone());
                    }
                }
                batch.set_start_time(sample.start_time);
            }
            // What cannot be taken any more is left out.
            self.db.append(&batch, self.now).map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    fn delete(&mut self) -> Result<(), String> {
        let job = self.random.one(&["a", "b", "c"]);
        let matcher = Matcher::new(MatchOp::Equal, "job", job).map_err(|e| e.to_string())?;
        let from = self.now - self.random.between(0, SCRAPES * INTERVAL_MS);
        let range = TimeRange {
            min: from,
            max: from + self.random.between(0, 60_000),
        };
        self.db.delete(&[matcher], range).map_err(|e| e.to_string())
    }

    fn ask(&mut self, query: usize, now: i64, summary: &mut Summary) {
        let Some(asked) = self.queries.get(query) else {
            return;
        };
        let ahead = self.random.one(&[0, 0, 0, 1, 2, 6]) * asked.step;
        let end = now - now.rem_euclid(asked.step) + ahead;
        let start = match asked.window {
            Window::Sliding(back) => end - back,
            Window::From(start) => start.min(end),
        };
        // Now and then somebody looks at a part, or from where no other step lies.
        let (start, end) = match self.random.below(14) {
            12 => (start, end + asked.step / 2),
            13 => (end, end),
            0 => (start + asked.step * 3, end),
            1 => (start, end - asked.step * 2),
            2 => (start + 1, end + 1),
            _ => (start, end),
        };
        let engine = Engine::new(EngineOptions {
            features: features(asked.delayed),
            default_subquery_step_ms: 25_000,
            lookback_delta_ms: asked.lookback_ms,
            parallelism: self.random.one(&[1, 1, 3]),
            ..EngineOptions::default()
        });
        let asks = RangeQuery {
            text: &asked.text,
            start,
            end: end.max(start),
            step: asked.step,
            options: QueryOptions::default(),
        };
        let snapshot = self.db.snapshot();
        let plain = engine.range(&snapshot, &asks);
        let cached = self.cache.range(&engine, &snapshot, &asks);
        summary.asked += 1;
        summary.failed += u64::from(plain.is_err());
        if let Err(what) = same(&plain, &cached) {
            summary.differences.push(Difference {
                seed: self.seed,
                question: format!("{} from {start} to {end} by {}, at {now}", asked.text, asked.step),
                what,
            });
        }
    }
}

fn asked(random: &mut Random, base: i64) -> Asked {
    let delayed = random.once_in(4);
    let depth = random.one(&[1, 2, 2, 3, 3, 4]);
    let text = Queries {
        random,
        base,
        delayed,
    }
    .any(depth, false);
    let step = random.one(&[1_000, 7_000, 15_000, 15_000, 30_000, 60_000]);
    let window = if random.once_in(3) {
        let from = base + random.between(-60_000, 120_000);
        Window::From(from - from.rem_euclid(step))
    } else {
        Window::Sliding(step * random.between(0, 40))
    };
    Asked {
        text,
        step,
        window,
        delayed,
        lookback_ms: random.one(&[300_000, 60_000, 15_000]),
    }
}

/// Whether two answers are one, findings included.
fn same(
    plain: &Result<QueryOutput, QueryError>,
    cached: &Result<QueryOutput, QueryError>,
) -> Result<(), String> {
    let both = match (plain, cached) {
        (Ok(plain), Ok(cached)) => (plain, cached),
        (Err(a), Err(b)) if a.to_string() == b.to_string() => return Ok(()),
        _ => return Err(format!("plain: {plain:?}\n    cached: {cached:?}")),
    };
    let (plain, cached) = both;
    if plain.annotations != cached.annotations {
        return Err(format!(
            "plain finds {:?}\n    cached: {:?}",
            plain.annotations, cached.annotations
        ));
    }
    let (Value::Matrix(a), Value::Matrix(b)) = (&plain.value, &cached.value) else {
        return Err(format!(
            "plain: {:?}\n    cached: {:?}",
            plain.value, cached.value
        ));
    };
    let labels = |series: &[narthex_promql::RangeSeries]| -> Vec<String> {
        series.iter().map(|series| series.labels.to_string()).collect()
    };
    if labels(a) != labels(b) {
        return Err(format!("plain has {:?}\n    cached: {:?}", labels(a), labels(b)));
    }
    for (a, b) in a.iter().zip(b) {
        let near = |a: &(i64, f64), b: &(i64, f64)| a.0 == b.0 && almost_equal(a.1, b.1, EPSILON);
        let numbers = |series: &narthex_promql::RangeSeries| -> Vec<(i64, f64)> {
            let of = |(time, histogram): &(i64, Arc<narthex_model::FloatHistogram>)| {
                let numbers = Native::of(histogram).numbers();
                numbers
                    .into_iter()
                    .map(|number| (*time, number))
                    .collect::<Vec<_>>()
            };
            let histograms = series.histograms.iter().flat_map(of);
            series.floats.iter().copied().chain(histograms).collect()
        };
        let (x, y) = (numbers(a), numbers(b));
        if x.len() != y.len() || !x.iter().zip(&y).all(|(x, y)| near(x, y)) {
            let first = x.iter().zip(&y).find(|(x, y)| !near(x, y));
            return Err(format!(
                "{}: {first:?}\n    plain:  {x:?}\n    cached: {y:?}",
                a.labels
            ));
        }
    }
    Ok(())
}
