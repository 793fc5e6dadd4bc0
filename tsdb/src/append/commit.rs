//! What became of a batch.

use crate::error::Rejected;

/// A batch that has been logged to the operating system and is visible to every snapshot taken from now on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Commit {
    /// Number of the commit; later commits have higher ones.
    pub number: u64,
    /// How many samples were accepted, exact repetitions included.
    pub appended: usize,
    /// Samples that were left out, in the order of the batch.
    pub rejected: Vec<Rejected>,
    /// How many series got their first sample.
    pub series_created: usize,
}
