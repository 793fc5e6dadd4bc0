//! What is wrong with a configuration: Prometheus's words first, then where it is and what to write instead.

use super::yaml::Position;
use std::fmt;
use std::path::{Path, PathBuf};

/// A configuration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    message: String,
    help: Vec<String>,
}

impl ConfigError {
    /// An error in words that need no help.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: Vec::new(),
        }
    }

    /// The words that Prometheus's users know.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where it is and what to write instead, a sentence each.
    #[must_use]
    pub fn help(&self) -> &[String] {
        &self.help
    }

    /// Puts text in front of the message.
    #[must_use]
    pub(crate) fn context(mut self, before: impl fmt::Display) -> Self {
        self.message.insert_str(0, &before.to_string());
        self
    }

    #[must_use]
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// A file that cannot be read.
    #[must_use]
    pub(crate) fn io(path: &Path, error: &std::io::Error) -> Self {
        let reason = match error.kind() {
            std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
            std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            std::io::ErrorKind::IsADirectory => "is a directory".to_owned(),
            std::io::ErrorKind::InvalidData => "not valid UTF-8".to_owned(),
            _ => error.to_string(),
        };
        Self::new(format!("open {}: {reason}", path.display()))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for help in &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// A file above this size is no configuration.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// The text of a file, if it is one of sensible size.
pub(crate) fn read_text(path: &Path) -> Result<String, ConfigError> {
    let read = || {
        let mut text = String::new();
        let file = std::fs::File::open(path)?;
        std::io::Read::read_to_string(&mut std::io::Read::take(file, FILE_BYTES_MAX + 1), &mut text)?;
        Ok(text)
    };
    let text = read().map_err(|e| ConfigError::io(path, &e))?;
    if text.len() as u64 > FILE_BYTES_MAX {
        let limit = FILE_BYTES_MAX >> 20;
        return Err(ConfigError::new(format!(
            "{} is larger than {limit} MiB",
            path.display()
        )));
    }
    Ok(text)
}

/// The value that ends decoding at once: a check of a section that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fatal {
    pub(crate) message: String,
    pub(crate) at: Option<Position>,
    pub(crate) hint: Option<String>,
}

impl Fatal {
    pub(crate) fn new(message: impl Into<String>, at: Position) -> Self {
        Self {
            message: message.into(),
            at: Some(at),
            hint: None,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn into_error(self) -> ConfigError {
        let error = ConfigError::new(self.message);
        let place = self
            .at
            .map(|at| format!("line {}, column {}", at.line, at.column));
        match (place, self.hint) {
            (Some(place), Some(hint)) => error.with_help(format!("{place}: {hint}")),
            (Some(place), None) => error.with_help(format!("see {place}")),
            (None, Some(hint)) => error.with_help(hint),
            (None, None) => error,
        }
    }
}

/// Joins a relative path to the directory of the file that names it; an empty path stays empty.
pub(crate) fn join_directory(directory: &Path, path: &mut String) {
    if !path.is_empty() && !Path::new(path.as_str()).is_absolute() {
        let joined: PathBuf = clean(&directory.join(path.as_str()));
        *path = joined.to_string_lossy().into_owned();
    }
}

/// Leaves out `.` and resolves `..` by the text alone.
fn clean(path: &Path) -> PathBuf {
    use std::path::Component as C;
    let mut cleaned = PathBuf::new();
    for component in path.components() {
        match component {
            C::CurDir => {}
            C::ParentDir if matches!(cleaned.components().next_back(), Some(C::Normal(_))) => {
                cleaned.pop();
            }
            C::ParentDir if cleaned.has_root() => {}
            other => cleaned.push(other),
        }
    }
    cleaned
}
