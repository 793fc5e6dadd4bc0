//! All blocks of a store.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Release};

use narthex_format::filenames;
use parking_lot::{Mutex, RwLock};

use super::reader::Block;
use super::segments::set_aside;
use super::span::Span;
use crate::disk::{Damage, DamageList, Disk, with_suffix};
use crate::error::Error;

/// The blocks, by age: of samples with one time the older one counts. A reader takes the list as it is; blocks that are removed stay readable for it.
#[derive(Debug)]
pub(crate) struct Blocks {
    disk: Arc<dyn Disk>,
    damages: Arc<DamageList>,
    pub(crate) folder: PathBuf,
    list: RwLock<Arc<Vec<Arc<Block>>>>,
    /// Blocks that have been removed: what was in them is not cut again from a segment that is still there.
    gone: Mutex<Vec<Span>>,
    /// Folders of blocks that are in the list no more, until they are removed.
    doomed: Mutex<Vec<PathBuf>>,
}

impl Blocks {
    /// Opens the blocks in a folder. What was being written when the process ended is removed; what is damaged is set
    /// aside and reported.
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        damages: Arc<DamageList>,
        folder: PathBuf,
    ) -> Result<(Self, Vec<Damage>), Error> {
        let entries = disk.list(&folder).map_err(|e| Error::io("list", &folder, e))?;
        let (mut list, mut damage) = (Vec::new(), Vec::new());
        for entry in entries.iter().filter(|e| e.is_dir) {
            let path = folder.join(&entry.name);
            if entry.name.ends_with(filenames::TEMPORARY_SUFFIX) {
                disk.remove_dir_all(&path)
                    .map_err(|e| Error::io("remove", &path, e))?;
            } else if !entry.name.ends_with(filenames::QUARANTINE_SUFFIX) {
                let reason = match Block::open(&*disk, &damages, path.clone()) {
                    Ok(block) => {
                        damage.extend(block.chunks().deleted().load(&*disk)?);
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
        let (doomed, mut list) = superseded(list);
        list.sort_by_key(|b| b.age());
        let blocks = Self {
            disk,
            damages,
            folder,
            list: RwLock::new(Arc::new(list)),
            gone: Mutex::default(),
            doomed: Mutex::new(doomed),
        };
        blocks.sweep()?;
        Ok((blocks, damage))
    }

    /// The blocks as they are now, by age.
    pub(crate) fn list(&self) -> Arc<Vec<Arc<Block>>> {
        Arc::clone(&self.list.read())
    }

    /// Opens a block that has been written under its final name and adds it.
    pub(crate) fn add(&self, path: PathBuf) -> Result<Arc<Block>, Error> {
        let block = Arc::new(Block::open(&*self.disk, &self.damages, path)?);
        let mut list = self.list.write();
        let mut next = list.to_vec();
        next.push(Arc::clone(&block));
        next.sort_by_key(|b| b.age());
        *list = Arc::new(next);
        Ok(block)
    }

    /// Puts a block that has been written under its final name, if there is one, in the place of its parents, and
    /// removes these. Whether it did: not if a parent has been removed meanwhile, whose samples are not wanted any more.
    pub(crate) fn replace(&self, parents: &[Arc<Block>], path: Option<PathBuf>) -> Result<bool, Error> {
        let block = path
            .map(|path| Block::open(&*self.disk, &self.damages, path))
            .transpose()?;
        let mut list = self.list.write();
        let is_parent = |block: &Arc<Block>| parents.iter().any(|p| Arc::ptr_eq(p, block));
        let wanted = list.iter().filter(|b| is_parent(b)).count() == parents.len();
        let mut doomed = self.doomed.lock();
        if wanted {
            let mut next: Vec<_> = list.iter().filter(|b| !is_parent(b)).cloned().collect();
            if let Some(block) = block {
                let added = parents.iter().map(|p| p.added.load(Acquire)).max();
                block.added.store(added.unwrap_or(0), Release);
                next.push(Arc::new(block));
            } else {
                // Nothing was left of them: what of their segments is still there is not cut again.
                let spans = parents.iter().flat_map(|p| p.spans().iter().copied());
                self.gone.lock().extend(spans);
            }
            next.sort_by_key(|b| b.age());
            *list = Arc::new(next);
            doomed.extend(parents.iter().map(|p| p.folder.clone()));
        } else {
            doomed.extend(block.map(|b| b.folder));
        }
        drop((list, doomed));
        self.sweep()?;
        Ok(wanted)
    }

    /// Whether the samples that a segment has between two times, the second excluded, are or were in a block.
    pub(crate) fn have(&self, segment: u64, start: i64, end: i64) -> bool {
        let has = |span: &Span| span.has(segment, start, end);
        self.list.read().iter().any(|b| b.spans().iter().any(has)) || self.gone.lock().iter().any(has)
    }

    /// Whether some blocks have gone whose segments may still be there.
    pub(crate) fn some_are_gone(&self) -> bool {
        !self.gone.lock().is_empty()
    }

    /// Removes a block and its files, if it is still there. Spans of segments below `oldest_segment` are forgotten.
    pub(crate) fn remove(&self, gone: &Arc<Block>, oldest_segment: u64) -> Result<(), Error> {
        let mut list = self.list.write();
        if !list.iter().any(|b| Arc::ptr_eq(b, gone)) {
            return Ok(());
        }
        let mut spans = self.gone.lock();
        spans.retain(|s| s.segments.1 >= oldest_segment);
        spans.extend_from_slice(gone.spans());
        let next = list.iter().filter(|b| !Arc::ptr_eq(b, gone)).cloned().collect();
        *list = Arc::new(next);
        self.doomed.lock().push(gone.folder.clone());
        drop((list, spans));
        self.sweep()
    }

    /// Writes down what could not be read of blocks, for people and for the next start: damage is told again then before
    /// somebody meets it.
    pub(crate) fn note_damage(&self) -> Result<(), Error> {
        self.list()
            .iter()
            .try_for_each(|b| b.note_damage(&*self.disk, &self.damages))
    }

    /// Removes the folders of blocks that are in the list no more. What cannot be removed is tried again.
    pub(crate) fn sweep(&self) -> Result<(), Error> {
        let mut doomed = self.doomed.lock();
        while let Some(folder) = doomed.last() {
            self.remove_folder(folder)?;
            doomed.pop();
        }
        Ok(())
    }

    fn remove_folder(&self, folder: &Path) -> Result<(), Error> {
        // Under a name that says so first: a removal that is interrupted leaves no half block behind.
        let doomed = with_suffix(folder, filenames::TEMPORARY_SUFFIX);
        let moved = match self.disk.rename(folder, &doomed) {
            // An attempt before has come that far.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            moved => moved,
        };
        let removed = moved
            .and_then(|()| self.disk.sync_dir(&self.folder))
            .and_then(|()| self.disk.remove_dir_all(&doomed));
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("remove", folder, error))
            }
            _ => Ok(()),
        }
    }

    /// Bytes of all blocks.
    pub(crate) fn bytes(&self) -> u64 {
        self.list.read().iter().map(|b| b.bytes).sum()
    }
}

/// Folders of blocks that others were made of, which a merge that was interrupted has left, and the blocks that stay.
fn superseded(list: Vec<Arc<Block>>) -> (Vec<PathBuf>, Vec<Arc<Block>>) {
    let parents: HashSet<String> = list
        .iter()
        .flat_map(|b| b.meta.compaction.parents.iter().cloned())
        .collect();
    let (gone, stay): (Vec<_>, Vec<_>) = list.into_iter().partition(|b| parents.contains(&b.meta.ulid));
    (gone.iter().map(|b| b.folder.clone()).collect(), stay)
}
