//! What the server was asked to do: the command line as typed values.

use narthex_model::Duration;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// What happens in normal operation.
    Info,
    /// What somebody should look at.
    Warn,
    /// What failed.
    Error,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// `key=value` pairs.
    Logfmt,
    /// One JSON object a line.
    Json,
}

/// How long and how much the store keeps, as far as flags say. 0 means not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    /// Age.
    pub time: Duration,
    /// Bytes.
    pub size: u64,
}

/// A sentence about the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The sentence.
    pub text: String,
    /// The value it is about, if the sentence does not name it.
    pub option: Option<String>,
}

/// What the process was asked to do.
#[derive(Debug, Clone)]
pub struct Options {
    /// The configuration file.
    pub config_file: PathBuf,
    /// Whether it was named: then it must be there.
    pub config_file_given: bool,
    /// How often to look whether the configuration has changed; None for never.
    pub auto_reload: Option<Duration>,
    /// Addresses to listen on.
    pub listen: Vec<String>,
    /// How long reading a request may take.
    pub read_timeout: Duration,
    /// Most connections at once.
    pub max_connections: u64,
    /// URL under which the server is reached; empty to derive it.
    pub external_url: String,
    /// Prefix of every path; empty to derive it.
    pub route_prefix: String,
    /// Whether reload and quit may be asked for.
    pub enable_lifecycle: bool,
    /// Whether the admin API answers.
    pub enable_admin_api: bool,
    /// Whether samples may be written.
    pub enable_remote_write_receiver: bool,
    /// Whether OpenTelemetry metrics may be pushed.
    pub enable_otlp_receiver: bool,
    /// Messages that remote write takes.
    pub remote_write_messages: Vec<String>,
    /// What bounds remote reads.
    pub remote_read: ReadBounds,
    /// How long sending to remote endpoints may go on when the process stops.
    pub remote_flush_deadline: Duration,
    /// How long sealed log is kept for remote endpoints that do not take it.
    pub log_kept: Duration,
    /// Title of the pages.
    pub page_title: String,
    /// Regex over origins.
    pub cors_origin: String,
    /// Directory of the store.
    pub storage_path: PathBuf,
    /// What the store keeps.
    pub retention: Retention,
    /// How often the log is forced to the disk.
    pub fsync_interval: Duration,
    /// Most listeners to notifications.
    pub max_listeners: u64,
    /// Most results of a search.
    pub search_limit: u64,
    /// Folder served under `/user`; empty for none.
    pub user_assets: PathBuf,
    /// Release of Prometheus that the API calls itself.
    pub api_level: String,
    /// File that turns on TLS or authentication of the listener; empty for none.
    pub web_config_file: String,
    /// How far back a sample counts as current.
    pub lookback_delta: Duration,
    /// How long a query may take.
    pub query_timeout: Duration,
    /// Most queries at once.
    pub query_max_concurrency: u64,
    /// Most samples of a query.
    pub query_max_samples: u64,
    /// Most bytes of a query.
    pub query_max_bytes: u64,
    /// Most bytes of answers that are kept.
    pub query_cache_bytes: u64,
    /// Whether scrape times move to their slot.
    pub adjust_timestamps: bool,
    /// How close to the slot that needs to be.
    pub timestamp_tolerance: Duration,
    /// How often changed targets are applied.
    pub discovery_reload_interval: Duration,
    /// Features that are on.
    pub features: Vec<String>,
    /// What is logged.
    pub log_level: LogLevel,
    /// How it is logged.
    pub log_format: LogFormat,
    /// Every flag's value as text.
    pub shown: BTreeMap<String, String>,
    /// What to log once.
    pub notices: Vec<Notice>,
}

/// What bounds remote reads.
#[derive(Debug, Clone, Copy)]
pub struct ReadBounds {
    /// Most samples of an answer that is not streamed.
    pub samples: u64,
    /// Most reads at once.
    pub concurrent: u64,
    /// Most bytes of a frame.
    pub frame_bytes: u64,
}

impl Options {
    /// Whether a feature is on.
    #[must_use]
    pub fn has_feature(&self, name: &str) -> bool {
        self.features.iter().any(|feature| feature == name)
    }
}
