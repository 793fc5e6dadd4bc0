//! Reading the log again: records in order, damage stepped over and reported.

use std::path::{Path, PathBuf};

use narthex_format::filenames;
use narthex_format::wal::{Frames, SegmentHeader, Step};

use crate::disk::{Damage, Disk};
use crate::error::Error;

/// A segment found on disk.
#[derive(Debug, Clone)]
pub(crate) struct SegmentFile {
    pub(crate) number: u64,
    pub(crate) id: u64,
    pub(crate) path: PathBuf,
    pub(crate) len: u64,
}

/// The segments in a folder, by number; files with other names are left alone.
pub(crate) fn segments(disk: &dyn Disk, folder: &Path) -> Result<Vec<SegmentFile>, Error> {
    let entries = disk.list(folder).map_err(|e| Error::io("list", folder, e))?;
    let mut found: Vec<_> = entries
        .into_iter()
        .filter(|e| !e.is_dir)
        .filter_map(|e| {
            let (number, id) = filenames::parse_wal_segment(&e.name)?;
            Some(SegmentFile {
                number,
                id,
                path: folder.join(&e.name),
                len: e.len,
            })
        })
        .collect();
    found.sort_by_key(|s| s.number);
    Ok(found)
}

/// Hands every sound record of a segment to `record` with its offset, and everything else to `damage`.
pub(crate) fn read_segment(
    disk: &dyn Disk,
    segment: &SegmentFile,
    mut record: impl FnMut(u64, &[u8]) -> Result<(), narthex_format::Error>,
    mut damage: impl FnMut(Damage),
) -> Result<(), Error> {
    let path = &segment.path;
    let mapped = disk.map(path).map_err(|e| Error::io("read", path, e))?;
    let bytes: &[u8] = (*mapped).as_ref();
    let mut report = |length: u64, error: &narthex_format::Error| {
        damage(Damage {
            path: path.clone(),
            length,
            reason: error.to_string(),
        });
    };
    match SegmentHeader::decode(bytes) {
        Ok(_) => {}
        Err(error @ narthex_format::Error::Unsupported { .. }) => {
            return Err(Error::Unsupported {
                path: path.clone(),
                reason: error.to_string(),
            });
        }
        // The name carries the id too, so frames are found without the header.
        Err(error) => report(0, &error),
    }
    for step in Frames::new(bytes, segment.id) {
        match step {
            Step::Frame { offset, payload } => {
                if let Err(error) = record(offset, payload) {
                    if let narthex_format::Error::Unsupported { .. } = error {
                        return Err(Error::Unsupported {
                            path: path.clone(),
                            reason: error.at(offset).to_string(),
                        });
                    }
                    report(payload.len() as u64, &error.at(offset));
                }
            }
            Step::Lost(lost) => report(lost.length, &lost.error),
        }
    }
    Ok(())
}
