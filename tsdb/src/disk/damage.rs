//! What cannot be read: said so that a person finds the place.

use std::path::PathBuf;

/// A part of a file that could not be read.
#[derive(Debug, Clone)]
pub(crate) struct Damage {
    pub(crate) path: PathBuf,
    pub(crate) length: u64,
    /// What was wrong, with the offset, what was expected and what was found.
    pub(crate) reason: String,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}: {} ({} bytes skipped)",
            self.path.display(),
            self.reason,
            self.length
        )
    }
}
