//! A job, its rules and its limits.

use super::client::http_client;
use super::discovery::service_discovery;
use crate::config::yaml::{Out, OutMap, emit, flow_text};
use crate::config::{RelabelConfig, ScrapeConfig, ScrapeLimits, ScrapeProtocol, format_size};
use crate::relabel::RelabelAction;
use narthex_model::{Duration, Labels};

/// One job, as `scrape_pools/config` shows it.
pub(in crate::config) fn render_job(job: &ScrapeConfig) -> String {
    emit(&scrape_job(job))
}

pub(super) fn scrape_job(job: &ScrapeConfig) -> OutMap {
    let mut out = OutMap::new();
    out.text("job_name", job.job_name.as_str());
    out.bool_opt("honor_labels", job.honor_labels);
    out.raw("honor_timestamps", job.honor_timestamps);
    out.raw("track_timestamps_staleness", job.track_timestamps_staleness);
    let mut params = OutMap::new();
    for (name, values) in &job.params {
        params.put(
            name,
            Out::List(values.iter().map(|v| Out::Text(v.clone())).collect()),
        );
    }
    out.map_opt("params", params);
    duration(&mut out, "scrape_interval", job.scrape_interval);
    duration(&mut out, "scrape_timeout", job.scrape_timeout);
    protocols(&mut out, &job.scrape_protocols);
    if let Some(protocol) = job.fallback_scrape_protocol {
        out.text("fallback_scrape_protocol", protocol.name());
    }
    out.raw("scrape_native_histograms", job.scrape_native_histograms);
    out.raw(
        "always_scrape_classic_histograms",
        job.always_scrape_classic_histograms,
    );
    out.raw(
        "convert_classic_histograms_to_nhcb",
        job.convert_classic_histograms_to_nhcb,
    );
    out.text_opt("scrape_failure_log_file", &job.scrape_failure_log_file);
    out.text_opt("metrics_path", &job.metrics_path);
    out.text_opt("scheme", &job.scheme);
    out.raw("enable_compression", job.enable_compression);
    limits(&mut out, &job.limits);
    out.number_opt("native_histogram_bucket_limit", job.native_histogram_bucket_limit);
    if job.native_histogram_min_bucket_factor != 0.0 {
        out.raw(
            "native_histogram_min_bucket_factor",
            job.native_histogram_min_bucket_factor,
        );
    }
    out.number_opt("keep_dropped_targets", job.limits.keep_dropped_targets);
    out.text(
        "metric_name_validation_scheme",
        job.metric_name_validation_scheme.name(),
    );
    out.text(
        "metric_name_escaping_scheme",
        job.metric_name_escaping_scheme.name(),
    );
    out.raw("extra_scrape_metrics", job.extra_scrape_metrics);
    out.extend(http_client(&job.http_client));
    rules(&mut out, "relabel_configs", &job.relabel_configs);
    rules(&mut out, "metric_relabel_configs", &job.metric_relabel_configs);
    out.extend(service_discovery(&job.service_discovery));
    out
}

/// One rule, as `targets/relabel_steps` shows it.
pub(in crate::config) fn rule_map(rule: &RelabelConfig) -> OutMap {
    use RelabelAction as A;
    let mut out = OutMap::new();
    if !rule.source_labels.is_empty() {
        // Prometheus prints this list in one line.
        let mut inner = String::from("[");
        for (i, name) in rule.source_labels.iter().enumerate() {
            if i > 0 {
                inner.push_str(", ");
            }
            inner.push_str(&flow_text(name));
        }
        inner.push(']');
        out.raw("source_labels", inner);
    }
    out.text("separator", rule.separator.as_str());
    out.text("regex", rule.regex.source());
    out.number_opt("modulus", rule.modulus);
    out.text_opt("target_label", &rule.target_label);
    if !matches!(rule.action, A::KeepEqual | A::DropEqual) || !rule.replacement.is_empty() {
        out.text("replacement", rule.replacement.as_str());
    }
    out.text("action", rule.action.name());
    out
}

pub(super) fn rules(out: &mut OutMap, key: &str, rules: &[RelabelConfig]) {
    out.list_opt(key, rules.iter().map(|rule| Out::Map(rule_map(rule))).collect());
}

pub(super) fn duration(out: &mut OutMap, key: &str, value: Duration) {
    if value != Duration::ZERO {
        out.text(key, value.to_string());
    }
}

pub(super) fn protocols(out: &mut OutMap, protocols: &[ScrapeProtocol]) {
    let names: Vec<&str> = protocols.iter().map(|p| p.name()).collect();
    out.texts_opt("scrape_protocols", &names);
}

pub(super) fn limits(out: &mut OutMap, limits: &ScrapeLimits) {
    if limits.body_size_limit != 0 {
        out.text("body_size_limit", format_size(limits.body_size_limit));
    }
    out.number_opt("sample_limit", limits.sample_limit);
    out.number_opt("target_limit", limits.target_limit);
    out.number_opt("label_limit", limits.label_limit);
    out.number_opt("label_name_length_limit", limits.label_name_length_limit);
    out.number_opt("label_value_length_limit", limits.label_value_length_limit);
}

pub(super) fn labels(labels: &Labels) -> OutMap {
    let mut out = OutMap::new();
    for (name, value) in labels {
        out.text(name, value);
    }
    out
}
