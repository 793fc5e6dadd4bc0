//! A relabelling rule with its defaults, and the checks that Prometheus makes before it runs one.

use narthex_model::Pattern;
use narthex_model::labels::is_legacy_label_name;
use std::fmt;
use std::sync::Arc;
use thiserror::Error;

/// Which label names are valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameScheme {
    /// Any UTF-8 text that is not empty.
    #[default]
    Utf8,
    /// `[a-zA-Z_][a-zA-Z0-9_]*`.
    Legacy,
}

impl NameScheme {
    /// Whether `name` is a valid label name.
    #[must_use]
    pub fn is_label_name(self, name: &str) -> bool {
        match self {
            Self::Utf8 => !name.is_empty(),
            Self::Legacy => is_legacy_label_name(name),
        }
    }

    /// As the configuration spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf8",
            Self::Legacy => "legacy",
        }
    }
}

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RelabelAction {
    /// Sets `target_label` to the expanded replacement where the regex matches.
    #[default]
    Replace,
    /// Keeps label sets whose joined sources match.
    Keep,
    /// Drops label sets whose joined sources match.
    Drop,
    /// Keeps label sets whose joined sources equal `target_label`'s value.
    KeepEqual,
    /// Drops label sets whose joined sources equal `target_label`'s value.
    DropEqual,
    /// Sets `target_label` to a hash of the joined sources, modulo `modulus`.
    HashMod,
    /// Copies labels whose names match to names that the replacement gives.
    LabelMap,
    /// Removes labels whose names match.
    LabelDrop,
    /// Removes labels whose names do not match.
    LabelKeep,
    /// Sets `target_label` to the joined sources in lower case.
    Lowercase,
    /// Sets `target_label` to the joined sources in upper case.
    Uppercase,
}

impl RelabelAction {
    /// Every action, in the order that the documentation lists them.
    pub const ALL: [Self; 11] = [
        Self::Replace,
        Self::Keep,
        Self::Drop,
        Self::KeepEqual,
        Self::DropEqual,
        Self::HashMod,
        Self::LabelMap,
        Self::LabelDrop,
        Self::LabelKeep,
        Self::Lowercase,
        Self::Uppercase,
    ];

    /// As the configuration spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Keep => "keep",
            Self::Drop => "drop",
            Self::KeepEqual => "keepequal",
            Self::DropEqual => "dropequal",
            Self::HashMod => "hashmod",
            Self::LabelMap => "labelmap",
            Self::LabelDrop => "labeldrop",
            Self::LabelKeep => "labelkeep",
            Self::Lowercase => "lowercase",
            Self::Uppercase => "uppercase",
        }
    }

    /// The action of that name, in any case of letters.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        Self::ALL.into_iter().find(|action| action.name() == name)
    }
}

impl fmt::Display for RelabelAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a rule is written.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// The file; empty for a text that comes from none.
    pub file: Arc<str>,
    /// The line, from 1; 0 if it is not known.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, &*self.file) {
            (0, file) => f.write_str(file),
            (line, "") => write!(f, "line {line}"),
            (line, file) => write!(f, "{file}:{line}"),
        }
    }
}

/// One rule of a `relabel_configs` list (any of the four), checked.
#[derive(Debug, Clone)]
pub struct RelabelConfig {
    /// Labels whose values are joined, in this order.
    pub source_labels: Vec<String>,
    /// What stands between the joined values.
    pub separator: String,
    /// What the joined value (or, for the label actions, the label's name) must match as a whole.
    pub regex: Pattern,
    /// Divisor of the hash.
    pub modulus: u64,
    /// The label that is written; a template for `replace`.
    pub target_label: String,
    /// The value that is written; a template.
    pub replacement: String,
    /// What the rule does.
    pub action: RelabelAction,
    /// Which names count as valid.
    pub name_scheme: NameScheme,
    /// Where it is written. A rule that moves stays the same rule: this takes no part in comparisons.
    pub place: Place,
}

/// The text of the regex that a rule has unless it names one.
pub(crate) const DEFAULT_REGEX: &str = "(.*)";
/// The replacement that a rule has unless it names one.
pub(crate) const DEFAULT_REPLACEMENT: &str = "$1";
/// The separator that a rule has unless it names one.
pub(crate) const DEFAULT_SEPARATOR: &str = ";";

impl PartialEq for RelabelConfig {
    fn eq(&self, other: &Self) -> bool {
        self.source_labels == other.source_labels
            && self.separator == other.separator
            && self.regex.source() == other.regex.source()
            && self.modulus == other.modulus
            && self.target_label == other.target_label
            && self.replacement == other.replacement
            && self.action == other.action
            && self.name_scheme == other.name_scheme
    }
}

/// A rule that cannot run, in the words that Prometheus's users know.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct RuleError(pub String);

impl RelabelConfig {
    /// A rule of this action with every other field at its default.
    ///
    /// # Errors
    /// Never in practice: only if the default regex did not compile.
    pub fn with_action(action: RelabelAction) -> Result<Self, RuleError> {
        Ok(Self {
            source_labels: Vec::new(),
            separator: DEFAULT_SEPARATOR.to_owned(),
            regex: Pattern::new(DEFAULT_REGEX).map_err(|e| RuleError(e.to_string()))?,
            modulus: 0,
            target_label: String::new(),
            replacement: DEFAULT_REPLACEMENT.to_owned(),
            action,
            name_scheme: NameScheme::Utf8,
            place: Place::default(),
        })
    }

    /// Whether the regex is the default one.
    #[must_use]
    pub fn has_default_regex(&self) -> bool {
        self.regex.source() == DEFAULT_REGEX
    }

    /// Checks that the action has what it needs and nothing that it ignores.
    ///
    /// # Errors
    /// In Prometheus's words, with the action's name.
    pub fn validate(&self) -> Result<(), RuleError> {
        use RelabelAction as A;
        let fail = |text: String| Err(RuleError(text));
        let action = self.action;
        if action == A::HashMod && self.modulus == 0 {
            return fail("relabel configuration for hashmod requires non-zero modulus".into());
        }
        let writes = matches!(action, A::Replace | A::HashMod | A::Lowercase | A::Uppercase);
        let compares = matches!(action, A::KeepEqual | A::DropEqual);
        if (writes || compares) && self.target_label.is_empty() {
            return fail(format!(
                "relabel configuration for {action} action requires 'target_label' value"
            ));
        }
        if action == A::Replace && !self.is_target_template() {
            return fail(format!(
                "\"{}\" is invalid 'target_label' for {action} action",
                self.target_label
            ));
        }
        if matches!(
            action,
            A::HashMod | A::Lowercase | A::Uppercase | A::KeepEqual | A::DropEqual
        ) && !self.name_scheme.is_label_name(&self.target_label)
        {
            return fail(format!(
                "\"{}\" is invalid 'target_label' for {action} action",
                self.target_label
            ));
        }
        if (compares || matches!(action, A::Lowercase | A::Uppercase))
            && self.replacement != DEFAULT_REPLACEMENT
        {
            return fail(format!("'replacement' can not be set for {action} action"));
        }
        if action == A::LabelMap && !self.is_label_template(&self.replacement) {
            return fail(format!(
                "\"{}\" is invalid 'replacement' for {action} action",
                self.replacement
            ));
        }
        let only_labels = self.has_default_regex()
            && self.modulus == 0
            && self.separator == DEFAULT_SEPARATOR
            && self.replacement == DEFAULT_REPLACEMENT;
        if compares && !only_labels {
            return fail(format!(
                "{action} action requires only 'source_labels' and `target_label`, and no other fields"
            ));
        }
        let only_regex = self.source_labels.is_empty()
            && self.target_label.is_empty()
            && self.modulus == 0
            && self.separator == DEFAULT_SEPARATOR
            && self.replacement == DEFAULT_REPLACEMENT;
        if matches!(action, A::LabelDrop | A::LabelKeep) && !only_regex {
            return fail(format!(
                "{action} action requires only 'regex', and no other fields"
            ));
        }
        Ok(())
    }

    fn is_target_template(&self) -> bool {
        self.is_label_template(&self.target_label)
    }

    /// Whether `text` can become a label name once its groups are put in.
    fn is_label_template(&self, text: &str) -> bool {
        match self.name_scheme {
            NameScheme::Utf8 => !text.is_empty(),
            NameScheme::Legacy => is_legacy_template(text),
        }
    }
}

/// `(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))+\w*` as a whole, repeated: names and groups only.
fn is_legacy_template(text: &str) -> bool {
    let mut rest = text;
    let mut first = true;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix('$') {
            let (braced, body) = after
                .strip_prefix('{')
                .map_or((false, after), |body| (true, body));
            let end = body
                .find(|c: char| c != '_' && !c.is_ascii_alphanumeric())
                .unwrap_or(body.len());
            if end == 0 {
                return false;
            }
            rest = &body[end..];
            if braced {
                match rest.strip_prefix('}') {
                    Some(after) => rest = after,
                    None => return false,
                }
            }
        } else if c == '_' || c.is_ascii_alphabetic() || (!first && c.is_ascii_digit()) {
            rest = &rest[1..];
        } else {
            return false;
        }
        first = false;
    }
    !first
}
