//! Files as the store needs them, behind one trait: real ones, ones in memory, and ones that fail on purpose.

mod damage;
mod faulty;
mod memory;
mod mmap;
mod real;
mod replace;

use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use damage::{Damage, DamageList};
pub use faulty::{FaultyDisk, PowerLoss};
pub use memory::MemoryDisk;
pub use real::RealDisk;
pub(crate) use replace::replace;

/// The path with something added to its last part.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// One entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DiskEntry {
    /// File name without the folder.
    pub name: String,
    /// Whether it is a folder.
    pub is_dir: bool,
    /// Bytes, 0 for folders.
    pub len: u64,
}

/// The bytes of a file at the time it was mapped; they stay valid when the file is removed.
pub type Mapped = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// A file that is being written at its end. One thread writes at a time; syncing may run beside it.
pub trait DiskFile: Send + Sync + Debug {
    /// Writes all of `bytes` at the end.
    ///
    /// # Errors
    /// When not all of it could be written; a part may have been.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;

    /// Cuts the file to `len` bytes.
    ///
    /// # Errors
    /// When the operating system refuses.
    fn truncate(&self, len: u64) -> io::Result<()>;

    /// Returns once everything written so far would survive a power loss.
    ///
    /// # Errors
    /// When the operating system refuses; what was written since the last sync may then be lost even if a later sync
    /// succeeds.
    fn sync(&self) -> io::Result<()>;
}

/// A place for files. All file access of the store goes through this.
pub trait Disk: Send + Sync + Debug {
    /// Creates a folder and those above it.
    ///
    /// # Errors
    /// When the operating system refuses.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;

    /// What a folder holds, sorted by name.
    ///
    /// # Errors
    /// When the folder does not exist or cannot be read.
    fn list(&self, path: &Path) -> io::Result<Vec<DiskEntry>>;

    /// Creates an empty file that must not exist yet.
    ///
    /// # Errors
    /// When it exists or the operating system refuses.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// The whole content of a file.
    ///
    /// # Errors
    /// When it does not exist or cannot be read.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The content of a file, without reading it at once: of one that is not written any more, or up to a length below
    /// which it is not.
    ///
    /// # Errors
    /// When it does not exist or cannot be mapped.
    fn map(&self, path: &Path) -> io::Result<Mapped>;

    /// Gives a file or folder another name, replacing a file that has it.
    ///
    /// # Errors
    /// When the operating system refuses.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives a file a second name.
    ///
    /// # Errors
    /// When the operating system refuses.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// When it does not exist or the operating system refuses.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes a folder and everything in it.
    ///
    /// # Errors
    /// When it does not exist or the operating system refuses.
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;

    /// Returns once names created, changed and removed in a folder would survive a power loss.
    ///
    /// # Errors
    /// When the operating system refuses.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Holds a lock file against other processes until the guard is dropped.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when somebody else holds it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn DiskLock>>;
}

/// Holds a lock file until it is dropped.
pub trait DiskLock: Send + Sync + Debug {}

/// A path as the key of an in-memory folder.
pub(crate) fn key(path: &Path) -> PathBuf {
    path.components().collect()
}
