//! Rule files: read strictly, every expression parsed. They are checked here and evaluated elsewhere.

use super::decode::{Decoder, Fields, decode_duration, is_null};
use super::error::{ConfigError, Fatal, read_text};
use super::load::{decode, glob_paths};
use super::yaml::{Node, Position};
use narthex_model::labels::is_legacy_label_name;
use narthex_model::{Duration, Labels};
use narthex_promql::Features;
use std::path::Path;

/// A file of rules.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleFile {
    /// Where it lies.
    pub path: String,
    /// Its groups.
    pub groups: Vec<RuleGroup>,
}

/// Rules that are evaluated one after the other.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleGroup {
    /// Its name; unique in its file.
    pub name: String,
    /// How often it is evaluated; None for the global interval.
    pub interval: Option<Duration>,
    /// How far in the past; None for the global offset.
    pub query_offset: Option<Duration>,
    /// Most series or alerts of a rule; 0 means no limit.
    pub limit: u64,
    /// Labels of all its rules.
    pub labels: Labels,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// Where a rule's result goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleKind {
    /// To series of this name.
    Record(String),
    /// To alerts of this name.
    Alert {
        /// The alert's name.
        name: String,
        /// How long the expression must hold.
        hold: Duration,
        /// How long the alert fires on.
        keep_firing: Duration,
        /// Annotations, sorted by name; templates.
        annotations: Vec<(String, String)>,
    },
}

/// A rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Where its result goes.
    pub kind: RuleKind,
    /// What is evaluated.
    pub expr: String,
    /// Labels to set; templates in alerts.
    pub labels: Labels,
}

/// Reads every rule file that `patterns` name; what matches nothing is fine.
///
/// # Errors
/// Every fault of every file, with its line.
pub fn load_rules(patterns: &[String], features: &Features) -> Result<Vec<RuleFile>, Vec<ConfigError>> {
    let (mut files, mut faults) = (Vec::new(), Vec::new());
    for pattern in patterns {
        let paths = match glob_paths(pattern) {
            Ok(paths) => paths,
            Err(error) => {
                faults.push(ConfigError::new(format!(
                    "error retrieving rule files for {pattern}: {error}"
                )));
                continue;
            }
        };
        for path in paths {
            match load_file(&path, features) {
                Ok(file) => files.push(file),
                Err(errors) => faults.extend(errors),
            }
        }
    }
    if faults.is_empty() { Ok(files) } else { Err(faults) }
}

fn load_file(path: &Path, features: &Features) -> Result<RuleFile, Vec<ConfigError>> {
    let text = read_text(path).map_err(|e| vec![e])?;
    let named = |e: ConfigError| e.context(format_args!("{}: ", path.display()));
    let mut faults = Vec::new();
    let groups =
        decode(&text, |node, d| groups(node, features, &mut faults, d)).map_err(|e| vec![named(e)])?;
    if faults.is_empty() {
        let path = path.to_string_lossy().into_owned();
        Ok(RuleFile { path, groups })
    } else {
        Err(faults.into_iter().map(named).collect())
    }
}

fn groups(
    node: Option<&Node>,
    features: &Features,
    faults: &mut Vec<ConfigError>,
    d: &mut Decoder,
) -> Result<Vec<RuleGroup>, Fatal> {
    let mut found: Vec<RuleGroup> = Vec::new();
    let Some(mut f) = node
        .filter(|node| !is_null(node))
        .and_then(|node| Fields::open(node, "rulefmt.RuleGroups", d))
    else {
        return Ok(found);
    };
    let items = f
        .get("groups")
        .and_then(|node| d.items(node, "[]rulefmt.RuleGroup"));
    f.finish(d);
    for item in items.unwrap_or_default() {
        let Some(group) = group(item, features, faults, d)? else {
            continue;
        };
        let place = |text: String| ConfigError::new(format!("{}:{}: {text}", item.at.line, item.at.column));
        if group.name.is_empty() {
            faults.push(place("Groupname must not be empty".into()));
        } else if found.iter().any(|other| other.name == group.name) {
            faults.push(place(format!(
                "groupname: {:?} is repeated in the same file",
                group.name
            )));
        }
        found.push(group);
    }
    Ok(found)
}

fn group(
    node: &Node,
    features: &Features,
    faults: &mut Vec<ConfigError>,
    d: &mut Decoder,
) -> Result<Option<RuleGroup>, Fatal> {
    let Some(mut f) = Fields::open(node, "rulefmt.RuleGroup", d) else {
        return Ok(None);
    };
    let mut group = RuleGroup {
        name: String::new(),
        interval: None,
        query_offset: None,
        limit: 0,
        labels: Labels::empty(),
        rules: Vec::new(),
    };
    f.text("name", &mut group.name, d);
    group.interval = optional_duration(&mut f, "interval", d)?.filter(|interval| *interval != Duration::ZERO);
    group.query_offset = optional_duration(&mut f, "query_offset", d)?;
    f.unsigned("limit", &mut group.limit, d);
    let mut labels = Vec::new();
    f.text_map("labels", &mut labels, d);
    let items = f.get("rules").and_then(|node| d.items(node, "[]rulefmt.Rule"));
    f.finish(d);
    for (name, _) in labels.iter().filter(|(name, _)| !is_rule_label(name)) {
        faults.push(ConfigError::new(format!("invalid label name: {name}")));
    }
    group.labels = Labels::from_pairs(labels);
    for (index, item) in items.unwrap_or_default().iter().enumerate() {
        let Some(written) = written_rule(item, d)? else {
            continue;
        };
        match written.check(features) {
            Ok(rule) => group.rules.push(rule),
            Err(errors) => faults.extend(errors.into_iter().map(|(at, text)| {
                let name = if written.record.is_empty() {
                    &written.alert
                } else {
                    &written.record
                };
                ConfigError::new(format!(
                    "{}:{}: group {:?}, rule {}, {name:?}: {text}",
                    at.line,
                    at.column,
                    group.name,
                    index + 1
                ))
            })),
        }
    }
    Ok(Some(group))
}

fn optional_duration(
    f: &mut Fields<'_>,
    key: &'static str,
    d: &mut Decoder,
) -> Result<Option<Duration>, Fatal> {
    f.section(key)
        .map_or(Ok(None), |node| decode_duration(d, node, key))
}

/// A rule's keys as written.
#[derive(Default)]
struct Written {
    /// Where the rule begins, then the values of `record` and `expr`; the rule's begin where a key is missing.
    at: Position,
    record_at: Position,
    expr_at: Position,
    record: String,
    alert: String,
    expr: String,
    hold: Duration,
    keep_firing: Duration,
    labels: Vec<(String, String)>,
    annotations: Vec<(String, String)>,
}

fn written_rule(node: &Node, d: &mut Decoder) -> Result<Option<Written>, Fatal> {
    let Some(mut f) = Fields::open(node, "rulefmt.Rule", d) else {
        return Ok(None);
    };
    let mut rule = Written {
        at: node.at,
        record_at: f.place("record"),
        expr_at: f.place("expr"),
        ..Written::default()
    };
    f.text("record", &mut rule.record, d);
    f.text("alert", &mut rule.alert, d);
    f.text("expr", &mut rule.expr, d);
    f.duration("for", &mut rule.hold, d)?;
    f.duration("keep_firing_for", &mut rule.keep_firing, d)?;
    f.text_map("labels", &mut rule.labels, d);
    f.text_map("annotations", &mut rule.annotations, d);
    f.finish(d);
    Ok(Some(rule))
}

impl Written {
    fn check(&self, features: &Features) -> Result<Rule, Vec<(Position, String)>> {
        let mut faults = Vec::new();
        match (self.record.is_empty(), self.alert.is_empty()) {
            (true, true) => faults.push((self.at, "one of 'record' or 'alert' must be set".to_owned())),
            (false, false) => faults.push((
                self.record_at,
                "only one of 'record' and 'alert' must be set".to_owned(),
            )),
            _ => {}
        }
        if self.expr.is_empty() {
            faults.push((self.expr_at, "field 'expr' must be set in rule".to_owned()));
        } else if let Err(error) = narthex_promql::parse(&self.expr, features) {
            faults.push((self.expr_at, format!("could not parse expression: {error}")));
        }
        if !self.record.is_empty() {
            self.check_recording(&mut faults);
        }
        for (name, _) in self.labels.iter().filter(|(name, _)| !is_rule_label(name)) {
            faults.push((self.at, format!("invalid label name: {name}")));
        }
        for (name, _) in self
            .annotations
            .iter()
            .filter(|(name, _)| !is_legacy_label_name(name))
        {
            faults.push((self.at, format!("invalid annotation name: {name}")));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Rule {
            kind: if self.alert.is_empty() {
                RuleKind::Record(self.record.clone())
            } else {
                RuleKind::Alert {
                    name: self.alert.clone(),
                    hold: self.hold,
                    keep_firing: self.keep_firing,
                    annotations: self.annotations.clone(),
                }
            },
            expr: self.expr.clone(),
            labels: Labels::from_pairs(self.labels.iter().map(|(n, v)| (n, v))),
        })
    }

    fn check_recording(&self, faults: &mut Vec<(Position, String)>) {
        for (set, field) in [
            (!self.annotations.is_empty(), "annotations"),
            (self.hold != Duration::ZERO, "for"),
            (self.keep_firing != Duration::ZERO, "keep_firing_for"),
        ] {
            if set {
                faults.push((
                    self.record_at,
                    format!("invalid field '{field}' in recording rule"),
                ));
            }
        }
        // Braces are valid in names, but here they are always a slip: a selector in the place of a name.
        if self.record.contains(['{', '}']) {
            let text = format!(
                "braces present in the recording rule name; should it be in expr?: {}",
                self.record
            );
            faults.push((self.record_at, text));
        }
    }
}

/// Any text but the metric's name.
fn is_rule_label(name: &str) -> bool {
    !name.is_empty() && name != narthex_model::METRIC_NAME
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Vec<RuleFile>, Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("r.yml"), text).unwrap();
        let pattern = folder.path().join("*.yml").to_string_lossy().into_owned();
        let prefix = format!("{}: ", folder.path().join("r.yml").display());
        load_rules(&[pattern], &Features::default())
            .map_err(|errors| errors.iter().map(|e| e.message().replace(&prefix, "")).collect())
    }

    fn rule(keys: &str) -> String {
        format!(
            "groups:\n- name: g\n  rules:\n  - {}\n",
            keys.replace('\n', "\n    ")
        )
    }

    #[test]
    fn faults_of_rules_are_told_with_their_place() {
        let at = |text: &str| format!("4:5: group \"g\", rule 1, {text}");
        let in_record = |text: &str| format!("4:13: group \"g\", rule 1, {text}");
        let in_expr = |text: &str| format!("5:11: group \"g\", rule 1, {text}");
        for (text, want) in [
            (rule("record: a"), at("\"a\": field 'expr' must be set in rule")),
            (
                rule("expr: up"),
                at("\"\": one of 'record' or 'alert' must be set"),
            ),
            (
                rule("record: a\nalert: b\nexpr: up"),
                in_record("\"a\": only one of 'record' and 'alert' must be set"),
            ),
            (
                rule("record: a\nexpr: up\nfor: 5m"),
                in_record("\"a\": invalid field 'for' in recording rule"),
            ),
            (
                rule("record: a\nexpr: up\nlabels: {__name__: x}"),
                at("\"a\": invalid label name: __name__"),
            ),
            (
                "groups:\n- rules: []\n".into(),
                "2:3: Groupname must not be empty".into(),
            ),
            (
                "groups:\n- name: a\n- name: a\n".into(),
                "3:3: groupname: \"a\" is repeated in the same file".into(),
            ),
            (
                rule("record: a\nexprr: up"),
                "yaml: unmarshal errors:\n  line 5: field exprr not found in type rulefmt.Rule".into(),
            ),
            (
                rule("alert: a\nexpr: up\nfor: 5x"),
                "unknown unit \"x\" in duration \"5x\"".into(),
            ),
        ] {
            assert_eq!(load(&text).unwrap_err(), [want], "{text}");
        }
        let faults = load(&rule("record: a\nexpr: sum(")).unwrap_err();
        assert!(
            faults[0].starts_with(&in_expr("\"a\": could not parse expression: 1:")),
            "{faults:?}"
        );
    }

    #[test]
    fn rules_are_read() {
        let text = "groups:\n- name: g\n  interval: 30s\n  rules:\n  - record: a:b\n    expr: up\n  - alert: x\n    \
                    expr: up == 0\n    for: 5m\n    labels: {severity: page}\n    annotations: {summary: down}\n";
        let files = load(text).unwrap();
        let group = &files[0].groups[0];
        assert_eq!(group.interval.map(|i| i.as_millis()), Some(30_000));
        assert_eq!(group.rules[0].kind, RuleKind::Record("a:b".into()));
        let RuleKind::Alert {
            hold, annotations, ..
        } = &group.rules[1].kind
        else {
            panic!()
        };
        assert_eq!((hold.as_millis(), annotations.len()), (300_000, 1));
        assert_eq!(load("").unwrap()[0].groups, []);
        assert_eq!(
            load_rules(&["/nowhere/*.yml".into()], &Features::default()).unwrap(),
            []
        );
    }
}
