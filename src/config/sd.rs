//! `*_sd_configs` and `static_configs`: where targets come from.

use super::HttpClientConfig;
use super::yaml::Node;
use narthex_model::{Duration, Labels};

/// Targets that one source found together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TargetGroup {
    /// What found them: unique within a job; a later group of the same source replaces the former.
    pub source: String,
    /// One label set a target, with `__address__`.
    pub targets: Vec<Labels>,
    /// Labels of all targets; a target's own win.
    pub labels: Labels,
}

/// An item of `static_configs`, as a group with its index as source.
pub type StaticConfig = TargetGroup;

/// All discovery of a job.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ServiceDiscovery {
    /// `static_configs`.
    pub static_configs: Vec<StaticConfig>,
    /// `file_sd_configs`.
    pub file: Vec<FileSdConfig>,
    /// `http_sd_configs`.
    pub http: Vec<HttpSdConfig>,
    /// `dns_sd_configs`.
    pub dns: Vec<DnsSdConfig>,
    /// `kubernetes_sd_configs`.
    pub kubernetes: Vec<KubernetesSdConfig>,
    /// Kinds that Prometheus knows and narthex does not.
    pub other: Vec<OtherSdConfig>,
}

/// Targets from files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSdConfig {
    /// Paths; the last segment may be a glob.
    pub files: Vec<String>,
    /// How often files are read even if nothing seems to have changed.
    pub refresh_interval: Duration,
}

/// Targets from an HTTP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSdConfig {
    /// Where the list is.
    pub url: String,
    /// How often it is fetched.
    pub refresh_interval: Duration,
    /// How the server is spoken to.
    pub http_client: HttpClientConfig,
}

/// Record types of `dns_sd_configs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DnsRecord {
    /// Host and port.
    #[default]
    Srv,
    /// IPv4 address.
    A,
    /// IPv6 address.
    Aaaa,
    /// Mail server.
    Mx,
    /// Name server.
    Ns,
}

impl DnsRecord {
    /// As the configuration spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Srv => "SRV",
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Mx => "MX",
            Self::Ns => "NS",
        }
    }

    /// The record type of that name, in any case of letters.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Srv, Self::A, Self::Aaaa, Self::Mx, Self::Ns]
            .into_iter()
            .find(|r| r.name().eq_ignore_ascii_case(name))
    }
}

/// Targets from DNS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsSdConfig {
    /// Names to ask for.
    pub names: Vec<String>,
    /// How often they are asked for.
    pub refresh_interval: Duration,
    /// Which records.
    pub record: DnsRecord,
    /// Port of the targets, where the record has none.
    pub port: u16,
}

/// What `kubernetes_sd_configs` looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KubernetesRole {
    /// Pods.
    Pod,
    /// Services.
    Service,
    /// Endpoints.
    Endpoints,
    /// Endpoint slices.
    EndpointSlice,
    /// Nodes.
    Node,
    /// Ingresses.
    Ingress,
}

impl KubernetesRole {
    /// Every role, in the order that the error text lists them.
    pub const ALL: [Self; 6] = [
        Self::Pod,
        Self::Service,
        Self::Endpoints,
        Self::EndpointSlice,
        Self::Node,
        Self::Ingress,
    ];

    /// As the configuration spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Service => "service",
            Self::Endpoints => "endpoints",
            Self::EndpointSlice => "endpointslice",
            Self::Node => "node",
            Self::Ingress => "ingress",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.name() == name)
    }

    /// Roles that a selector may name under this role.
    #[must_use]
    pub fn selector_roles(self) -> &'static [Self] {
        match self {
            Self::Pod => &[Self::Pod, Self::Node],
            Self::Service => &[Self::Service],
            Self::Endpoints => &[Self::Pod, Self::Service, Self::Endpoints],
            Self::EndpointSlice => &[Self::Pod, Self::Service, Self::EndpointSlice],
            Self::Node => &[Self::Node],
            Self::Ingress => &[Self::Ingress],
        }
    }
}

/// Targets from a Kubernetes API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubernetesSdConfig {
    /// The API server's URL; empty for the cluster that this process runs in.
    pub api_server: String,
    /// What is looked at.
    pub role: KubernetesRole,
    /// A kubeconfig file; empty for none.
    pub kubeconfig_file: String,
    /// How the API server is spoken to.
    pub http_client: HttpClientConfig,
    /// Namespaces that are looked at.
    pub namespaces: KubernetesNamespaces,
    /// Selectors by role.
    pub selectors: Vec<KubernetesSelector>,
    /// Whose labels are added.
    pub attach_metadata: KubernetesAttach,
}

/// Namespaces that are looked at: all of them if nothing is set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KubernetesNamespaces {
    /// Whether the namespace of this pod is.
    pub own_namespace: bool,
    /// Names.
    pub names: Vec<String>,
}

/// Limits what is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubernetesSelector {
    /// Of which objects.
    pub role: KubernetesRole,
    /// A label selector.
    pub label: String,
    /// A field selector.
    pub field: String,
}

/// Objects whose labels are added to a target's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KubernetesAttach {
    /// The node.
    pub node: bool,
    /// The namespace.
    pub namespace: bool,
    /// The deployment.
    pub deployment: bool,
    /// The job.
    pub job: bool,
    /// The cron job.
    pub cronjob: bool,
}

/// A kind of discovery that is accepted as written but not run: its targets are missing.
#[derive(Debug, Clone, PartialEq)]
pub struct OtherSdConfig {
    /// The key, for example `consul_sd_configs`.
    pub key: String,
    /// The section as written.
    pub section: Node,
}
