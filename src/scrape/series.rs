//! From the labels of a line to those of a series: the target's labels, relabelling, and the limits on labels.

use narthex_model::labels::{is_legacy_label_name, is_legacy_metric_name, quoted};
use narthex_model::{Labels, LabelsBuilder, METRIC_NAME};

use super::settings::SeriesSettings;
use crate::config::NameScheme;
use crate::exposition::LabelList;
use crate::relabel::process_builder;

const EXPORTED_PREFIX: &str = "exported_";

/// Characters of a name or value that a limit's error shows.
const SHOWN_CHARS: usize = 50;

/// Why a line makes the whole scrape fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SeriesFault {
    /// A limit on labels.
    Limit(String),
    /// Names that are missing or not valid.
    Invalid(String),
}

impl SeriesFault {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Limit(text) | Self::Invalid(text) => text,
        }
    }
}

/// Labels of the series that a line belongs to; none if a rule drops it.
///
/// # Errors
/// What makes the whole scrape fail.
pub(super) fn series(line: &LabelList<'_>, settings: &SeriesSettings) -> Result<Option<Labels>, SeriesFault> {
    let mut labels = merge(line, settings);
    if !process_builder(&mut labels, &settings.rules) || labels.is_empty() {
        return Ok(None);
    }
    if labels.get(METRIC_NAME).is_none() {
        return Err(SeriesFault::Invalid(
            "missing metric name (__name__ label)".to_owned(),
        ));
    }
    let labels = labels.labels();
    if settings.name_scheme == NameScheme::Legacy && !has_legacy_names(&labels) {
        return Err(SeriesFault::Invalid(format!(
            "invalid metric name or label names: {labels}"
        )));
    }
    check_limits(&labels, settings)?;
    Ok(Some(labels))
}

fn merge(line: &LabelList<'_>, settings: &SeriesSettings) -> LabelsBuilder {
    let mut labels = LabelsBuilder::new();
    for (name, value) in line.iter() {
        labels.set(name, value);
    }
    if settings.honor_labels {
        // A label that the line sets to nothing keeps the target's away, too.
        for (name, value) in &settings.target {
            if !line.iter().any(|(n, _)| n == name) {
                labels.set(name, value);
            }
        }
        return labels;
    }
    let mut moved: Vec<(String, String)> = Vec::new();
    for (name, value) in &settings.target {
        if let Some(exposed) = labels.get(name) {
            moved.push((name.to_owned(), exposed.to_owned()));
        }
        labels.set(name, value);
    }
    moved.sort_by_key(|(name, _)| name.len());
    for (name, value) in moved {
        let mut name = format!("{EXPORTED_PREFIX}{name}");
        while labels.get(&name).is_some() {
            name.insert_str(0, EXPORTED_PREFIX);
        }
        labels.set(&name, &value);
    }
    labels
}

/// Labels of a report series: the target's win, and nothing is exposed.
pub(super) fn report(name: &str, target: &Labels) -> Labels {
    let mut labels = LabelsBuilder::from(target);
    labels.set(METRIC_NAME, name);
    labels.labels()
}

fn has_legacy_names(labels: &Labels) -> bool {
    labels.iter().all(|(name, value)| match name {
        METRIC_NAME => is_legacy_metric_name(value),
        name => is_legacy_label_name(name),
    })
}

fn check_limits(labels: &Labels, settings: &SeriesSettings) -> Result<(), SeriesFault> {
    let metric = shown(labels.metric_name());
    let count = labels.len();
    let limit = settings.label_limit;
    if limit > 0 && count > limit {
        return Err(SeriesFault::Limit(format!(
            "label_limit exceeded (metric: {metric}, number of labels: {count}, limit: {limit})"
        )));
    }
    for (name, value) in labels {
        let (length, limit) = (name.len(), settings.label_name_length_limit);
        if limit > 0 && length > limit {
            return Err(SeriesFault::Limit(format!(
                "label_name_length_limit exceeded (metric: {metric}, label name: {}, length: {length}, limit: {limit})",
                shown(name)
            )));
        }
        let (length, limit) = (value.len(), settings.label_value_length_limit);
        if limit > 0 && length > limit {
            return Err(SeriesFault::Limit(format!(
                "label_value_length_limit exceeded (metric: {metric}, label name: {}, value: {}, length: {length}, limit: {limit})",
                shown(name),
                quoted(&shown(value))
            )));
        }
    }
    Ok(())
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{RelabelAction, RelabelConfig};
    use crate::exposition::{Event, Format, Parser};

    fn settings(target: &[(&str, &str)], honor_labels: bool) -> SeriesSettings {
        SeriesSettings {
            target: Labels::from_pairs(target.iter().copied()),
            honor_labels,
            rules: Vec::new(),
            name_scheme: NameScheme::Utf8,
            label_limit: 0,
            label_name_length_limit: 0,
            label_value_length_limit: 0,
        }
    }

    fn run(line: &str, settings: &SeriesSettings) -> Result<Option<String>, SeriesFault> {
        let mut parser = Parser::new(line.as_bytes(), Format::Classic);
        let Some(Event::Sample(sample)) = parser.next_event(b"").unwrap() else {
            panic!("a sample")
        };
        let mut labels = LabelList::new();
        parser.labels(&sample, &mut labels).unwrap();
        series(&labels, settings).map(|labels| labels.map(|l| l.to_string()))
    }

    #[test]
    fn labels_of_line_and_target_are_merged() {
        let target = [("lbl", "t"), ("job", "j")];
        for (line, honor, merged) in [
            ("m 1", false, r#"{__name__="m", job="j", lbl="t"}"#),
            (
                r#"m{lbl="a",exported_lbl="b",job="c"} 1"#,
                false,
                r#"{__name__="m", exported_exported_lbl="a", exported_job="c", exported_lbl="b", job="j", lbl="t"}"#,
            ),
            (r#"m{job=""} 1"#, false, r#"{__name__="m", job="j", lbl="t"}"#),
            (r#"m{job="x"} 1"#, true, r#"{__name__="m", job="x", lbl="t"}"#),
            (r#"m{job=""} 1"#, true, r#"{__name__="m", lbl="t"}"#),
        ] {
            assert_eq!(
                run(line, &settings(&target, honor)).unwrap().unwrap(),
                merged,
                "{line}"
            );
        }
        let chain = settings(&[("foo", "1"), ("exported_foo", "2")], false);
        assert_eq!(
            run(r#"m{foo="a",exported_foo="b"} 1"#, &chain).unwrap().unwrap(),
            r#"{__name__="m", exported_exported_exported_foo="b", exported_exported_foo="a", exported_foo="2", foo="1"}"#
        );
    }

    #[test]
    fn rules_may_drop_lines_or_take_their_name() {
        let mut settings = settings(&[("job", "j")], false);
        let mut rule = RelabelConfig::with_action(RelabelAction::LabelDrop).unwrap();
        rule.regex = narthex_model::Pattern::new("__name__").unwrap();
        settings.rules = vec![rule];
        assert_eq!(
            run("m 1", &settings).unwrap_err().text(),
            "missing metric name (__name__ label)"
        );
        settings.rules[0].regex = narthex_model::Pattern::new(".*").unwrap();
        assert_eq!(run("m 1", &settings), Ok(None));
    }

    #[test]
    fn limits_say_what_is_too_much() {
        let base = settings(&[("job", "j")], false);
        let long = "x".repeat(60);
        for (change, line, text) in [
            (
                SeriesSettings {
                    label_limit: 2,
                    ..base.clone()
                },
                r#"m{a="1"} 1"#.to_owned(),
                "label_limit exceeded (metric: m, number of labels: 3, limit: 2)".to_owned(),
            ),
            (
                SeriesSettings {
                    label_name_length_limit: 8,
                    ..base.clone()
                },
                format!(r#"m{{{long}="1"}} 1"#),
                format!(
                    "label_name_length_limit exceeded (metric: m, label name: {}, length: 60, limit: 8)",
                    &long[..50]
                ),
            ),
            (
                SeriesSettings {
                    label_value_length_limit: 8,
                    ..base.clone()
                },
                format!(r#"m{{a="{long}"}} 1"#),
                format!(
                    "label_value_length_limit exceeded (metric: m, label name: a, value: \"{}\", length: 60, limit: 8)",
                    &long[..50]
                ),
            ),
        ] {
            assert_eq!(run(&line, &change), Err(SeriesFault::Limit(text)));
        }
        let legacy = SeriesSettings {
            name_scheme: NameScheme::Legacy,
            ..base
        };
        assert_eq!(
            run(r#"{"a.b"} 1"#, &legacy).unwrap_err().text(),
            r#"invalid metric name or label names: {__name__="a.b", job="j"}"#
        );
    }
}
