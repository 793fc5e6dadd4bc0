//! Readers that follow the log: up to where each has come, in a file of its own, and the segments kept for them.
//!
//! A restart replays no kept segment, so a reader that lags makes no restart slower. Cursors say what has been dealt
//! with: what lies behind all of them may go, what lies before one is kept until it is too old.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use narthex_format::cursor::Cursor;
use narthex_format::{filenames, header};

use super::writer::{OldSegment, State, Wal};
use crate::disk::{Damage, Disk, Mapped};
use crate::error::Error;

/// A sealed segment that a cursor is not behind yet.
#[derive(Debug)]
pub(crate) struct Kept {
    segment: OldSegment,
    /// Since when it is kept, by the clock of ticks.
    since: Option<i64>,
}

/// What a reader finds at its cursor.
#[derive(Debug)]
pub(crate) struct Found {
    /// Where to read on: the cursor, or the beginning of the next segment there is.
    pub(crate) cursor: Cursor,
    pub(crate) path: PathBuf,
    /// Bytes of whole frames.
    pub(crate) len: u64,
    /// Whether nothing will be added to it.
    pub(crate) ended: bool,
    /// Whether segments are missing in between.
    pub(crate) gap: bool,
}

/// Cursors and kept segments in the log's folder.
#[derive(Debug, Default)]
pub(crate) struct Followed {
    pub(crate) cursors: BTreeMap<String, Cursor>,
    pub(crate) kept: Vec<Kept>,
    pub(crate) damage: Vec<Damage>,
}

impl Followed {
    /// Reads the cursors in `folder` and finds the segments kept for them.
    pub(crate) fn load(disk: &dyn Disk, folder: &Path) -> Result<Self, Error> {
        let mut found = Self::default();
        for entry in disk.list(folder).map_err(|e| Error::io("list", folder, e))? {
            let path = folder.join(&entry.name);
            if let Some((number, id)) = filenames::parse_wal_kept(&entry.name) {
                let segment = OldSegment {
                    number,
                    id,
                    path,
                    len: entry.len,
                    oldest: 0,
                    commit: 0,
                };
                found.kept.push(Kept { segment, since: None });
            } else if let Some(name) = filenames::parse_cursor(&entry.name) {
                let bytes = disk.read(&path).map_err(|e| Error::io("read", &path, e))?;
                let cursor = match Cursor::decode(&bytes) {
                    Ok(cursor) => cursor,
                    Err(error @ narthex_format::Error::Unsupported { .. }) => {
                        let reason = error.to_string();
                        return Err(Error::Unsupported { path, reason });
                    }
                    Err(error) => {
                        found.damage.push(Damage {
                            path,
                            length: entry.len,
                            reason: error.to_string(),
                        });
                        Cursor::default()
                    }
                };
                found.cursors.insert(name.to_owned(), cursor);
            }
        }
        found.kept.sort_by_key(|k| k.segment.number);
        Ok(found)
    }

    /// The lowest number that a new segment may have.
    pub(crate) fn next_segment(&self) -> u64 {
        let kept = self.kept.iter().map(|k| k.segment.number.saturating_add(1));
        let cursors = self.cursors.values().map(|c| c.segment);
        kept.chain(cursors).max().unwrap_or(0)
    }
}

impl State {
    /// Whether a cursor is not behind the segment of this number.
    pub(super) fn is_needed(&self, number: u64) -> bool {
        self.cursors.values().any(|c| c.segment <= number)
    }

    fn end(&self) -> Cursor {
        match &self.current {
            Some(segment) => Cursor {
                segment: segment.number,
                id: segment.id,
                offset: segment.len,
            },
            None => Cursor {
                segment: self.next,
                ..Cursor::default()
            },
        }
    }

    fn find(&self, from: Cursor) -> Option<Found> {
        let kept = self.kept.iter().map(|k| &k.segment);
        let old = kept
            .chain(&self.old)
            .map(|s| (s.number, s.id, &s.path, s.len, true));
        let full = self.full.iter().map(|s| (s.number, s.id, &s.path, s.len, true));
        let current = self
            .current
            .iter()
            .map(|s| (s.number, s.id, &s.path, s.len, false));
        let (segment, id, path, len, ended) = old
            .chain(full)
            .chain(current)
            .filter(|(number, ..)| *number >= from.segment)
            .min_by_key(|(number, ..)| *number)?;
        let same = (segment, id) == (from.segment, from.id);
        let offset = if same { from.offset } else { header::LENGTH as u64 };
        Some(Found {
            cursor: Cursor { segment, id, offset },
            path: path.clone(),
            len,
            ended,
            gap: segment > from.segment,
        })
    }
}

impl Wal {
    /// Goes on with what was found in the folder.
    pub(crate) fn with_followed(self, followed: Followed) -> Self {
        {
            let mut state = self.state.lock();
            state.cursors = followed.cursors;
            state.kept = followed.kept;
        }
        self
    }

    /// The content of a segment, up to the length that was found.
    pub(crate) fn map(&self, path: &Path) -> io::Result<Mapped> {
        self.disk.map(path)
    }

    /// The end of the log.
    pub(crate) fn end(&self) -> Cursor {
        self.state.lock().end()
    }

    /// Names of all cursors.
    pub(crate) fn cursor_names(&self) -> Vec<String> {
        self.state.lock().cursors.keys().cloned().collect()
    }

    /// The cursor of a reader; one that is new stands at the end of the log, and whether it is new.
    pub(crate) fn cursor(&self, name: &str) -> Result<(Cursor, bool), Error> {
        let end = {
            let state = self.state.lock();
            if let Some(cursor) = state.cursors.get(name) {
                return Ok((*cursor, false));
            }
            state.end()
        };
        self.set_cursor(name, end)?;
        Ok((end, true))
    }

    /// Moves the cursor of a reader: everything before it has been dealt with.
    pub(crate) fn set_cursor(&self, name: &str, cursor: Cursor) -> Result<(), Error> {
        let _one = self.moving.lock();
        let before = self.state.lock().cursors.get(name).copied();
        if before == Some(cursor) {
            return Ok(());
        }
        let path = self.cursor_path(name)?;
        let temporary = path.with_extension(filenames::TEMPORARY_SUFFIX.trim_start_matches('.'));
        // What an interrupted attempt left.
        let _ = self.disk.remove(&temporary);
        let write = |bytes: &[u8]| {
            let file = self.disk.create(&temporary)?;
            file.append(bytes)?;
            file.sync()?;
            self.disk.rename(&temporary, &path)
        };
        cursor
            .encode()
            .map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))
            .and_then(|bytes| write(&bytes))
            .map_err(|e| Error::io("write", &path, e))?;
        self.state.lock().cursors.insert(name.to_owned(), cursor);
        match before {
            Some(before) if before.segment == cursor.segment => Ok(()),
            _ => self.release(),
        }
    }

    /// Forgets a reader; what was kept for it alone goes.
    pub(crate) fn forget_cursor(&self, name: &str) -> Result<(), Error> {
        let _one = self.moving.lock();
        if self.state.lock().cursors.remove(name).is_some() {
            let path = self.cursor_path(name)?;
            self.disk
                .remove(&path)
                .map_err(|e| Error::io("remove", &path, e))?;
        }
        self.release()
    }

    fn cursor_path(&self, name: &str) -> Result<PathBuf, Error> {
        let file = filenames::cursor(name).ok_or_else(|| {
            let error = format!("{name:?} is no name for a cursor: it has 1 to 64 of a-z, 0-9, - and _");
            let error = io::Error::new(io::ErrorKind::InvalidInput, error);
            Error::io("create a cursor in", self.folder(), error)
        })?;
        Ok(self.folder().join(file))
    }

    /// What a reader finds at `from`; `None` if nothing has been written there yet.
    pub(crate) fn find(&self, from: Cursor) -> Option<Found> {
        self.state.lock().find(from)
    }

    /// Every record of an older commit is behind all cursors; `None` if there is no cursor. A reader asks for the names
    /// of the series in what it has not acknowledged: a series that only older records name may leave memory and
    /// catalog, others may not. Conservative: it moves from segment to segment.
    pub(crate) fn oldest_unread(&self) -> Option<u64> {
        let state = self.state.lock();
        let first = state.cursors.values().map(|c| c.segment).min()?;
        let kept = state.kept.iter().map(|k| (k.segment.number, k.segment.oldest));
        let old = state.old.iter().map(|s| (s.number, s.oldest));
        let open = state.full.iter().chain(&state.current);
        kept.chain(old)
            .chain(open.map(|s| (s.number, s.oldest)))
            .filter(|(number, _)| *number >= first)
            .map(|(_, oldest)| oldest)
            .min()
            .or(Some(u64::MAX))
    }

    /// Gives a sealed segment the name under which no restart replays it.
    pub(super) fn keep(&self, mut segment: OldSegment) -> io::Result<Kept> {
        let path = self
            .folder()
            .join(filenames::wal_kept(segment.number, segment.id));
        self.disk.rename(&segment.path, &path)?;
        segment.path = path;
        Ok(Kept { segment, since: None })
    }

    /// Removes the kept segments that all cursors are behind.
    pub(crate) fn release(&self) -> Result<(), Error> {
        let gone: Vec<Kept> = {
            let mut state = self.state.lock();
            let State { kept, cursors, .. } = &mut *state;
            kept.extract_if(.., |k| cursors.values().all(|c| c.segment > k.segment.number))
                .collect()
        };
        self.remove_kept(gone)
    }

    /// Removes the segments that have been kept for longer than `age_ms`, then the oldest ones as long as more than
    /// `bytes` are kept: a reader that lags for so long has lost them. Returns how many were lost.
    pub(crate) fn expire_kept(&self, now_ms: i64, age_ms: i64, bytes: u64) -> Result<usize, Error> {
        self.release()?;
        let gone: Vec<Kept> = {
            let mut state = self.state.lock();
            let mut held: u64 = state.kept.iter().map(|k| k.segment.len).sum();
            let expired = |kept: &mut Kept| {
                let since = *kept.since.get_or_insert(now_ms);
                let old = now_ms.saturating_sub(since) >= age_ms || held > bytes;
                if old {
                    held = held.saturating_sub(kept.segment.len);
                }
                old
            };
            state.kept.extract_if(.., expired).collect()
        };
        let count = gone.len();
        self.remove_kept(gone)?;
        Ok(count)
    }

    fn remove_kept(&self, gone: Vec<Kept>) -> Result<(), Error> {
        let mut gone = gone.into_iter();
        while let Some(kept) = gone.next() {
            if let Err(error) = self.disk.remove(&kept.segment.path) {
                let error = Error::io("remove", &kept.segment.path, error);
                let mut state = self.state.lock();
                state.kept.push(kept);
                state.kept.extend(gone);
                state.kept.sort_by_key(|k| k.segment.number);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Bytes of kept segments.
    pub(super) fn kept_bytes(state: &State) -> u64 {
        state.kept.iter().map(|k| k.segment.len).sum()
    }
}
