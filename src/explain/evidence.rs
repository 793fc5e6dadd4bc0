//! What speaks for a fault: the signs that one candidate shows, and the words to tell it with.

use narthex_model::Labels;
use narthex_model::labels::quoted;

use super::mends::{Likeness, ROWS, Row, Sign};
use super::names::{Kind, Meaning, meaning, object, subject};
use super::question::{authority, host};
use super::remarks::port_annotation;
use crate::config::{RelabelAction, RelabelConfig, ScrapeConfig, nearest};
use crate::scrape::{Candidate, Fate, Health, TargetStatus};

/// Words to fill into a sentence.
pub(super) type Words = Vec<(&'static str, String)>;

/// What a candidate shows.
#[derive(Debug)]
pub(super) struct Evidence {
    state: State,
    words: Words,
}

#[derive(Debug)]
enum State {
    Up,
    Waiting,
    Down { is_ended: bool, is_at_other_port: bool },
    Invalid,
    Dropped(Kind, Likeness),
}

impl Evidence {
    /// The signs of something that discovery found for a job.
    pub(super) fn of(candidate: &Candidate, job: &ScrapeConfig) -> Self {
        let found = &candidate.discovered;
        let mut words = vec![
            ("job", job.job_name.clone()),
            ("subject", subject(found)),
            ("phase", text(found, "__meta_kubernetes_pod_phase").to_owned()),
            ("sample_limit", job.limits.sample_limit.to_string()),
        ];
        let state = match &candidate.fate {
            Fate::Target { status, .. } => scraped(candidate, status, &mut words),
            Fate::Invalid(error) => {
                words.push(("error", error.clone()));
                State::Invalid
            }
            Fate::Dropped => dropped(candidate, job, &mut words),
        };
        Self { state, words }
    }

    /// The row of the table that fits, its place there, and its sentence.
    pub(super) fn verdict(&self) -> (usize, &'static Row, String) {
        let found = ROWS.iter().enumerate().find(|(_, row)| self.shows(row.sign));
        // The table has a row without a condition for every state; a test sees to that.
        let (at, row) = found.unwrap_or((ROWS.len() - 1, &ROWS[ROWS.len() - 1]));
        (at, row, fill(row.says, &self.words))
    }

    fn shows(&self, sign: Sign) -> bool {
        match (sign, &self.state) {
            (Sign::Up, State::Up) | (Sign::Waiting, State::Waiting) => true,
            (Sign::Error(parts), State::Down { .. }) => has_in_order(word(&self.words, "error"), parts),
            (Sign::ErrorOfEnded, State::Down { is_ended, .. }) => *is_ended,
            (Sign::ErrorAtOtherPort, State::Down { is_at_other_port, .. }) => *is_at_other_port,
            (Sign::Invalid(part), State::Invalid) => word(&self.words, "error").contains(part),
            (Sign::Dropped(kind, like), State::Dropped(k, l)) => (kind, like) == (*k, *l),
            (Sign::DroppedAnyhow(like), State::Dropped(_, l)) => like == *l || like == Likeness::Other,
            _ => false,
        }
    }
}

fn scraped(candidate: &Candidate, status: &TargetStatus, words: &mut Words) -> State {
    let url = &status.scrape_url;
    let address = authority(url);
    let path = url.split_once(address).map_or("", |(_, path)| path);
    words.extend([
        ("url", url.clone()),
        ("address", address.to_owned()),
        ("host", host(address).to_owned()),
        ("port", port(address).to_owned()),
        ("path", path.split('?').next().unwrap_or_default().to_owned()),
        ("error", status.last_error.clone()),
        ("interval", status.scrape_interval.clone()),
        ("timeout", status.scrape_timeout.clone()),
    ]);
    match status.health {
        Health::Up => State::Up,
        Health::Unknown => State::Waiting,
        Health::Down => {
            let odd_port = port_annotation(&candidate.discovered).filter(|(_, value)| !is_number(value));
            if let Some((name, value)) = odd_port {
                words.extend([("port_annotation", name), ("port_value", quoted(&value))]);
            }
            State::Down {
                is_ended: matches!(word(words, "phase"), "Succeeded" | "Failed"),
                // Only what cannot be the target's doing.
                is_at_other_port: odd_port_matters(words),
            }
        }
    }
}

fn odd_port_matters(words: &Words) -> bool {
    !word(words, "port_annotation").is_empty()
        && !has_in_order(word(words, "error"), &["(line ", ", column "])
}

fn dropped(candidate: &Candidate, job: &ScrapeConfig, words: &mut Words) -> State {
    let last = candidate.steps.last().filter(|step| !step.keep);
    let Some((step, rule)) = last.and_then(|step| Some((step, job.relabel_configs.get(step.rule)?))) else {
        return State::Dropped(Kind::Other, Likeness::NothingLeft);
    };
    // A rule that drops changes nothing.
    let labels = &step.output;
    let guilty = guilty(rule, labels);
    let Meaning { kind, owner, name } = meaning(guilty);
    let like = likeness(rule, guilty, labels);
    let port_hint = port_annotation(labels)
        .map(|(_, value)| value)
        .filter(|value| is_number(value));
    words.extend([
        ("rule", (step.rule + 1).to_string()),
        ("action", rule.action.name().to_owned()),
        ("name", name),
        ("value", quoted(text(labels, guilty))),
        ("wanted", wanted(rule)),
        ("target_label", rule.target_label.clone()),
        ("target_value", quoted(text(labels, &rule.target_label))),
        ("object", object(labels, owner).unwrap_or_else(|| subject(labels))),
        ("port", port(text(labels, "__address__")).to_owned()),
        ("port_hint", port_hint.unwrap_or_else(|| "8080".to_owned())),
        ("place", place(owner)),
        (
            "near",
            similar(guilty, labels)
                .map(|near| meaning(near).name)
                .unwrap_or_default(),
        ),
    ]);
    State::Dropped(kind, like)
}

/// Of the labels that a rule reads, the one that is likely to blame.
fn guilty<'r>(rule: &'r RelabelConfig, labels: &Labels) -> &'r str {
    let mut sources = rule.source_labels.iter();
    let missing = sources.clone().find(|name| text(labels, name).is_empty());
    missing.or_else(|| sources.next()).map_or("", String::as_str)
}

fn likeness(rule: &RelabelConfig, guilty: &str, labels: &Labels) -> Likeness {
    let value = text(labels, guilty);
    match rule.action {
        RelabelAction::KeepEqual | RelabelAction::DropEqual => return Likeness::Unequal,
        _ if guilty.ends_with("_pod_phase") && value == "Pending" => return Likeness::Pending,
        _ if guilty.ends_with("_pod_phase") && matches!(value, "Succeeded" | "Failed") => {
            return Likeness::Ended;
        }
        RelabelAction::Drop => return Likeness::Unwanted,
        _ => {}
    }
    if value.is_empty() {
        return match similar(guilty, labels) {
            Some(_) => Likeness::Misspelt,
            None => Likeness::Missing,
        };
    }
    let trimmed = value.trim();
    let bare = trimmed.trim_matches(['"', '\'']);
    for (tried, like) in [
        (value.to_lowercase(), Likeness::OtherCase),
        (trimmed.to_owned(), Likeness::Blanks),
        (trimmed.to_lowercase(), Likeness::Blanks),
        (bare.to_owned(), Likeness::Quotes),
        (bare.to_lowercase(), Likeness::Quotes),
    ] {
        if tried != value && rule.regex.is_match(&joined(rule, labels, guilty, &tried)) {
            return like;
        }
    }
    Likeness::Other
}

/// What the rule would read if `name` had this value.
fn joined(rule: &RelabelConfig, labels: &Labels, name: &str, value: &str) -> String {
    let values = rule.source_labels.iter().map(|source| {
        if source == name {
            value
        } else {
            text(labels, source)
        }
    });
    values.collect::<Vec<_>>().join(&rule.separator)
}

/// A label from the same kind of place whose name is nearly the same.
fn similar<'l>(wanted: &str, labels: &'l Labels) -> Option<&'l str> {
    let prefix = ["annotation_", "label_"]
        .iter()
        .find_map(|part| Some(wanted.split_at(wanted.find(part)? + part.len()).0))?;
    let others: Vec<&str> = labels
        .iter()
        .filter_map(|(name, _)| name.strip_prefix(prefix))
        .collect();
    let near = nearest(wanted.strip_prefix(prefix)?, &others)?;
    labels
        .iter()
        .map(|(name, _)| name)
        .find(|name| name.strip_prefix(prefix) == Some(near))
}

/// What the rule's regex takes: the value, if it takes only one.
fn wanted(rule: &RelabelConfig) -> String {
    let source = rule.regex.source();
    let is_plain = source
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-_/: ".contains(&b));
    if is_plain {
        quoted(source)
    } else {
        format!("what matches {source}")
    }
}

/// Where an object's annotations are written.
fn place(owner: &str) -> String {
    match owner {
        "pod" => {
            "metadata.annotations of the pod (in a Deployment: spec.template.metadata.annotations)".to_owned()
        }
        "" => "the object's metadata.annotations".to_owned(),
        owner => format!("metadata.annotations of the {owner}"),
    }
}

/// Port of an address; empty if it has none.
fn port(address: &str) -> &str {
    match address.rsplit_once(':') {
        Some((_, port)) if is_number(port) => port,
        _ => "",
    }
}

pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn text<'l>(labels: &'l Labels, name: &str) -> &'l str {
    labels.get(name).unwrap_or_default()
}

fn word<'w>(words: &'w Words, name: &str) -> &'w str {
    let found = words.iter().find(|(known, _)| *known == name);
    found.map_or("", |(_, text)| text)
}

fn has_in_order(text: &str, parts: &[&str]) -> bool {
    let mut rest = text;
    parts.iter().all(|part| match rest.split_once(part) {
        Some((_, behind)) => {
            rest = behind;
            true
        }
        None => false,
    })
}

/// The sentence with its words; `{{` and `}}` are braces.
pub(super) fn fill(template: &str, words: &Words) -> String {
    let mut out = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix(brace) {
            out.push_str(brace);
            rest = behind;
        } else if let Some((name, behind)) = rest.split_once('}') {
            out.push_str(word(words, name));
            rest = behind;
        }
    }
    out.push_str(rest);
    out
}
