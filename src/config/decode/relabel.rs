//! `relabel_configs` and its kin.

use super::decoder::{Decoder, is_null};
use super::fields::{Fields, nearest};
use crate::config::error::Fatal;
use crate::config::yaml::Node;
use crate::relabel::{NameScheme, RelabelAction, RelabelConfig};
use narthex_model::Pattern;

/// Rules that were read but not yet checked: that needs the job's name scheme.
#[derive(Debug, Default)]
pub(crate) struct Rules(Vec<(RelabelConfig, crate::config::yaml::Position)>);

impl Rules {
    /// Checks every rule under `scheme`.
    pub(crate) fn check(self, scheme: NameScheme) -> Result<Vec<RelabelConfig>, Fatal> {
        self.0
            .into_iter()
            .map(|(mut rule, at)| {
                rule.name_scheme = scheme;
                rule.validate()
                    .map_err(|e| Fatal::new(e.to_string(), at).hint("in the rule that begins here"))?;
                Ok(rule)
            })
            .collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A list of rules; `empty` is the error text for an item that says nothing.
pub(crate) fn relabel_list(node: &Node, empty: &str, d: &mut Decoder) -> Result<Rules, Fatal> {
    let mut rules = Vec::new();
    for item in d.items(node, "[]*relabel.Config").unwrap_or_default() {
        if is_null(item) {
            return Err(Fatal::new(empty, item.at));
        }
        if let Some(rule) = rule(item, d)? {
            rules.push((rule, item.at));
        }
    }
    Ok(Rules(rules))
}

/// The rules under `key` of a section.
pub(crate) fn rules_of(
    f: &mut Fields<'_>,
    key: &'static str,
    empty: &str,
    d: &mut Decoder,
) -> Result<Rules, Fatal> {
    f.get(key)
        .map_or_else(|| Ok(Rules::default()), |node| relabel_list(node, empty, d))
}

fn rule(node: &Node, d: &mut Decoder) -> Result<Option<RelabelConfig>, Fatal> {
    let Some(mut f) = Fields::open(node, "relabel.plain", d) else {
        return Ok(None);
    };
    let default = RelabelConfig::with_action(RelabelAction::Replace);
    let mut rule = default.map_err(|e| Fatal::new(e.to_string(), node.at))?;
    rule.place.line = node.at.line;
    if let Some(node) = f.get("source_labels")
        && let Some(names) = d.texts_as(node, "model.LabelNames")
    {
        if names.iter().any(String::is_empty) {
            return Err(Fatal::new("\"\" is not a valid label name", node.at));
        }
        rule.source_labels = names;
    }
    f.text("separator", &mut rule.separator, d);
    if let Some(node) = f.get("regex")
        && let Some(text) = d.text(node)
    {
        rule.regex = Pattern::new(&text).map_err(|e| {
            Fatal::new(anchored(&e.to_string(), &text), node.at)
                .hint("a regex is RE2 and must match the whole value; quote it if it has YAML's signs in it")
        })?;
    }
    f.unsigned_as("modulus", "uint64", &mut rule.modulus, d);
    f.text("target_label", &mut rule.target_label, d);
    f.text("replacement", &mut rule.replacement, d);
    if let Some(node) = f.get("action")
        && let Some(name) = d.text(node)
    {
        rule.action = action(&name, node)?;
    }
    f.finish(d);
    Ok(Some(rule))
}

/// Where Go shows the whole expression, it shows it with its anchors.
fn anchored(error: &str, source: &str) -> String {
    match error.strip_suffix(&format!("): `{source}`")) {
        Some(before) => format!("{before}): `^(?s:{source})$`"),
        None => error.to_owned(),
    }
}

fn action(name: &str, node: &Node) -> Result<RelabelAction, Fatal> {
    RelabelAction::parse(name).ok_or_else(|| {
        if is_null(node) {
            return Fatal::new("relabel action cannot be empty", node.at);
        }
        let names = RelabelAction::ALL.map(RelabelAction::name);
        let hint = nearest(&name.to_lowercase(), &names).map_or_else(
            || format!("actions are {}", names.join(", ")),
            |near| format!("did you mean {near}?"),
        );
        Fatal::new(format!("unknown relabel action {name:?}"), node.at).hint(hint)
    })
}
