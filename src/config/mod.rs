//! `prometheus.yml`: typed sections with defaults filled and per-job inheritance resolved.

mod alerting;
mod global;
mod http_client;
mod protocol;
mod remote;
mod root;
mod scrape;
mod sd;
mod secret;
mod storage;
pub mod yaml;

pub use crate::relabel::{NameScheme, RelabelAction, RelabelConfig};
pub use alerting::{AlertingConfig, AlertmanagerConfig};
pub use global::{GlobalConfig, RuntimeConfig};
pub use http_client::{
    Authorization, BasicAuth, HeaderValues, HttpClientConfig, OAuth2, ProxyConfig, TlsConfig, TlsVersion,
};
pub use protocol::{EscapingScheme, ScrapeProtocol};
pub use remote::{MetadataConfig, QueueConfig, RemoteReadConfig, RemoteWriteConfig};
pub use root::Config;
pub use scrape::{ScrapeConfig, ScrapeLimits};
pub use sd::{
    DnsRecord, DnsSdConfig, FileSdConfig, HttpSdConfig, KubernetesAttach, KubernetesNamespaces,
    KubernetesRole, KubernetesSdConfig, KubernetesSelector, OtherSdConfig, ServiceDiscovery, StaticConfig,
    TargetGroup,
};
pub use secret::Secret;
pub use storage::{OtlpConfig, StorageConfig, TracingConfig, TsdbConfig, TsdbRetention};
