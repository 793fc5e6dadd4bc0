//! The whole configuration, section by section.

use super::client::{http_client, tls};
use super::discovery::service_discovery;
use super::job::{duration, labels, limits, protocols, rules, scrape_job};
use super::remote::{remote_read, remote_write, texts};
use crate::config::yaml::{Out, OutMap, emit, redacted};
use crate::config::{AlertingConfig, AlertmanagerConfig, Config, GlobalConfig, TracingConfig, format_size};

/// The whole configuration.
pub(in crate::config) fn render(config: &Config) -> String {
    let mut out = OutMap::new();
    out.put("global", Out::Map(global(&config.global)));
    let mut runtime = OutMap::new();
    runtime.raw("gogc", config.runtime.gogc);
    out.map_opt("runtime", runtime);
    out.map_opt("alerting", alerting(&config.alerting));
    out.texts_opt("rule_files", &config.rule_files);
    out.texts_opt("scrape_config_files", &config.scrape_config_files);
    out.list_opt(
        "scrape_configs",
        config
            .scrape_configs
            .iter()
            .map(|job| Out::Map(scrape_job(job)))
            .collect(),
    );
    out.map_opt("storage", storage(config));
    if let Some(tracing) = &config.tracing {
        out.map_opt("tracing", render_tracing(tracing));
    }
    out.list_opt(
        "remote_write",
        config
            .remote_write
            .iter()
            .map(|e| Out::Map(remote_write(e)))
            .collect(),
    );
    out.list_opt(
        "remote_read",
        config
            .remote_read
            .iter()
            .map(|e| Out::Map(remote_read(e)))
            .collect(),
    );
    out.map_opt("otlp", otlp(config));
    emit(&out)
}

fn global(global: &GlobalConfig) -> OutMap {
    let mut out = OutMap::new();
    duration(&mut out, "scrape_interval", global.scrape_interval);
    duration(&mut out, "scrape_timeout", global.scrape_timeout);
    protocols(&mut out, global.scrape_protocols.as_deref().unwrap_or_default());
    duration(&mut out, "evaluation_interval", global.evaluation_interval);
    duration(&mut out, "rule_query_offset", global.rule_query_offset);
    out.text_opt("query_log_file", &global.query_log_file);
    out.text_opt("scrape_failure_log_file", &global.scrape_failure_log_file);
    out.map_opt("external_labels", labels(&global.external_labels));
    limits(&mut out, &global.limits);
    out.number_opt("keep_dropped_targets", global.limits.keep_dropped_targets);
    out.text(
        "metric_name_validation_scheme",
        global.metric_name_validation_scheme.name(),
    );
    if let Some(scheme) = global.metric_name_escaping_scheme {
        out.text("metric_name_escaping_scheme", scheme.name());
    }
    out.raw("scrape_native_histograms", global.scrape_native_histograms);
    out.bool_opt(
        "convert_classic_histograms_to_nhcb",
        global.convert_classic_histograms_to_nhcb,
    );
    out.bool_opt(
        "always_scrape_classic_histograms",
        global.always_scrape_classic_histograms,
    );
    out.raw("extra_scrape_metrics", global.extra_scrape_metrics);
    out
}

fn alerting(alerting: &AlertingConfig) -> OutMap {
    let mut out = OutMap::new();
    rules(&mut out, "alert_relabel_configs", &alerting.alert_relabel_configs);
    out.list_opt(
        "alertmanagers",
        alerting
            .alertmanagers
            .iter()
            .map(|m| Out::Map(alertmanager(m)))
            .collect(),
    );
    out
}

fn alertmanager(manager: &AlertmanagerConfig) -> OutMap {
    let mut out = http_client(&manager.http_client);
    if let Some(section) = &manager.sigv4 {
        out.put("sigv4", redacted(section));
    }
    out.text_opt("scheme", &manager.scheme);
    out.text_opt("path_prefix", &manager.path_prefix);
    duration(&mut out, "timeout", manager.timeout);
    out.text("api_version", "v2");
    rules(&mut out, "relabel_configs", &manager.relabel_configs);
    rules(&mut out, "alert_relabel_configs", &manager.alert_relabel_configs);
    out.extend(service_discovery(&manager.service_discovery));
    out
}

fn storage(config: &Config) -> OutMap {
    let mut out = OutMap::new();
    if let Some(tsdb) = &config.storage.tsdb {
        let mut map = OutMap::new();
        duration(
            &mut map,
            "out_of_order_time_window",
            tsdb.out_of_order_time_window,
        );
        if tsdb.stale_series_compaction_threshold != 0.0 {
            map.raw(
                "stale_series_compaction_threshold",
                tsdb.stale_series_compaction_threshold,
            );
        }
        let mut encoding = OutMap::new();
        encoding.text_opt(
            "floats",
            tsdb.chunk_encoding_floats.as_deref().unwrap_or_default(),
        );
        map.map_opt("chunk_encoding", encoding);
        if let Some(retention) = &tsdb.retention {
            let mut kept = OutMap::new();
            if let Some(time) = retention.time {
                duration(&mut kept, "time", time);
            }
            if let Some(size) = retention.size.filter(|size| *size > 0) {
                kept.text("size", format_size(size));
            }
            if let Some(percentage) = retention.percentage.filter(|p| *p > 0.0) {
                kept.raw("percentage", percentage);
            }
            map.map_opt("retention", kept);
        }
        out.put("tsdb", Out::Map(map));
    }
    if let Some(max) = config.storage.max_exemplars {
        let mut map = OutMap::new();
        map.raw("max_exemplars", max);
        out.map_opt("exemplars", map);
    }
    out
}

fn render_tracing(tracing: &TracingConfig) -> OutMap {
    let mut out = OutMap::new();
    out.text_opt("client_type", &tracing.client_type);
    out.text_opt("endpoint", &tracing.endpoint);
    if tracing.sampling_fraction != 0.0 {
        out.raw("sampling_fraction", tracing.sampling_fraction);
    }
    out.bool_opt("insecure", tracing.insecure);
    out.map_opt("tls_config", tls(&tracing.tls));
    out.map_opt("headers", texts(&tracing.headers));
    out.text_opt("compression", &tracing.compression);
    duration(&mut out, "timeout", tracing.timeout);
    out
}

fn otlp(config: &Config) -> OutMap {
    let (otlp, mut out) = (&config.otlp, OutMap::new());
    out.bool_opt(
        "promote_all_resource_attributes",
        otlp.promote_all_resource_attributes,
    );
    out.texts_opt("promote_resource_attributes", &otlp.promote_resource_attributes);
    out.texts_opt("ignore_resource_attributes", &otlp.ignore_resource_attributes);
    out.text_opt("translation_strategy", &otlp.translation_strategy);
    out.bool_opt(
        "keep_identifying_resource_attributes",
        otlp.keep_identifying_resource_attributes,
    );
    out.bool_opt("convert_histograms_to_nhcb", otlp.convert_histograms_to_nhcb);
    out.bool_opt("promote_scope_metadata", otlp.promote_scope_metadata);
    out.bool_opt(
        "label_name_underscore_sanitization",
        otlp.label_name_underscore_sanitization,
    );
    out.bool_opt(
        "label_name_preserve_multiple_underscores",
        otlp.label_name_preserve_multiple_underscores,
    );
    out
}
