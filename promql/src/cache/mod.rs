//! Answers of range queries, kept for when the same is asked again a little later.

mod kept;
mod shelf;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use narthex_model::{Annotations, Moment, SeriesSource};

use self::kept::{Kept, bytes_of, joined, mended_together};
use self::shelf::{Key, Shelf};
use crate::engine::{Engine, QueryOutput, QueryStats, RangeQuery};
use crate::error::QueryError;
use crate::eval::Steps;
use crate::value::Value;

/// Part of the cache that one answer may take.
const ONE_ANSWER: usize = 4;

/// Keeps the answers of range queries up to a number of bytes, those that were asked for last. What is asked again is
/// answered from there as far as it still holds, and evaluated for the other steps.
///
/// An answer with parts from the cache is the one that evaluating everything gives, as long as the source tells what has
/// changed ([`SeriesSource::moment`]): a sample that came late ends what is kept of the steps that see it, a deletion ends
/// everything. Only sums and means of many series may differ, in the last digit, as they do between two evaluations of
/// different length: series are parted into blocks in another way. Queries whose values or findings depend on which steps
/// are asked for are not kept: those that name the query's start, end or range or a fixed time, `info`, `sort`, and some
/// whose values follow from the order of series. Limits and deadlines are those of what is evaluated.
#[derive(Debug)]
pub struct ResultCache {
    most_bytes: usize,
    shelf: Mutex<Shelf>,
    whole: AtomicU64,
    extended: AtomicU64,
    missed: AtomicU64,
}

/// What a cache has done so far, and what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ResultCacheStats {
    /// Queries that were answered without evaluating anything.
    pub whole: u64,
    /// Queries of which only some steps were evaluated.
    pub extended: u64,
    /// Queries that were evaluated as if there were no cache.
    pub missed: u64,
    /// Answers that had to go for others.
    pub evicted: u64,
    /// Answers that are kept.
    pub answers: usize,
    /// Their bytes.
    pub bytes: usize,
}

/// A query on its way.
struct Asked<'q> {
    engine: &'q Engine,
    source: &'q dyn SeriesSource,
    query: &'q RangeQuery<'q>,
    steps: Steps,
    now: Moment,
}

impl ResultCache {
    /// A cache of up to so many bytes.
    #[must_use]
    pub fn new(most_bytes: usize) -> Self {
        Self {
            most_bytes,
            shelf: Mutex::default(),
            whole: AtomicU64::new(0),
            extended: AtomicU64::new(0),
            missed: AtomicU64::new(0),
        }
    }

    /// What it has done so far, and what it holds.
    #[must_use]
    pub fn stats(&self) -> ResultCacheStats {
        let shelf = self.shelf();
        ResultCacheStats {
            whole: self.whole.load(Ordering::Relaxed),
            extended: self.extended.load(Ordering::Relaxed),
            missed: self.missed.load(Ordering::Relaxed),
            evicted: shelf.evicted,
            answers: shelf.len(),
            bytes: shelf.bytes(),
        }
    }

    /// Answers a query as [`Engine::range`] does. The statistics are of what was evaluated: where they matter, the engine
    /// is to be asked.
    ///
    /// # Errors
    /// As [`Engine::range`].
    pub fn range(
        &self,
        engine: &Engine,
        source: &dyn SeriesSource,
        query: &RangeQuery<'_>,
    ) -> Result<QueryOutput, QueryError> {
        let steps = Steps::range(query.start, query.end, query.step, engine.options().max_samples);
        let usual = query.step > 0 && !query.options.per_step_stats;
        let steps = steps.ok().filter(|steps| usual && steps.count > 0);
        let (Some(now), Some(steps)) = (source.moment(), steps) else {
            return engine.range(source, query);
        };
        let asked = Asked {
            engine,
            source,
            query,
            steps,
            now,
        };
        let key = Key::of(engine.options(), query);
        let kept = self.shelf().get(&key);
        if let Some(kept) = &kept
            && let Some(answer) = self.answer_with(kept, &asked, &key)
        {
            return Ok(answer);
        }
        self.missed.fetch_add(1, Ordering::Relaxed);
        let evaluated = engine.range_at(source, query, None)?;
        if let (Some(local), Value::Matrix(series)) = (evaluated.locality, &evaluated.value)
            && self.has_room(&key, bytes_of(series))
        {
            let kept = Kept {
                moment: now,
                ahead_ms: local.ahead_ms,
                steps,
                longest: kept.map_or(0, |kept| kept.longest).max(steps.count),
                series: series.clone(),
                annotations: evaluated.annotations.clone(),
                mended: evaluated.mended.clone(),
            };
            self.keep(&asked, key, kept);
        }
        Ok(evaluated.output(query.text))
    }

    /// The answer with what still holds of a kept one; `None` if all steps have to be evaluated.
    fn answer_with(&self, kept: &Kept, asked: &Asked<'_>, key: &Key) -> Option<QueryOutput> {
        let (text, holding) = (asked.query.text, asked.holding(kept)?);
        if holding == asked.steps {
            let found = kept.found_with(holding, &Annotations::default())?;
            self.whole.fetch_add(1, Ordering::Relaxed);
            return Some(kept.answer(holding, text, found, QueryStats::default()));
        }
        let tail = asked.steps.behind(holding);
        // Should it come to nothing, all has to be evaluated after it.
        if tail.count > asked.steps.count / 2 {
            return None;
        }
        // Where several steps are in error, it is for the evaluation of all to say which one is told.
        let tail = asked
            .engine
            .range_at(asked.source, asked.query, Some(tail))
            .ok()?;
        tail.locality?;
        let Value::Matrix(series) = tail.value else {
            return None;
        };
        let found = kept.found_with(holding, &tail.annotations)?;
        let longest = kept.longest.max(asked.steps.count);
        let steps = kept.steps.up_to(asked.steps.last()).last_ones(longest);
        let before = steps.up_to(holding.last());
        let kept = Kept {
            moment: asked.now,
            ahead_ms: kept.ahead_ms,
            steps,
            longest,
            series: joined(kept.at(before), series),
            annotations: found.clone(),
            mended: mended_together(kept.mended_at(before), tail.mended),
        };
        let answer = kept.answer(asked.steps, text, found, tail.stats);
        self.keep(asked, key.clone(), kept);
        self.extended.fetch_add(1, Ordering::Relaxed);
        Some(answer)
    }

    /// Keeps an answer, unless it is too large or something has gone while it was found.
    fn keep(&self, asked: &Asked<'_>, key: Key, kept: Kept) {
        let lives = asked
            .source
            .moment()
            .is_some_and(|now| now.life == asked.now.life);
        if lives && self.has_room(&key, kept.bytes()) {
            let gone = self.shelf().put(key, Arc::new(kept), self.most_bytes);
            drop(gone);
        }
    }

    /// Whether an answer may be so large.
    const fn has_room(&self, key: &Key, bytes: usize) -> bool {
        bytes.saturating_add(key.bytes()) <= self.most_bytes / ONE_ANSWER
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asked<'_> {
    /// The first of the steps, up to where a kept answer has them and still holds.
    fn holding(&self, kept: &Kept) -> Option<Steps> {
        let same_life = kept.moment.life == self.now.life;
        // What was found later than this source shows would not fit what it shows.
        if !same_life || kept.moment.addition > self.now.addition {
            return None;
        }
        kept.holding(self.source.unchanged_before(kept.moment), self.steps)
    }
}
