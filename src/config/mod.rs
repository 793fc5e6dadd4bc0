//! `prometheus.yml`: typed sections with defaults filled and per-job inheritance resolved.

mod alerting;
mod decode;
mod error;
mod global;
mod http_client;
mod load;
mod protocol;
mod remote;
mod render;
mod root;
mod rules;
mod scrape;
mod sd;
mod secret;
mod size;
mod source;
mod storage;
mod support;
mod target_file;
mod web;
pub mod yaml;

#[cfg(test)]
mod tests;

pub use crate::relabel::{NameScheme, RelabelAction, RelabelConfig};
pub use alerting::{AlertingConfig, AlertmanagerConfig};
pub(crate) use decode::nearest;
pub use error::ConfigError;
pub(crate) use error::read_text;
pub use global::{GlobalConfig, RuntimeConfig};
pub use http_client::{
    Authorization, BasicAuth, HeaderValues, HttpClientConfig, OAuth2, ProxyConfig, TlsConfig, TlsVersion,
};
pub(crate) use load::glob_paths;
pub use load::{Loaded, load, load_file};
pub use protocol::{EscapingScheme, ScrapeProtocol};
pub use remote::{MetadataConfig, QueueConfig, RemoteReadConfig, RemoteWriteConfig};
pub use root::Config;
pub use rules::{Rule, RuleFile, RuleGroup, RuleKind, load_rules};
pub use scrape::{ScrapeConfig, ScrapeLimits};
pub use sd::{
    DnsRecord, DnsSdConfig, FileSdConfig, HttpSdConfig, KubernetesAttach, KubernetesNamespaces,
    KubernetesRole, KubernetesSdConfig, KubernetesSelector, OtherSdConfig, ServiceDiscovery, StaticConfig,
    TargetGroup,
};
pub use secret::Secret;
pub use size::{SizeError, format_size, parse_size};
pub use source::ConfigSource;
pub use storage::{OtlpConfig, StorageConfig, TracingConfig, TsdbConfig, TsdbRetention};
pub(crate) use target_file::{json_groups, read_target_file};
pub use web::{RateLimit, WebConfig, WebTlsConfig, load_web_file};
