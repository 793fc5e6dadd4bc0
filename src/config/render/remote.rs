//! Remote endpoints.

use super::client::{hide_password, http_client};
use super::job::{duration, labels, rules};
use crate::config::yaml::{OutMap, redacted};
use crate::config::{RemoteReadConfig, RemoteWriteConfig};

pub(super) fn remote_write(endpoint: &RemoteWriteConfig) -> OutMap {
    let mut out = OutMap::new();
    out.text("url", hide_password(&endpoint.url));
    duration(&mut out, "remote_timeout", endpoint.remote_timeout);
    out.map_opt("headers", texts(&endpoint.headers));
    rules(&mut out, "write_relabel_configs", &endpoint.write_relabel_configs);
    out.text_opt("name", &endpoint.name);
    out.bool_opt("send_exemplars", endpoint.send_exemplars);
    out.bool_opt("send_native_histograms", endpoint.send_native_histograms);
    out.bool_opt("round_robin_dns", endpoint.round_robin_dns);
    out.bool_opt("failed_request_logging", endpoint.failed_request_logging);
    out.text("protobuf_message", endpoint.protobuf_message.as_str());
    out.extend(http_client(&endpoint.http_client));
    let config = &endpoint.queue_config;
    let mut queue = OutMap::new();
    queue.raw("capacity", config.capacity);
    queue.raw("max_shards", config.max_shards);
    queue.raw("min_shards", config.min_shards);
    queue.raw("max_samples_per_send", config.max_samples_per_send);
    duration(&mut queue, "batch_send_deadline", config.batch_send_deadline);
    duration(&mut queue, "min_backoff", config.min_backoff);
    duration(&mut queue, "max_backoff", config.max_backoff);
    queue.bool_opt("retry_on_http_429", config.retry_on_http_429);
    duration(&mut queue, "sample_age_limit", config.sample_age_limit);
    out.map_opt("queue_config", queue);
    let mut metadata = OutMap::new();
    metadata.raw("send", endpoint.metadata_config.send);
    metadata.text(
        "send_interval",
        endpoint.metadata_config.send_interval.to_string(),
    );
    metadata.raw(
        "max_samples_per_send",
        endpoint.metadata_config.max_samples_per_send,
    );
    out.map_opt("metadata_config", metadata);
    if let Some((key, section)) = &endpoint.cloud_auth {
        out.put(key, redacted(section));
    }
    out
}

pub(super) fn remote_read(endpoint: &RemoteReadConfig) -> OutMap {
    let mut out = OutMap::new();
    out.text("url", hide_password(&endpoint.url));
    duration(&mut out, "remote_timeout", endpoint.remote_timeout);
    out.number_opt("chunked_read_limit", endpoint.chunked_read_limit);
    out.map_opt("headers", texts(&endpoint.headers));
    out.bool_opt("read_recent", endpoint.read_recent);
    out.text_opt("name", &endpoint.name);
    out.extend(http_client(&endpoint.http_client));
    out.map_opt("required_matchers", labels(&endpoint.required_matchers));
    out.raw("filter_external_labels", endpoint.filter_external_labels);
    out
}

pub(super) fn texts(pairs: &[(String, String)]) -> OutMap {
    let mut out = OutMap::new();
    for (key, value) in pairs {
        out.text(key, value.as_str());
    }
    out
}
