//! What the service counts.

use std::sync::Arc;

use narthex_promql::ResultCache;

use super::service::QueryLimits;
use crate::telemetry::metrics::{Counter, Gather, Gauge, Kind, Registry, Summary};

#[derive(Debug)]
pub(super) struct Metrics {
    pub(super) running: Gauge,
    pub(super) samples: Counter,
    pub(super) queue_time: Summary,
    pub(super) inner_eval: Summary,
}

impl Metrics {
    pub(super) fn new(registry: &Registry, limits: QueryLimits) -> Self {
        registry
            .gauge(
                "prometheus_engine_queries_concurrent_max",
                "The max number of concurrent queries.",
            )
            .set(limits.max_concurrency as f64);
        registry.gauge("prometheus_engine_query_log_enabled", "State of the query log.");
        let durations = registry.summaries(
            "prometheus_engine_query_duration_seconds",
            "Query timings by phase; over the latest 512 queries.",
            &["slice"],
            &[0.5, 0.9, 0.99],
        );
        for idle in ["prepare_time", "result_sort"] {
            durations.with(&[idle]);
        }
        Self {
            running: registry.gauge("prometheus_engine_queries", "Queries being executed or waiting."),
            samples: registry.counter(
                "prometheus_engine_query_samples_total",
                "Samples that queries have touched.",
            ),
            queue_time: durations.with(&["queue_time"]),
            inner_eval: durations.with(&["inner_eval"]),
        }
    }
}

/// Counts a query as long as it lives.
pub(super) struct Running(Gauge);

impl Running {
    pub(super) fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Tells what the cache of answers does.
pub(super) fn register_cache(registry: &Registry, cache: &Arc<ResultCache>) {
    let cache = Arc::clone(cache);
    registry.on_gather(move |g: &mut Gather| {
        let stats = cache.stats();
        let asked = [
            ("whole", stats.whole),
            ("extended", stats.extended),
            ("missed", stats.missed),
        ];
        for (outcome, count) in asked {
            g.number(
                Kind::Counter,
                "narthex_query_cache_requests_total",
                "Range queries by how they were answered: whole from kept answers, with some steps evaluated, or evaluated.",
                &[("outcome", outcome)],
                count as f64,
            );
        }
        let (evicted, bytes) = (stats.evicted as f64, stats.bytes as f64);
        g.counter(
            "narthex_query_cache_evictions_total",
            "Kept answers that had to go for others.",
            evicted,
        );
        g.gauge("narthex_query_cache_bytes", "Bytes of kept answers.", bytes);
        g.gauge("narthex_query_cache_answers", "Kept answers.", stats.answers as f64);
    });
}
