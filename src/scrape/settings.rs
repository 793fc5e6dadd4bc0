//! What a scrape loop has to know of its job and of this server.

use narthex_model::Labels;

use super::resolution::schema_of_factor;
use crate::client::USER_AGENT;
use crate::config::{NameScheme, RelabelConfig, ScrapeConfig};
use crate::exposition::ProtobufOptions;

/// Choices of the server that hold for all jobs.
#[derive(Debug, Clone, PartialEq)]
pub struct ScrapeOptions {
    /// How far a scrape may start from its slot and still carry the slot's time, in milliseconds; 0 leaves times alone.
    pub timestamp_tolerance_ms: i64,
    /// Whether exemplars are stored.
    pub exemplars: bool,
    /// Whether it is stored since when samples have been counted.
    pub start_times: bool,
    /// Whether series carry their family's type and unit as labels.
    pub type_and_unit_labels: bool,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// This machine's name: together with the external labels it moves the slots of this server's scrapes.
    pub host_name: String,
}

impl Default for ScrapeOptions {
    fn default() -> Self {
        Self {
            timestamp_tolerance_ms: 2,
            exemplars: false,
            start_times: false,
            type_and_unit_labels: false,
            user_agent: USER_AGENT.to_owned(),
            host_name: String::new(),
        }
    }
}

/// How samples become series: as long as this is equal, what is known about a target's series stays true.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SeriesSettings {
    pub(super) target: Labels,
    pub(super) honor_labels: bool,
    pub(super) rules: Vec<RelabelConfig>,
    pub(super) name_scheme: NameScheme,
    pub(super) label_limit: usize,
    pub(super) label_name_length_limit: usize,
    pub(super) label_value_length_limit: usize,
}

/// How a page is taken in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AppendSettings {
    pub(super) series: SeriesSettings,
    pub(super) honor_timestamps: bool,
    pub(super) track_timestamps_staleness: bool,
    pub(super) sample_limit: u64,
    pub(super) extra_scrape_metrics: bool,
    pub(super) timeout_seconds: f64,
    pub(super) exemplars: bool,
    pub(super) start_times: bool,
    pub(super) type_and_unit_labels: bool,
    /// Which forms of histograms are kept.
    pub(super) histograms: ProtobufOptions,
    /// Buckets of a native histogram; 0 for any number.
    pub(super) bucket_limit: usize,
    /// The finest schema of native histograms.
    pub(super) finest_schema: i32,
}

/// The histograms that a job wants; its targets may say otherwise.
pub(super) fn job_histograms(config: &ScrapeConfig) -> ProtobufOptions {
    ProtobufOptions {
        native: config.scrape_native_histograms,
        always_classic: config.always_scrape_classic_histograms,
        convert_classic: config.convert_classic_histograms_to_nhcb,
    }
}

impl AppendSettings {
    pub(super) fn new(
        config: &ScrapeConfig,
        options: &ScrapeOptions,
        target: Labels,
        timeout_seconds: f64,
    ) -> Self {
        let limits = config.limits;
        let size = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
        Self {
            series: SeriesSettings {
                target,
                honor_labels: config.honor_labels,
                rules: config.metric_relabel_configs.clone(),
                name_scheme: config.metric_name_validation_scheme,
                label_limit: size(limits.label_limit),
                label_name_length_limit: size(limits.label_name_length_limit),
                label_value_length_limit: size(limits.label_value_length_limit),
            },
            honor_timestamps: config.honor_timestamps,
            track_timestamps_staleness: config.track_timestamps_staleness,
            sample_limit: limits.sample_limit,
            extra_scrape_metrics: config.extra_scrape_metrics,
            timeout_seconds,
            exemplars: options.exemplars,
            start_times: options.start_times,
            type_and_unit_labels: options.type_and_unit_labels,
            histograms: job_histograms(config),
            bucket_limit: size(config.native_histogram_bucket_limit),
            finest_schema: schema_of_factor(config.native_histogram_min_bucket_factor),
        }
    }
}
