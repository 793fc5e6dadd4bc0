//! `remote_write` and `remote_read`.

use super::yaml::Node;
use super::{HttpClientConfig, RelabelConfig};
use narthex_model::{Duration, Labels};

/// An endpoint that samples are sent to.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteWriteConfig {
    /// Where to.
    pub url: String,
    /// How long a request may take.
    pub remote_timeout: Duration,
    /// Headers to send, sorted by name.
    pub headers: Vec<(String, String)>,
    /// Rules over samples.
    pub write_relabel_configs: Vec<RelabelConfig>,
    /// A name for metrics and logs; may be empty.
    pub name: String,
    /// Whether exemplars are sent.
    pub send_exemplars: bool,
    /// Whether native histograms are sent.
    pub send_native_histograms: bool,
    /// Whether connections go round all addresses of the host.
    pub round_robin_dns: bool,
    /// Whether failed requests are logged whole.
    pub failed_request_logging: bool,
    /// `prometheus.WriteRequest` or `io.prometheus.write.v2.Request`.
    pub protobuf_message: String,
    /// How the server is spoken to; HTTP/2 is off by default.
    pub http_client: HttpClientConfig,
    /// The queue.
    pub queue_config: QueueConfig,
    /// Sending of metadata.
    pub metadata_config: MetadataConfig,
    /// `sigv4`, `azuread` or `google_iam`, as written.
    pub cloud_auth: Option<(String, Node)>,
}

/// The queue in front of a remote endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueConfig {
    /// Samples that a shard buffers.
    pub capacity: i64,
    /// Most shards.
    pub max_shards: i64,
    /// Fewest shards.
    pub min_shards: i64,
    /// Samples in a request.
    pub max_samples_per_send: i64,
    /// How long a sample waits for the request to fill.
    pub batch_send_deadline: Duration,
    /// First pause after a failure.
    pub min_backoff: Duration,
    /// Longest pause after a failure.
    pub max_backoff: Duration,
    /// Whether status 429 is tried again.
    pub retry_on_http_429: bool,
    /// Age above which samples are given up; 0 for never.
    pub sample_age_limit: Duration,
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self {
            capacity: 10_000,
            max_shards: 50,
            min_shards: 1,
            max_samples_per_send: 2_000,
            batch_send_deadline: Duration::from_millis(5_000),
            min_backoff: Duration::from_millis(30),
            max_backoff: Duration::from_millis(5_000),
            retry_on_http_429: false,
            sample_age_limit: Duration::ZERO,
        }
    }
}

/// Sending of metric metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataConfig {
    /// Whether it is sent.
    pub send: bool,
    /// How often.
    pub send_interval: Duration,
    /// Entries in a request.
    pub max_samples_per_send: i64,
}

impl Default for MetadataConfig {
    fn default() -> Self {
        Self {
            send: true,
            send_interval: Duration::from_millis(60_000),
            max_samples_per_send: 2_000,
        }
    }
}

/// An endpoint that samples are read from.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteReadConfig {
    /// Where from.
    pub url: String,
    /// How long a request may take.
    pub remote_timeout: Duration,
    /// Most bytes of a frame.
    pub chunked_read_limit: u64,
    /// Headers to send, sorted by name.
    pub headers: Vec<(String, String)>,
    /// Whether ranges that the local store has are read too.
    pub read_recent: bool,
    /// A name for metrics and logs; may be empty.
    pub name: String,
    /// How the server is spoken to.
    pub http_client: HttpClientConfig,
    /// Equality matchers that a selector must have for this endpoint to be asked.
    pub required_matchers: Labels,
    /// Whether external labels are added to selectors.
    pub filter_external_labels: bool,
}
