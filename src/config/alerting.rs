//! `alerting`: where alerts go.

use super::yaml::Node;
use super::{HttpClientConfig, RelabelConfig, ServiceDiscovery};
use narthex_model::Duration;

/// Where alerts go and how they are rewritten on the way.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AlertingConfig {
    /// Rules over alerts.
    pub alert_relabel_configs: Vec<RelabelConfig>,
    /// Alertmanagers.
    pub alertmanagers: Vec<AlertmanagerConfig>,
}

/// A set of Alertmanagers.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertmanagerConfig {
    /// How they are spoken to.
    pub http_client: HttpClientConfig,
    /// `sigv4` as written.
    pub sigv4: Option<Node>,
    /// `http` or `https`.
    pub scheme: String,
    /// Path in front of `/api/v2/alerts`.
    pub path_prefix: String,
    /// How long a request may take.
    pub timeout: Duration,
    /// Rules over the Alertmanagers found.
    pub relabel_configs: Vec<RelabelConfig>,
    /// Rules over alerts sent to these.
    pub alert_relabel_configs: Vec<RelabelConfig>,
    /// Where they are.
    pub service_discovery: ServiceDiscovery,
}
