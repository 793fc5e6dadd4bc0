//! Writing the catalog: new series at the end of a log, all series into a snapshot when the logs have become many.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use narthex_format::catalog::{LOG, Record, SnapshotWriter, write_record};
use narthex_format::header::FileHeader;
use narthex_format::{SeriesTable, filenames};
use parking_lot::Mutex;
use roaring::RoaringBitmap;

use super::load::Loaded;
use crate::disk::{Disk, DiskFile};
use crate::error::Error;

/// Files above which a snapshot takes their place.
const FILES_MAX: usize = 8;

/// The catalog of an open store.
#[derive(Debug)]
pub(crate) struct Catalog {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    log: Option<LogFile>,
    /// Series that stand in files.
    ids: RoaringBitmap,
    /// Those of them that a power loss could take.
    unsynced: Vec<u32>,
    generation: u64,
    files: Vec<PathBuf>,
    /// Bytes of files other than `log`.
    bytes: u64,
}

#[derive(Debug)]
struct LogFile {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    id: u64,
    len: u64,
}

impl Catalog {
    /// Goes on after what was loaded from `folder`.
    pub(crate) fn new(disk: Arc<dyn Disk>, folder: PathBuf, loaded: Loaded) -> Self {
        let state = State {
            log: None,
            ids: loaded.ids,
            unsynced: Vec::new(),
            generation: loaded.generation,
            files: loaded.files,
            bytes: loaded.bytes,
        };
        Self {
            disk,
            folder,
            state: Mutex::new(state),
        }
    }

    /// Which of `all` stand in no file yet.
    pub(crate) fn missing(&self, all: &RoaringBitmap) -> RoaringBitmap {
        let state = self.state.lock();
        if state.ids.len() == all.len() {
            RoaringBitmap::new()
        } else {
            all - &state.ids
        }
    }

    /// Writes series at the end of the log.
    pub(crate) fn add(&self, series: SeriesTable<'_>) -> Result<(), Error> {
        let mut state = self.state.lock();
        let ids: Vec<u32> = series.iter().map(|(id, _)| id).collect();
        if state.log.is_none() {
            let log = self
                .create_log(state.generation + 1)
                .map_err(|e| Error::io("create a log in", &self.folder, e))?;
            state.generation += 1;
            state.files.push(log.path.clone());
            state.log = Some(log);
        }
        let Some(log) = &mut state.log else {
            return Ok(());
        };
        let mut frame = Vec::new();
        let written = write_record(&mut frame, log.id, log.len, &Record::Added(series))
            .map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))
            .and_then(|()| log.file.append(&frame));
        if let Err(error) = written {
            let error = Error::io("write to", &log.path, error);
            if log.file.truncate(log.len).is_err() {
                state.retire();
            }
            return Err(error);
        }
        log.len += frame.len() as u64;
        state.ids.extend(ids.iter().copied());
        state.unsynced.extend(ids);
        Ok(())
    }

    /// Returns once all series added would survive a power loss.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        let mut state = self.state.lock();
        if state.unsynced.is_empty() {
            return Ok(());
        }
        let result = match &state.log {
            Some(log) => log.file.sync().map_err(|e| Error::io("sync", &log.path, e)),
            None => Ok(()),
        };
        let result = result.and_then(|()| {
            self.disk
                .sync_dir(&self.folder)
                .map_err(|e| Error::io("sync", &self.folder, e))
        });
        let unsynced = std::mem::take(&mut state.unsynced);
        if result.is_err() {
            // What the operating system lost it may never write: another file gets the same series.
            for id in unsynced {
                state.ids.remove(id);
            }
            state.retire();
        }
        result
    }

    /// Whether a snapshot would make the catalog smaller and quicker to read.
    pub(crate) fn wants_snapshot(&self) -> bool {
        self.state.lock().files.len() > FILES_MAX
    }

    /// Puts a snapshot of all series in the place of all files; `write` hands every series to the writer.
    pub(crate) fn snapshot<'a>(
        &self,
        mut series: impl Iterator<Item = (u32, Vec<(&'a str, &'a str)>)>,
        next_id: u32,
        commit: u64,
    ) -> Result<(), Error> {
        let mut state = self.state.lock();
        let generation = state.generation + 1;
        let id = RandomState::new().hash_one(generation);
        let path = self.folder.join(filenames::catalog_snapshot(generation, id));
        let temporary = path.with_extension(filenames::TEMPORARY_SUFFIX.trim_start_matches('.'));
        let mut ids = RoaringBitmap::new();
        let mut bytes = Vec::new();
        let mut writer = SnapshotWriter::new(generation, id, &mut bytes);
        let written = series
            .try_for_each(|(id, pairs)| {
                ids.insert(id);
                writer.push(id, pairs, &mut bytes)
            })
            .and_then(|()| writer.finish(u64::from(next_id), commit, &mut bytes))
            .map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e));
        let placed = written.and_then(|()| self.place(&temporary, &path, &bytes));
        if let Err(error) = placed {
            let _ = self.disk.remove(&temporary);
            return Err(Error::io("write", &path, error));
        }
        let old = std::mem::replace(&mut state.files, vec![path]);
        *state = State {
            log: None,
            ids,
            unsynced: Vec::new(),
            generation,
            files: std::mem::take(&mut state.files),
            bytes: bytes.len() as u64,
        };
        for file in old {
            self.disk
                .remove(&file)
                .map_err(|e| Error::io("remove", &file, e))?;
        }
        Ok(())
    }

    fn place(&self, temporary: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
        // What an interrupted attempt left.
        let _ = self.disk.remove(temporary);
        let file = self.disk.create(temporary)?;
        file.append(bytes)?;
        file.sync()?;
        self.disk.rename(temporary, path)?;
        self.disk.sync_dir(&self.folder)
    }

    fn create_log(&self, generation: u64) -> io::Result<LogFile> {
        let id = RandomState::new().hash_one(generation);
        let path = self.folder.join(filenames::catalog_log(generation, id));
        let file = self.disk.create(&path)?;
        let header = LOG.encode(FileHeader {
            number: generation,
            id,
        });
        if let Err(error) = file.append(&header) {
            let _ = self.disk.remove(&path);
            return Err(error);
        }
        Ok(LogFile {
            file,
            path,
            id,
            len: header.len() as u64,
        })
    }
}

impl State {
    fn retire(&mut self) {
        self.bytes += self.log.take().map_or(0, |l| l.len);
    }
}
