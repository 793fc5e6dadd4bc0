//! One segment that is being written, and which of its records might not survive a power loss.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use narthex_format::filenames;
use narthex_format::wal::{SegmentHeader, begin_frame, end_frame};

use super::writer::OldSegment;
use crate::disk::{Disk, DiskFile};

/// A segment that is being written.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) id: u64,
    pub(super) path: PathBuf,
    pub(super) file: Arc<dyn DiskFile>,
    /// Bytes of whole frames.
    pub(super) len: u64,
    /// The oldest commit in it.
    pub(super) oldest: u64,
    /// The newest commit in it.
    pub(super) commit: u64,
    /// Frames written since the last sync, as they stand in the file.
    pub(super) unsynced: Vec<u8>,
    /// Where each of them begins in `unsynced`.
    pub(super) starts: Vec<usize>,
    /// Whether a sync has failed: what is unsynced has to be written elsewhere.
    pub(super) doomed: bool,
    frame: Vec<u8>,
}

impl Segment {
    /// Creates the file of a segment.
    pub(super) fn create(disk: &dyn Disk, folder: &Path, number: u64) -> io::Result<Self> {
        // Frames are bound to a number that nobody who sends samples can guess.
        let id = RandomState::new().hash_one(number);
        let path = folder.join(filenames::wal_segment(number, id));
        let file = disk.create(&path)?;
        let header = SegmentHeader { number, id }.encode();
        if let Err(error) = file.append(&header) {
            // A file without a header says nothing; if it cannot be removed a reader steps over it.
            let _ = disk.remove(&path);
            return Err(error);
        }
        Ok(Self {
            number,
            id,
            path,
            file,
            len: header.len() as u64,
            oldest: u64::MAX,
            commit: 0,
            unsynced: Vec::new(),
            starts: Vec::new(),
            doomed: false,
            frame: Vec::new(),
        })
    }

    /// Writes one record; after an error the file holds what it held before, or the segment must be abandoned
    /// (`false`).
    pub(super) fn append(&mut self, payload: &[u8], commit: u64) -> Result<(), (io::Error, bool)> {
        self.frame.clear();
        let start = begin_frame(&mut self.frame);
        self.frame.extend_from_slice(payload);
        end_frame(&mut self.frame, start, self.id, self.len)
            .map_err(|e| (io::Error::new(io::ErrorKind::InvalidInput, e), true))?;
        if let Err(error) = self.file.append(&self.frame) {
            let intact = self.file.truncate(self.len).is_ok();
            return Err((error, intact));
        }
        self.len += self.frame.len() as u64;
        self.oldest = self.oldest.min(commit);
        self.commit = self.commit.max(commit);
        self.starts.push(self.unsynced.len());
        self.unsynced.extend_from_slice(&self.frame);
        Ok(())
    }

    /// What is left of it for the log to remember.
    pub(super) fn ended(&self) -> OldSegment {
        OldSegment {
            number: self.number,
            id: self.id,
            path: self.path.clone(),
            len: self.len,
            oldest: self.oldest,
            commit: self.commit,
        }
    }

    /// Forgets the first `count` unsynced frames: they are safe.
    pub(super) fn synced(&mut self, count: usize) {
        let end = self.starts.get(count).copied().unwrap_or(self.unsynced.len());
        self.unsynced.drain(..end);
        self.starts.drain(..count.min(self.starts.len()));
        for start in &mut self.starts {
            *start -= end;
        }
        if self.unsynced.is_empty() {
            self.unsynced.shrink_to(1 << 16);
        }
    }
}
