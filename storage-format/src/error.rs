//! What can be wrong with bytes, told so that a caller can act on it and a person can find the place.

use std::fmt;

/// The result of everything in this crate that reads bytes or checks what it is asked to write.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why bytes could not be read, or a value could not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The bytes end before the value does: a torn write, or a file that is still growing.
    #[error("{what} is cut short at byte {offset}: {expected} more bytes expected, {found} found")]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// Where the missing bytes should have started, from the beginning of the file or slice.
        offset: u64,
        /// How many bytes were needed there.
        expected: u64,
        /// How many bytes were there.
        found: u64,
    },
    /// The bytes cannot be what the writer wrote: a checksum or a bound does not hold.
    #[error("{what} is corrupt at byte {offset}: expected {expected}, found {found:#x}")]
    Corrupt {
        /// What was being read.
        what: &'static str,
        /// Where, from the beginning of the file or slice.
        offset: u64,
        /// What would have been sound.
        expected: Expected,
        /// What was there.
        found: u64,
    },
    /// The bytes are sound as far as they are understood, but were written by a newer version.
    #[error(
        "{what} at byte {offset} has version or kind {found}, this program reads up to {expected}: use a newer narthex"
    )]
    Unsupported {
        /// What was being read.
        what: &'static str,
        /// Where, from the beginning of the file or slice.
        offset: u64,
        /// The newest version or kind understood.
        expected: u64,
        /// The version or kind found.
        found: u64,
    },
    /// The caller asked to write something that the format cannot hold.
    #[error("{what} cannot be written: expected {expected}, found {found} (item {offset})")]
    Invalid {
        /// What was to be written.
        what: &'static str,
        /// The index of the offending item.
        offset: u64,
        /// What would have been allowed.
        expected: Expected,
        /// What was given.
        found: u64,
    },
}

/// What a reader expected: a number it knows, or a rule in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Exactly this number.
    Number(u64),
    /// A rule.
    Rule(&'static str),
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number:#x}"),
            Self::Rule(rule) => f.write_str(rule),
        }
    }
}

impl From<u64> for Expected {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Expected {
    fn from(number: u32) -> Self {
        Self::Number(u64::from(number))
    }
}

impl From<&'static str> for Expected {
    fn from(rule: &'static str) -> Self {
        Self::Rule(rule)
    }
}

impl Error {
    /// Whether more bytes at the end could have made the value whole.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        matches!(self, Self::Truncated { .. })
    }

    /// The same error with its offset moved by `base`: for a slice that lies inside a larger file.
    #[must_use]
    pub fn at(mut self, base: u64) -> Self {
        match &mut self {
            Self::Truncated { offset, .. }
            | Self::Corrupt { offset, .. }
            | Self::Unsupported { offset, .. }
            | Self::Invalid { offset, .. } => *offset = offset.saturating_add(base),
        }
        self
    }

    pub(crate) fn corrupt(
        what: &'static str,
        offset: usize,
        expected: impl Into<Expected>,
        found: u64,
    ) -> Self {
        Self::Corrupt {
            what,
            offset: offset as u64,
            expected: expected.into(),
            found,
        }
    }

    pub(crate) fn invalid(
        what: &'static str,
        item: usize,
        expected: impl Into<Expected>,
        found: u64,
    ) -> Self {
        Self::Invalid {
            what,
            offset: item as u64,
            expected: expected.into(),
            found,
        }
    }
}
