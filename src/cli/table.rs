//! Every flag, in the order that help and the reference page list them.

use super::flag::{Effect, Flag, Kind};

const NOT_BUILT: &str = "this part is not built yet";
const NO_RULES: &str = "rules are not evaluated yet";
const NO_ALERTS: &str = "alerts are not sent yet";
const OWN_STORE: &str = "it tunes a storage format that narthex does not use";
const NOT_GO: &str = "it tunes the Go runtime, and narthex does not run on it";

/// Every flag.
pub const FLAGS: &[Flag] = &[
    Flag::new("config.file", Kind::Text, "prometheus.yml", "Configuration file. Not given and not there: a built-in default is used."),
    Flag::switch("config.auto-reload", "Reload when the configuration or a file that it names has changed."),
    Flag::new("config.auto-reload-interval", Kind::Duration, "30s", "How often to look for such changes; at least 1s."),
    Flag::new("web.listen-address", Kind::Texts, "0.0.0.0:9090", "Address to listen on for the API, the pages and own metrics."),
    Flag::new("web.config.file", Kind::Text, "", "File that turns on TLS or authentication; read again when it changes."),
    Flag::new("web.read-timeout", Kind::Duration, "5m", "How long reading a request may take, and how long an idle connection is kept."),
    Flag::new("web.max-connections", Kind::Whole, "512", "How many connections may be open at once, over all listeners."),
    Flag::new("web.max-notifications-subscribers", Kind::Whole, "16", "How many clients may listen to live notifications."),
    Flag::new("web.external-url", Kind::Text, "", "URL under which this server is reached from outside; derived from host and port if empty."),
    Flag::new("web.route-prefix", Kind::Text, "", "Prefix of every path; the path of --web.external-url unless given."),
    Flag::new("web.user-assets", Kind::Text, "", "Directory served under /user."),
    Flag::switch("web.enable-lifecycle", "Allow reload and shutdown by request (/-/reload, /-/quit)."),
    Flag::switch("web.enable-admin-api", "Allow the admin API (deletes and snapshots)."),
    Flag::switch("web.enable-remote-write-receiver", "Accept samples at /api/v1/write."),
    Flag::new("web.remote-write-receiver.accepted-protobuf-messages", Kind::Texts, "prometheus.WriteRequest,io.prometheus.write.v2.Request", "Messages that /api/v1/write accepts."),
    Flag::switch("web.enable-otlp-receiver", "Accept OpenTelemetry metrics at /api/v1/otlp/v1/metrics."),
    Flag::new("web.console.templates", Kind::Text, "consoles", "Directory of console templates.").ignored("consoles are not built"),
    Flag::new("web.console.libraries", Kind::Text, "console_libraries", "Directory of console libraries.").ignored("consoles are not built"),
    Flag::new("web.page-title", Kind::Text, "Prometheus Time Series Collection and Processing Server", "Title of the pages."),
    Flag::new("web.cors.origin", Kind::Text, ".*", "Regex over origins that may ask from another site; it must match the whole origin."),
    Flag::new("web.search.max-limit", Kind::Whole, "10000", "Most results of the search API."),
    Flag::new("storage.tsdb.path", Kind::Text, "data/", "Directory of the store. Everything of narthex lies in its subdirectory narthex/."),
    Flag::new("storage.tsdb.retention.time", Kind::Duration, "0s", "How long samples are kept; 15d if neither this nor a size is given."),
    Flag::new("storage.tsdb.retention.size", Kind::Size, "0B", "How many bytes the store may take."),
    Flag::switch("storage.tsdb.no-lockfile", "Do not lock the directory of the store.").ignored("the lock costs nothing and two writers would destroy the data, so it is always taken"),
    Flag::new("storage.tsdb.head-chunks-write-queue-size", Kind::Whole, "0", "Length of a queue in front of the disk.").ignored(OWN_STORE),
    Flag::new("storage.tsdb.delay-compact-file.path", Kind::Text, "", "File whose state delays compaction.").ignored(NOT_BUILT),
    Flag::new("storage.tsdb.fsync-interval", Kind::Duration, "1s", "How often acknowledged samples are forced to the disk: what a power loss can cost. A crash of the process costs nothing.").ours(),
    Flag::new("storage.tsdb.wal-kept-max", Kind::Duration, "2h", "How long log that a restart does not need is kept for remote_write endpoints that do not take it. It counts in the retention size and takes at most half of it.").ours(),
    Flag::new("storage.agent.path", Kind::Text, "data-agent/", "Directory of the agent's log.").effect(Effect::AgentOnly),
    Flag::new("storage.agent.wal-compression", Kind::Switch, "true", "Compress the agent's log.").effect(Effect::AgentOnly),
    Flag::new("storage.agent.retention.min-time", Kind::Duration, "0s", "Shortest time the agent keeps samples.").effect(Effect::AgentOnly),
    Flag::new("storage.agent.retention.max-time", Kind::Duration, "0s", "Longest time the agent keeps samples.").effect(Effect::AgentOnly),
    Flag::switch("storage.agent.no-lockfile", "Do not lock the agent's directory.").effect(Effect::AgentOnly),
    Flag::switch("storage.agent.checkpoint-from-in-memory-series", "How the agent writes checkpoints.").effect(Effect::AgentOnly),
    Flag::new("storage.agent.checkpoint-batch-size", Kind::Whole, "1000", "How the agent writes checkpoints.").effect(Effect::AgentOnly),
    Flag::new("storage.remote.flush-deadline", Kind::Duration, "1m", "How long a stopping process goes on sending what is queued, as long as it is taken. The rest is sent after the next start."),
    Flag::new("storage.remote.read-sample-limit", Kind::Whole, "5e7", "Most samples of an answer to remote read."),
    Flag::new("storage.remote.read-concurrent-limit", Kind::Whole, "10", "Most remote reads at once."),
    Flag::new("storage.remote.read-max-bytes-in-frame", Kind::Whole, "1048576", "Most bytes of a frame of remote read."),
    Flag::new("rules.alert.for-outage-tolerance", Kind::Duration, "1h", "Longest outage after which alerts keep their age.").ignored(NO_RULES),
    Flag::new("rules.alert.for-grace-period", Kind::Duration, "10m", "Shortest time between a restart and an alert whose age was restored.").ignored(NO_RULES),
    Flag::new("rules.alert.resend-delay", Kind::Duration, "1m", "Shortest time before an alert is sent again.").ignored(NO_RULES),
    Flag::new("rules.max-concurrent-evals", Kind::Whole, "4", "Most rules evaluated at once.").ignored(NO_RULES),
    Flag::new("alertmanager.notification-queue-capacity", Kind::Whole, "10000", "Most alerts that wait to be sent.").ignored(NO_ALERTS),
    Flag::new("alertmanager.notification-batch-size", Kind::Whole, "256", "Most alerts sent at once.").ignored(NO_ALERTS),
    Flag::new("alertmanager.drain-notification-queue-on-shutdown", Kind::Switch, "true", "Send waiting alerts before stopping.").ignored(NO_ALERTS),
    Flag::new("query.lookback-delta", Kind::Duration, "5m", "How far back a sample may lie to count as current."),
    Flag::new("query.timeout", Kind::Duration, "2m", "How long a query may take."),
    Flag::new("query.max-concurrency", Kind::Whole, "20", "Most queries that run at once."),
    Flag::new("query.max-samples", Kind::Whole, "50000000", "Most samples that one query may hold in memory."),
    Flag::new("query.max-bytes", Kind::Size, "1GB", "Most memory that one query may take as it grows with series and steps: columns, groups, labels, buffers; 0 for any. Not a flag of Prometheus."),
    Flag::new("query.cache-bytes", Kind::Size, "32MB", "Most memory for answers of range queries, kept for when the same is asked again: a dashboard that refreshes is evaluated for the steps that are new or that late samples have changed. 0 keeps none; nocache=1 in a request leaves them aside.").ours(),
    Flag::new("scrape.adjust-timestamps", Kind::Switch, "true", "Move a scrape's time to its slot where it is close enough.").hidden(),
    Flag::new("scrape.timestamp-tolerance", Kind::Duration, "2ms", "How close that is.").hidden(),
    Flag::new("scrape.discovery-reload-interval", Kind::Duration, "5s", "How often changed targets are applied.").hidden(),
    Flag::new("auto-gomaxprocs", Kind::Switch, "true", "Match the Go scheduler to the container.").ignored(NOT_GO),
    Flag::new("auto-gomemlimit", Kind::Switch, "true", "Match the Go collector to the container.").ignored(NOT_GO),
    Flag::new("auto-gomemlimit.ratio", Kind::Number, "0.9", "Share of the container's memory for that.").ignored(NOT_GO),
    Flag::new("auto-gomemlimit.refresh-interval", Kind::Duration, "0s", "How often the share is taken anew.").ignored(NOT_GO),
    Flag::new("enable-feature", Kind::Texts, "", "Features to turn on, separated by commas."),
    Flag::switch("agent", "Run as an agent, which only forwards samples.")
        .effect(Effect::Refused("narthex keeps and answers; it has no mode that only forwards. Leave --agent away, or run Prometheus's agent for this")),
    Flag::new("log.level", Kind::OneOf(&["debug", "info", "warn", "error"]), "info", "What is logged: this and what is more important."),
    Flag::new("log.format", Kind::OneOf(&["logfmt", "json"]), "logfmt", "Form of log lines."),
    Flag::new("web.api-level", Kind::Text, "3.12.0", "Release of Prometheus that the API calls itself: three numbers. Clients read features off it; Grafana 9.3 to 10.4 likes 2.50.1 best.").ours(),
    Flag::switch("print-default-config", "Print the configuration that is used when none is given, and exit.").ours(),
    Flag::new("storage.tsdb.min-block-duration", Kind::Duration, "2h", "Length of the shortest blocks.").hidden().ignored(OWN_STORE),
    Flag::new("storage.tsdb.max-block-duration", Kind::Duration, "0s", "Length of the longest blocks.").hidden().ignored(OWN_STORE),
    Flag::new("storage.tsdb.max-block-chunk-segment-size", Kind::Size, "0B", "Size of a file of chunks.").hidden().ignored(OWN_STORE),
    Flag::new("storage.tsdb.wal-segment-size", Kind::Size, "0B", "Size of a file of the log.").hidden().ignored(OWN_STORE),
    Flag::new("storage.tsdb.allow-overlapping-compaction", Kind::Switch, "true", "Merge overlapping blocks.").hidden().ignored(OWN_STORE),
    Flag::new("storage.tsdb.wal-compression", Kind::Switch, "true", "Compress the log.").hidden().ignored(OWN_STORE),
    Flag::new("storage.tsdb.wal-compression-type", Kind::OneOf(&["snappy", "zstd"]), "snappy", "How the log is compressed.").hidden().ignored(OWN_STORE),
    Flag::new("storage.tsdb.samples-per-chunk", Kind::Whole, "120", "Samples of a chunk.").hidden().ignored(OWN_STORE),
    Flag::new("storage.tsdb.delayed-compaction.max-percent", Kind::Whole, "10", "How much compaction may be delayed.").hidden().ignored(OWN_STORE),
    Flag::new("storage.tsdb.block-reload-interval", Kind::Duration, "1m", "How often blocks are looked for.").hidden().ignored(OWN_STORE),
    Flag::new("storage.agent.wal-segment-size", Kind::Size, "0B", "Size of a file of the agent's log.").hidden().effect(Effect::AgentOnly),
    Flag::new("storage.agent.wal-truncate-frequency", Kind::Duration, "0s", "How often the agent's log is cut.").hidden().effect(Effect::AgentOnly),
    Flag::new("storage.tsdb.retention", Kind::Duration, "0s", "Old name of --storage.tsdb.retention.time.").hidden()
        .effect(Effect::Removed("Prometheus 3 has it no longer; it is taken as --storage.tsdb.retention.time, which you should write instead")),
    Flag::switch("storage.tsdb.allow-overlapping-blocks", "Merge overlapping blocks.").hidden()
        .effect(Effect::Removed("Prometheus 3 has it no longer, since overlapping blocks are always allowed; leave it away")),
    Flag::new("alertmanager.timeout", Kind::Duration, "10s", "How long sending an alert may take.").hidden()
        .effect(Effect::Removed("Prometheus 3 has it no longer; write alerting.alertmanagers[].timeout in the configuration")),
];

/// The flag of that name.
pub(super) fn find(name: &str) -> Option<usize> {
    FLAGS.iter().position(|flag| flag.name == name)
}

/// Values of `--enable-feature` that Prometheus knows, and what they do here.
pub(super) const FEATURES: &[(&str, Effect)] = &[
    ("exemplar-storage", Effect::Acts),
    (
        "memory-snapshot-on-shutdown",
        Effect::Ignored("a restart reads only the tail of the log anyway"),
    ),
    ("extra-scrape-metrics", Effect::Acts),
    (
        "metadata-wal-records",
        Effect::Ignored("metadata is kept in memory"),
    ),
    ("promql-per-step-stats", Effect::Acts),
    ("promql-experimental-functions", Effect::Acts),
    ("promql-duration-expr", Effect::Acts),
    ("promql-delayed-name-removal", Effect::Acts),
    ("promql-extended-range-selectors", Effect::Acts),
    ("promql-binop-fill-modifiers", Effect::Acts),
    ("concurrent-rule-eval", Effect::Ignored(NO_RULES)),
    ("delayed-compaction", Effect::Ignored(OWN_STORE)),
    ("created-timestamp-zero-ingestion", Effect::Ignored(NOT_BUILT)),
    ("st-storage", Effect::Acts),
    ("st-synthesis", Effect::Ignored(NOT_BUILT)),
    ("use-start-timestamps", Effect::Acts),
    ("histograms-st-encoding", Effect::Ignored(OWN_STORE)),
    ("xor2-encoding", Effect::Ignored(OWN_STORE)),
    (
        "native-histograms",
        Effect::Ignored("it is a key of the configuration now: scrape_native_histograms"),
    ),
    (
        "ooo-native-histograms",
        Effect::Ignored("it has no effect in Prometheus 3 either"),
    ),
    ("otlp-deltatocumulative", Effect::Ignored(NOT_BUILT)),
    ("otlp-native-delta-ingestion", Effect::Acts),
    ("type-and-unit-labels", Effect::Acts),
    ("use-uncached-io", Effect::Ignored(OWN_STORE)),
    (
        "fast-startup",
        Effect::Ignored("a restart reads only the tail of the log anyway"),
    ),
    ("search-api", Effect::Acts),
    ("old-ui", Effect::Ignored("there is one set of pages")),
    ("auto-reload-config", Effect::Acts),
    // Features of version 2 that are always on, or flags, in version 3.
    ("promql-at-modifier", Effect::Removed("it is always on")),
    ("promql-negative-offset", Effect::Removed("it is always on")),
    (
        "remote-write-receiver",
        Effect::Removed("it is a flag now: --web.enable-remote-write-receiver"),
    ),
    (
        "new-service-discovery-manager",
        Effect::Removed("it is always on"),
    ),
    ("expand-external-labels", Effect::Removed("it is always on")),
    ("no-default-scrape-port", Effect::Removed("it is always on")),
    ("auto-gomaxprocs", Effect::Removed("it tunes the Go runtime")),
    ("auto-gomemlimit", Effect::Removed("it tunes the Go runtime")),
    ("utf8-names", Effect::Removed("it is always on")),
    ("agent", Effect::Removed("narthex has no agent mode")),
];
