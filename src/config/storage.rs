//! `storage`, `tracing` and `otlp`.

use super::TlsConfig;
use narthex_model::Duration;

/// Settings of the store that a reload can change.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StorageConfig {
    /// `storage.tsdb`, if written.
    pub tsdb: Option<TsdbConfig>,
    /// `storage.exemplars.max_exemplars`, if written; 0 and below turn exemplars off.
    pub max_exemplars: Option<i64>,
}

/// Settings of the time-series store.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TsdbConfig {
    /// How much older than the newest sample of a series a sample may be.
    pub out_of_order_time_window: Duration,
    /// Share of stale series in the head that starts a compaction; 0 for never.
    pub stale_series_compaction_threshold: f64,
    /// `xor` or `xor2`: accepted and shown; the format is narthex's own.
    pub chunk_encoding_floats: Option<String>,
    /// Retention; wins over the flags.
    pub retention: Option<TsdbRetention>,
}

/// What is kept. None means not written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TsdbRetention {
    /// For how long; 0 turns this limit off.
    pub time: Option<Duration>,
    /// Bytes; 0 turns this limit off.
    pub size: Option<u64>,
    /// Percentage of the disk; 0 turns this limit off.
    pub percentage: Option<f64>,
}

/// Where traces go. Accepted, not acted on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TracingConfig {
    /// `grpc` or `http`.
    pub client_type: String,
    /// Where to.
    pub endpoint: String,
    /// Share of requests traced.
    pub sampling_fraction: f64,
    /// Whether TLS is left out.
    pub insecure: bool,
    /// TLS.
    pub tls: TlsConfig,
    /// Headers, sorted by name.
    pub headers: Vec<(String, String)>,
    /// `gzip` or empty.
    pub compression: String,
    /// How long a request may take; 0 for the default.
    pub timeout: Duration,
}

/// How OpenTelemetry metrics become series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtlpConfig {
    /// Whether all resource attributes become labels.
    pub promote_all_resource_attributes: bool,
    /// Resource attributes that become labels.
    pub promote_resource_attributes: Vec<String>,
    /// Resource attributes that do not.
    pub ignore_resource_attributes: Vec<String>,
    /// How names are translated.
    pub translation_strategy: String,
    /// Whether `target_info` keeps the identifying attributes.
    pub keep_identifying_resource_attributes: bool,
    /// Whether explicit histograms become native ones.
    pub convert_histograms_to_nhcb: bool,
    /// Whether scope metadata becomes labels.
    pub promote_scope_metadata: bool,
    /// Whether `key_` is put before names that begin with `_`.
    pub label_name_underscore_sanitization: bool,
    /// Whether several underscores in a row stay.
    pub label_name_preserve_multiple_underscores: bool,
}

impl Default for OtlpConfig {
    fn default() -> Self {
        Self {
            promote_all_resource_attributes: false,
            promote_resource_attributes: Vec::new(),
            ignore_resource_attributes: Vec::new(),
            translation_strategy: "UnderscoreEscapingWithSuffixes".to_owned(),
            keep_identifying_resource_attributes: false,
            convert_histograms_to_nhcb: false,
            promote_scope_metadata: false,
            label_name_underscore_sanitization: true,
            label_name_preserve_multiple_underscores: true,
        }
    }
}
