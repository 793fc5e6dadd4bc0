//! Warnings and infos that travel beside a query's answer.

use std::collections::BTreeSet;

/// How much an annotation matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The answer may be wrong.
    Warning,
    /// The query may not mean what its author thinks.
    Info,
}

/// One finding, with the text that clients see (prefix and position included).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Annotation {
    /// How much it matters.
    pub severity: Severity,
    /// The text, for example `PromQL info: metric might not be a counter, ... (1:10)`.
    pub text: String,
}

/// A set of annotations: the same text counts once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Annotations {
    set: BTreeSet<Annotation>,
}

impl Annotations {
    /// Adds a finding.
    pub fn add(&mut self, severity: Severity, text: impl Into<String>) {
        self.set.insert(Annotation {
            severity,
            text: text.into(),
        });
    }

    /// Adds all findings of `other`.
    pub fn merge(&mut self, other: Self) {
        self.set.extend(other.set);
    }

    /// Whether all of them are among `others`.
    #[must_use]
    pub fn is_within(&self, others: &Self) -> bool {
        self.set.is_subset(&others.set)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// The texts of one severity, sorted.
    pub fn texts(&self, severity: Severity) -> impl Iterator<Item = &str> {
        self.set
            .iter()
            .filter(move |a| a.severity == severity)
            .map(|a| a.text.as_str())
    }
}
