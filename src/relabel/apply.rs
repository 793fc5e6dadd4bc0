//! Running rules over label sets: pure `Labels -> Option<Labels>`, whole or step by step.

use super::rule::{RelabelAction, RelabelConfig};
use super::template::expand;
use md5::{Digest, Md5};
use narthex_model::{Labels, LabelsBuilder};

/// What one rule did to a label set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Index of the rule in its list.
    pub rule: usize,
    /// The labels after it (those before it, if it dropped the set).
    pub output: Labels,
    /// Whether the set is kept.
    pub keep: bool,
}

/// Runs all rules. None means that a rule dropped the set.
#[must_use]
pub fn process(labels: &Labels, rules: &[RelabelConfig]) -> Option<Labels> {
    if rules.is_empty() {
        return Some(labels.clone());
    }
    let mut builder = LabelsBuilder::from(labels);
    process_builder(&mut builder, rules).then(|| builder.labels())
}

/// Runs all rules in place. False means that a rule dropped the set.
pub fn process_builder(labels: &mut LabelsBuilder, rules: &[RelabelConfig]) -> bool {
    rules.iter().all(|rule| run(labels, rule))
}

/// Runs rules one by one and reports each; ends with the rule that drops the set.
#[must_use]
pub fn steps(labels: &Labels, rules: &[RelabelConfig]) -> Vec<Step> {
    let mut builder = LabelsBuilder::from(labels);
    let mut steps = Vec::with_capacity(rules.len());
    for (index, rule) in rules.iter().enumerate() {
        let keep = run(&mut builder, rule);
        steps.push(Step {
            rule: index,
            output: builder.labels(),
            keep,
        });
        if !keep {
            break;
        }
    }
    steps
}

fn run(labels: &mut LabelsBuilder, rule: &RelabelConfig) -> bool {
    let joined = join(labels, rule);
    match rule.action {
        RelabelAction::Drop => return !rule.regex.is_match(&joined),
        RelabelAction::Keep => return rule.regex.is_match(&joined),
        RelabelAction::DropEqual => return labels.get(&rule.target_label).unwrap_or("") != joined,
        RelabelAction::KeepEqual => return labels.get(&rule.target_label).unwrap_or("") == joined,
        RelabelAction::Replace => replace(labels, rule, &joined),
        RelabelAction::Lowercase => drop(labels.set(&rule.target_label, &joined.to_lowercase())),
        RelabelAction::Uppercase => drop(labels.set(&rule.target_label, &joined.to_uppercase())),
        RelabelAction::HashMod => {
            if let Some(rest) = hash(&joined).checked_rem(rule.modulus) {
                labels.set(&rule.target_label, &rest.to_string());
            }
        }
        RelabelAction::LabelMap => label_map(labels, rule),
        RelabelAction::LabelDrop => labels.retain(|name, _| !rule.regex.is_match(name)),
        RelabelAction::LabelKeep => labels.retain(|name, _| rule.regex.is_match(name)),
    }
    true
}

fn join(labels: &LabelsBuilder, rule: &RelabelConfig) -> String {
    let mut joined = String::new();
    for (i, name) in rule.source_labels.iter().enumerate() {
        if i > 0 {
            joined.push_str(&rule.separator);
        }
        joined.push_str(labels.get(name).unwrap_or(""));
    }
    joined
}

fn replace(labels: &mut LabelsBuilder, rule: &RelabelConfig, joined: &str) {
    let Some(captures) = rule.regex.regex().captures(joined) else {
        return;
    };
    let mut target = String::new();
    expand(&rule.target_label, &captures, &mut target);
    if !rule.name_scheme.is_label_name(&target) {
        return;
    }
    let mut value = String::new();
    expand(&rule.replacement, &captures, &mut value);
    // An empty value removes the label.
    labels.set(&target, &value);
}

fn label_map(labels: &mut LabelsBuilder, rule: &RelabelConfig) {
    // What the rule itself writes must not be matched again.
    let before: Vec<(String, String)> = labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    for (name, value) in before {
        if let Some(captures) = rule.regex.regex().captures(&name) {
            let mut target = String::new();
            expand(&rule.replacement, &captures, &mut target);
            labels.set(&target, &value);
        }
    }
}

/// The last eight bytes of the MD5 of `text`, most significant first.
fn hash(text: &str) -> u64 {
    let digest: [u8; 16] = Md5::digest(text.as_bytes()).into();
    u64::from_be_bytes([
        digest[8], digest[9], digest[10], digest[11], digest[12], digest[13], digest[14], digest[15],
    ])
}
