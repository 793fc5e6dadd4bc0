//! The server's own figures: requests, the store, the process, the build.

use std::time::Duration;

use narthex_tsdb::{Db, Stats};

use super::version::Version;
use crate::clock::Clock;
use crate::telemetry::metrics::{Counter, Counters, Gather, Gauge, Histograms, Kind, Registry};

const DURATION_BOUNDS: [f64; 9] = [0.1, 0.2, 0.4, 1.0, 3.0, 8.0, 20.0, 60.0, 120.0];
const SIZE_BOUNDS: [f64; 8] = [1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

/// Kernel ticks per second in `/proc/self/stat`: fixed at 100 for user space on Linux.
const TICKS_PER_SECOND: f64 = 100.0;
const PAGE_BYTES: f64 = 4096.0;

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
}

impl HttpMetrics {
    pub(crate) fn new(registry: &Registry) -> Self {
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
            config_time: registry.gauge(
                "prometheus_config_last_reload_success_timestamp_seconds",
                "Timestamp of the last successful configuration reload.",
            ),
        }
    }

    /// Counts an answered request.
    pub(crate) fn count(&self, handler: &str, status: u16, took: Duration) {
        self.requests.with(&[handler, &status.to_string()]).inc();
        self.durations.with(&[handler]).observe(took.as_secs_f64());
    }
}

/// The build, as a gauge that is always 1.
pub(crate) fn register_build(registry: &Registry, version: &Version) {
    registry
        .gauges(
            "prometheus_build_info",
            "A metric with a constant '1' value labeled by version, revision, branch, and compiler.",
            &[
                "version",
                "revision",
                "branch",
                "goversion",
                "goos",
                "goarch",
                "tags",
            ],
        )
        .with(&[
            &version.version,
            &version.revision,
            &version.branch,
            &version.go_version,
            std::env::consts::OS,
            std::env::consts::ARCH,
            "",
        ])
        .set(1.0);
    registry
        .gauges(
            "narthex_build_info",
            "A metric with a constant '1' value labeled by version and revision.",
            &["version", "revision"],
        )
        .with(&[&version.narthex_version, &version.revision])
        .set(1.0);
}

/// Figures of the process, read from `/proc` when they are asked for; where there is none they are left out.
pub(crate) fn register_process(registry: &Registry, clock: &Clock) {
    let start = clock.now_nanos() as f64 / 1e9;
    registry.on_gather(move |g| {
        g.gauge(
            "process_start_time_seconds",
            "Start time of the process since unix epoch in seconds.",
            start,
        );
        read_process(g);
    });
}

fn read_process(g: &mut Gather) {
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else {
        return;
    };
    // The command's name stands in parentheses and may hold blanks; the fields behind it are counted from 3.
    let fields: Vec<f64> = stat
        .rsplit_once(')')
        .map(|(_, rest)| {
            rest.split_whitespace()
                .map(|f| f.parse().unwrap_or(0.0))
                .collect()
        })
        .unwrap_or_default();
    let field = |number: usize| fields.get(number - 3).copied().unwrap_or(0.0);
    g.counter(
        "process_cpu_seconds_total",
        "Total user and system CPU time spent in seconds.",
        (field(14) + field(15)) / TICKS_PER_SECOND,
    );
    g.gauge("process_threads", "Number of OS threads.", field(20));
    g.gauge(
        "process_virtual_memory_bytes",
        "Virtual memory size in bytes.",
        field(23),
    );
    g.gauge(
        "process_resident_memory_bytes",
        "Resident memory size in bytes.",
        field(24) * PAGE_BYTES,
    );
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        g.gauge(
            "process_open_fds",
            "Number of open file descriptors.",
            open.count() as f64,
        );
    }
    if let Some(most) = std::fs::read_to_string("/proc/self/limits")
        .ok()
        .and_then(|limits| {
            let line = limits.lines().find(|l| l.starts_with("Max open files"))?;
            line.split_whitespace().nth(3)?.parse().ok()
        })
    {
        g.gauge(
            "process_max_fds",
            "Maximum number of open file descriptors.",
            most,
        );
    }
}

/// Figures of the store, read when they are asked for.
pub(crate) fn register_store(registry: &Registry, store: &Db) {
    let (store, limits) = (store.clone(), store.options().clone());
    registry.on_gather(move |g| {
        let stats = store.stats();
        head(g, &stats);
        log(g, &stats);
        disk(g, &stats);
        refused(g, &stats);
        g.gauge(
            "prometheus_tsdb_retention_limit_bytes",
            "Max number of bytes to be retained in the tsdb blocks, configured 0 means disabled.",
            limits.retention_bytes as f64,
        );
        g.gauge(
            "prometheus_tsdb_retention_limit_seconds",
            "How long to retain samples in storage.",
            limits.retention_ms as f64 / 1000.0,
        );
    });
}

fn head(g: &mut Gather, stats: &Stats) {
    const P: &str = "prometheus_tsdb_";
    for (name, help, value) in [
        (
            "head_series",
            "Total number of series in the head block.",
            stats.series,
        ),
        (
            "head_chunks",
            "Total number of chunks in the head block.",
            stats.chunks,
        ),
    ] {
        g.gauge(&format!("{P}{name}"), help, value as f64);
    }
    for (name, help, value) in [
        (
            "head_series_created_total",
            "Total number of series created in the head.",
            stats.series_created,
        ),
        (
            "head_series_removed_total",
            "Total number of series removed in the head.",
            stats.series_removed,
        ),
    ] {
        g.counter(&format!("{P}{name}"), help, value as f64);
    }
    for (kind, value) in [
        ("float", stats.floats_appended),
        ("histogram", stats.histograms_appended),
    ] {
        g.number(
            Kind::Counter,
            "prometheus_tsdb_head_samples_appended_total",
            "Total number of appended samples.",
            &[("type", kind)],
            value as f64,
        );
    }
    // An empty head has the extremes of the range, as in Prometheus, so that "nothing yet" is not "1970".
    let (min, max) = (
        stats.min_time.unwrap_or(i64::MAX),
        stats.max_time.unwrap_or(i64::MIN),
    );
    let lowest = stats.lowest_time.unwrap_or(min);
    for (name, help, time) in [
        ("head_min_time", "Minimum time bound of the head block.", min),
        ("head_max_time", "Maximum timestamp of the head block.", max),
        (
            "lowest_timestamp",
            "Lowest timestamp value stored in the database.",
            lowest,
        ),
    ] {
        g.gauge(
            &format!("{P}{name}"),
            &format!("{help} The unit is milliseconds."),
            time as f64,
        );
        g.gauge(&format!("{P}{name}_seconds"), help, (time / 1000) as f64);
    }
    g.gauge(
        "narthex_head_bytes",
        "Memory that samples and series of the head take, estimated.",
        stats.head_bytes as f64,
    );
}

fn log(g: &mut Gather, stats: &Stats) {
    g.gauge(
        "prometheus_tsdb_wal_segment_current",
        "Write log segment index that the store is currently writing to.",
        stats.wal_segment as f64,
    );
    g.gauge(
        "prometheus_tsdb_wal_storage_size_bytes",
        "Size of the write log directory.",
        stats.wal_bytes as f64,
    );
    for (name, help, value) in [
        (
            "prometheus_tsdb_wal_corruptions_total",
            "Total number of damaged records in the log.",
            stats.wal_corruptions,
        ),
        (
            "prometheus_tsdb_wal_writes_failed_total",
            "Total number of write log writes that failed.",
            stats.wal_write_failures,
        ),
        (
            "narthex_wal_syncs_total",
            "Times that the log was made safe against power loss.",
            stats.wal_syncs,
        ),
        (
            "narthex_wal_sync_failures_total",
            "Times that making the log safe failed.",
            stats.wal_sync_failures,
        ),
    ] {
        g.counter(name, help, value as f64);
    }
}

fn disk(g: &mut Gather, stats: &Stats) {
    for (name, help, value) in [
        (
            "prometheus_tsdb_blocks_loaded",
            "Number of currently loaded data blocks.",
            stats.blocks,
        ),
        (
            "prometheus_tsdb_storage_blocks_bytes",
            "The number of bytes that are currently used for local storage by all blocks.",
            stats.block_bytes,
        ),
        (
            "prometheus_tsdb_head_chunks_storage_size_bytes",
            "Size of the sealed parts of the head.",
            stats.head_segment_bytes,
        ),
        (
            "narthex_store_commit",
            "Number of the newest visible commit.",
            stats.commit,
        ),
    ] {
        g.gauge(name, help, value as f64);
    }
}

fn refused(g: &mut Gather, stats: &Stats) {
    for (name, help, value) in [
        (
            "prometheus_tsdb_out_of_order_samples_total",
            "Total number of out of order samples ingestion failed attempts.",
            stats.out_of_order,
        ),
        (
            "prometheus_tsdb_out_of_bound_samples_total",
            "Total number of out of bound samples ingestion failed attempts.",
            stats.out_of_bounds,
        ),
        (
            "prometheus_tsdb_too_old_samples_total",
            "Total number of out of order samples ingestion failed attempts outside the window.",
            stats.too_old,
        ),
    ] {
        g.number(Kind::Counter, name, help, &[("type", "float")], value as f64);
    }
    g.counter(
        "narthex_duplicate_samples_total",
        "Samples refused because their series has another value at that time.",
        stats.duplicates as f64,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::metrics::PointValue;

    #[test]
    fn the_process_is_read_from_proc() {
        let registry = Registry::new();
        register_process(&registry, &Clock::system());
        let families = registry.gather();
        let value = |name: &str| {
            let family = families.iter().find(|f| f.name == name).unwrap();
            match family.points[0].value {
                PointValue::Number(v) => v,
                _ => panic!("a number"),
            }
        };
        assert!(value("process_resident_memory_bytes") > 1e6);
        assert!(value("process_open_fds") >= 3.0);
        assert!(value("process_start_time_seconds") > 1.6e9);
        assert!(value("process_threads") >= 1.0);
    }
}
