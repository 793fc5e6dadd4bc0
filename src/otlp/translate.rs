//! A whole request into one batch: what cannot be translated is left out and told.

use std::collections::BTreeSet;

use narthex_tsdb::{Batch, MetadataKind, Policy, SeriesMetadata};

use super::attributes::Shared;
use super::message::{CUMULATIVE, DELTA, ExportRequest, Metric, Resource};
use super::names::{NameKind, Namer};
use super::points::Points;
use super::target_info;
use crate::config::OtlpConfig;

/// How metrics become series.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(super) namer: Namer,
    /// Whether all resource attributes but those listed become labels, or only those listed.
    promote_all: bool,
    listed: BTreeSet<String>,
    pub(super) promote_scope: bool,
    pub(super) keep_identifying: bool,
    pub(super) custom_buckets: bool,
    allow_delta: bool,
    pub(super) lookback_ms: i64,
}

impl Settings {
    /// What configuration and features say.
    pub(crate) fn new(config: &OtlpConfig, allow_delta: bool, lookback_ms: i64) -> Self {
        let (suffixes, utf8) = match config.translation_strategy.as_str() {
            "UnderscoreEscapingWithoutSuffixes" => (false, false),
            "NoUTF8EscapingWithSuffixes" => (true, true),
            "NoTranslation" => (false, true),
            _ => (true, false),
        };
        let listed = if config.promote_all_resource_attributes {
            &config.ignore_resource_attributes
        } else {
            &config.promote_resource_attributes
        };
        Self {
            namer: Namer {
                suffixes,
                utf8,
                key_before_underscore: config.label_name_underscore_sanitization,
                keep_underscores: config.label_name_preserve_multiple_underscores,
            },
            promote_all: config.promote_all_resource_attributes,
            listed: config_set(listed),
            promote_scope: config.promote_scope_metadata,
            keep_identifying: config.keep_identifying_resource_attributes,
            custom_buckets: config.convert_histograms_to_nhcb,
            allow_delta,
            lookback_ms,
        }
    }

    /// Whether a resource attribute becomes a label.
    pub(super) fn promotes(&self, key: &str) -> bool {
        self.listed.contains(key) != self.promote_all
    }
}

fn config_set(list: &[String]) -> BTreeSet<String> {
    list.iter().cloned().collect()
}

/// What became of a request.
#[derive(Debug)]
pub(crate) struct Translated {
    pub(crate) batch: Batch,
    /// Points that were left out.
    pub(crate) rejected: u64,
    /// Why.
    pub(crate) faults: Vec<String>,
}

/// Translates a request. The batch is kept whole or not at all.
pub(crate) fn translate(request: &ExportRequest, settings: &Settings, now_ms: i64) -> Translated {
    let mut translated = Translated {
        batch: Batch::new(now_ms).with_policy(Policy::Abort),
        rejected: 0,
        faults: Vec::new(),
    };
    for resource_metrics in &request.resource_metrics {
        let none = Resource::default();
        let resource = resource_metrics.resource.as_ref().unwrap_or(&none);
        let shared = Shared::of(resource, settings);
        let mut shared = match shared {
            Ok(shared) => shared,
            Err(fault) => {
                let metrics = resource_metrics.scope_metrics.iter().flat_map(|s| &s.metrics);
                translated.reject(metrics.map(points).sum(), fault);
                continue;
            }
        };
        let mut span: Option<(i64, i64)> = None;
        for scope in &resource_metrics.scope_metrics {
            if let Err(fault) = shared.set_scope(scope, settings) {
                translated.reject(scope.metrics.iter().map(points).sum(), fault);
                continue;
            }
            for metric in &scope.metrics {
                one_metric(metric, &shared, settings, &mut span, &mut translated);
            }
        }
        if let Some(span) = span
            && let Err(fault) = target_info::add(resource, &shared, settings, span, &mut translated.batch)
        {
            translated.faults.push(fault);
        }
    }
    translated
}

impl Translated {
    fn reject(&mut self, points: usize, fault: String) {
        self.rejected += points as u64;
        self.faults.push(fault);
    }
}

/// How many points a metric has.
fn points(metric: &Metric) -> usize {
    let gauge = metric.gauge.as_ref().map_or(0, |g| g.data_points.len());
    let sum = metric.sum.as_ref().map_or(0, |s| s.data_points.len());
    let histogram = metric.histogram.as_ref().map_or(0, |h| h.data_points.len());
    let exponential = metric
        .exponential_histogram
        .as_ref()
        .map_or(0, |h| h.data_points.len());
    let summary = metric.summary.as_ref().map_or(0, |s| s.data_points.len());
    gauge + sum + histogram + exponential + summary
}

fn temporality(metric: &Metric) -> Option<i32> {
    let sum = metric.sum.as_ref().map(|s| s.aggregation_temporality);
    let histogram = metric.histogram.as_ref().map(|h| h.aggregation_temporality);
    let exponential = metric.exponential_histogram.as_ref();
    sum.or(histogram)
        .or(exponential.map(|h| h.aggregation_temporality))
}

fn kinds(metric: &Metric, delta: bool) -> (NameKind, MetadataKind) {
    match (&metric.gauge, &metric.sum, &metric.summary) {
        (Some(_), ..) => (NameKind::Gauge, MetadataKind::Gauge),
        (_, Some(_), _) if delta => (NameKind::Other, MetadataKind::Unknown),
        (_, Some(sum), _) if sum.is_monotonic => (NameKind::Counter, MetadataKind::Counter),
        (_, Some(_), _) => (NameKind::Other, MetadataKind::Gauge),
        (.., Some(_)) => (NameKind::Other, MetadataKind::Summary),
        _ if delta => (NameKind::Other, MetadataKind::Unknown),
        _ => (NameKind::Other, MetadataKind::Histogram),
    }
}

fn one_metric(
    metric: &Metric,
    shared: &Shared,
    settings: &Settings,
    span: &mut Option<(i64, i64)>,
    translated: &mut Translated,
) {
    let count = points(metric);
    if count == 0 {
        let fault = format!("empty data points. {} is dropped", metric.name);
        translated.faults.push(fault);
        return;
    }
    let temporality = temporality(metric);
    let delta = temporality == Some(DELTA);
    if temporality.is_some_and(|t| t != CUMULATIVE) && !(delta && settings.allow_delta) {
        let fault = format!(
            "invalid temporality and type combination for metric {:?}",
            metric.name
        );
        translated.reject(count, fault);
        return;
    }
    let (name_kind, kind) = kinds(metric, delta);
    let name = match settings.namer.metric(&metric.name, &metric.unit, name_kind) {
        Ok(name) => name,
        Err(fault) => return translated.reject(count, fault),
    };
    let metadata = SeriesMetadata {
        kind,
        unit: metric.unit.clone(),
        help: metric.description.clone(),
    };
    let mut points = Points {
        batch: &mut translated.batch,
        name: &name,
        shared,
        settings,
        delta,
        metadata: &metadata,
        span,
        faults: Vec::new(),
    };
    points.add(metric);
    let faults = points.faults;
    for fault in faults {
        translated.reject(1, fault);
    }
}
