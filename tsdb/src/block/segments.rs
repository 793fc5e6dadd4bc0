//! All sealed segments of a store.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use narthex_format::filenames;
use narthex_format::segment::{SEGMENT, Summary};
use parking_lot::RwLock;

use super::blocks::Blocks;
use super::segment::Segment;
use crate::disk::{Damage, DamageList, Disk, with_suffix};
use crate::error::Error;

/// The sealed segments, by number. A reader takes the list as it is; files that are removed stay readable for it.
#[derive(Debug)]
pub(crate) struct Segments {
    disk: Arc<dyn Disk>,
    /// What could not be read so far, of segments and of blocks.
    pub(crate) damages: Arc<DamageList>,
    pub(crate) folder: PathBuf,
    /// Where segments go when their time is complete.
    pub(crate) blocks: Blocks,
    list: RwLock<Arc<Vec<Arc<Segment>>>>,
    /// The highest number that a segment has had, as far as the files told and since.
    highest: AtomicU64,
}

impl Segments {
    /// Opens the segments in a folder. What was being written when the process ended is removed; what is damaged is
    /// set aside and reported.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        folder: PathBuf,
        blocks: PathBuf,
    ) -> Result<(Self, Vec<Damage>), Error> {
        let damages = Arc::<DamageList>::default();
        let (blocks, mut damage) = Blocks::open(Arc::clone(&disk), Arc::clone(&damages), blocks)?;
        let entries = disk.list(&folder).map_err(|e| Error::io("list", &folder, e))?;
        let mut list = Vec::new();
        for entry in entries.iter().filter(|e| !e.is_dir) {
            let path = folder.join(&entry.name);
            if entry.name.ends_with(filenames::TEMPORARY_SUFFIX) {
                disk.remove(&path).map_err(|e| Error::io("remove", &path, e))?;
            } else if let Some(number) = filenames::parse_head_segment(&entry.name) {
                let tombstones = folder.join(filenames::head_tombstones(number));
                match Segment::open(
                    (&*disk, &damages),
                    path.clone(),
                    tombstones.clone(),
                    number,
                    &SEGMENT,
                ) {
                    Ok(segment) => {
                        damage.extend(segment.deleted().load(&*disk)?);
                        list.push(Arc::new(segment));
                    }
                    Err(Error::Corrupt { reason, .. }) => {
                        set_aside(&*disk, &folder, &path)?;
                        if entries
                            .iter()
                            .any(|e| e.name == filenames::head_tombstones(number))
                        {
                            set_aside(&*disk, &folder, &tombstones)?;
                        }
                        damage.push(Damage {
                            path,
                            length: entry.len,
                            reason,
                        });
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        list.sort_by_key(|s| s.number);
        for entry in &entries {
            let number = filenames::parse_head_tombstones(&entry.name);
            let has_segment = |number| {
                let name = filenames::head_segment(number);
                entries.iter().any(|e| e.name == name)
            };
            // Removing the segment was interrupted.
            if number.is_some_and(|number| !has_segment(number)) {
                let path = folder.join(&entry.name);
                disk.remove(&path).map_err(|e| Error::io("remove", &path, e))?;
            }
        }
        let list = RwLock::new(Arc::new(list));
        let segments = Self {
            disk,
            damages,
            folder,
            blocks,
            list,
            highest: AtomicU64::new(0),
        };
        // Those of blocks too: they may go while it is open.
        segments.highest.store(segments.next_number() - 1, Relaxed);
        Ok((segments, damage))
    }

    /// The segments as they are now, by number.
    pub(crate) fn list(&self) -> Arc<Vec<Arc<Segment>>> {
        Arc::clone(&self.list.read())
    }

    /// The number for the next segment.
    pub(crate) fn next_number(&self) -> u64 {
        let sealed = self.list.read().last().map_or(0, |s| s.number);
        // A number that stands in a block is not given twice, even if the newest segment was lost.
        let cut = self.blocks.list().iter().map(|b| b.through()).max().unwrap_or(0);
        // Nor one whose segment and blocks are gone: what is remembered of it would be taken for the new one's.
        sealed.max(cut).max(self.highest.load(Relaxed)) + 1
    }

    /// What every segment and block says about itself.
    pub(crate) fn summaries(&self) -> Vec<Summary> {
        let segments = self.list();
        let blocks = self.blocks.list();
        let of_segments = segments.iter().map(|s| s.summary());
        of_segments.chain(blocks.iter().map(|b| b.summary())).collect()
    }

    /// Opens a file that has been written under its final name and adds it.
    pub(crate) fn add(&self, path: PathBuf, number: u64) -> Result<(), Error> {
        let tombstones = self.folder.join(filenames::head_tombstones(number));
        let segment = Segment::open((&*self.disk, &self.damages), path, tombstones, number, &SEGMENT)?;
        self.highest.fetch_max(number, Relaxed);
        let mut list = self.list.write();
        let mut next = list.to_vec();
        next.push(Arc::new(segment));
        *list = Arc::new(next);
        Ok(())
    }

    /// Removes a segment and its file.
    pub(crate) fn remove(&self, number: u64) -> Result<(), Error> {
        let mut list = self.list.write();
        let Some(at) = list.iter().position(|s| s.number == number) else {
            return Ok(());
        };
        let mut next = list.to_vec();
        let gone = next.remove(at);
        *list = Arc::new(next);
        drop(list);
        if gone.is_damaged() {
            set_aside(&*self.disk, &self.folder, &gone.path)?;
        } else {
            self.disk
                .remove(&gone.path)
                .map_err(|e| Error::io("remove", &gone.path, e))?;
        }
        // What was deleted must not come back: the segment goes first, for good.
        let tombstones = gone.deleted().path();
        if gone.deleted().count() > 0 {
            let gone = self
                .disk
                .sync_dir(&self.folder)
                .and_then(|()| self.disk.remove(tombstones));
            gone.map_err(|e| Error::io("remove", tombstones, e))?;
        }
        Ok(())
    }

    /// Where files are written to.
    pub(crate) fn disk(&self) -> &dyn Disk {
        &*self.disk
    }

    /// Bytes of all segments.
    pub(crate) fn bytes(&self) -> u64 {
        self.list.read().iter().map(|s| s.bytes).sum()
    }
}

pub(super) fn set_aside(disk: &dyn Disk, folder: &Path, path: &Path) -> Result<(), Error> {
    let aside = with_suffix(path, filenames::QUARANTINE_SUFFIX);
    let moved = disk.rename(path, &aside).and_then(|()| disk.sync_dir(folder));
    moved.map_err(|e| Error::io("set aside", path, e))
}
