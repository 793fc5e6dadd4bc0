//! `scrape_configs`: one job, with everything it inherits from `global` already filled in.

use super::{EscapingScheme, HttpClientConfig, NameScheme, RelabelConfig, ScrapeProtocol, ServiceDiscovery};
use narthex_model::Duration;

/// Limits of a scrape and of a job; 0 means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScrapeLimits {
    /// Bytes of the uncompressed body.
    pub body_size_limit: u64,
    /// Samples after metric relabelling.
    pub sample_limit: u64,
    /// Targets of the job after relabelling.
    pub target_limit: u64,
    /// Labels of a series.
    pub label_limit: u64,
    /// Bytes of a label's name.
    pub label_name_length_limit: u64,
    /// Bytes of a label's value.
    pub label_value_length_limit: u64,
    /// Dropped targets of the job that are remembered.
    pub keep_dropped_targets: u64,
}

/// One job.
#[derive(Debug, Clone, PartialEq)]
pub struct ScrapeConfig {
    /// Value of the `job` label; unique.
    pub job_name: String,
    /// Whether labels of the page win over those of the target.
    pub honor_labels: bool,
    /// Whether timestamps of the page are used.
    pub honor_timestamps: bool,
    /// Whether series with timestamps of their own get staleness markers.
    pub track_timestamps_staleness: bool,
    /// Query parameters, sorted by name; several values each.
    pub params: Vec<(String, Vec<String>)>,
    /// How often targets are scraped.
    pub scrape_interval: Duration,
    /// How long a scrape may take.
    pub scrape_timeout: Duration,
    /// Formats to offer, most wanted first.
    pub scrape_protocols: Vec<ScrapeProtocol>,
    /// Format of a body whose content type is missing or unknown.
    pub fallback_scrape_protocol: Option<ScrapeProtocol>,
    /// Whether native histograms are scraped.
    pub scrape_native_histograms: bool,
    /// Whether classic histograms are kept beside native ones.
    pub always_scrape_classic_histograms: bool,
    /// Whether classic histograms become native ones with custom buckets.
    pub convert_classic_histograms_to_nhcb: bool,
    /// File that failed scrapes are logged to; empty for none.
    pub scrape_failure_log_file: String,
    /// Path of the page.
    pub metrics_path: String,
    /// `http` or `https`.
    pub scheme: String,
    /// Whether gzip is asked for.
    pub enable_compression: bool,
    /// Limits.
    pub limits: ScrapeLimits,
    /// Buckets of a native histogram; above it resolution is lowered. 0 means no limit.
    pub native_histogram_bucket_limit: u64,
    /// Growth from one bucket to the next below which buckets are merged. 0 means none.
    pub native_histogram_min_bucket_factor: f64,
    /// Which names are valid.
    pub metric_name_validation_scheme: NameScheme,
    /// How names are asked for.
    pub metric_name_escaping_scheme: EscapingScheme,
    /// Whether the additional report series are written.
    pub extra_scrape_metrics: bool,
    /// How targets are spoken to.
    pub http_client: HttpClientConfig,
    /// Rules over targets.
    pub relabel_configs: Vec<RelabelConfig>,
    /// Rules over samples.
    pub metric_relabel_configs: Vec<RelabelConfig>,
    /// Where targets come from.
    pub service_discovery: ServiceDiscovery,
}

impl ScrapeConfig {
    /// A job of that name with Prometheus's defaults and no targets.
    #[must_use]
    pub fn new(job_name: impl Into<String>) -> Self {
        Self {
            job_name: job_name.into(),
            honor_labels: false,
            honor_timestamps: true,
            track_timestamps_staleness: false,
            params: Vec::new(),
            scrape_interval: Duration::from_millis(60_000),
            scrape_timeout: Duration::from_millis(10_000),
            scrape_protocols: ScrapeProtocol::DEFAULT.to_vec(),
            fallback_scrape_protocol: None,
            scrape_native_histograms: false,
            always_scrape_classic_histograms: false,
            convert_classic_histograms_to_nhcb: false,
            scrape_failure_log_file: String::new(),
            metrics_path: "/metrics".to_owned(),
            scheme: "http".to_owned(),
            enable_compression: true,
            limits: ScrapeLimits::default(),
            native_histogram_bucket_limit: 0,
            native_histogram_min_bucket_factor: 0.0,
            metric_name_validation_scheme: NameScheme::Utf8,
            metric_name_escaping_scheme: EscapingScheme::AllowUtf8,
            extra_scrape_metrics: false,
            http_client: HttpClientConfig::default(),
            relabel_configs: Vec::new(),
            metric_relabel_configs: Vec::new(),
            service_discovery: ServiceDiscovery::default(),
        }
    }
}
