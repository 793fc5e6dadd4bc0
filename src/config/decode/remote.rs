//! `remote_write` and `remote_read`.

use super::decoder::{Decoder, is_null};
use super::fields::Fields;
use super::http_client::{check_parses, http_client};
use super::relabel::rules_of;
use crate::config::error::Fatal;
use crate::config::yaml::{Node, Position};
use crate::config::{
    HttpClientConfig, MetadataConfig, NameScheme, QueueConfig, RemoteReadConfig, RemoteWriteConfig,
};
use narthex_model::{Duration, Labels};

const CLOUD_AUTH: [&str; 3] = ["sigv4", "azuread", "google_iam"];

/// `remote_write`.
pub(crate) fn remote_write(
    node: &Node,
    scheme: NameScheme,
    d: &mut Decoder,
) -> Result<Vec<RemoteWriteConfig>, Fatal> {
    let mut found: Vec<RemoteWriteConfig> = Vec::new();
    for item in d.items(node, "[]*config.RemoteWriteConfig").unwrap_or_default() {
        if is_null(item) {
            return Err(Fatal::new("empty or null remote write config section", item.at));
        }
        let Some(config) = write_endpoint(item, scheme, d)? else {
            continue;
        };
        if !config.name.is_empty() && found.iter().any(|other| other.name == config.name) {
            let text = format!(
                "found multiple remote write configs with job name {:?}",
                config.name
            );
            return Err(Fatal::new(text, item.at).hint("give each its own name, or none"));
        }
        found.push(config);
    }
    Ok(found)
}

/// An endpoint with Prometheus's defaults.
fn blank_write() -> RemoteWriteConfig {
    RemoteWriteConfig {
        url: String::new(),
        remote_timeout: Duration::from_millis(30_000),
        headers: Vec::new(),
        write_relabel_configs: Vec::new(),
        name: String::new(),
        send_exemplars: false,
        send_native_histograms: false,
        round_robin_dns: false,
        failed_request_logging: false,
        protobuf_message: "prometheus.WriteRequest".to_owned(),
        http_client: HttpClientConfig {
            enable_http2: false,
            ..HttpClientConfig::default()
        },
        queue_config: QueueConfig::default(),
        metadata_config: MetadataConfig::default(),
        cloud_auth: None,
    }
}

fn write_endpoint(
    node: &Node,
    scheme: NameScheme,
    d: &mut Decoder,
) -> Result<Option<RemoteWriteConfig>, Fatal> {
    let Some(mut f) = Fields::open(node, "config.plain", d) else {
        return Ok(None);
    };
    let mark = d.mark();
    let mut config = blank_write();
    f.text("url", &mut config.url, d);
    f.duration("remote_timeout", &mut config.remote_timeout, d)?;
    f.text_map("headers", &mut config.headers, d);
    let empty = "empty or null relabeling rule in remote write config";
    let rules = rules_of(&mut f, "write_relabel_configs", empty, d)?;
    f.text("name", &mut config.name, d);
    f.boolean("send_exemplars", &mut config.send_exemplars, d);
    f.boolean("send_native_histograms", &mut config.send_native_histograms, d);
    f.boolean("round_robin_dns", &mut config.round_robin_dns, d);
    f.boolean("failed_request_logging", &mut config.failed_request_logging, d);
    f.text("protobuf_message", &mut config.protobuf_message, d);
    http_client(&mut f, &mut config.http_client, d)?;
    if let Some(node) = f.section("queue_config") {
        queue(node, &mut config.queue_config, d)?;
    }
    if let Some(node) = f.section("metadata_config") {
        metadata(node, &mut config.metadata_config, d)?;
    }
    let clouds: Vec<_> = CLOUD_AUTH
        .iter()
        .filter_map(|key| Some((*key, f.section(key)?)))
        .collect();
    f.finish(d);
    if d.failed_since(mark) {
        return Ok(Some(config));
    }
    check_url(&config.url, "remote_write", node.at)?;
    check_headers(&config.headers, node.at)?;
    if !matches!(
        config.protobuf_message.as_str(),
        "prometheus.WriteRequest" | "io.prometheus.write.v2.Request"
    ) {
        let text = format!(
            "invalid protobuf_message value: unknown type for remote write protobuf message {}, supported: \
             prometheus.WriteRequest, io.prometheus.write.v2.Request",
            config.protobuf_message
        );
        return Err(Fatal::new(text, node.at));
    }
    check_auth(&config.http_client, &clouds, node.at)?;
    config.cloud_auth = clouds
        .first()
        .map(|(key, node)| ((*key).to_owned(), (*node).clone()));
    config.write_relabel_configs = rules.check(scheme)?;
    Ok(Some(config))
}

fn queue(node: &Node, queue: &mut QueueConfig, d: &mut Decoder) -> Result<(), Fatal> {
    let Some(mut f) = Fields::open(node, "config.QueueConfig", d) else {
        return Ok(());
    };
    f.signed("capacity", &mut queue.capacity, d);
    f.signed("max_shards", &mut queue.max_shards, d);
    f.signed("min_shards", &mut queue.min_shards, d);
    f.signed("max_samples_per_send", &mut queue.max_samples_per_send, d);
    f.duration("batch_send_deadline", &mut queue.batch_send_deadline, d)?;
    f.duration("min_backoff", &mut queue.min_backoff, d)?;
    f.duration("max_backoff", &mut queue.max_backoff, d)?;
    f.boolean("retry_on_http_429", &mut queue.retry_on_http_429, d);
    f.duration("sample_age_limit", &mut queue.sample_age_limit, d)?;
    f.finish(d);
    Ok(())
}

fn metadata(node: &Node, metadata: &mut MetadataConfig, d: &mut Decoder) -> Result<(), Fatal> {
    let Some(mut f) = Fields::open(node, "config.MetadataConfig", d) else {
        return Ok(());
    };
    f.boolean("send", &mut metadata.send, d);
    f.duration("send_interval", &mut metadata.send_interval, d)?;
    f.signed("max_samples_per_send", &mut metadata.max_samples_per_send, d);
    f.finish(d);
    Ok(())
}

/// `remote_read`.
pub(crate) fn remote_read(node: &Node, d: &mut Decoder) -> Result<Vec<RemoteReadConfig>, Fatal> {
    let mut found: Vec<RemoteReadConfig> = Vec::new();
    for item in d.items(node, "[]*config.RemoteReadConfig").unwrap_or_default() {
        if is_null(item) {
            return Err(Fatal::new("empty or null remote read config section", item.at));
        }
        let Some(config) = read_endpoint(item, d)? else {
            continue;
        };
        if !config.name.is_empty() && found.iter().any(|other| other.name == config.name) {
            let text = format!(
                "found multiple remote read configs with job name {:?}",
                config.name
            );
            return Err(Fatal::new(text, item.at).hint("give each its own name, or none"));
        }
        found.push(config);
    }
    Ok(found)
}

fn read_endpoint(node: &Node, d: &mut Decoder) -> Result<Option<RemoteReadConfig>, Fatal> {
    let Some(mut f) = Fields::open(node, "config.plain", d) else {
        return Ok(None);
    };
    let mark = d.mark();
    let mut config = RemoteReadConfig {
        url: String::new(),
        remote_timeout: Duration::from_millis(60_000),
        chunked_read_limit: 50_000_000,
        headers: Vec::new(),
        read_recent: false,
        name: String::new(),
        http_client: HttpClientConfig::default(),
        required_matchers: Labels::empty(),
        filter_external_labels: true,
    };
    f.text("url", &mut config.url, d);
    f.duration("remote_timeout", &mut config.remote_timeout, d)?;
    f.unsigned_as("chunked_read_limit", "uint64", &mut config.chunked_read_limit, d);
    f.text_map("headers", &mut config.headers, d);
    f.boolean("read_recent", &mut config.read_recent, d);
    f.text("name", &mut config.name, d);
    http_client(&mut f, &mut config.http_client, d)?;
    if let Some(node) = f.section("required_matchers") {
        config.required_matchers = d.label_set(node)?;
    }
    f.boolean("filter_external_labels", &mut config.filter_external_labels, d);
    f.finish(d);
    if !d.failed_since(mark) {
        check_url(&config.url, "remote_read", node.at)?;
        check_headers(&config.headers, node.at)?;
    }
    Ok(Some(config))
}

fn check_url(url: &str, section: &str, at: Position) -> Result<(), Fatal> {
    if url.is_empty() {
        return Err(Fatal::new(format!("url for {section} is empty"), at));
    }
    check_parses(url, at)
}

fn check_headers(headers: &[(String, String)], at: Position) -> Result<(), Fatal> {
    const RESERVED: [&str; 12] = [
        "authorization",
        "host",
        "content-encoding",
        "content-length",
        "content-type",
        "user-agent",
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "www-authenticate",
        "accept-encoding",
    ];
    for (name, _) in headers {
        let lower = name.to_lowercase();
        if lower == "authorization" {
            let text = "authorization header must be changed via the basic_auth, authorization, oauth2, sigv4, \
                        azuread or google_iam parameter";
            return Err(Fatal::new(text, at));
        }
        if RESERVED.contains(&lower.as_str()) || lower.starts_with("x-prometheus-remote-") {
            return Err(Fatal::new(
                format!("{name} is a reserved header. It must not be changed"),
                at,
            ));
        }
    }
    Ok(())
}

fn check_auth(client: &HttpClientConfig, clouds: &[(&str, &Node)], at: Position) -> Result<(), Fatal> {
    let mut kinds = Vec::new();
    if client.basic_auth.is_some() {
        kinds.push("basic_auth");
    }
    if client.authorization.is_some() {
        kinds.push("authorization");
    }
    if client.oauth2.is_some() {
        kinds.push("oauth2");
    }
    kinds.extend(clouds.iter().map(|(key, _)| *key));
    if kinds.len() > 1 {
        let text = format!(
            "at most one of basic_auth, authorization, oauth2, sigv4, azuread or google_iam must be configured. \
             Currently configured: [{}]",
            kinds.join(" ")
        );
        return Err(Fatal::new(text, at));
    }
    Ok(())
}
