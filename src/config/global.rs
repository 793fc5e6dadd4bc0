//! `global` and `runtime`.

use super::{EscapingScheme, NameScheme, ScrapeLimits, ScrapeProtocol};
use narthex_model::{Duration, Labels};

/// Settings that jobs inherit.
#[derive(Debug, Clone, PartialEq)]
pub struct GlobalConfig {
    /// How often targets are scraped.
    pub scrape_interval: Duration,
    /// How long a scrape may take; never above the interval.
    pub scrape_timeout: Duration,
    /// Formats to offer; None leaves it to the job (protobuf first where native histograms are wanted).
    pub scrape_protocols: Option<Vec<ScrapeProtocol>>,
    /// How often rules are evaluated; also the default step of subqueries.
    pub evaluation_interval: Duration,
    /// How far in the past rules are evaluated.
    pub rule_query_offset: Duration,
    /// File that queries are logged to; empty for none.
    pub query_log_file: String,
    /// File that failed scrapes are logged to; empty for none.
    pub scrape_failure_log_file: String,
    /// Labels added where data leaves this server; environment variables are filled in.
    pub external_labels: Labels,
    /// Limits of a scrape.
    pub limits: ScrapeLimits,
    /// Which names are valid.
    pub metric_name_validation_scheme: NameScheme,
    /// How names are asked for; None follows from the validation scheme.
    pub metric_name_escaping_scheme: Option<EscapingScheme>,
    /// Whether native histograms are scraped.
    pub scrape_native_histograms: bool,
    /// Whether classic histograms become native ones with custom buckets.
    pub convert_classic_histograms_to_nhcb: bool,
    /// Whether classic histograms are kept beside native ones.
    pub always_scrape_classic_histograms: bool,
    /// Whether the additional report series are written.
    pub extra_scrape_metrics: bool,
}

impl Default for GlobalConfig {
    fn default() -> Self {
        Self {
            scrape_interval: Duration::from_millis(60_000),
            scrape_timeout: Duration::from_millis(10_000),
            scrape_protocols: None,
            evaluation_interval: Duration::from_millis(60_000),
            rule_query_offset: Duration::ZERO,
            query_log_file: String::new(),
            scrape_failure_log_file: String::new(),
            external_labels: Labels::empty(),
            limits: ScrapeLimits::default(),
            metric_name_validation_scheme: NameScheme::Utf8,
            metric_name_escaping_scheme: None,
            scrape_native_histograms: false,
            convert_classic_histograms_to_nhcb: false,
            always_scrape_classic_histograms: false,
            extra_scrape_metrics: false,
        }
    }
}

/// Settings of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeConfig {
    /// Percentage of Go's garbage collector: accepted, shown and without effect here.
    pub gogc: i64,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self { gogc: 75 }
    }
}
