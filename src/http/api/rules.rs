//! `/api/v1/rules` and `/api/v1/alerts`: the rule groups that are loaded. They are not evaluated yet, and say so: health and state are "unknown".

use std::collections::HashSet;

use narthex_model::{Annotations, Duration, Labels, Matcher};
use narthex_promql::Features;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::super::body::Reply;
use super::super::call::Call;
use super::super::encode::chunks::Whole;
use super::super::encode::object::Object;
use super::super::encode::time::NEVER;
use super::super::form::Form;
use super::super::params::{boolean, matcher_sets, well_formed};
use super::super::problem::Problem;
use super::data::{streamed, value};
use crate::config::{Rule, RuleFile, RuleGroup, RuleKind};

/// What is asked for.
struct Wanted<'f> {
    alerts: bool,
    records: bool,
    names: HashSet<&'f str>,
    groups: HashSet<&'f str>,
    files: HashSet<&'f str>,
    matchers: Vec<Vec<Matcher>>,
    /// Most groups of an answer; None for all.
    most: Option<usize>,
    /// Where the page begins.
    token: &'f str,
}

/// A group with those of its rules that are asked for.
struct Shown<'r> {
    file: &'r str,
    group: &'r RuleGroup,
    rules: Vec<&'r Rule>,
}

/// Rule groups.
pub(crate) async fn rules(call: Call) -> Result<Reply, Problem> {
    let form = call.url_form();
    well_formed(&form)?;
    let wanted = Wanted::read(&form)?;
    let loaded = call.app.loaded();
    let files = call.app.rules();
    let (shown, next) = wanted.page(&files)?;
    let features = call.app.queries.engine().options().features;
    let interval = loaded.config.global.evaluation_interval;
    let mut out = Vec::new();
    let mut object = Object::new(&mut out);
    object.list("groups", shown, |out, group| {
        write_group(out, &group, interval, &features);
    });
    if let Some(token) = next {
        object.text("groupNextToken", &token);
    }
    object.end();
    Ok(streamed(Box::new(Whole(out)), &Annotations::default()))
}

impl<'f> Wanted<'f> {
    fn read(form: &'f Form) -> Result<Self, Problem> {
        let matchers = matcher_sets(form).map_err(Problem::bad_data)?;
        let kind = form.get("type").to_lowercase();
        if !["", "alert", "record"].contains(&kind.as_str()) {
            return Err(Problem::invalid(
                "type",
                format!("not supported value \"{kind}\""),
            ));
        }
        // Whether alerts are listed makes no difference while there are none.
        boolean(form, "exclude_alerts", false)?;
        let token = form.get("group_next_token");
        Ok(Self {
            alerts: kind != "record",
            records: kind != "alert",
            names: form.all("rule_name[]").collect(),
            groups: form.all("rule_group[]").collect(),
            files: form.all("file[]").collect(),
            matchers,
            most: group_limit(form.get("group_limit"), token)?,
            token,
        })
    }

    /// The groups of a page, and the token of the next one. Files are sorted already, groups stand in file order
    /// there and by name here, as in Prometheus.
    fn page<'r>(&self, files: &'r [RuleFile]) -> Result<(Vec<Shown<'r>>, Option<String>), Problem> {
        let mut all: Vec<(&str, &RuleGroup)> = files
            .iter()
            .flat_map(|file| file.groups.iter().map(|group| (file.path.as_str(), group)))
            .collect();
        all.sort_by(|a, b| (a.0, &a.1.name).cmp(&(b.0, &b.1.name)));
        if !self.token.is_empty() {
            let begin = all
                .iter()
                .position(|(file, g)| token(file, &g.name) == self.token);
            let begin = begin.ok_or_else(|| {
                Problem::invalid(
                    "group_next_token",
                    format!(
                        "invalid group_next_token '{}'. were rule groups changed?",
                        self.token
                    ),
                )
            })?;
            all.drain(..begin);
        }
        let mut shown: Vec<Shown<'r>> = all
            .into_iter()
            .filter(|(file, group)| {
                (self.files.is_empty() || self.files.contains(file))
                    && (self.groups.is_empty() || self.groups.contains(group.name.as_str()))
            })
            .map(|(file, group)| Shown {
                file,
                group,
                rules: group.rules.iter().filter(|rule| self.has(group, rule)).collect(),
            })
            .filter(|shown| !shown.rules.is_empty())
            .collect();
        let next = self.most.and_then(|most| shown.get(most));
        let next = next.map(|group| token(group.file, &group.group.name));
        shown.truncate(self.most.unwrap_or(usize::MAX));
        Ok((shown, next))
    }

    fn has(&self, group: &RuleGroup, rule: &Rule) -> bool {
        let (name, kind) = match &rule.kind {
            RuleKind::Record(name) => (name, self.records),
            RuleKind::Alert { name, .. } => (name, self.alerts),
        };
        let labels = labels(group, rule);
        kind && (self.names.is_empty() || self.names.contains(name.as_str()))
            && (self.matchers.is_empty()
                || self
                    .matchers
                    .iter()
                    .any(|set| set.iter().all(|matcher| matcher.matches_labels(&labels))))
    }
}

fn group_limit(text: &str, token: &str) -> Result<Option<usize>, Problem> {
    if text.is_empty() && !token.is_empty() {
        return Err(Problem::invalid(
            "group_next_token",
            "group_limit needs to be present in order to paginate over the groups",
        ));
    }
    if text.is_empty() {
        return Ok(None);
    }
    let reason = match text.parse::<i32>() {
        Ok(limit) if limit > 0 => return Ok(usize::try_from(limit).ok()),
        Ok(_) => "group_limit needs to be greater than 0".to_owned(),
        Err(error) => {
            use std::num::IntErrorKind as Kind;
            let why = match error.kind() {
                Kind::PosOverflow | Kind::NegOverflow => "value out of range",
                _ => "invalid syntax",
            };
            format!("group_limit needs to be a valid number: strconv.ParseInt: parsing \"{text}\": {why}")
        }
    };
    Err(Problem::invalid("group_limit", reason))
}

/// Names a group in a page's token.
fn token(file: &str, group: &str) -> String {
    let sum = Sha256::digest(format!("{file};{group}"));
    sum.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A rule's own labels win over its group's.
fn labels(group: &RuleGroup, rule: &Rule) -> Labels {
    let mut labels = narthex_model::LabelsBuilder::from(&group.labels);
    for (name, value) in rule.labels.iter() {
        labels.set(name, value);
    }
    labels.labels()
}

fn write_group(out: &mut Vec<u8>, shown: &Shown<'_>, interval: Duration, features: &Features) {
    let group = shown.group;
    Object::new(out)
        .text("name", &group.name)
        .text("file", shown.file)
        .list("rules", &shown.rules, |out, rule| {
            write_rule(out, group, rule, features);
        })
        .value("interval", &seconds(group.interval.unwrap_or(interval)))
        .value("limit", &group.limit)
        .value("evaluationTime", &0)
        .text("lastEvaluation", NEVER)
        .end();
}

fn write_rule(out: &mut Vec<u8>, group: &RuleGroup, rule: &Rule, features: &Features) {
    // As Prometheus shows it: printed from the tree.
    let query = narthex_promql::parse(&rule.expr, features)
        .map_or_else(|_| rule.expr.clone(), |expression| expression.to_string());
    let labels = labels(group, rule);
    let mut object = Object::new(out);
    match &rule.kind {
        RuleKind::Record(name) => {
            object.text("name", name).text("query", &query);
            if !labels.is_empty() {
                object.labels("labels", &labels);
            }
        }
        RuleKind::Alert {
            name,
            hold,
            keep_firing,
            annotations,
        } => {
            object
                .text("state", "unknown")
                .text("name", name)
                .text("query", &query)
                .value("duration", &seconds(*hold))
                .value("keepFiringFor", &seconds(*keep_firing))
                .labels("labels", &labels)
                .member("annotations", |out| write_annotations(out, annotations))
                .list("alerts", [], |_, (): ()| {});
        }
    }
    let kind = match rule.kind {
        RuleKind::Record(_) => "recording",
        RuleKind::Alert { .. } => "alerting",
    };
    object
        .text("health", "unknown")
        .value("evaluationTime", &0)
        .text("lastEvaluation", NEVER)
        .text("type", kind)
        .end();
}

fn write_annotations(out: &mut Vec<u8>, annotations: &[(String, String)]) {
    let mut object = Object::new(out);
    for (name, text) in annotations {
        object.text(name, text);
    }
    object.end();
}

fn seconds(duration: Duration) -> f64 {
    duration.as_millis() as f64 / 1000.0
}

#[derive(Serialize)]
struct Alerts {
    alerts: [(); 0],
}

/// Alerts that are pending or firing: none, as no rule is evaluated.
pub(crate) async fn alerts(_: Call) -> Result<Reply, Problem> {
    Ok(value(&Alerts { alerts: [] }))
}
