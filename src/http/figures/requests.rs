//! Figures of requests, connections and reloads.

use std::time::Duration;

use crate::telemetry::metrics::{Counter, Counters, Gauge, Histograms, Registry};

const DURATION_BOUNDS: [f64; 9] = [0.1, 0.2, 0.4, 1.0, 3.0, 8.0, 20.0, 60.0, 120.0];
const SIZE_BOUNDS: [f64; 8] = [1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

/// Figures that requests and reloads change.
#[derive(Debug)]
pub(crate) struct HttpMetrics {
    pub(crate) requests: Counters,
    pub(crate) durations: Histograms,
    pub(crate) sizes: Histograms,
    pub(crate) ready: Gauge,
    pub(crate) config_success: Gauge,
    pub(crate) config_time: Gauge,
    pub(crate) federation_errors: Counter,
    alertmanagers: Gauge,
    /// Errors and alerts sent, by Alertmanager.
    alerts: [Counters; 2],
    pub(crate) accepted: Counter,
    pub(crate) closed: Counter,
}

impl HttpMetrics {
    pub(crate) fn new(registry: &Registry) -> Self {
        // Reading the store gives no warnings: the counter stays where it is.
        registry.counter(
            "prometheus_web_federation_warnings_total",
            "Total number of warnings that occurred while sending federation responses.",
        );
        Self {
            requests: registry.counters(
                "prometheus_http_requests_total",
                "Counter of HTTP requests.",
                &["handler", "code"],
            ),
            durations: registry.histograms(
                "prometheus_http_request_duration_seconds",
                "Histogram of latencies for HTTP requests.",
                &["handler"],
                &DURATION_BOUNDS,
            ),
            sizes: registry.histograms(
                "prometheus_http_response_size_bytes",
                "Histogram of response size for HTTP requests.",
                &["handler"],
                &SIZE_BOUNDS,
            ),
            ready: registry.gauge("prometheus_ready", "Whether the server can answer queries."),
            config_success: registry.gauge(
                "prometheus_config_last_reload_successful",
                "Whether the last configuration reload attempt was successful.",
            ),
            federation_errors: registry.counter(
                "prometheus_web_federation_errors_total",
                "Total number of errors that occurred while sending federation responses.",
            ),
            alerts: [
                registry.counters(
                    "prometheus_notifications_errors_total",
                    "Total number of sent alerts affected by errors.",
                    &["alertmanager"],
                ),
                registry.counters(
                    "prometheus_notifications_sent_total",
                    "Total number of alerts sent.",
                    &["alertmanager"],
                ),
            ],
            alertmanagers: registry.gauge(
                "prometheus_notifications_alertmanagers_discovered",
                "The number of alertmanagers discovered and active.",
            ),
            accepted: registry
                .counters(
                    "net_conntrack_listener_conn_accepted_total",
                    "Total number of connections opened to the listener of a given name.",
                    &["listener_name"],
                )
                .with(&["http"]),
            closed: registry
                .counters(
                    "net_conntrack_listener_conn_closed_total",
                    "Total number of connections closed that were made to the listener of a given name.",
                    &["listener_name"],
                )
                .with(&["http"]),
            config_time: registry.gauge(
                "prometheus_config_last_reload_success_timestamp_seconds",
                "Timestamp of the last successful configuration reload.",
            ),
        }
    }

    /// These Alertmanagers are known from now on. Nothing is sent to them yet, and their counters say so.
    pub(crate) fn set_alertmanagers(&self, urls: &[String]) {
        self.alertmanagers.set(urls.len() as f64);
        for url in urls {
            self.alerts
                .iter()
                .for_each(|counters| drop(counters.with(&[url])));
        }
    }

    /// Counts an answered request.
    pub(crate) fn count(&self, handler: &str, status: u16, took: Duration) {
        self.requests.with(&[handler, &status.to_string()]).inc();
        self.durations.with(&[handler]).observe(took.as_secs_f64());
    }
}
