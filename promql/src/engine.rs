//! The engine: options, and the two ways to ask.

use narthex_model::{Annotations, SeriesSource};

use crate::error::QueryError;
use crate::features::Features;
use crate::limits::Interrupt;
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

/// Evaluates queries; cheap to clone, has no state between queries.
#[derive(Debug, Clone, Default)]
pub struct Engine {
    options: EngineOptions,
}

impl Engine {
    /// An engine with these options.
    #[must_use]
    pub const fn new(options: EngineOptions) -> Self {
        Self { options }
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
        let _ = (source, query);
        Err(QueryError::Execution("not built yet".into()))
    }

    /// Answers a query at evenly spaced times.
    ///
    /// # Errors
    /// As [`instant`](Self::instant).
    pub fn range(
        &self,
        source: &dyn SeriesSource,
        query: &RangeQuery<'_>,
    ) -> Result<QueryOutput, QueryError> {
        let _ = (source, query);
        Err(QueryError::Execution("not built yet".into()))
    }
}
