//! Writing the log: one record per commit, segments, and syncing beside the writers.
//!
//! Invariants:
//! - a record is acknowledged only after the operating system has all of it;
//! - a file whose fsync failed is never synced again: what was not yet safe in it is written to a new segment, and a
//!   reader that finds a record twice takes the first.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use narthex_format::cursor::Cursor;
use narthex_format::frame::FRAME_HEADER_LENGTH;
use narthex_format::wal;
use parking_lot::Mutex;

use super::cursors::Kept;
use super::segment::Segment;
use crate::disk::Disk;
use crate::error::Error;

/// The log of an open store.
#[derive(Debug)]
pub(crate) struct Wal {
    pub(super) disk: Arc<dyn Disk>,
    folder: PathBuf,
    segment_bytes: u64,
    pub(super) state: Mutex<State>,
    /// One sync at a time.
    syncing: Mutex<()>,
    /// One cursor moves at a time.
    pub(super) moving: Mutex<()>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) current: Option<Segment>,
    /// Full segments that are not synced yet.
    pub(super) full: Vec<Segment>,
    pub(super) next: u64,
    /// Segments that are written and synced.
    pub(super) old: Vec<OldSegment>,
    /// Sealed segments that a cursor is not behind yet, by number.
    pub(super) kept: Vec<Kept>,
    /// Up to where each reader has come, by name.
    pub(super) cursors: BTreeMap<String, Cursor>,
    /// Whether a file has been created since the folder was synced.
    folder_changed: bool,
    stats: WalStats,
}

/// A segment that is not written any more.
#[derive(Debug, Clone)]
pub(crate) struct OldSegment {
    pub(crate) number: u64,
    pub(crate) id: u64,
    pub(crate) path: PathBuf,
    pub(crate) len: u64,
    /// The oldest commit in it.
    pub(crate) oldest: u64,
    /// The newest commit in it.
    pub(crate) commit: u64,
}

/// What the log has done since it was opened, and how large it is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct WalStats {
    pub(crate) bytes: u64,
    /// Those of them in segments that are kept for cursors alone.
    pub(crate) kept_bytes: u64,
    pub(crate) segment: u64,
    pub(crate) syncs: u64,
    pub(crate) write_failures: u64,
    pub(crate) sync_failures: u64,
}

impl Wal {
    /// A log that goes on in `folder` after the segments there, whose highest number is below `next`.
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        folder: PathBuf,
        segment_bytes: u64,
        next: u64,
        old: Vec<OldSegment>,
    ) -> Self {
        let state = State {
            current: None,
            full: Vec::new(),
            next,
            old,
            kept: Vec::new(),
            cursors: BTreeMap::new(),
            folder_changed: true,
            stats: WalStats::default(),
        };
        Self {
            disk,
            folder,
            segment_bytes,
            state: Mutex::new(state),
            syncing: Mutex::new(()),
            moving: Mutex::new(()),
        }
    }

    /// Hands the record of a batch to the operating system. After an error nothing of it counts.
    pub(crate) fn log(&self, record: &wal::Batch<'_>) -> Result<(), Error> {
        let samples = record.floats.len() * 6 + record.tombstones.len() * 12;
        let mut payload = Vec::with_capacity(64 + samples);
        record.encode(&mut payload).map_err(|e| {
            let error = io::Error::new(io::ErrorKind::InvalidInput, e);
            Error::io("write to", &self.folder, error)
        })?;
        self.append(&payload, record.commit)
    }

    /// Hands a record to the operating system. After an error nothing of it counts.
    pub(crate) fn append(&self, payload: &[u8], commit: u64) -> Result<(), Error> {
        let mut state = self.state.lock();
        let result = self.append_locked(&mut state, payload, commit);
        if result.is_err() {
            state.stats.write_failures += 1;
        }
        result
    }

    fn append_locked(&self, state: &mut State, payload: &[u8], commit: u64) -> Result<(), Error> {
        let fits = |s: &Segment| s.len + (payload.len() as u64) < self.segment_bytes || s.len < 64;
        if state.current.as_ref().is_some_and(|s| !fits(s)) {
            state.retire();
        }
        let segment = match &mut state.current {
            Some(segment) => segment,
            None => self.begin_segment(state)?,
        };
        let path = segment.path.clone();
        segment.append(payload, commit).map_err(|(error, intact)| {
            if !intact {
                state.retire();
            }
            Error::io("write to", &path, error)
        })
    }

    fn begin_segment<'s>(&self, state: &'s mut State) -> Result<&'s mut Segment, Error> {
        let number = state.next;
        let segment = Segment::create(&*self.disk, &self.folder, number)
            .map_err(|e| Error::io("create a log segment in", &self.folder, e))?;
        state.next += 1;
        state.folder_changed = true;
        Ok(state.current.insert(segment))
    }

    /// Bytes written that a power loss could take.
    pub(crate) fn unsynced_bytes(&self) -> usize {
        let state = self.state.lock();
        state
            .current
            .iter()
            .chain(&state.full)
            .map(|s| s.unsynced.len())
            .sum()
    }

    /// Returns once all records written before the call would survive a power loss.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        let _one = self.syncing.lock();
        if self.state.lock().folder_changed {
            self.state.lock().folder_changed = false;
            if let Err(error) = self.disk.sync_dir(&self.folder) {
                self.state.lock().folder_changed = true;
                return Err(Error::io("sync", &self.folder, error));
            }
        }
        let full = std::mem::take(&mut self.state.lock().full);
        let mut failure = None;
        for segment in full {
            let synced = match segment.doomed {
                true => Err(std::io::Error::other("an earlier sync of it failed")),
                false => segment.file.sync(),
            };
            match synced {
                Ok(()) => self.state.lock().old.push(segment.ended()),
                Err(error) => failure = Some(self.rescue(segment, error)),
            }
        }
        let current = {
            let state = self.state.lock();
            state
                .current
                .as_ref()
                .filter(|s| !s.starts.is_empty())
                .map(|s| (s.number, Arc::clone(&s.file), s.starts.len()))
        };
        if let Some((number, file, count)) = current {
            let result = file.sync();
            let mut state = self.state.lock();
            let place = state.current.as_ref().is_some_and(|s| s.number == number);
            match result {
                Ok(()) if place => state.current.iter_mut().for_each(|s| s.synced(count)),
                // It has become full meanwhile: the next sync takes it.
                Ok(()) => {}
                Err(error) => {
                    let segment = if place {
                        state.current.take()
                    } else {
                        state.take_full(number)
                    };
                    drop(state);
                    failure = segment.map(|s| self.rescue(s, error)).or(failure);
                }
            }
        }
        self.state.lock().stats.syncs += 1;
        failure.map_or(Ok(()), Err)
    }

    /// Writes what was not safe in a segment whose sync failed to a new one.
    fn rescue(&self, segment: Segment, error: std::io::Error) -> Error {
        let mut state = self.state.lock();
        state.stats.sync_failures += 1;
        let error = Error::io("sync", &segment.path, error);
        // A new segment: the one in use may be the next to fail.
        state.retire();
        let ends = segment
            .starts
            .iter()
            .skip(1)
            .copied()
            .chain([segment.unsynced.len()]);
        let frames: Vec<_> = segment.starts.iter().copied().zip(ends).collect();
        for (at, (start, end)) in frames.iter().enumerate() {
            let payload = segment
                .unsynced
                .get(start + FRAME_HEADER_LENGTH..*end)
                .unwrap_or(&[]);
            let written = self.append_locked(&mut state, payload, segment.commit);
            if let Some(current) = &mut state.current {
                current.oldest = current.oldest.min(segment.oldest);
            }
            if written.is_err() {
                // The next sync comes here again: it must not ask the operating system, which may say yes now.
                let mut rest = segment;
                rest.synced(at);
                rest.doomed = true;
                state.full.push(rest);
                return error;
            }
        }
        state.old.push(segment.ended());
        error
    }

    /// Removes the segments that hold nothing newer than a commit: sealed files have it. What a cursor is not behind is
    /// kept under another name.
    pub(crate) fn forget(&self, commit: u64) -> Result<(), Error> {
        let mut state = self.state.lock();
        if state.current.as_ref().is_some_and(|s| s.commit <= commit) {
            state.retire();
        }
        let full = std::mem::take(&mut state.full);
        let (gone, kept): (Vec<_>, Vec<_>) = full.into_iter().partition(|s: &Segment| s.commit <= commit);
        state.full = kept;
        state.old.extend(gone.iter().map(Segment::ended));
        let gone: Vec<OldSegment> = state.old.extract_if(.., |s| s.commit <= commit).collect();
        for (at, segment) in gone.iter().enumerate() {
            let done = if state.is_needed(segment.number) {
                self.keep(segment.clone()).map(|kept| state.kept.push(kept))
            } else {
                self.disk.remove(&segment.path)
            };
            if let Err(error) = done {
                state.old.extend_from_slice(&gone[at..]);
                return Err(Error::io("remove", &segment.path, error));
            }
        }
        Ok(())
    }

    /// The oldest commit that the log has.
    pub(crate) fn oldest_commit(&self) -> Option<u64> {
        let state = self.state.lock();
        let open = state.current.iter().chain(&state.full).map(|s| s.oldest);
        let oldest = state.old.iter().map(|s| s.oldest).chain(open).min();
        oldest.filter(|commit| *commit != u64::MAX)
    }

    /// Ends the segment in use and returns the files of everything written so far: they do not change any more.
    pub(crate) fn end_segment(&self) -> Result<Vec<PathBuf>, Error> {
        self.state.lock().retire();
        self.sync()?;
        let state = self.state.lock();
        Ok(state.old.iter().map(|s| s.path.clone()).collect())
    }

    /// How large the log is and what it has done.
    pub(crate) fn stats(&self) -> WalStats {
        let state = self.state.lock();
        let open: u64 = state.current.iter().chain(&state.full).map(|s| s.len).sum();
        let kept_bytes = Self::kept_bytes(&state);
        WalStats {
            bytes: state.old.iter().map(|s| s.len).sum::<u64>() + open + kept_bytes,
            kept_bytes,
            segment: state
                .current
                .as_ref()
                .map_or(state.next.saturating_sub(1), |s| s.number),
            ..state.stats
        }
    }

    /// Folder of the segments.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl State {
    /// Ends the current segment.
    fn retire(&mut self) {
        if let Some(segment) = self.current.take() {
            self.full.push(segment);
        }
    }

    fn take_full(&mut self, number: u64) -> Option<Segment> {
        let at = self.full.iter().position(|s| s.number == number)?;
        Some(self.full.remove(at))
    }
}
