//! `/api/v1/metadata` and `/api/v1/targets/metadata`: types, help texts and units that targets declare.

use std::collections::BTreeMap;

use narthex_model::Annotations;

use super::super::body::Reply;
use super::super::call::Call;
use super::super::encode::chunks::Whole;
use super::super::encode::object::{Object, write_list};
use super::super::form::Form;
use super::super::params::parse_int;
use super::super::problem::Problem;
use super::data::streamed;
use crate::scrape::{MetricMetadata, TargetMetadata};

/// A limit that is not there, or below 0, does not limit.
fn optional_limit(form: &Form, name: &str) -> Result<Option<usize>, Problem> {
    match form.get(name) {
        "" => Ok(None),
        text => parse_int(text)
            .map(|limit| usize::try_from(limit).ok())
            .map_err(|_| Problem::bad_data(format!("{name} must be a number"))),
    }
}

fn declared(call: &Call) -> Vec<TargetMetadata> {
    call.app.scrape().map(|s| s.metadata()).unwrap_or_default()
}

/// What is declared by metric, each declaration once. `limit=0` is no metric at all, as in Prometheus.
pub(crate) async fn metadata(call: Call) -> Result<Reply, Problem> {
    let form = call.url_form();
    let most = optional_limit(&form, "limit")?;
    let most_each = optional_limit(&form, "limit_per_metric")?.filter(|limit| *limit > 0);
    let wanted = form.get("metric");
    let targets = declared(&call);
    let mut by_metric: BTreeMap<&str, Vec<&MetricMetadata>> = BTreeMap::new();
    for metric in targets.iter().flat_map(|t| &t.metrics) {
        if !wanted.is_empty() && metric.metric != wanted {
            continue;
        }
        let known = by_metric.entry(&metric.metric).or_default();
        if !known.contains(&metric) && most_each.is_none_or(|most| known.len() < most) {
            known.push(metric);
        }
    }
    let mut out = Vec::new();
    let mut object = Object::new(&mut out);
    for (name, declarations) in by_metric.iter().take(most.unwrap_or(usize::MAX)) {
        object.list(name, declarations, |out, m| {
            Object::new(out)
                .text("type", m.kind.word())
                .text("unit", &m.unit)
                .text("help", &m.help)
                .end();
        });
    }
    object.end();
    Ok(streamed(Box::new(Whole(out)), &Annotations::default()))
}

/// One declaration of each metric.
pub(crate) fn declarations(call: &Call) -> BTreeMap<String, MetricMetadata> {
    let metrics = declared(call).into_iter().flat_map(|target| target.metrics);
    metrics.map(|metric| (metric.metric.clone(), metric)).collect()
}

/// What is declared by target.
pub(crate) async fn target_metadata(call: Call) -> Result<Reply, Problem> {
    let form = call.url_form();
    let most = optional_limit(&form, "limit")?.unwrap_or(usize::MAX);
    let matchers = match form.get("match_target") {
        "" => Vec::new(),
        text => {
            narthex_promql::parse_selector(text).map_err(|reason| Problem::invalid("match_target", reason))?
        }
    };
    let wanted = form.get("metric");
    let targets = declared(&call);
    let mut found: Vec<(&TargetMetadata, &MetricMetadata)> = Vec::new();
    for target in &targets {
        // The limit is looked at between targets only: the last one is shown whole.
        if found.len() >= most {
            break;
        }
        if !matchers.iter().all(|m| m.matches_labels(&target.labels)) {
            continue;
        }
        let metrics = target.metrics.iter();
        found.extend(
            metrics
                .filter(|m| wanted.is_empty() || m.metric == wanted)
                .map(|m| (target, m)),
        );
    }
    let mut out = Vec::new();
    write_list(&mut out, found, |out, (target, metric)| {
        let mut object = Object::new(out);
        object.labels("target", &target.labels);
        if wanted.is_empty() {
            object.text("metric", &metric.metric);
        }
        object
            .text("type", metric.kind.word())
            .text("help", &metric.help)
            .text("unit", &metric.unit)
            .end();
    });
    Ok(streamed(Box::new(Whole(out)), &Annotations::default()))
}
