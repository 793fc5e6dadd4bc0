//! `/api/v1/targets/relabel_steps`: what each rule of a job does to given labels.

use std::collections::BTreeMap;

use narthex_model::{Annotations, Labels};

use super::super::body::Reply;
use super::super::call::Call;
use super::super::encode::chunks::Whole;
use super::super::encode::object::Object;
use super::super::problem::Problem;
use super::data::streamed;
use crate::relabel::{RelabelConfig, steps};

/// Answers.
pub(crate) async fn relabel_steps(call: Call) -> Result<Reply, Problem> {
    let form = call.url_form();
    let (pool, given) = (form.get("scrapePool"), form.get("labels"));
    if pool.is_empty() {
        return Err(Problem::bad_data("no scrapePool parameter provided"));
    }
    if given.is_empty() {
        return Err(Problem::bad_data("no labels parameter provided"));
    }
    let pairs: BTreeMap<String, String> =
        serde_json::from_str(given).map_err(|e| Problem::bad_data(format!("error parsing labels: {e}")))?;
    let config = call.app.loaded().config;
    let job = config.job(pool).ok_or_else(|| {
        Problem::bad_data(format!(
            "error retrieving scrape config: scrape pool \"{pool}\" not found"
        ))
    })?;
    let rules = &job.relabel_configs;
    let done = steps(&Labels::from_pairs(&pairs), rules);
    let mut out = Vec::new();
    Object::new(&mut out)
        .list(
            "steps",
            done.iter().filter_map(|s| Some((rules.get(s.rule)?, s))),
            |out, (rule, step)| {
                Object::new(out)
                    .member("rule", |out| write_rule(out, rule))
                    .labels("output", &step.output)
                    .value("keep", &step.keep)
                    .end();
            },
        )
        .end();
    Ok(streamed(Box::new(Whole(out)), &Annotations::default()))
}

/// Writes a rule with the keys that the configuration has for it.
pub(super) fn write_rule(out: &mut Vec<u8>, rule: &RelabelConfig) {
    let mut object = Object::new(out);
    if !rule.source_labels.is_empty() {
        object.value("source_labels", &rule.source_labels);
    }
    for (key, text) in [
        ("separator", rule.separator.as_str()),
        ("regex", rule.regex.source()),
        ("target_label", &rule.target_label),
        ("replacement", &rule.replacement),
    ] {
        if !text.is_empty() {
            object.text(key, text);
        }
    }
    if rule.modulus > 0 {
        object.value("modulus", &rule.modulus);
    }
    object.text("action", rule.action.name()).end();
}
