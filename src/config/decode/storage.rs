//! `storage`, `tracing` and `otlp`.

use super::decoder::Decoder;
use super::fields::Fields;
use super::http_client::tls;
use crate::config::error::Fatal;
use crate::config::size::parse_size;
use crate::config::yaml::Node;
use crate::config::{NameScheme, OtlpConfig, StorageConfig, TracingConfig, TsdbConfig, TsdbRetention};
use narthex_model::Duration;

/// `storage`.
pub(crate) fn storage(node: &Node, d: &mut Decoder) -> Result<StorageConfig, Fatal> {
    let mut storage = StorageConfig::default();
    let Some(mut f) = Fields::open(node, "config.StorageConfig", d) else {
        return Ok(storage);
    };
    if let Some(node) = f.section("tsdb") {
        storage.tsdb = Some(tsdb(node, d)?);
    }
    if let Some(node) = f.section("exemplars")
        && let Some(mut f) = Fields::open(node, "config.ExemplarsConfig", d)
    {
        let mut max = 0;
        f.signed("max_exemplars", &mut max, d);
        f.finish(d);
        storage.max_exemplars = Some(max);
    }
    f.finish(d);
    Ok(storage)
}

fn tsdb(node: &Node, d: &mut Decoder) -> Result<TsdbConfig, Fatal> {
    let mut tsdb = TsdbConfig::default();
    let Some(mut f) = Fields::open(node, "config.plain", d) else {
        return Ok(tsdb);
    };
    f.duration("out_of_order_time_window", &mut tsdb.out_of_order_time_window, d)?;
    f.float(
        "stale_series_compaction_threshold",
        &mut tsdb.stale_series_compaction_threshold,
        d,
    );
    if let Some(node) = f.section("chunk_encoding")
        && let Some(mut f) = Fields::open(node, "config.ChunkEncodingConfig", d)
    {
        let mut floats = String::new();
        f.text("floats", &mut floats, d);
        let at = f.place("floats");
        f.finish(d);
        if !matches!(floats.as_str(), "" | "xor" | "xor2") {
            return Err(
                Fatal::new(format!("unknown float chunk encoding {floats:?}"), at).hint("it is xor or xor2")
            );
        }
        tsdb.chunk_encoding_floats = (!floats.is_empty()).then_some(floats);
    }
    if let Some(node) = f.section("retention") {
        tsdb.retention = Some(retention(node, d)?);
    }
    f.finish(d);
    Ok(tsdb)
}

fn retention(node: &Node, d: &mut Decoder) -> Result<TsdbRetention, Fatal> {
    let mut retention = TsdbRetention::default();
    let Some(mut f) = Fields::open(node, "config.TSDBRetentionConfig", d) else {
        return Ok(retention);
    };
    if f.section("time").is_some() {
        let mut time = Duration::ZERO;
        f.duration("time", &mut time, d)?;
        retention.time = Some(time);
    }
    if let Some(node) = f.section("size")
        && let Some(text) = d.text(node)
    {
        retention.size = Some(parse_size(&text).map_err(|e| Fatal::new(e.to_string(), node.at))?);
    }
    if f.section("percentage").is_some() {
        let mut percentage = 0.0;
        f.float("percentage", &mut percentage, d);
        if !(0.0..=100.0).contains(&percentage) {
            let text = format!(
                "'storage.tsdb.retention.percentage' must be in the range [0, 100], got {percentage}"
            );
            return Err(Fatal::new(text, f.place("percentage")));
        }
        retention.percentage = Some(percentage);
    }
    f.finish(d);
    Ok(retention)
}

/// `tracing`.
pub(crate) fn tracing(node: &Node, d: &mut Decoder) -> Result<Option<TracingConfig>, Fatal> {
    let Some(mut f) = Fields::open(node, "config.plain", d) else {
        return Ok(None);
    };
    let mark = d.mark();
    let mut tracing = TracingConfig {
        client_type: "grpc".to_owned(),
        ..TracingConfig::default()
    };
    f.text("client_type", &mut tracing.client_type, d);
    if !matches!(tracing.client_type.as_str(), "grpc" | "http") {
        let text = format!(
            "expected tracing client type to be to be http or grpc, but got {}",
            tracing.client_type
        );
        return Err(Fatal::new(text, f.place("client_type")));
    }
    f.text("endpoint", &mut tracing.endpoint, d);
    f.float("sampling_fraction", &mut tracing.sampling_fraction, d);
    f.boolean("insecure", &mut tracing.insecure, d);
    if let Some(node) = f.section("tls_config") {
        tracing.tls = tls(node, d)?;
    }
    f.text_map("headers", &mut tracing.headers, d);
    f.text("compression", &mut tracing.compression, d);
    f.duration("timeout", &mut tracing.timeout, d)?;
    f.finish(d);
    if d.failed_since(mark) {
        return Ok(Some(tracing));
    }
    if tracing
        .headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("authorization"))
    {
        let text = "custom authorization header configuration is not yet supported";
        return Err(Fatal::new(text, node.at));
    }
    if tracing.endpoint.is_empty() {
        return Err(Fatal::new("tracing endpoint must be set", node.at));
    }
    if !matches!(tracing.compression.as_str(), "" | "gzip") {
        let kind = &tracing.compression;
        let text = format!("invalid compression type {kind} provided, valid options: gzip");
        return Err(Fatal::new(text, node.at));
    }
    Ok(Some(tracing))
}

/// `otlp`.
pub(crate) fn otlp(node: &Node, scheme: NameScheme, d: &mut Decoder) -> Result<OtlpConfig, Fatal> {
    let mut otlp = OtlpConfig::default();
    let Some(mut f) = Fields::open(node, "config.plain", d) else {
        return Ok(otlp);
    };
    let mark = d.mark();
    f.boolean(
        "promote_all_resource_attributes",
        &mut otlp.promote_all_resource_attributes,
        d,
    );
    f.texts(
        "promote_resource_attributes",
        &mut otlp.promote_resource_attributes,
        d,
    );
    f.texts(
        "ignore_resource_attributes",
        &mut otlp.ignore_resource_attributes,
        d,
    );
    f.text("translation_strategy", &mut otlp.translation_strategy, d);
    f.boolean(
        "keep_identifying_resource_attributes",
        &mut otlp.keep_identifying_resource_attributes,
        d,
    );
    f.boolean(
        "convert_histograms_to_nhcb",
        &mut otlp.convert_histograms_to_nhcb,
        d,
    );
    f.boolean("promote_scope_metadata", &mut otlp.promote_scope_metadata, d);
    f.boolean(
        "label_name_underscore_sanitization",
        &mut otlp.label_name_underscore_sanitization,
        d,
    );
    let keep = "label_name_preserve_multiple_underscores";
    f.boolean(keep, &mut otlp.label_name_preserve_multiple_underscores, d);
    let strategy_at = f.place("translation_strategy");
    f.finish(d);
    if d.failed_since(mark) {
        return Ok(otlp);
    }
    check_attributes(&mut otlp).map_err(|text| Fatal::new(text, node.at))?;
    let strategy = &otlp.translation_strategy;
    let fail = |text: String| Err(Fatal::new(text, strategy_at));
    match strategy.as_str() {
        "UnderscoreEscapingWithSuffixes" | "UnderscoreEscapingWithoutSuffixes" | "" => Ok(otlp),
        "NoTranslation" | "NoUTF8EscapingWithSuffixes" if scheme == NameScheme::Legacy => fail(format!(
            "OTLP translation strategy {strategy:?} is not allowed when UTF8 is disabled"
        )),
        "NoTranslation" | "NoUTF8EscapingWithSuffixes" => Ok(otlp),
        _ => fail(format!("unsupported OTLP translation strategy {strategy:?}")),
    }
}

fn check_attributes(otlp: &mut OtlpConfig) -> Result<(), String> {
    if otlp.promote_all_resource_attributes {
        if !otlp.promote_resource_attributes.is_empty() {
            return Err(
                "'promote_all_resource_attributes' and 'promote_resource_attributes' cannot be configured simultaneously"
                    .into(),
            );
        }
        return check_list(&mut otlp.ignore_resource_attributes, "ignored")
            .map_err(|e| format!("invalid 'ignore_resource_attributes': {e}"));
    }
    if !otlp.ignore_resource_attributes.is_empty() {
        return Err(
            "'ignore_resource_attributes' cannot be configured unless 'promote_all_resource_attributes' is true".into(),
        );
    }
    check_list(&mut otlp.promote_resource_attributes, "promoted")
        .map_err(|e| format!("invalid 'promote_resource_attributes': {e}"))
}

fn check_list(attributes: &mut [String], adjective: &str) -> Result<(), String> {
    let mut seen: Vec<String> = Vec::new();
    let mut faults = Vec::new();
    for attribute in attributes {
        *attribute = attribute.trim().to_owned();
        if attribute.is_empty() {
            faults.push(format!("empty {adjective} OTel resource attribute"));
        } else if seen.contains(attribute) {
            faults.push(format!(
                "duplicated {adjective} OTel resource attribute {attribute:?}"
            ));
        } else {
            seen.push(attribute.clone());
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults.join("\n"))
    }
}
