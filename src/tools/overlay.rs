//! A disk that is read and never written: changes stay in memory, so that a store opens beside its server.

use narthex_tsdb::disk::{Disk, DiskEntry, DiskFile, DiskLock, Mapped, MemoryDisk, RealDisk};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The machine's files below, what was changed above.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    below: RealDisk,
    above: MemoryDisk,
    removed: Mutex<BTreeSet<PathBuf>>,
}

#[derive(Debug)]
struct NoLock;

impl DiskLock for NoLock {}

impl Overlay {
    fn is_removed(&self, path: &Path) -> bool {
        let removed = self.removed.lock();
        path.ancestors().any(|part| removed.contains(part))
    }

    fn remove_below(&self, path: &Path) {
        self.removed.lock().insert(path.to_owned());
    }

    fn missing(path: &Path) -> io::Error {
        io::Error::new(
            io::ErrorKind::NotFound,
            format!("{} does not exist", path.display()),
        )
    }

    fn copy_up(&self, from: &Path, to: &Path) -> io::Result<()> {
        let bytes = self.read(from)?;
        if let Some(folder) = to.parent() {
            self.above.create_dir_all(folder)?;
        }
        let _ = self.above.remove(to);
        self.above.create(to)?.append(&bytes)
    }
}

impl Disk for Overlay {
    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.above.create_dir_all(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DiskEntry>> {
        let above = self.above.list(path);
        let below = self.below.list(path);
        let mut entries = BTreeMap::new();
        for entry in below.as_ref().map_or(&[][..], Vec::as_slice) {
            if !self.is_removed(&path.join(&entry.name)) {
                entries.insert(entry.name.clone(), entry.clone());
            }
        }
        for entry in above.as_ref().map_or(&[][..], Vec::as_slice) {
            entries.insert(entry.name.clone(), entry.clone());
        }
        match (above, below) {
            (Err(_), Err(error)) => Err(error),
            _ => Ok(entries.into_values().collect()),
        }
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        if !self.is_removed(path) && path.exists() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if let Some(folder) = path.parent() {
            self.above.create_dir_all(folder)?;
        }
        self.above.create(path)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self.above.read(path) {
            Err(_) if self.is_removed(path) => Err(Self::missing(path)),
            Err(_) => self.below.read(path),
            found => found,
        }
    }

    fn map(&self, path: &Path) -> io::Result<Mapped> {
        match self.above.map(path) {
            Err(_) if self.is_removed(path) => Err(Self::missing(path)),
            Err(_) => self.below.map(path),
            found => found,
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.copy_up(from, to)?;
        let _ = self.above.remove(from);
        self.remove_below(from);
        Ok(())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.copy_up(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let _ = self.above.remove(path);
        self.remove_below(path);
        Ok(())
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        let _ = self.above.remove_dir_all(path);
        self.remove_below(path);
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, _: &Path) -> io::Result<Box<dyn DiskLock>> {
        Ok(Box::new(NoLock))
    }
}
