//! Reading the catalog when a store is opened: the newest whole snapshot and the logs since, or whatever is sound.

use std::path::{Path, PathBuf};

use narthex_format::catalog::{LOG, Record, read_snapshot};
use narthex_format::frame::{Frames, Step};
use narthex_format::{SeriesTable, filenames};
use roaring::RoaringBitmap;

use crate::disk::{Damage, Disk};
use crate::error::Error;

/// What was found in the catalog's folder.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// Series that stand in sound files.
    pub(crate) ids: RoaringBitmap,
    /// The highest generation of any file.
    pub(crate) generation: u64,
    pub(crate) files: Vec<PathBuf>,
    pub(crate) bytes: u64,
    pub(crate) damage: Vec<Damage>,
}

/// A file of the catalog.
struct CatalogFile {
    generation: u64,
    id: u64,
    snapshot: bool,
    path: PathBuf,
}

/// Hands every series of the catalog in `folder` to `each`; a series may come twice.
pub(crate) fn load(
    disk: &dyn Disk,
    folder: &Path,
    mut each: impl FnMut(&SeriesTable<'_>) -> Result<(), Error>,
) -> Result<Loaded, Error> {
    let entries = disk.list(folder).map_err(|e| Error::io("list", folder, e))?;
    let mut loaded = Loaded::default();
    let mut files = Vec::new();
    for entry in entries.iter().filter(|e| !e.is_dir) {
        let snapshot = filenames::parse_catalog_snapshot(&entry.name);
        if let Some((generation, id)) = snapshot.or_else(|| filenames::parse_catalog_log(&entry.name)) {
            let path = folder.join(&entry.name);
            loaded.generation = loaded.generation.max(generation);
            loaded.bytes += entry.len;
            loaded.files.push(path.clone());
            files.push(CatalogFile {
                generation,
                id,
                snapshot: snapshot.is_some(),
                path,
            });
        }
    }
    // A log belongs behind the snapshot of its generation.
    files.sort_by_key(|f| (f.generation, !f.snapshot));
    for file in &files {
        read(disk, file, &mut loaded, &mut each)?;
    }
    Ok(loaded)
}

fn read(
    disk: &dyn Disk,
    file: &CatalogFile,
    loaded: &mut Loaded,
    each: &mut impl FnMut(&SeriesTable<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let path = &file.path;
    let mapped = disk.map(path).map_err(|e| Error::io("read", path, e))?;
    let bytes: &[u8] = (*mapped).as_ref();
    let newer = |e: narthex_format::Error| Error::Unsupported {
        path: path.clone(),
        reason: e.to_string(),
    };
    let mut failure = None;
    let mut take = |table: &SeriesTable<'_>, ids: &mut RoaringBitmap| {
        ids.extend(table.iter().map(|(id, _)| id));
        failure = failure.take().or(each(table).err());
    };
    let mut damage = |length: u64, error: &narthex_format::Error| {
        loaded.damage.push(Damage {
            path: path.clone(),
            length,
            reason: error.to_string(),
        });
    };
    if file.snapshot {
        let summary = read_snapshot(bytes, file.id, |table| take(&table, &mut loaded.ids)).map_err(newer)?;
        summary.header.iter().for_each(|e| damage(0, e));
        summary.lost.iter().for_each(|l| damage(l.length, &l.error));
        return failure.map_or(Ok(()), Err);
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
                Ok(Record::Added(table)) => take(&table, &mut loaded.ids),
                Ok(Record::Removed(_) | Record::End(_)) => {}
                Err(error @ narthex_format::Error::Unsupported { .. }) => {
                    return Err(newer(error.at(offset)));
                }
                Err(error) => damage(payload.len() as u64, &error.at(offset)),
            },
        }
    }
    failure.map_or(Ok(()), Err)
}
