//! The whole configuration.

use super::{
    AlertingConfig, GlobalConfig, OtlpConfig, RelabelConfig, RemoteReadConfig, RemoteWriteConfig,
    RuntimeConfig, ScrapeConfig, StorageConfig, TracingConfig,
};
use std::sync::Arc;

/// A configuration that was read and checked: defaults filled, inheritance resolved, paths joined to the
/// file's directory.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Config {
    /// `global`.
    pub global: GlobalConfig,
    /// `runtime`.
    pub runtime: RuntimeConfig,
    /// `alerting`.
    pub alerting: AlertingConfig,
    /// `rule_files`: paths; the last segment may be a glob.
    pub rule_files: Vec<String>,
    /// `scrape_config_files`: paths; the last segment may be a glob.
    pub scrape_config_files: Vec<String>,
    /// `scrape_configs` of the main file.
    pub scrape_configs: Vec<Arc<ScrapeConfig>>,
    /// Jobs that `scrape_config_files` added.
    pub scrape_configs_from_files: Vec<Arc<ScrapeConfig>>,
    /// `storage`.
    pub storage: StorageConfig,
    /// `tracing`, if written.
    pub tracing: Option<TracingConfig>,
    /// `remote_write`.
    pub remote_write: Vec<RemoteWriteConfig>,
    /// `remote_read`.
    pub remote_read: Vec<RemoteReadConfig>,
    /// `otlp`.
    pub otlp: OtlpConfig,
}

impl Config {
    /// Every job, those of `scrape_config_files` last.
    pub fn jobs(&self) -> impl Iterator<Item = &Arc<ScrapeConfig>> {
        self.scrape_configs.iter().chain(&self.scrape_configs_from_files)
    }

    /// The job of that name.
    #[must_use]
    pub fn job(&self, name: &str) -> Option<&Arc<ScrapeConfig>> {
        self.jobs().find(|job| job.job_name == name)
    }

    /// The configuration as YAML: defaults filled, secrets hidden, in Prometheus's order of keys.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        super::render::render(self)
    }
}

impl ScrapeConfig {
    /// The job as YAML, as [`Config::to_yaml`] writes it.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        super::render::render_job(self)
    }
}

impl RelabelConfig {
    /// The rule as YAML, as [`Config::to_yaml`] writes it.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        super::yaml::emit(&super::render::rule_map(self))
    }
}
