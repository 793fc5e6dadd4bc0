//! What discovery counts about itself, under the names that Prometheus has for it.

use crate::config::KubernetesRole;
use crate::telemetry::metrics::{Counter, Counters, Gauge, Gauges, Registry, Summaries, Summary};

/// Whom the targets are for: the value of the label `name`.
pub(super) const NAME: &str = "scrape";

/// All families of discovery.
#[derive(Debug, Clone)]
pub(super) struct Metrics {
    pub(super) targets: Gauges,
    pub(super) received: Counter,
    pub(super) updates: Counter,
    pub(super) delayed: Counter,
    pub(super) failed_configs: Gauge,
    pub(super) refresh_failures: Counters,
    pub(super) refresh_length: Summaries,
    pub(super) file_faults: Counter,
    pub(super) file_times: Gauges,
    pub(super) http_failures: Counter,
    pub(super) dns_lookups: Counter,
    pub(super) dns_failures: Counter,
    pub(super) kubernetes: KubernetesMetrics,
}

impl Metrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let named = |name: &str, help: &str| registry.counters(name, help, &["name"]).with(&[NAME]);
        Self {
            targets: registry.gauges(
                "prometheus_sd_discovered_targets",
                "Targets that discovery has found at present.",
                &["name", "config"],
            ),
            received: named(
                "prometheus_sd_received_updates_total",
                "How often kinds of discovery have reported what they found.",
            ),
            updates: named(
                "prometheus_sd_updates_total",
                "How often found targets were handed out.",
            ),
            delayed: named(
                "prometheus_sd_updates_delayed_total",
                "How often found targets waited because others had just been handed out.",
            ),
            failed_configs: registry
                .gauges(
                    "prometheus_sd_failed_configs",
                    "Sections of discovery that could not be set up.",
                    &["name"],
                )
                .with(&[NAME]),
            refresh_failures: registry.counters(
                "prometheus_sd_refresh_failures_total",
                "Refreshes that failed.",
                &["mechanism", "config"],
            ),
            refresh_length: registry.summaries(
                "prometheus_sd_refresh_duration_seconds",
                "How long refreshes took.",
                &["mechanism", "config"],
                &[0.5, 0.9, 0.99],
            ),
            file_faults: registry.counter(
                "prometheus_sd_file_read_errors_total",
                "Target files that could not be read.",
            ),
            file_times: registry.gauges(
                "prometheus_sd_file_mtime_seconds",
                "When target files were modified last, in Unix seconds.",
                &["filename"],
            ),
            http_failures: registry.counter(
                "prometheus_sd_http_failures_total",
                "Refreshes over HTTP that failed.",
            ),
            dns_lookups: registry.counter("prometheus_sd_dns_lookups_total", "Names asked for in DNS."),
            dns_failures: registry.counter(
                "prometheus_sd_dns_lookup_failures_total",
                "Names for which DNS had no answer to give.",
            ),
            kubernetes: KubernetesMetrics::new(registry),
        }
    }
}

/// Families of Kubernetes discovery.
#[derive(Debug, Clone)]
pub(super) struct KubernetesMetrics {
    pub(super) events: Counters,
    pub(super) failures: Counter,
    pub(super) requests: Counters,
    pub(super) request_length: Summary,
}

impl KubernetesMetrics {
    fn new(registry: &Registry) -> Self {
        let this = Self {
            events: registry.counters(
                "prometheus_sd_kubernetes_events_total",
                "Changes of objects that Kubernetes has reported.",
                &["role", "event"],
            ),
            failures: registry.counter(
                "prometheus_sd_kubernetes_failures_total",
                "Lists and watches that failed.",
            ),
            requests: registry.counters(
                "prometheus_sd_kubernetes_http_request_total",
                "Answers of Kubernetes API servers by status; 0 where none came.",
                &["status_code"],
            ),
            request_length: registry.summary(
                "prometheus_sd_kubernetes_http_request_duration_seconds",
                "How long Kubernetes API servers took to begin an answer.",
                &[],
            ),
        };
        for role in KubernetesRole::ALL {
            for event in ["add", "update", "delete"] {
                this.events.with(&[role.name(), event]);
            }
        }
        this
    }
}
