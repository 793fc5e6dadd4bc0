//! What is told about sending: `prometheus_remote_storage_*`, with Prometheus's names and labels.
//!
//! Source of names and help texts' meaning: Prometheus `storage/remote/queue_manager.go`.

use narthex_tsdb::Db;

use crate::telemetry::metrics::{Counter, Counters, Gauge, Gauges, Histogram, Histograms, Registry};

use super::batch::Counts;

/// Bounds of the duration of a request, in seconds.
const SECONDS: [f64; 15] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0, 120.0, 300.0,
];

/// Label names of all families but those with a reason.
const OF_QUEUE: [&str; 2] = ["remote_name", "url"];
const WITH_REASON: [&str; 3] = ["remote_name", "url", "reason"];

/// A family for each of floats, histograms and exemplars.
#[derive(Debug, Clone)]
pub(super) struct ByKind<F> {
    samples: F,
    histograms: F,
    exemplars: F,
}

impl<F> ByKind<F> {
    fn new(end: &str, what: &str, make: impl Fn(&str, &str) -> F) -> Self {
        let family = |kind: &str, noun: &str| {
            make(
                &format!("prometheus_remote_storage_{kind}_{end}"),
                &format!("{noun} {what}"),
            )
        };
        Self {
            samples: family("samples", "Samples"),
            histograms: family("histograms", "Native histograms"),
            exemplars: family("exemplars", "Exemplars"),
        }
    }

    fn map<G>(&self, map: impl Fn(&F) -> G) -> ByKind<G> {
        ByKind {
            samples: map(&self.samples),
            histograms: map(&self.histograms),
            exemplars: map(&self.exemplars),
        }
    }

    fn each(&self) -> [&F; 3] {
        [&self.samples, &self.histograms, &self.exemplars]
    }

    /// The families of which there is something, with how much.
    fn counted(&self, counts: Counts) -> impl Iterator<Item = (&F, f64)> {
        let counts = [counts.samples, counts.histograms, counts.exemplars];
        self.each()
            .into_iter()
            .zip(counts.map(|count| count as f64))
            .filter(|(_, count)| *count > 0.0)
    }
}

impl ByKind<Counter> {
    pub(super) fn add(&self, counts: Counts) {
        self.counted(counts)
            .for_each(|(counter, count)| counter.add(count));
    }
}

impl ByKind<Gauge> {
    /// So many more, or fewer if `sign` is −1.
    pub(super) fn add(&self, counts: Counts, sign: f64) {
        self.counted(counts)
            .for_each(|(gauge, count)| gauge.add(sign * count));
    }
}

/// What the store takes is what the queues are to send.
pub(super) fn register_intake(registry: &Registry, store: &Db) {
    let store = store.clone();
    registry.on_gather(move |gather| {
        let intake = store.intake();
        for (kind, help, count) in [
            ("samples", "Samples", intake.floats),
            ("histograms", "Native histograms", intake.histograms),
            ("exemplars", "Exemplars", intake.exemplars),
        ] {
            gather.counter(
                &format!("prometheus_remote_storage_{kind}_in_total"),
                &format!("{help} that the store has taken, for all queues."),
                count as f64,
            );
        }
        gather.gauge(
            "prometheus_remote_storage_highest_timestamp_in_seconds",
            "Time of the newest sample that the store has taken, in seconds since the epoch.",
            intake.newest.map_or(0.0, |newest| (newest / 1_000) as f64),
        );
    });
}

/// The families, whatever the queue.
#[derive(Debug, Clone)]
pub(super) struct RemoteMetrics {
    sent: ByKind<Counters>,
    failed: ByKind<Counters>,
    retried: ByKind<Counters>,
    dropped: ByKind<Counters>,
    pending: ByKind<Gauges>,
    metadata: [Counters; 3],
    metadata_bytes: Counters,
    bytes: Counters,
    enqueue_retries: Counters,
    gauges: [Gauges; 8],
    seconds: Histograms,
    watcher: Watcher,
}

/// What is told about reading the log; the label `consumer` names the queue.
#[derive(Debug, Clone)]
struct Watcher {
    segment: Gauges,
    records: Counters,
    damaged: Counters,
}

/// All records of the log are of samples, with what belongs to them.
const RECORD_TYPE: &str = "samples";

impl Watcher {
    fn new(registry: &Registry) -> Self {
        Self {
            segment: registry.gauges(
                "prometheus_wal_watcher_current_segment",
                "Segment of the log that the queue reads.",
                &["consumer"],
            ),
            records: registry.counters(
                "prometheus_wal_watcher_records_read_total",
                "Records of the log that the queue has read.",
                &["consumer", "type"],
            ),
            damaged: registry.counters(
                "prometheus_wal_watcher_record_decode_failures_total",
                "Stretches of the log that were gone or damaged.",
                &["consumer"],
            ),
        }
    }

    fn forget(&self, name: &str) {
        self.segment.remove(&[name]);
        self.records.remove(&[name, RECORD_TYPE]);
        self.damaged.remove(&[name]);
    }
}

/// Names and meanings of the gauges of [`RemoteMetrics::gauges`].
const GAUGES: [(&str, &str); 8] = [
    ("shards", "Shards that send."),
    ("shards_min", "Fewest shards that there may be."),
    ("shards_max", "Most shards that there may be."),
    ("shards_desired", "Shards that the load asks for."),
    ("shard_capacity", "Samples that a shard holds at most."),
    ("max_samples_per_send", "Most samples in a request."),
    (
        "queue_highest_sent_timestamp_seconds",
        "Time of the newest sample that was sent, in seconds since the epoch.",
    ),
    (
        "queue_highest_timestamp_seconds",
        "Time of the newest sample that the queue was given, in seconds since the epoch.",
    ),
];

/// Why items are read and not sent: their age, relabelling, names that are gone, buckets that version 1.0 cannot say.
const REASONS: [&str; 4] = [
    "too_old",
    "dropped_series",
    "unintentionally_dropped_series",
    "nhcb_in_rw1_not_supported",
];

impl RemoteMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let counters = |name: &str, help: &str| registry.counters(name, help, &OF_QUEUE);
        let named = |name: &str, help: &str| counters(&format!("prometheus_remote_storage_{name}"), help);
        Self {
            sent: ByKind::new("total", "that were sent.", counters),
            failed: ByKind::new("failed_total", "that were refused for good.", counters),
            retried: ByKind::new("retried_total", "that were sent again after a failure.", counters),
            dropped: ByKind::new("dropped_total", "that were read and not sent.", |name, help| {
                registry.counters(name, help, &WITH_REASON)
            }),
            pending: ByKind::new("pending", "in the shards that are not sent yet.", |name, help| {
                registry.gauges(name, help, &OF_QUEUE)
            }),
            metadata: [
                named("metadata_total", "Metadata entries that were sent."),
                named(
                    "metadata_failed_total",
                    "Metadata entries that were refused for good.",
                ),
                named(
                    "metadata_retried_total",
                    "Metadata entries that were sent again after a failure.",
                ),
            ],
            metadata_bytes: named("metadata_bytes_total", "Bytes of metadata sent, packed."),
            bytes: named("bytes_total", "Bytes of samples sent, packed."),
            enqueue_retries: named(
                "enqueue_retries_total",
                "How often a shard had no room for a sample.",
            ),
            gauges: GAUGES.map(|(name, help)| {
                registry.gauges(&format!("prometheus_remote_storage_{name}"), help, &OF_QUEUE)
            }),
            seconds: registry.histograms(
                "prometheus_remote_storage_sent_batch_duration_seconds",
                "How long requests with samples took.",
                &OF_QUEUE,
                &SECONDS,
            ),
            watcher: Watcher::new(registry),
        }
    }

    /// The cells of one queue.
    pub(super) fn of(&self, name: &str, url: &str) -> QueueMetrics {
        let values = [name, url];
        let counters = |family: &Counters| family.with(&values);
        let [too_old, dropped_series, nameless, custom_buckets] =
            REASONS.map(|reason| self.dropped.map(|family| family.with(&[name, url, reason])));
        let [
            shards,
            shards_min,
            shards_max,
            shards_desired,
            shard_capacity,
            max_samples_per_send,
            highest_sent,
            highest_read,
        ] = self.gauges.each_ref().map(|family| family.with(&values));
        QueueMetrics {
            sent: self.sent.map(counters),
            failed: self.failed.map(counters),
            retried: self.retried.map(counters),
            pending: self.pending.map(|family| family.with(&values)),
            too_old,
            dropped_series,
            nameless,
            custom_buckets: custom_buckets.histograms,
            metadata: self.metadata.each_ref().map(counters),
            metadata_bytes: counters(&self.metadata_bytes),
            bytes: counters(&self.bytes),
            enqueue_retries: counters(&self.enqueue_retries),
            shards,
            shards_min,
            shards_max,
            shards_desired,
            shard_capacity,
            max_samples_per_send,
            highest_sent,
            highest_read,
            seconds: self.seconds.with(&values),
            segment: self.watcher.segment.with(&[name]),
            records: self.watcher.records.with(&[name, RECORD_TYPE]),
            damaged: self.watcher.damaged.with(&[name]),
        }
    }

    /// A queue is gone: nothing more is told about it.
    pub(super) fn forget(&self, name: &str, url: &str) {
        let values = [name, url];
        let counters = [&self.sent, &self.failed, &self.retried];
        for family in counters
            .into_iter()
            .flat_map(ByKind::each)
            .chain(&self.metadata)
            .chain([&self.metadata_bytes, &self.bytes, &self.enqueue_retries])
        {
            family.remove(&values);
        }
        for family in self.pending.each().into_iter().chain(&self.gauges) {
            family.remove(&values);
        }
        self.seconds.remove(&values);
        self.watcher.forget(name);
        for reason in REASONS {
            for family in self.dropped.each() {
                family.remove(&[name, url, reason]);
            }
        }
    }
}

/// What is told about one queue.
#[derive(Debug, Clone)]
pub(super) struct QueueMetrics {
    pub(super) sent: ByKind<Counter>,
    pub(super) failed: ByKind<Counter>,
    pub(super) retried: ByKind<Counter>,
    pub(super) pending: ByKind<Gauge>,
    pub(super) too_old: ByKind<Counter>,
    pub(super) dropped_series: ByKind<Counter>,
    pub(super) nameless: ByKind<Counter>,
    pub(super) custom_buckets: Counter,
    /// Sent, failed, retried.
    pub(super) metadata: [Counter; 3],
    pub(super) metadata_bytes: Counter,
    pub(super) bytes: Counter,
    pub(super) enqueue_retries: Counter,
    pub(super) shards: Gauge,
    pub(super) shards_min: Gauge,
    pub(super) shards_max: Gauge,
    pub(super) shards_desired: Gauge,
    pub(super) shard_capacity: Gauge,
    pub(super) max_samples_per_send: Gauge,
    pub(super) highest_sent: Gauge,
    pub(super) highest_read: Gauge,
    pub(super) seconds: Histogram,
    pub(super) segment: Gauge,
    pub(super) records: Counter,
    pub(super) damaged: Counter,
}

impl QueueMetrics {
    /// Notes the time of a sample that was read.
    pub(super) fn note_read(&self, time_ms: i64) {
        raise(&self.highest_read, time_ms as f64 / 1_000.0);
    }

    /// Notes the time of a sample that was sent.
    pub(super) fn note_sent(&self, time_ms: i64) {
        raise(&self.highest_sent, time_ms as f64 / 1_000.0);
    }
}

fn raise(gauge: &Gauge, to: f64) {
    if to > gauge.get() {
        gauge.set(to);
    }
}
