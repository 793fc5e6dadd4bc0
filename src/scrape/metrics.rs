//! The server's own figures about scraping, under Prometheus's names.

use crate::telemetry::metrics::{Counter, Counters, Gauges, Registry, Summaries};

const QUANTILES: [f64; 5] = [0.01, 0.05, 0.5, 0.9, 0.99];

/// Handles of the families; clones count together.
#[derive(Debug, Clone)]
pub(super) struct ScrapeMetrics {
    pub(super) interval_length: Summaries,
    pub(super) sync_length: Summaries,
    pub(super) sync_failed: Counters,
    pub(super) pools: Counter,
    pub(super) pools_failed: Counter,
    pub(super) pool_reloads: Counter,
    pub(super) pool_reloads_failed: Counter,
    pub(super) pool_syncs: Counters,
    pub(super) pool_targets: Gauges,
    pub(super) pool_target_limit: Gauges,
    pub(super) exceeded_target_limit: Counter,
    pub(super) cache_flush_forced: Counter,
    pub(super) refused: RefusedMetrics,
}

/// What was refused: whole scrapes for a limit, and single samples for their time.
#[derive(Debug, Clone)]
pub(super) struct RefusedMetrics {
    pub(super) exceeded_label_limits: Counter,
    pub(super) exceeded_sample_limit: Counter,
    pub(super) exceeded_bucket_limit: Counter,
    pub(super) exceeded_body_size_limit: Counter,
    pub(super) duplicate: Counter,
    pub(super) out_of_order: Counter,
    pub(super) out_of_bounds: Counter,
}

impl ScrapeMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let counter = |name: &str, help: &str| registry.counter(&format!("prometheus_target_{name}"), help);
        Self {
            interval_length: registry.summaries(
                "prometheus_target_interval_length_seconds",
                "Actual intervals between scrapes.",
                &["interval"],
                &QUANTILES,
            ),
            sync_length: registry.summaries(
                "prometheus_target_sync_length_seconds",
                "Time it took to bring a job's targets in line with what was discovered.",
                &["scrape_job"],
                &QUANTILES,
            ),
            sync_failed: registry.counters(
                "prometheus_target_sync_failed_total",
                "Discovered targets that could not be made into targets.",
                &["scrape_job"],
            ),
            pools: counter("scrape_pools_total", "Jobs that were set up."),
            pools_failed: counter("scrape_pools_failed_total", "Jobs that could not be set up."),
            pool_reloads: counter("scrape_pool_reloads_total", "Reloads of a job's configuration."),
            pool_reloads_failed: counter(
                "scrape_pool_reloads_failed_total",
                "Reloads of a job's configuration that failed.",
            ),
            pool_syncs: registry.counters(
                "prometheus_target_scrape_pool_sync_total",
                "How often a job's targets were brought in line with what was discovered.",
                &["scrape_job"],
            ),
            pool_targets: registry.gauges(
                "prometheus_target_scrape_pool_targets",
                "Targets of a job.",
                &["scrape_job"],
            ),
            pool_target_limit: registry.gauges(
                "prometheus_target_scrape_pool_target_limit",
                "Most targets that a job may have.",
                &["scrape_job"],
            ),
            exceeded_target_limit: counter(
                "scrape_pool_exceeded_target_limit_total",
                "How often a job had more targets than it may have.",
            ),
            cache_flush_forced: counter(
                "scrapes_cache_flush_forced_total",
                "How often a cache of series was emptied before its time.",
            ),
            refused: RefusedMetrics::new(registry),
        }
    }
}

impl RefusedMetrics {
    fn new(registry: &Registry) -> Self {
        let counter = |name: &str, help: &str| registry.counter(&format!("prometheus_target_{name}"), help);
        // Exposed with 0 from the start although nothing counts them yet.
        counter(
            "scrapes_exemplar_out_of_order_total",
            "Exemplars rejected for being out of order.",
        );
        Self {
            exceeded_label_limits: counter(
                "scrape_pool_exceeded_label_limits_total",
                "Scrapes rejected for too many or too long labels.",
            ),
            exceeded_sample_limit: counter(
                "scrapes_exceeded_sample_limit_total",
                "Scrapes rejected for too many samples.",
            ),
            exceeded_bucket_limit: counter(
                "scrapes_exceeded_native_histogram_bucket_limit_total",
                "Scrapes rejected for native histograms with too many buckets.",
            ),
            exceeded_body_size_limit: counter(
                "scrapes_exceeded_body_size_limit_total",
                "Scrapes rejected for a body that is too large.",
            ),
            duplicate: counter(
                "scrapes_sample_duplicate_timestamp_total",
                "Samples left out because their series has another value at that time.",
            ),
            out_of_order: counter(
                "scrapes_sample_out_of_order_total",
                "Samples left out because their series has newer ones.",
            ),
            out_of_bounds: counter(
                "scrapes_sample_out_of_bounds_total",
                "Samples left out because their time is too far from now.",
            ),
        }
    }
}
