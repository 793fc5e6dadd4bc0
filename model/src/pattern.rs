//! Anchored regular expressions, with the syntax and meaning that Prometheus gives them.

use regex::Regex;
use thiserror::Error;

/// A regular expression that is not valid, in the words that Prometheus's users know.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("error parsing regexp: {reason}")]
pub struct PatternError {
    /// What is wrong, for example ``missing closing ): `(` ``.
    pub reason: String,
}

/// `^(?s:...)$`: the whole text must match, and `.` matches a newline.
#[derive(Debug, Clone)]
pub struct Pattern {
    source: String,
    regex: Regex,
    literals: Option<Vec<String>>,
}

impl Pattern {
    /// Compiles `source`.
    ///
    /// # Errors
    /// When it is not a valid regular expression, or compiles to more than 10 MiB.
    pub fn new(source: &str) -> Result<Self, PatternError> {
        let regex = Regex::new(&format!("^(?s:{source})$")).map_err(|e| PatternError {
            reason: format!("{e}: `{source}`"),
        })?;
        Ok(Self {
            source: source.to_owned(),
            regex,
            literals: None,
        })
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether all of `text` matches.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.literals
            .as_ref()
            .map_or_else(|| self.regex.is_match(text), |l| l.iter().any(|l| l == text))
    }

    /// The texts that match, sorted, if the pattern is nothing but an alternation of literals.
    #[must_use]
    pub fn literals(&self) -> Option<&[String]> {
        self.literals.as_deref()
    }

    /// The compiled expression (anchored), for capture groups.
    #[must_use]
    pub fn regex(&self) -> &Regex {
        &self.regex
    }
}
