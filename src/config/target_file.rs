//! Files of `file_sd_configs`: a list of target groups as YAML or JSON.

use super::decode::target_groups;
use super::error::ConfigError;
use super::load::decode;
use super::sd::TargetGroup;
use narthex_model::Labels;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonGroup {
    #[serde(default)]
    targets: Vec<String>,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

/// The groups of a target file, with sources `<path>:<index>`; `path` also decides the format.
///
/// # Errors
/// When the text is not a list of groups; with the line.
pub(crate) fn read_target_file(path: &str, text: &str) -> Result<Vec<TargetGroup>, ConfigError> {
    let prefix = format!("{path}:");
    let mut groups = if path.to_ascii_lowercase().ends_with(".json") {
        json_groups(text, &prefix)?
    } else {
        decode(text, |node, d| {
            node.map_or_else(
                || Ok(Vec::new()),
                |node| target_groups(node, &prefix, "nil target group item found ", d),
            )
        })?
    };
    for group in &mut groups {
        let meta = [("__meta_filepath", path)];
        group.labels = Labels::from_pairs(group.labels.iter().chain(meta));
    }
    Ok(groups)
}

/// The groups of a JSON list, with sources `<prefix><index>`.
///
/// # Errors
/// When the text is not a list of groups.
pub(crate) fn json_groups(text: &str, prefix: &str) -> Result<Vec<TargetGroup>, ConfigError> {
    let groups: Vec<Option<JsonGroup>> = serde_json::from_str(text).map_err(|e| {
        ConfigError::new(e.to_string()).with_help("expected [{\"targets\": [\"host:port\"], \"labels\": {}}]")
    })?;
    let mut found = Vec::new();
    for (index, group) in groups.into_iter().enumerate() {
        let group =
            group.ok_or_else(|| ConfigError::new(format!("nil target group item found (index {index})")))?;
        let labels = group.labels.unwrap_or_default();
        if labels.contains_key("") {
            return Err(ConfigError::new("\"\" is not a valid label name"));
        }
        found.push(TargetGroup {
            source: format!("{prefix}{index}"),
            targets: group
                .targets
                .iter()
                .map(|t| Labels::from_pairs([("__address__", t)]))
                .collect(),
            labels: Labels::from_pairs(labels),
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_files_are_read_in_both_formats() {
        let yaml = "- targets: [a:1, b:2]\n  labels: {env: x}\n- targets: [c:3]\n";
        let json =
            r#"[{"targets": ["a:1", "b:2"], "labels": {"env": "x"}}, {"targets": ["c:3"], "labels": null}]"#;
        for (path, text) in [("/t/x.yml", yaml), ("/t/x.json", json)] {
            let groups = read_target_file(path, text).unwrap();
            assert_eq!(groups[1].source, format!("{path}:1"));
            assert_eq!(groups[0].targets[1].get("__address__"), Some("b:2"));
            assert_eq!(
                groups[0].labels.to_string(),
                format!("{{__meta_filepath=\"{path}\", env=\"x\"}}")
            );
        }
        assert_eq!(read_target_file("/t/x.yml", "").unwrap(), []);
        for (path, text, want) in [
            (
                "x.yml",
                "- target: [a]\n",
                "line 1: field target not found in type struct",
            ),
            (
                "x.yml",
                "targets: [a]\n",
                "cannot unmarshal !!map into []*targetgroup.Group",
            ),
            ("x.json", "[{\"target\": []}]", "unknown field `target`"),
            (
                "x.json",
                "[{\"targets\": [1]}]",
                "invalid type: integer `1`, expected a string at line 1",
            ),
            (
                "x.yml",
                "- targets: [a]\n-\n",
                "nil target group item found (index 1)",
            ),
            ("x.json", "[null]", "nil target group item found (index 0)"),
            ("x.json", "", "EOF"),
        ] {
            let error = read_target_file(path, text).unwrap_err().to_string();
            assert!(error.contains(want), "{text}: {error}");
        }
    }
}
