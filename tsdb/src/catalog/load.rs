//! Reading the catalog when a store is opened: the newest whole snapshot and the logs since, or whatever is sound.

use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::thread;

use narthex_format::catalog::{LOG, Record, read_snapshot};
use narthex_format::frame::{Frames, Step};
use narthex_format::{SeriesTable, filenames};
use roaring::RoaringBitmap;

use super::writer::copy_of;
use crate::disk::{Damage, Disk};
use crate::error::Error;
use crate::postings::Runs;

/// Frames unpacked and not dealt with yet.
const AHEAD: usize = 4;

/// What was found in the catalog's folder.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// Series that stand in sound files.
    pub(crate) ids: RoaringBitmap,
    /// The highest generation of any file.
    pub(crate) generation: u64,
    pub(crate) files: Vec<PathBuf>,
    /// Whether a file is damaged or lacks its copy.
    pub(crate) weak: bool,
    /// The lowest id that was never given to a series, as far as the files know.
    pub(crate) next_id: u32,
    pub(crate) damage: Vec<Damage>,
}

/// A file of the catalog.
struct CatalogFile {
    generation: u64,
    id: u64,
    snapshot: bool,
    path: PathBuf,
    /// Bytes of the file itself and of its copy, where they are there.
    found: [Option<u64>; 2],
}

/// Hands every series of the catalog in `folder` to `each`; a series may come twice.
pub(crate) fn load(
    disk: &dyn Disk,
    folder: &Path,
    mut each: impl FnMut(&SeriesTable<'_>) -> Result<(), Error>,
) -> Result<Loaded, Error> {
    let entries = disk.list(folder).map_err(|e| Error::io("list", folder, e))?;
    let mut loaded = Loaded::default();
    let mut files: Vec<CatalogFile> = Vec::new();
    for entry in entries.iter().filter(|e| !e.is_dir) {
        let original = entry.name.strip_suffix(filenames::COPY_SUFFIX);
        let name = original.unwrap_or(&entry.name);
        let snapshot = filenames::parse_catalog_snapshot(name);
        let Some((generation, id)) = snapshot.or_else(|| filenames::parse_catalog_log(name)) else {
            continue;
        };
        loaded.generation = loaded.generation.max(generation);
        loaded.files.push(folder.join(&entry.name));
        let path = folder.join(name);
        let at = files.iter().position(|f| f.path == path).unwrap_or_else(|| {
            files.push(CatalogFile {
                generation,
                id,
                snapshot: snapshot.is_some(),
                path,
                found: [None; 2],
            });
            files.len() - 1
        });
        files[at].found[usize::from(original.is_some())] = Some(entry.len);
    }
    // A log belongs behind the snapshot of its generation.
    files.sort_by_key(|f| (f.generation, !f.snapshot));
    for file in &files {
        let before = loaded.damage.len();
        let [itself, copy] = file.found;
        if itself.is_some() {
            read(disk, file, &file.path, &mut loaded, &mut each)?;
        } else {
            loaded.damage.push(Damage {
                path: file.path.clone(),
                length: 0,
                reason: "the file is missing, but not its copy".to_owned(),
            });
        }
        // Either may have been cut by a crash between two writes, which costs nothing.
        loaded.weak |= itself != copy || loaded.damage.len() > before;
        if copy > itself || copy.is_some() && loaded.damage.len() > before {
            read(disk, file, &copy_of(&file.path), &mut loaded, &mut each)?;
        }
    }
    Ok(loaded)
}

/// Hands the series of one file to `each`. Checking and unpacking go ahead on another thread.
fn read(
    disk: &dyn Disk,
    file: &CatalogFile,
    path: &Path,
    loaded: &mut Loaded,
    each: &mut impl FnMut(&SeriesTable<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mapped = disk.map(path).map_err(|e| Error::io("read", path, e))?;
    let bytes: &[u8] = (*mapped).as_ref();
    thread::scope(|scope| {
        let (sender, tables) = sync_channel(AHEAD);
        let unpacking = scope.spawn(move || {
            // Nobody listens after a failure, which is what is reported then.
            unpack(file, path, bytes, loaded, |table| drop(sender.send(table)))
        });
        let done = tables.iter().try_for_each(|table| each(&table));
        drop(tables);
        let unpacked = unpacking.join().unwrap_or_else(|panic| resume_unwind(panic));
        done.and(unpacked)
    })
}

fn unpack<'f>(
    file: &CatalogFile,
    path: &Path,
    bytes: &'f [u8],
    loaded: &mut Loaded,
    each: impl Fn(SeriesTable<'f>),
) -> Result<(), Error> {
    let newer = |e: narthex_format::Error| Error::Unsupported {
        path: path.to_owned(),
        reason: e.to_string(),
    };
    let take = |table: SeriesTable<'f>, ids: &mut RoaringBitmap| {
        let mut runs = Runs::default();
        table.iter().for_each(|(id, _)| runs.push(id));
        runs.drain_into(ids);
        each(table);
    };
    let mut damage = |length: u64, error: &narthex_format::Error| {
        loaded.damage.push(Damage {
            path: path.to_owned(),
            length,
            reason: error.to_string(),
        });
    };
    if file.snapshot {
        let summary = read_snapshot(bytes, file.id, |table| take(table, &mut loaded.ids)).map_err(newer)?;
        summary.header.iter().for_each(|e| damage(0, e));
        summary.lost.iter().for_each(|l| damage(l.length, &l.error));
        if summary.lost.is_empty() && !summary.is_complete() {
            let text = "the end of the snapshot is missing";
            loaded.damage.push(Damage {
                path: path.to_owned(),
                length: 0,
                reason: text.to_owned(),
            });
        }
        let next = summary.end.map_or(0, |end| end.next_id);
        loaded.next_id = loaded.next_id.max(u32::try_from(next).unwrap_or(0));
        return Ok(());
    }
    match LOG.decode(bytes) {
        Ok(_) => {}
        Err(error @ narthex_format::Error::Unsupported { .. }) => return Err(newer(error)),
        Err(error) => damage(0, &error),
    }
    for step in Frames::new(bytes, file.id) {
        match step {
            Step::Lost(lost) => damage(lost.length, &lost.error),
            Step::Frame { offset, payload } => match Record::decode(payload) {
                Ok(Record::Added(table)) => take(table, &mut loaded.ids),
                Ok(Record::Removed(_) | Record::End(_)) => {}
                Err(error @ narthex_format::Error::Unsupported { .. }) => {
                    return Err(newer(error.at(offset)));
                }
                Err(error) => damage(payload.len() as u64, &error.at(offset)),
            },
        }
    }
    Ok(())
}
