//! The engine: options, and the two ways to ask.

use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

use narthex_model::{Annotations, SeriesSource};

use crate::ast::{Expr, ValueType};
use crate::check::parse;
use crate::error::QueryError;
use crate::eval::{
    Context, Crews, Evaluator, Guard, Mended, Record, Steps, instant_value, matrix_value, range_value,
    with_stack,
};
use crate::features::Features;
use crate::limits::Interrupt;
use crate::plan::{Evaluating, Locality, QueryTimes, levels, locality, plan};
use crate::value::Value;

/// What is the same for all queries of a server.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// How far an instant selector looks back, in milliseconds.
    pub lookback_delta_ms: i64,
    /// Step of subqueries that name none, in milliseconds (the global evaluation interval).
    pub default_subquery_step_ms: i64,
    /// Most samples that a query may hold in memory at once.
    pub max_samples: usize,
    /// Most bytes that a query may hold in memory at once, as far as it grows with series and steps: columns, groups,
    /// labels, buffers.
    pub max_bytes: usize,
    /// How many threads one query may use.
    pub parallelism: usize,
    /// Optional parts of the language.
    pub features: Features,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            lookback_delta_ms: 300_000,
            default_subquery_step_ms: 60_000,
            max_samples: 50_000_000,
            max_bytes: 1 << 30,
            parallelism: 1,
            features: Features::default(),
        }
    }
}

/// What may differ from query to query.
#[derive(Default, Clone, Copy)]
pub struct QueryOptions<'a> {
    /// Overrides [`EngineOptions::lookback_delta_ms`].
    pub lookback_delta_ms: Option<i64>,
    /// Asked often during evaluation, from any thread; `Some` ends the query.
    pub interrupt: Option<&'a (dyn Fn() -> Option<Interrupt> + Sync)>,
    /// Count samples per step too.
    pub per_step_stats: bool,
}

/// A query at one time.
#[derive(Clone, Copy)]
pub struct InstantQuery<'a> {
    /// The query's text.
    pub text: &'a str,
    /// Evaluation time in Unix milliseconds.
    pub time: i64,
    /// What may differ from query to query.
    pub options: QueryOptions<'a>,
}

/// A query at `start`, `start + step`, ... up to `end`.
#[derive(Clone, Copy)]
pub struct RangeQuery<'a> {
    /// The query's text.
    pub text: &'a str,
    /// First time in Unix milliseconds.
    pub start: i64,
    /// Last possible time in Unix milliseconds.
    pub end: i64,
    /// Distance in milliseconds, above 0.
    pub step: i64,
    /// What may differ from query to query.
    pub options: QueryOptions<'a>,
}

/// How much work a query was. Counted as Prometheus counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueryStats {
    /// Samples that selectors touched, summed over steps.
    pub total_queryable_samples: u64,
    /// The same by step: time in Unix milliseconds and count. Empty unless asked for.
    pub total_queryable_samples_per_step: Vec<(i64, u64)>,
    /// Samples read from the source, each counted once per selector.
    pub samples_read: u64,
    /// Most samples held at once.
    pub peak_samples: u64,
}

/// The answer, and what was noticed on the way.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryOutput {
    /// The answer.
    pub value: Value,
    /// Warnings and infos.
    pub annotations: Annotations,
    /// How much work it was.
    pub stats: QueryStats,
}

/// Evaluates queries; cheap to clone. Between queries it keeps a few threads, if it may use several for one, and nothing
/// that an answer depends on (see [`ResultCache`](crate::ResultCache) for that).
#[derive(Debug, Clone, Default)]
pub struct Engine {
    options: EngineOptions,
    crews: Crews,
}

impl Engine {
    /// An engine with these options.
    #[must_use]
    pub fn new(options: EngineOptions) -> Self {
        Self {
            options,
            crews: Crews::default(),
        }
    }

    /// The options.
    #[must_use]
    pub const fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// Answers a query at one time.
    ///
    /// # Errors
    /// When the text is no query, evaluation fails, a limit is reached, or the source fails.
    pub fn instant(
        &self,
        source: &dyn SeriesSource,
        query: &InstantQuery<'_>,
    ) -> Result<QueryOutput, QueryError> {
        let expr = parse(query.text, &self.options.features)?;
        let run = Run {
            options: &self.options,
            crews: &self.crews,
            query: &query.options,
            source,
            text: query.text,
            times: QueryTimes {
                start: query.time,
                end: query.time,
                step: 0,
                default_subquery_step: self.options.default_subquery_step_ms,
            },
            steps: Steps::instant(query.time),
        };
        run.answer(&expr, Shape::Instant)
            .map(|evaluated| evaluated.output(query.text))
    }

    /// Answers a query at evenly spaced times.
    ///
    /// # Errors
    /// As [`instant`](Self::instant), and when the expression is neither scalar nor instant vector.
    pub fn range(
        &self,
        source: &dyn SeriesSource,
        query: &RangeQuery<'_>,
    ) -> Result<QueryOutput, QueryError> {
        self.range_at(source, query, None)
            .map(|evaluated| evaluated.output(query.text))
    }

    /// Answers a query at some of its steps, or at all of them.
    pub(crate) fn range_at(
        &self,
        source: &dyn SeriesSource,
        query: &RangeQuery<'_>,
        steps: Option<Steps>,
    ) -> Result<Evaluated, QueryError> {
        let expr = parse(query.text, &self.options.features)?;
        let kind = expr.value_type();
        if !matches!(kind, ValueType::Scalar | ValueType::Vector) {
            return Err(QueryError::BadRequest(format!(
                "invalid expression type \"{}\" for range query, must be Scalar or instant Vector",
                kind.documented()
            )));
        }
        if query.step <= 0 {
            return Err(QueryError::BadRequest(
                "zero or negative query resolution step widths are not accepted. Try a positive integer"
                    .to_owned(),
            ));
        }
        let run = Run {
            options: &self.options,
            crews: &self.crews,
            query: &query.options,
            source,
            text: query.text,
            times: QueryTimes {
                start: query.start,
                end: query.end,
                step: query.step,
                default_subquery_step: self.options.default_subquery_step_ms,
            },
            steps: match steps {
                Some(steps) => steps,
                None => Steps::range(query.start, query.end, query.step, self.options.max_samples)?,
            },
        };
        run.answer(&expr, Shape::Range)
    }
}

/// An answer, and whether parts of it stand for themselves.
pub(crate) struct Evaluated {
    pub(crate) value: Value,
    pub(crate) stats: QueryStats,
    /// What was noticed, but for what was mended.
    pub(crate) annotations: Annotations,
    pub(crate) mended: Vec<Mended>,
    /// `None` if its values depend on which steps were asked for, or its findings speak of all of them together.
    pub(crate) locality: Option<Locality>,
}

impl Evaluated {
    /// The answer, with all that was noticed on the way.
    pub(crate) fn output(self, query: &str) -> QueryOutput {
        let mut annotations = self.annotations;
        for mended in &self.mended {
            mended.tell(query, &mut annotations);
        }
        QueryOutput {
            value: self.value,
            annotations,
            stats: self.stats,
        }
    }
}

/// What the answer looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Instant,
    Range,
}

/// One query on its way.
struct Run<'r> {
    options: &'r EngineOptions,
    crews: &'r Crews,
    query: &'r QueryOptions<'r>,
    source: &'r dyn SeriesSource,
    text: &'r str,
    times: QueryTimes,
    steps: Steps,
}

impl Run<'_> {
    fn answer(&self, expr: &Expr, shape: Shape) -> Result<Evaluated, QueryError> {
        let levels = levels(expr);
        with_stack(levels, || self.evaluate(expr, shape, levels))
    }

    fn evaluate(&self, expr: &Expr, shape: Shape, levels: usize) -> Result<Evaluated, QueryError> {
        let (plan, root) = plan(expr, &self.times)?;
        let cx = Context {
            source: self.source,
            features: self.options.features,
            lookback_ms: self
                .query
                .lookback_delta_ms
                .unwrap_or(self.options.lookback_delta_ms),
            max_samples: self.options.max_samples,
            parallelism: self.options.parallelism,
            crews: self.crews,
            levels,
            guard: Guard::new(
                self.query.interrupt,
                self.options.max_samples,
                self.options.max_bytes,
            ),
            times: self.times,
            text: self.text,
            per_step_stats: self.query.per_step_stats,
            steps: self.steps,
            slots: AtomicUsize::new(0),
            record: Mutex::default(),
        };
        let evaluator = Evaluator::new(&cx, &plan);
        let value = match (shape, expr.value_type()) {
            (Shape::Instant, ValueType::Matrix) => matrix_value(&evaluator, root, self.steps),
            (Shape::Instant, _) => evaluator
                .eval(root, self.steps)
                .and_then(|output| instant_value(&cx, output, self.times.start)),
            (Shape::Range, _) => evaluator
                .eval(root, self.steps)
                .and_then(|output| range_value(&cx, output, &self.steps)),
        };
        cx.guard.check_bytes()?;
        let value = value?;
        drop(evaluator);
        let peak_samples = cx.guard.peak() as u64;
        let record = cx.take_record();
        let stats = self.stats(&record, peak_samples);
        let mended = record.fixes.into_mended();
        let mut calls = mended.iter().enumerate();
        // What a call of a subquery mends lies at other steps, and of equal calls nothing is known apart.
        let apart = calls.all(|(at, call)| {
            let others = mended.iter().skip(at + 1);
            call.is_of(self.steps) && !{ others }.any(|other| other.is_same_call(call))
        });
        let evaluating = Evaluating {
            features: cx.features,
            lookback_ms: cx.lookback_ms,
            step_ms: self.times.step,
        };
        let locality = locality(&plan, root, evaluating)
            .filter(|local| apart && !record.of_the_whole && !(local.but_for_ties && record.tied));
        Ok(Evaluated {
            value,
            stats,
            annotations: record.annotations,
            mended,
            locality,
        })
    }

    fn stats(&self, record: &Record, peak_samples: u64) -> QueryStats {
        let per_step = if self.query.per_step_stats {
            let count = |step: usize| record.per_step.get(step).copied().unwrap_or(0);
            self.steps
                .times()
                .enumerate()
                .map(|(step, time)| (time, count(step)))
                .collect()
        } else {
            Vec::new()
        };
        QueryStats {
            total_queryable_samples: record.queryable,
            total_queryable_samples_per_step: per_step,
            samples_read: record.samples_read,
            peak_samples,
        }
    }
}
