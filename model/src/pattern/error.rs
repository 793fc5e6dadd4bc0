//! Why a text is no regular expression.

use thiserror::Error;

/// A regular expression that is not valid, in the words that Prometheus's users know.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("error parsing regexp: {reason}")]
pub struct PatternError {
    /// What is wrong, for example ``missing closing ): `(` ``.
    pub reason: String,
}

impl PatternError {
    /// An error with the piece of the expression that it is about.
    pub(super) fn new(what: &str, piece: &str) -> Self {
        Self {
            reason: format!("{what}: `{piece}`"),
        }
    }
}
