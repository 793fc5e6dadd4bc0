//! What can go wrong in the store, by what the caller can do about it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::reason::Rejected;

/// A store could not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was tried, for example `write to`.
        action: &'static str,
        /// The file or folder it was tried on.
        path: PathBuf,
        /// The operating system's reason.
        source: Arc<io::Error>,
    },
    /// No space is left: nothing of the batch was kept. Queries go on, and appends work again once there is space.
    #[error("{action} {}: {source}; free some space or lower --storage.tsdb.retention.size", path.display())]
    DiskFull {
        /// What was tried.
        action: &'static str,
        /// The file it was tried on.
        path: PathBuf,
        /// The operating system's reason.
        source: Arc<io::Error>,
    },
    /// Another process has the store open.
    #[error("{} is locked: another process has this store open, stop it or choose another path", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// Stored bytes are not what was written.
    #[error("{}: corrupt at byte {offset}: {reason}", path.display())]
    Corrupt {
        /// The damaged file.
        path: PathBuf,
        /// Where the damage begins.
        offset: u64,
        /// What was expected and what was found.
        reason: String,
    },
    /// The files were written by a newer version.
    #[error("{}: {reason}", path.display())]
    Unsupported {
        /// The file that is not understood.
        path: PathBuf,
        /// What is not understood and what to do.
        reason: String,
    },
    /// A batch whose policy is [`Policy::Abort`](crate::Policy::Abort) held samples that cannot be accepted;
    /// nothing of it was kept.
    #[error("{}", refused(.0))]
    Refused(Vec<Rejected>),
    /// The store has reached the largest number of series or labels that its ids can name.
    #[error("the store cannot hold more than {limit} {what}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How many there may be.
        limit: u64,
    },
    /// Compacting made way for somebody who waited for it; it goes on with the next call.
    #[error("compacting made way for a deletion, a snapshot or the end of the store")]
    Interrupted,
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
}

impl Error {
    /// The error for a refusal of the operating system.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let (path, full) = (path.to_owned(), source.kind() == io::ErrorKind::StorageFull);
        let source = Arc::new(source);
        if full {
            Self::DiskFull { action, path, source }
        } else {
            Self::Io { action, path, source }
        }
    }
}

fn refused(rejected: &[Rejected]) -> String {
    match rejected {
        [] => "the batch was refused".to_owned(),
        [one] => one.reason.to_string(),
        [first, rest @ ..] => format!("{} (and {} more)", first.reason, rest.len()),
    }
}
