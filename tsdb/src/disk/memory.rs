//! Files in memory: for tests and for stores that need not outlive the process.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Disk, DiskEntry, DiskFile, DiskLock, Mapped, key};

/// Files in memory; clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemoryDisk {
    state: Arc<Mutex<State>>,
}

type Content = Arc<Mutex<Vec<u8>>>;

#[derive(Debug, Default)]
struct State {
    dirs: BTreeSet<PathBuf>,
    files: BTreeMap<PathBuf, Content>,
    locks: BTreeSet<PathBuf>,
}

impl MemoryDisk {
    /// A place without files.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A place with these folders and files.
    pub(crate) fn with_files(
        dirs: BTreeSet<PathBuf>,
        files: impl IntoIterator<Item = (PathBuf, Vec<u8>)>,
    ) -> Self {
        let files = files
            .into_iter()
            .map(|(path, bytes)| (path, Arc::new(Mutex::new(bytes))))
            .collect();
        let state = State {
            dirs,
            files,
            locks: BTreeSet::new(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Another place with the same folders and files, which do not change with those of this one.
    #[must_use]
    pub fn fork(&self) -> Self {
        let state = self.state.lock();
        let files = state
            .files
            .iter()
            .map(|(path, bytes)| (path.clone(), bytes.lock().clone()));
        Self::with_files(state.dirs.clone(), files)
    }

    /// Changes the bytes of a file in place: damage, for tests.
    ///
    /// # Errors
    /// When it does not exist.
    pub fn damage(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let content = self.state.lock().content(path)?;
        change(&mut content.lock());
        Ok(())
    }
}

#[derive(Debug)]
struct MemoryFile(Content);

impl DiskFile for MemoryFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().extend_from_slice(bytes);
        Ok(())
    }
    fn truncate(&self, len: u64) -> io::Result<()> {
        self.0.lock().truncate(len as usize);
        Ok(())
    }
    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct MemoryLock {
    state: Arc<Mutex<State>>,
    path: PathBuf,
}

impl DiskLock for MemoryLock {}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.state.lock().locks.remove(&self.path);
    }
}

fn missing(path: &Path) -> io::Error {
    io::Error::new(
        io::ErrorKind::NotFound,
        format!("{} does not exist", path.display()),
    )
}

impl State {
    fn parent_exists(&self, path: &Path) -> io::Result<()> {
        match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() && !self.dirs.contains(parent) => {
                Err(missing(parent))
            }
            _ => Ok(()),
        }
    }

    fn content(&self, path: &Path) -> io::Result<Content> {
        self.files.get(&key(path)).cloned().ok_or_else(|| missing(path))
    }
}

impl Disk for MemoryDisk {
    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.dirs.extend(key(path).ancestors().map(Path::to_owned));
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DiskEntry>> {
        let (state, path) = (self.state.lock(), key(path));
        if !state.dirs.contains(&path) {
            return Err(missing(&path));
        }
        let name = |p: &PathBuf| {
            (p.parent() == Some(&path))
                .then(|| p.file_name().map(|n| n.to_string_lossy().into_owned()))
                .flatten()
        };
        let dirs = state.dirs.iter().filter_map(|p| Some((name(p)?, true, 0)));
        let files = state
            .files
            .iter()
            .filter_map(|(p, content)| Some((name(p)?, false, content.lock().len())));
        let mut entries: Vec<_> = dirs
            .chain(files)
            .map(|(name, is_dir, len)| DiskEntry {
                name,
                is_dir,
                len: len as u64,
            })
            .collect();
        entries.sort();
        Ok(entries)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let (mut state, path) = (self.state.lock(), key(path));
        state.parent_exists(&path)?;
        if state.files.contains_key(&path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let content = Content::default();
        state.files.insert(path, Arc::clone(&content));
        Ok(Arc::new(MemoryFile(content)))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        Ok(self.state.lock().content(path)?.lock().clone())
    }

    fn map(&self, path: &Path) -> io::Result<Mapped> {
        Ok(Arc::new(self.read(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (mut state, from, to) = (self.state.lock(), key(from), key(to));
        state.parent_exists(&to)?;
        if let Some(content) = state.files.remove(&from) {
            state.files.insert(to, content);
            return Ok(());
        }
        if !state.dirs.contains(&from) {
            return Err(missing(&from));
        }
        let moved = |p: &PathBuf| p.strip_prefix(&from).map(|rest| key(&to.join(rest))).ok();
        let dirs: Vec<_> = state
            .dirs
            .iter()
            .filter_map(|p| Some((p.clone(), moved(p)?)))
            .collect();
        for (old, new) in dirs {
            state.dirs.remove(&old);
            state.dirs.insert(new);
        }
        let files: Vec<_> = state
            .files
            .keys()
            .filter_map(|p| Some((p.clone(), moved(p)?)))
            .collect();
        for (old, new) in files {
            if let Some(content) = state.files.remove(&old) {
                state.files.insert(new, content);
            }
        }
        Ok(())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (mut state, to) = (self.state.lock(), key(to));
        let content = state.content(from)?;
        state.parent_exists(&to)?;
        state.files.insert(to, content);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let removed = self.state.lock().files.remove(&key(path));
        removed.map(drop).ok_or_else(|| missing(path))
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        let (mut state, path) = (self.state.lock(), key(path));
        if !state.dirs.contains(&path) {
            return Err(missing(&path));
        }
        state.dirs.retain(|p| !p.starts_with(&path));
        state.files.retain(|p, _| !p.starts_with(&path));
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn DiskLock>> {
        let path = key(path);
        if !self.state.lock().locks.insert(path.clone()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(MemoryLock {
            state: Arc::clone(&self.state),
            path,
        }))
    }
}
