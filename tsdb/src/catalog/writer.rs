//! Writing the catalog: new series at the end of a log, all series into a snapshot when the logs have become many or
//! many of their series have left. Every file is written twice: names are small, and losing them loses the samples.

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
use crate::disk::{Disk, DiskFile, with_suffix};
use crate::error::Error;

/// Files above which a snapshot takes their place.
const FILES_MAX: usize = 16;
/// Series in one frame of a snapshot.
const FRAME_SERIES: usize = 4_096;
/// Series that may have left before a snapshot forgets them.
const LEFT_MIN: u64 = 1_000;
/// Bytes of a snapshot gathered before they are written.
const WRITE: usize = 1 << 20;

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
    /// Whether a file is damaged or lacks its copy.
    weak: bool,
}

#[derive(Debug)]
struct LogFile {
    file: Twin,
    path: PathBuf,
    id: u64,
    len: u64,
}

/// A file and its copy.
#[derive(Debug)]
struct Twin([Arc<dyn DiskFile>; 2]);

impl Twin {
    fn create(disk: &dyn Disk, path: &Path) -> io::Result<Self> {
        let file = disk.create(path)?;
        match disk.create(&copy_of(path)) {
            Ok(copy) => Ok(Self([file, copy])),
            Err(error) => {
                let _ = disk.remove(path);
                Err(error)
            }
        }
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.0.iter().try_for_each(|file| file.append(bytes))
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.0.iter().try_for_each(|file| file.truncate(len))
    }

    fn sync(&self) -> io::Result<()> {
        self.0.iter().try_for_each(|file| file.sync())
    }
}

pub(super) fn copy_of(path: &Path) -> PathBuf {
    with_suffix(path, filenames::COPY_SUFFIX)
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
            weak: loaded.weak,
        };
        Self {
            disk,
            folder,
            state: Mutex::new(state),
        }
    }

    /// Which of `all` stand in no file yet.
    pub(crate) fn missing(&self, all: &RoaringBitmap) -> RoaringBitmap {
        all - &self.state.lock().ids
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
            state.files.extend([log.path.clone(), copy_of(&log.path)]);
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
                state.log = None;
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
            state.log = None;
        }
        result
    }

    /// Bytes of all files.
    pub(crate) fn bytes(&self) -> u64 {
        // What cannot be listed counts when it can.
        let files = self.disk.list(&self.folder).unwrap_or_default();
        files.iter().map(|file| file.len).sum()
    }

    /// Whether a snapshot would make the catalog of `live` series smaller, quicker to read, or safer.
    pub(crate) fn wants_snapshot(&self, live: u64) -> bool {
        let state = self.state.lock();
        let left = state.ids.len().saturating_sub(live);
        state.weak || state.files.len() > FILES_MAX || left > LEFT_MIN && left > live / 8
    }

    /// Puts a snapshot of these series in the place of all files. `names` hands the names of some of them to whom it is
    /// given: it is called for a part of the series at a time, so that nobody has to wait for all.
    pub(crate) fn snapshot(
        &self,
        series: &RoaringBitmap,
        end: (u32, u64),
        names: impl FnMut(&[u32], &mut dyn FnMut(SeriesTable<'_>)),
    ) -> Result<(), Error> {
        let mut state = self.state.lock();
        let generation = state.generation + 1;
        let id = RandomState::new().hash_one(generation);
        let path = self.folder.join(filenames::catalog_snapshot(generation, id));
        let written = self.write_snapshot((generation, id), &path, series, end, names);
        if let Err(error) = written {
            for path in [&path, &copy_of(&path)].map(|path| with_suffix(path, filenames::TEMPORARY_SUFFIX)) {
                let _ = self.disk.remove(&path);
            }
            return Err(Error::io("write", &path, error));
        }
        let old = std::mem::replace(&mut state.files, vec![copy_of(&path), path]);
        *state = State {
            log: None,
            ids: series.clone(),
            unsynced: Vec::new(),
            generation,
            files: std::mem::take(&mut state.files),
            weak: false,
        };
        for file in old {
            match self.disk.remove(&file) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(Error::io("remove", &file, e)),
                _ => {}
            }
        }
        Ok(())
    }

    fn write_snapshot(
        &self,
        (generation, id): (u64, u64),
        path: &Path,
        series: &RoaringBitmap,
        (next_id, commit): (u32, u64),
        mut names: impl FnMut(&[u32], &mut dyn FnMut(SeriesTable<'_>)),
    ) -> io::Result<()> {
        let invalid = |e| io::Error::new(io::ErrorKind::InvalidInput, e);
        let paths = [
            (path.to_owned(), with_suffix(path, filenames::TEMPORARY_SUFFIX)),
            (
                copy_of(path),
                with_suffix(&copy_of(path), filenames::TEMPORARY_SUFFIX),
            ),
        ];
        let files = paths.each_ref().map(|(_, temporary)| {
            // What an interrupted attempt left.
            let _ = self.disk.remove(temporary);
            self.disk.create(temporary)
        });
        let [file, copy] = files;
        let twin = Twin([file?, copy?]);
        let mut bytes = Vec::new();
        let mut writer = SnapshotWriter::new(generation, id, &mut bytes);
        let mut ids = series.iter().peekable();
        while ids.peek().is_some() {
            let part: Vec<u32> = ids.by_ref().take(FRAME_SERIES).collect();
            let mut result = Ok(());
            names(&part, &mut |table| {
                result = writer.push_table(table, &mut bytes);
            });
            result.map_err(invalid)?;
            if bytes.len() >= WRITE {
                twin.append(&bytes)?;
                bytes.clear();
            }
        }
        writer
            .finish(u64::from(next_id), commit, &mut bytes)
            .map_err(invalid)?;
        twin.append(&bytes)?;
        twin.sync()?;
        for (path, temporary) in &paths {
            self.disk.rename(temporary, path)?;
        }
        self.disk.sync_dir(&self.folder)
    }

    fn create_log(&self, generation: u64) -> io::Result<LogFile> {
        let id = RandomState::new().hash_one(generation);
        let path = self.folder.join(filenames::catalog_log(generation, id));
        let file = Twin::create(&*self.disk, &path)?;
        let header = LOG.encode(FileHeader {
            number: generation,
            id,
        });
        if let Err(error) = file.append(&header) {
            let _ = self.disk.remove(&path);
            let _ = self.disk.remove(&copy_of(&path));
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
