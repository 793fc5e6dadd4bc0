//! What was deleted from one file of chunks: ranges of time by series, kept beside it in a file of their own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use narthex_format::header::FileHeader;
use narthex_format::tombstones;
use narthex_format::wal::Tombstone;
use parking_lot::RwLock;

use super::piece::{Mark, Piece};
use crate::disk::{Damage, Disk, replace};
use crate::error::Error;

/// Deleted ranges: sorted by series, then time; those of one series do not touch.
#[derive(Debug, Default)]
pub(crate) struct Ranges(Vec<Tombstone>);

impl Ranges {
    /// These ranges, in any order.
    pub(crate) fn new(mut ranges: Vec<Tombstone>) -> Self {
        ranges.sort_unstable_by_key(|r| (r.id, r.from, r.to));
        let mut merged: Vec<Tombstone> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(last) if last.id == range.id && range.from <= last.to.saturating_add(1) => {
                    last.to = last.to.max(range.to);
                }
                _ => merged.push(range),
            }
        }
        Self(merged)
    }

    /// Those of one series.
    pub(crate) fn of(&self, series: u32) -> &[Tombstone] {
        let from = self.0.partition_point(|r| r.id < series);
        let rest = self.0.get(from..).unwrap_or_default();
        let count = rest.partition_point(|r| r.id == series);
        rest.get(..count).unwrap_or_default()
    }

    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }
}

/// What was deleted from a file of chunks. A reader takes the ranges as they are.
#[derive(Debug)]
pub(super) struct Deleted {
    path: PathBuf,
    header: FileHeader,
    ranges: RwLock<Arc<Ranges>>,
    /// Whether there are any: mostly there are none, and readers need no lock to see that.
    any: AtomicBool,
}

impl Deleted {
    /// Nothing yet; `header` is that of the file of chunks, `path` where ranges are kept.
    pub(super) fn new(path: PathBuf, header: FileHeader) -> Self {
        Self {
            path,
            header,
            ranges: RwLock::default(),
            any: AtomicBool::new(false),
        }
    }

    /// Reads what was deleted before. What cannot be read is told.
    pub(super) fn load(&self, disk: &dyn Disk) -> Result<Vec<Damage>, Error> {
        let path = &self.path;
        let file = match disk.read(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::io("read", path, error)),
        };
        let damage = |length: u64, reason: String| Damage {
            path: path.clone(),
            length,
            reason,
        };
        let found = match tombstones::decode(&file, self.header.id) {
            Ok(found) => found,
            Err(error @ narthex_format::Error::Unsupported { .. }) => {
                let (path, reason) = (path.clone(), error.to_string());
                return Err(Error::Unsupported { path, reason });
            }
            Err(error) => return Ok(vec![damage(file.len() as u64, error.to_string())]),
        };
        let mut told: Vec<Damage> = found.header.iter().map(|e| damage(0, e.to_string())).collect();
        told.extend(found.lost.iter().map(|l| damage(l.length, l.error.to_string())));
        if !found.complete && told.is_empty() {
            let reason = format!(
                "tombstones file is truncated at byte {}: its end is missing",
                file.len()
            );
            told.push(damage(0, reason));
        }
        self.set(Ranges::new(found.ranges));
        Ok(told)
    }

    /// Adds ranges. When this returns they would survive a power loss.
    pub(super) fn add(&self, disk: &dyn Disk, more: Vec<Tombstone>) -> Result<(), Error> {
        let before = Arc::clone(&self.ranges.read());
        let mut all = before.0.clone();
        all.extend(more);
        let all = Ranges::new(all);
        if all.0 == before.0 {
            return Ok(());
        }
        self.write(disk, &all)
            .map_err(|e| Error::io("write", &self.path, e))?;
        self.set(all);
        Ok(())
    }

    fn set(&self, ranges: Ranges) {
        let any = ranges.len() > 0;
        *self.ranges.write() = Arc::new(ranges);
        self.any.store(any, Ordering::Release);
    }

    fn write(&self, disk: &dyn Disk, ranges: &Ranges) -> std::io::Result<()> {
        let invalid = |e| std::io::Error::new(std::io::ErrorKind::InvalidInput, e);
        let bytes = tombstones::encode(self.header, &ranges.0).map_err(invalid)?;
        replace(disk, &self.path, &bytes)
    }

    /// How many ranges there are.
    pub(super) fn count(&self) -> usize {
        self.ranges.read().len()
    }

    /// Whether something of a series was deleted.
    pub(super) fn has(&self, series: u32) -> bool {
        self.any.load(Ordering::Acquire) && !self.ranges.read().of(series).is_empty()
    }

    /// Takes what was deleted of a series out of a piece, as far as it was added behind a mark.
    pub(super) fn apply(&self, series: u32, piece: &mut Piece, behind: Mark) {
        if self.any.load(Ordering::Acquire) {
            piece.remove(behind, self.ranges.read().of(series));
        }
    }

    /// Where the ranges are kept.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_join_and_are_found_by_series() {
        let range = |id, from, to| Tombstone { id, from, to };
        let ranges = Ranges::new(vec![
            range(7, 5, 9),
            range(3, 0, 1),
            range(7, 10, 12),
            range(7, 20, i64::MAX),
            range(7, 6, 7),
            range(7, 30, 40),
            range(9, i64::MIN, i64::MIN),
        ]);
        assert_eq!(ranges.of(7), [range(7, 5, 12), range(7, 20, i64::MAX)]);
        assert_eq!(ranges.of(3), [range(3, 0, 1)]);
        assert_eq!((ranges.of(4).len(), ranges.of(9).len(), ranges.len()), (0, 1, 4));
    }
}
