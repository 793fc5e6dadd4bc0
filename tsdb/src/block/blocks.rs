//! All blocks of a store.

use std::path::PathBuf;
use std::sync::Arc;

use narthex_format::filenames;
use parking_lot::{Mutex, RwLock};

use super::reader::{Block, Span};
use super::segments::set_aside;
use crate::disk::{Damage, Disk};
use crate::error::Error;

/// The blocks, by age: of samples with one time the older one counts. A reader takes the list as it is; blocks that are removed stay readable for it.
#[derive(Debug)]
pub(crate) struct Blocks {
    disk: Arc<dyn Disk>,
    pub(crate) folder: PathBuf,
    list: RwLock<Arc<Vec<Arc<Block>>>>,
    /// Blocks that have been removed: what was in them is not cut again from a segment that is still there.
    gone: Mutex<Vec<Span>>,
}

impl Blocks {
    /// Opens the blocks in a folder. What was being written when the process ended is removed; what is damaged is set
    /// aside and reported.
    pub(super) fn open(disk: Arc<dyn Disk>, folder: PathBuf) -> Result<(Self, Vec<Damage>), Error> {
        let entries = disk.list(&folder).map_err(|e| Error::io("list", &folder, e))?;
        let (mut list, mut damage) = (Vec::new(), Vec::new());
        for entry in entries.iter().filter(|e| e.is_dir) {
            let path = folder.join(&entry.name);
            if entry.name.ends_with(filenames::TEMPORARY_SUFFIX) {
                disk.remove_dir_all(&path)
                    .map_err(|e| Error::io("remove", &path, e))?;
            } else if !entry.name.ends_with(filenames::QUARANTINE_SUFFIX) {
                let reason = match Block::open(&*disk, path.clone()) {
                    Ok(block) => {
                        list.push(Arc::new(block));
                        continue;
                    }
                    Err(Error::Corrupt { reason, path, .. }) => format!("{}: {reason}", path.display()),
                    Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                        source.to_string()
                    }
                    Err(error) => return Err(error),
                };
                let files = disk.list(&path).unwrap_or_default();
                if files.is_empty() {
                    // Removing it was interrupted.
                    disk.remove_dir_all(&path)
                        .map_err(|e| Error::io("remove", &path, e))?;
                    continue;
                }
                set_aside(&*disk, &folder, &path)?;
                let length = files.iter().map(|f| f.len).sum();
                damage.push(Damage { path, length, reason });
            }
        }
        list.sort_by_key(|b: &Arc<Block>| b.age());
        let list = RwLock::new(Arc::new(list));
        let blocks = Self {
            disk,
            folder,
            list,
            gone: Mutex::default(),
        };
        Ok((blocks, damage))
    }

    /// The blocks as they are now, by age.
    pub(crate) fn list(&self) -> Arc<Vec<Arc<Block>>> {
        Arc::clone(&self.list.read())
    }

    /// Opens a block that has been written under its final name and adds it.
    pub(crate) fn add(&self, path: PathBuf) -> Result<Arc<Block>, Error> {
        let block = Arc::new(Block::open(&*self.disk, path)?);
        let mut list = self.list.write();
        let mut next = list.to_vec();
        next.push(Arc::clone(&block));
        next.sort_by_key(|b| b.age());
        *list = Arc::new(next);
        Ok(block)
    }

    /// Whether the samples that a segment has between two times, the second excluded, are or were in a block.
    pub(crate) fn have(&self, segment: u64, start: i64, end: i64) -> bool {
        let has = |span: &Span| span.has(segment, start, end);
        self.list.read().iter().any(|b| has(&b.span())) || self.gone.lock().iter().any(has)
    }

    /// Removes a block and its files. Spans of segments below `oldest_segment` are forgotten.
    pub(crate) fn remove(&self, gone: &Arc<Block>, oldest_segment: u64) -> Result<(), Error> {
        let mut spans = self.gone.lock();
        spans.retain(|s| s.segments.1 >= oldest_segment);
        spans.push(gone.span());
        drop(spans);
        let mut list = self.list.write();
        let next = list.iter().filter(|b| !Arc::ptr_eq(b, gone)).cloned().collect();
        *list = Arc::new(next);
        // Under a name that says so first: a removal that is interrupted leaves no half block behind.
        let mut name = gone.folder.as_os_str().to_owned();
        name.push(filenames::TEMPORARY_SUFFIX);
        let doomed = PathBuf::from(name);
        let moved = self.disk.rename(&gone.folder, &doomed);
        moved
            .and_then(|()| self.disk.sync_dir(&self.folder))
            .and_then(|()| self.disk.remove_dir_all(&doomed))
            .map_err(|e| Error::io("remove", &gone.folder, e))
    }

    /// Bytes of all blocks.
    pub(crate) fn bytes(&self) -> u64 {
        self.list.read().iter().map(|b| b.bytes).sum()
    }
}
