//! Runs queries: at most so many at once, each until its deadline, and on a thread of its own unless it takes next to
//! nothing.
//!
//! A place at the gate belongs to the evaluation, not to the answer: a client that reads slowly holds none, and a
//! query whose client went away gives its place back once it has noticed.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use narthex_model::SeriesSource;
use narthex_promql::{Engine, InstantQuery, QueryError, QueryOptions, QueryOutput, RangeQuery, ResultCache};
use parking_lot::RwLock;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::interrupt::{CancelOnDrop, Stop, interrupt};
use super::metrics::{Metrics, Running, register_cache};
use crate::clock::Clock;
use crate::telemetry::metrics::Registry;

/// How many reads of the store that are no queries (names, values, series) run at once.
const MOST_READS: usize = 16;

/// What bounds every query.
#[derive(Debug, Clone, Copy)]
pub struct QueryLimits {
    /// How many queries run at once (`--query.max-concurrency`).
    pub max_concurrency: usize,
    /// How long a query may wait and run (`--query.timeout`).
    pub timeout: Duration,
    /// Most bytes of answers that are kept; 0 keeps none.
    pub cache_bytes: usize,
}

/// When a query is evaluated, in Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Once.
    At(i64),
    /// At `start`, `start + step`, ... up to `end`; `step` is above 0.
    Range {
        /// First time.
        start: i64,
        /// Last possible time.
        end: i64,
        /// Distance.
        step: i64,
    },
}

/// A query as a client asks it.
#[derive(Debug, Clone)]
pub struct Question {
    /// The query's text.
    pub text: String,
    /// When it is evaluated.
    pub when: When,
    /// Overrides the server's lookback, in milliseconds.
    pub lookback_delta_ms: Option<i64>,
    /// Count samples per step too.
    pub per_step_stats: bool,
    /// The client's own timeout; the server's caps it.
    pub timeout: Option<Duration>,
    /// Whether it takes next to nothing: it is answered by the thread that asks then.
    pub at_once: bool,
    /// Whether kept answers may be used. Statistics are of what was evaluated then.
    pub cached: bool,
}

/// What the engine answered, and how long the phases took.
#[derive(Debug)]
pub struct Answer {
    /// The engine's output.
    pub output: QueryOutput,
    /// Time spent waiting for a place.
    pub queued: Duration,
    /// Time spent evaluating.
    pub evaluated: Duration,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The deadline passed before the query got a place.
    #[error("context deadline exceeded")]
    QueueTimeout,
    /// A read of names or series took as long as a query may take.
    #[error("the read took longer than --query.timeout allows ({0:?})")]
    ReadTimeout(Duration),
    /// The engine says why.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The evaluation ended in a way that it must not; the log has more.
    #[error("unexpected error: {0}")]
    Broken(String),
}

/// Runs queries; clones share the same gate.
#[derive(Debug, Clone)]
pub struct QueryService {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    engine: RwLock<Engine>,
    gate: Arc<Semaphore>,
    reads: Arc<Semaphore>,
    timeout: Duration,
    clock: Clock,
    cache: Option<Arc<ResultCache>>,
    metrics: Metrics,
}

impl QueryService {
    /// A service around `engine`.
    #[must_use]
    pub fn new(engine: Engine, limits: QueryLimits, clock: Clock, registry: &Registry) -> Self {
        let cache = (limits.cache_bytes > 0).then(|| Arc::new(ResultCache::new(limits.cache_bytes)));
        cache.iter().for_each(|cache| register_cache(registry, cache));
        Self {
            shared: Arc::new(Shared {
                engine: RwLock::new(engine),
                gate: Arc::new(Semaphore::new(
                    limits.max_concurrency.clamp(1, Semaphore::MAX_PERMITS),
                )),
                reads: Arc::new(Semaphore::new(MOST_READS)),
                timeout: limits.timeout,
                clock,
                cache,
                metrics: Metrics::new(registry, limits),
            }),
        }
    }

    /// Replaces the engine for queries asked from now on; a reload may change its options.
    pub fn set_engine(&self, engine: Engine) {
        *self.shared.engine.write() = engine;
    }

    /// The engine in use.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.shared.engine.read().clone()
    }

    /// Answers `question` from what `source` opens. The source is opened when the query's turn comes, and dropping
    /// the returned future cancels the query.
    ///
    /// # Errors
    /// When the deadline passes in the queue or later, or the engine cannot answer.
    pub async fn ask<S, O>(&self, question: Question, source: O) -> Result<Answer, Fault>
    where
        S: SeriesSource,
        O: FnOnce() -> S + Send + 'static,
    {
        let shared = &self.shared;
        let running = Running::new(&shared.metrics.running);
        let timeout = question.timeout.unwrap_or(shared.timeout).min(shared.timeout);
        let begun = shared.clock.monotonic();
        let deadline = begun + timeout;
        let place = self.place(timeout).await?;
        let queued = shared.clock.elapsed(begun);
        if queued >= timeout {
            return Err(Fault::QueueTimeout);
        }
        shared.metrics.queue_time.observe(queued.as_secs_f64());
        let (guard, canceled) = CancelOnDrop::new();
        let (engine, clock) = (self.engine(), shared.clock.clone());
        let cache = shared.cache.clone().filter(|_| question.cached);
        let at_once = question.at_once;
        let work = move || {
            let (_place, _running) = (place, running);
            let begun = clock.monotonic();
            let source = source();
            let stop = interrupt(&clock, deadline, &canceled);
            let result = evaluate((&engine, cache.as_deref()), &source, &question, &stop);
            (result, clock.elapsed(begun))
        };
        let ended = run(at_once, work).await;
        drop(guard);
        let (result, evaluated) = ended?;
        shared.metrics.inner_eval.observe(evaluated.as_secs_f64());
        let output = result?;
        shared
            .metrics
            .samples
            .add(output.stats.total_queryable_samples as f64);
        Ok(Answer {
            output,
            queued,
            evaluated,
        })
    }

    /// Runs a read of the store that is no query: `at_once`, if it takes next to no time, else away from the async
    /// threads. It has as long as a query has, waiting for its turn included, and its [`Stop`] tells it when the time is
    /// over or the returned future was dropped.
    ///
    /// # Errors
    /// When the time is over before the read begins or when it ends, or when it panics.
    pub async fn read<T, F>(&self, at_once: bool, read: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: FnOnce(Stop) -> T + Send + 'static,
    {
        let shared = &self.shared;
        let late = || Fault::ReadTimeout(shared.timeout);
        let deadline = shared.clock.monotonic() + shared.timeout;
        let place = Arc::clone(&shared.reads).acquire_owned();
        let place = tokio::time::timeout(shared.timeout, place)
            .await
            .map_err(|_| late())?
            .map_err(|e| Fault::Broken(e.to_string()))?;
        let (guard, canceled) = CancelOnDrop::new();
        let stop = Stop::new(shared.clock.clone(), deadline, canceled);
        let watch = stop.clone();
        let work = move || {
            let _place = place;
            read(stop)
        };
        let ended = run(at_once, work).await;
        let late_now = watch.is_late();
        drop(guard);
        let read = ended?;
        if late_now { Err(late()) } else { Ok(read) }
    }

    async fn place(&self, timeout: Duration) -> Result<OwnedSemaphorePermit, Fault> {
        let place = Arc::clone(&self.shared.gate).acquire_owned();
        match tokio::time::timeout(timeout, place).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(Fault::QueueTimeout),
        }
    }
}

fn evaluate(
    (engine, cache): (&Engine, Option<&ResultCache>),
    source: &dyn SeriesSource,
    question: &Question,
    stop: &(dyn Fn() -> Option<narthex_promql::Interrupt> + Sync),
) -> Result<QueryOutput, QueryError> {
    let text = question.text.as_str();
    let options = QueryOptions {
        lookback_delta_ms: question.lookback_delta_ms,
        interrupt: Some(stop),
        per_step_stats: question.per_step_stats,
    };
    match question.when {
        When::At(time) => engine.instant(source, &InstantQuery { text, time, options }),
        When::Range { start, end, step } => {
            let query = RangeQuery {
                text,
                start,
                end,
                step,
                options,
            };
            match cache {
                Some(cache) => cache.range(engine, source, &query),
                None => engine.range(source, &query),
            }
        }
    }
}

/// Does what may take long on a thread of its own. Waking that and being woken by it costs more than what takes next to
/// nothing, which is done at once.
async fn run<T: Send + 'static>(
    at_once: bool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Fault> {
    if at_once {
        catch_unwind(AssertUnwindSafe(work)).map_err(panicked)
    } else {
        tokio::task::spawn_blocking(work).await.map_err(broken)
    }
}

fn broken(error: tokio::task::JoinError) -> Fault {
    match error.try_into_panic() {
        Ok(panic) => panicked(panic),
        Err(stopped) => Fault::Broken(stopped.to_string()),
    }
}

fn panicked(panic: Box<dyn Any + Send>) -> Fault {
    let text = panic
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned());
    tracing::error!(panic = text, "a read of the store broke off; this is a bug");
    Fault::Broken(text)
}

#[cfg(test)]
mod tests {
    use narthex_model::{EmptySeriesSet, Selection, SeriesSet, SourceError};

    use super::*;

    struct Empty;

    impl SeriesSource for Empty {
        fn select<'s>(&'s self, _: &Selection<'_>) -> Result<Box<dyn SeriesSet + 's>, SourceError> {
            Ok(Box::new(EmptySeriesSet))
        }
    }

    fn service(max_concurrency: usize) -> (QueryService, Arc<Registry>) {
        let registry = Registry::new();
        let limits = QueryLimits {
            max_concurrency,
            timeout: Duration::from_secs(5),
            cache_bytes: 0,
        };
        let service = QueryService::new(Engine::default(), limits, Clock::system(), &registry);
        (service, registry)
    }

    fn question(timeout: Option<Duration>) -> Question {
        Question {
            text: "1".into(),
            when: When::At(0),
            lookback_delta_ms: None,
            per_step_stats: false,
            timeout,
            at_once: false,
            cached: true,
        }
    }

    #[tokio::test]
    async fn waiting_counts_to_the_timeout() {
        let (service, _) = service(1);
        let place = service.place(Duration::from_secs(1)).await.unwrap();
        let asked = service
            .ask(question(Some(Duration::from_millis(1))), || Empty)
            .await;
        assert!(matches!(asked, Err(Fault::QueueTimeout)));
        drop(place);
        let asked = service.ask(question(Some(Duration::ZERO)), || Empty).await;
        assert!(matches!(asked, Err(Fault::QueueTimeout)));
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_gives_the_place_back() {
        let (service, _) = service(1);
        for _ in 0..3 {
            let asked = service
                .ask(question(None), || -> Empty { panic!("no store") })
                .await;
            assert_eq!(asked.unwrap_err().to_string(), "unexpected error: no store");
            let at_once = Question {
                at_once: true,
                ..question(None)
            };
            let asked = service.ask(at_once, || -> Empty { panic!("no store") }).await;
            assert_eq!(asked.unwrap_err().to_string(), "unexpected error: no store");
        }
        assert_eq!(service.shared.metrics.running.get(), 0.0);
    }

    #[tokio::test]
    async fn a_client_that_leaves_cancels_its_query() {
        let (service, _) = service(1);
        let (entered, waits) = std::sync::mpsc::channel::<()>();
        let (leave, left) = std::sync::mpsc::channel::<()>();
        let asked = tokio::spawn({
            let service = service.clone();
            async move {
                let _ = service
                    .ask(question(None), move || {
                        entered.send(()).unwrap();
                        left.recv().unwrap();
                        Empty
                    })
                    .await;
            }
        });
        tokio::task::spawn_blocking(move || waits.recv().unwrap())
            .await
            .unwrap();
        asked.abort();
        assert!(asked.await.unwrap_err().is_cancelled());
        assert_eq!(
            service.shared.gate.available_permits(),
            0,
            "the evaluation still holds its place"
        );
        leave.send(()).unwrap();
        drop(service.place(Duration::from_secs(60)).await.unwrap());
    }

    #[tokio::test]
    async fn a_read_that_panics_is_an_error() {
        let (service, _) = service(1);
        for at_once in [true, false] {
            let read: Result<(), _> = service.read(at_once, |_| panic!("no store")).await;
            assert_eq!(read.unwrap_err().to_string(), "unexpected error: no store");
            assert_eq!(service.shared.reads.available_permits(), MOST_READS);
        }
    }

    #[tokio::test]
    async fn a_read_is_told_when_nobody_wants_its_answer() {
        let clock = Clock::manual(0);
        let limits = QueryLimits {
            max_concurrency: 1,
            timeout: Duration::from_secs(5),
            cache_bytes: 0,
        };
        let service = QueryService::new(Engine::default(), limits, clock.clone(), &Registry::new());
        let (fresh, late) = service
            .read(false, move |stop| {
                let before = stop.is_due();
                clock.set(4_999);
                (before, stop.is_due())
            })
            .await
            .unwrap();
        assert!(!fresh && !late, "there is time left");
        let clock = service.shared.clock.clone();
        let read = service.read(false, move |stop| {
            clock.set(20_000);
            assert!(stop.is_due());
        });
        let error = read.await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the read took longer than --query.timeout allows (5s)"
        );
        let (told, waits) = std::sync::mpsc::channel();
        let (entered, inside) = tokio::sync::oneshot::channel();
        let asked = tokio::spawn({
            let service = service.clone();
            async move {
                let read = service.read(false, move |stop| {
                    entered.send(()).unwrap();
                    while !stop.is_due() {
                        std::thread::yield_now();
                    }
                    told.send(()).unwrap();
                });
                drop(read.await);
            }
        });
        inside.await.unwrap();
        asked.abort();
        tokio::task::spawn_blocking(move || waits.recv().unwrap())
            .await
            .unwrap();
    }
}
