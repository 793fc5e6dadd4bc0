//! Running rules over label sets: pure `Labels -> Option<Labels>`, whole or step by step.

use super::case;
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
        RelabelAction::Lowercase => drop(labels.set(&rule.target_label, &case::lower(&joined))),
        RelabelAction::Uppercase => drop(labels.set(&rule.target_label, &case::upper(&joined))),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, load};
    use std::path::Path;

    /// The rules of a YAML list, as a job has them.
    fn rules(yaml: &str) -> Vec<RelabelConfig> {
        let text = format!("scrape_configs: [{{job_name: a, relabel_configs: {yaml}}}]");
        let config: Config = load(&text, Path::new("."), &|_| None).expect(yaml).config;
        config.job("a").unwrap().relabel_configs.clone()
    }

    /// `a=1,b=2`
    fn labels(text: &str) -> Labels {
        Labels::from_pairs(text.split(',').filter_map(|pair| pair.split_once('=')))
    }

    #[test]
    fn every_action_does_what_prometheus_does() {
        let from = "a=foo,b=bar,c=baz";
        for (yaml, from, want) in [
            // replace
            (
                "[{source_labels: [a], regex: 'f(.*)', target_label: d, replacement: 'ch${1}-ch${1}'}]",
                from,
                Some("a=foo,b=bar,c=baz,d=choo-choo"),
            ),
            (
                "[{source_labels: [a, b], regex: 'f(.*);(.*)r', target_label: a, replacement: 'b${1}${2}m'}]",
                from,
                Some("a=boobam,b=bar,c=baz"),
            ),
            (
                "[{source_labels: [a], regex: 'o', target_label: d}]",
                from,
                Some(from),
            ),
            (
                "[{source_labels: [a], target_label: b, replacement: ''}]",
                from,
                Some("a=foo,c=baz"),
            ),
            (
                "[{source_labels: [a], regex: 'f(x)?oo', target_label: b, replacement: $1}]",
                from,
                Some("a=foo,c=baz"),
            ),
            ("[{target_label: d, replacement: static}]", "", Some("d=static")),
            (
                "[{source_labels: [missing], regex: '', target_label: d, replacement: x}]",
                "a=1",
                Some("a=1,d=x"),
            ),
            (
                "[{source_labels: [a], regex: '(.*)', target_label: '${1}_n', replacement: $1}]",
                "a=x",
                Some("a=x,x_n=x"),
            ),
            (
                "[{source_labels: [a], target_label: d, replacement: $1_x}]",
                from,
                Some(from),
            ),
            (
                "[{source_labels: [a], target_label: d, replacement: '$$1'}]",
                "a=1",
                Some("a=1,d=$1"),
            ),
            (
                "[{source_labels: [a], separator: '', target_label: d}]",
                "a=x\ny",
                Some("a=x\ny,d=x\ny"),
            ),
            // keep and drop
            (
                "[{source_labels: [a], regex: 'foo', action: keep}]",
                from,
                Some(from),
            ),
            ("[{source_labels: [a], regex: 'fo', action: keep}]", from, None),
            (
                "[{source_labels: [missing], regex: '', action: keep}]",
                from,
                Some(from),
            ),
            (
                "[{source_labels: [missing], regex: '.+', action: keep}]",
                from,
                None,
            ),
            ("[{source_labels: [a], regex: '.*o.*', action: DROP}]", from, None),
            (
                "[{source_labels: [a], regex: 'o', action: Drop}]",
                from,
                Some(from),
            ),
            (
                "[{source_labels: [a], action: drop, regex: 'foo'}, {target_label: x, replacement: y}]",
                from,
                None,
            ),
            // keepequal and dropequal
            (
                "[{source_labels: [a], target_label: b, action: keepequal}]",
                from,
                None,
            ),
            (
                "[{source_labels: [a], target_label: b, action: keepequal}]",
                "a=x,b=x",
                Some("a=x,b=x"),
            ),
            (
                "[{source_labels: [a], target_label: b, action: dropequal}]",
                "a=x,b=x",
                None,
            ),
            (
                "[{source_labels: [p], target_label: q, action: dropequal}]",
                "a=x",
                None,
            ),
            // hashmod
            (
                "[{source_labels: [c], target_label: d, action: hashmod, modulus: 1000}]",
                from,
                Some("a=foo,b=bar,c=baz,d=976"),
            ),
            (
                "[{source_labels: [a, b], target_label: d, action: hashmod, modulus: 8}]",
                from,
                Some("a=foo,b=bar,c=baz,d=6"),
            ),
            // by name
            (
                "[{regex: '(b)', action: labelmap, replacement: 'x_${1}'}]",
                from,
                Some("a=foo,b=bar,c=baz,x_b=bar"),
            ),
            (
                "[{regex: '(.*)', action: labelmap, replacement: 'x${1}'}]",
                "a=1,xa=2",
                Some("a=1,xa=1,xxa=2"),
            ),
            ("[{regex: '(b|c)', action: labeldrop}]", from, Some("a=foo")),
            ("[{regex: 'b', action: labelkeep}]", from, Some("b=bar")),
            ("[{regex: 'none', action: labelkeep}]", from, Some("")),
            // case
            (
                "[{source_labels: [a], target_label: d, action: uppercase}]",
                "a=straße é",
                Some("a=straße é,d=STRAßE É"),
            ),
            (
                "[{source_labels: [a], target_label: a, action: lowercase}]",
                "a=FoO",
                Some("a=foo"),
            ),
            // names beyond the old character set
            ("[{target_label: 'a.b', replacement: x}]", "", Some("a.b=x")),
        ] {
            let got = process(&labels(from), &rules(yaml));
            assert_eq!(got, want.map(labels), "{yaml} on {from}");
        }
    }

    #[test]
    fn names_that_expand_to_nothing_valid_are_left_alone() {
        let mut rules = rules("[{source_labels: [a], regex: '(.*)', target_label: '${1}', replacement: x}]");
        assert_eq!(process(&labels("a=x-y"), &rules).unwrap(), labels("a=x-y,x-y=x"));
        assert_eq!(
            process(&labels("b=1"), &rules).unwrap(),
            labels("b=1"),
            "an empty name"
        );
        rules[0].name_scheme = crate::relabel::NameScheme::Legacy;
        assert_eq!(process(&labels("a=x-y"), &rules).unwrap(), labels("a=x-y"));
    }

    #[test]
    fn steps_show_each_rule_and_end_where_one_drops() {
        let rules = rules(
            "[{target_label: d, replacement: x}, {source_labels: [d], regex: x, action: drop}, {target_label: e, replacement: y}]",
        );
        let steps = steps(&labels("a=1"), &rules);
        assert_eq!(steps.len(), 2);
        assert_eq!(
            (steps[0].output.clone(), steps[0].keep),
            (labels("a=1,d=x"), true)
        );
        assert_eq!((steps[1].rule, steps[1].keep), (1, false));
    }
}
