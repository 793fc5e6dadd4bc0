//! A file of chunks, mapped and read in place: a sealed head segment, or the chunks of a block.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use narthex_format::header::FileKind;
use narthex_format::segment::{ChunkList, ChunksFile, Summary};
use narthex_format::wal::{self, Tombstone};
use narthex_model::TimeRange;
use roaring::RoaringBitmap;

use super::deleted::Deleted;
use super::piece::Piece;
use super::work::Work;
use crate::disk::{DamageList, Disk, Mapped};
use crate::error::Error;

self_cell::self_cell!(
    struct OpenFile {
        owner: Mapped,
        #[covariant]
        dependent: ChunksFile,
    }
);

static KEYS: AtomicU64 = AtomicU64::new(0);

/// A sealed segment, open.
pub(crate) struct Segment {
    pub(crate) number: u64,
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    file: OpenFile,
    summary: Summary,
    deleted: Deleted,
    /// Where damage is told.
    damages: Arc<DamageList>,
    /// Whether something in it could not be read: a segment is set aside then when it would be removed, and a block stays
    /// as it is.
    damaged: AtomicBool,
    /// Told apart from every other segment that this process has open.
    key: u64,
}

impl std::fmt::Debug for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Segment")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Segment {
    /// Maps a file of this kind and checks everything in it but the chunks. The number is that of a segment, 0 for a
    /// block; what is deleted from it is kept in the file `tombstones`.
    pub(super) fn open(
        (disk, damages): (&dyn Disk, &Arc<DamageList>),
        path: PathBuf,
        tombstones: PathBuf,
        number: u64,
        kind: &FileKind,
    ) -> Result<Self, Error> {
        let mapped = disk.map(&path).map_err(|e| Error::io("read", &path, e))?;
        let bytes = (*mapped).as_ref().len() as u64;
        let opened = OpenFile::try_new(mapped, |mapped| ChunksFile::open((**mapped).as_ref(), kind));
        let file = opened.map_err(|e| corrupt(&path, e))?;
        let summary = file.borrow_dependent().summary();
        let deleted = Deleted::new(tombstones, file.borrow_dependent().header());
        let key = KEYS.fetch_add(1, Ordering::Relaxed);
        Ok(Self {
            number,
            path,
            bytes,
            file,
            summary,
            deleted,
            damages: Arc::clone(damages),
            damaged: AtomicBool::new(false),
            key,
        })
    }

    /// What the file says about itself.
    pub(crate) const fn summary(&self) -> Summary {
        self.summary
    }

    /// Whether samples of any series may lie in the range.
    pub(crate) const fn overlaps(&self, range: TimeRange) -> bool {
        self.summary.time_min <= range.max && self.summary.time_max >= range.min
    }

    /// Whether something in it could not be read so far.
    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    /// Tells what could not be read.
    fn fault(&self, error: narthex_format::Error) -> Error {
        self.damaged.store(true, Ordering::Relaxed);
        self.tell(&self.path, error)
    }

    /// Tells what could not be read of a file that belongs to this one.
    pub(super) fn tell(&self, path: &std::path::Path, error: narthex_format::Error) -> Error {
        self.damages.tell(format!("{}: {error}", path.display()));
        corrupt(path, error)
    }

    /// Whether the segment has samples of a series.
    pub(crate) fn contains(&self, id: u32) -> Result<bool, Error> {
        let found = self.file.borrow_dependent().directory().contains(id);
        found.map_err(|e| self.fault(e))
    }

    /// One above the highest id of a series in the segment.
    pub(crate) fn next_id(&self) -> Result<usize, Error> {
        let next = self.file.borrow_dependent().directory().next_id();
        next.map(|next| next as usize).map_err(|e| self.fault(e))
    }

    /// Appends the times of a column.
    pub(super) fn column(&self, number: u32, times: &mut Vec<i64>) -> Result<(), Error> {
        let columns = self.file.borrow_dependent().columns();
        let read = Work::with(|work| work.read_column(&columns, number, times));
        read.map_err(|e| self.fault(e))
    }

    /// Adds the ids of all series in the segment.
    pub(crate) fn add_ids(&self, ids: &mut RoaringBitmap) -> Result<(), Error> {
        self.count_series(|id| ids.insert(id)).map(drop)
    }

    /// How many of the segment's series fulfil a condition on their ids.
    pub(crate) fn count_series(&self, mut which: impl FnMut(u32) -> bool) -> Result<usize, Error> {
        let mut count = 0;
        let counted = self
            .file
            .borrow_dependent()
            .directory()
            .for_each_id(|id| count += usize::from(which(id)));
        counted.map(|()| count).map_err(|e| self.fault(e))
    }

    /// Hands every exemplar to `each`, oldest first.
    pub(crate) fn exemplars(&self, each: impl FnMut(wal::Exemplar<'_>)) -> Result<(), Error> {
        let found = self.file.borrow_dependent().exemplars();
        found
            .map(|found| found.into_iter().for_each(each))
            .map_err(|e| self.fault(e))
    }

    /// Appends the samples of a series; chunks without samples in the range may be left out.
    pub(crate) fn read(&self, id: u32, range: TimeRange, piece: &mut Piece) -> Result<(), Error> {
        let mut list = ChunkList::default();
        Work::with(|work| {
            let mut place = 0;
            if self.find(id, (work, &mut place), &mut list)? {
                self.read_list((work, &mut place), (id, &list), range, piece)?;
            }
            Ok(())
        })
    }

    /// Where the chunks of a series are; false if it has none. `work` is what the thread keeps, and where of this file.
    pub(crate) fn find(
        &self,
        id: u32,
        (work, place): (&mut Work, &mut usize),
        list: &mut ChunkList,
    ) -> Result<bool, Error> {
        let directory = self.file.borrow_dependent().directory();
        let near = &mut work.last_read(self.key, place).neighbours;
        directory.find_into(id, near, list).map_err(|e| self.fault(e))
    }

    /// Told apart from every other file of chunks that this process has open.
    pub(crate) const fn key(&self) -> u64 {
        self.key
    }

    /// Whether a plan alone tells the times of all samples in the range; see [`Work::is_plain`].
    pub(crate) fn is_plain(
        &self,
        (work, place): (&mut Work, &mut usize),
        plan: u32,
        range: TimeRange,
    ) -> Result<bool, Error> {
        let file = (self.key, self.file.borrow_dependent());
        work.is_plain(file, place, plan, range).map_err(|e| self.fault(e))
    }

    /// Appends the samples of a list of chunks, which are those of a series, but for what has been deleted of it. A chunk
    /// that cannot be read is told, noted in the piece and left out; see [`Work::read_list`].
    pub(crate) fn read_list(
        &self,
        (work, place): (&mut Work, &mut usize),
        (series, list): (u32, &ChunkList),
        range: TimeRange,
        piece: &mut Piece,
    ) -> Result<(), Error> {
        let file = (self.key, self.file.borrow_dependent());
        let mark = piece.mark();
        let mut lost = Vec::new();
        let read = work.read_list(file, place, (list, range), piece, &mut lost);
        self.deleted.apply(series, piece, mark);
        piece.lost.extend(lost.into_iter().map(|e| self.fault(e)));
        read.map_err(|e| self.fault(e))
    }

    /// Whether something of a series has been deleted: then its chunks do not tell its samples.
    pub(crate) fn has_deleted(&self, series: u32) -> bool {
        self.deleted.has(series)
    }

    /// What was deleted from the file.
    pub(super) const fn deleted(&self) -> &Deleted {
        &self.deleted
    }

    /// Deletes ranges of series: when this returns they would survive a power loss.
    pub(crate) fn delete(&self, disk: &dyn Disk, ranges: Vec<Tombstone>) -> Result<(), Error> {
        if ranges.is_empty() {
            return Ok(());
        }
        self.deleted.add(disk, ranges)
    }

    /// Appends the floats of a list of chunks, the first `skip` left out; see [`Work::read_floats`].
    pub(crate) fn read_floats(
        &self,
        (work, place): (&mut Work, &mut usize),
        (list, range): (&ChunkList, TimeRange),
        skip: &mut usize,
        out: &mut Vec<f64>,
    ) -> Result<(), Error> {
        let file = (self.key, self.file.borrow_dependent());
        work.read_floats(file, place, (list, range), skip, out)
            .map_err(|e| self.fault(e))
    }
}

pub(super) fn corrupt(path: &std::path::Path, error: narthex_format::Error) -> Error {
    let (path, reason) = (path.to_owned(), error.to_string());
    match error {
        narthex_format::Error::Unsupported { .. } => Error::Unsupported { path, reason },
        narthex_format::Error::Truncated { offset, .. }
        | narthex_format::Error::Corrupt { offset, .. }
        | narthex_format::Error::Invalid { offset, .. } => Error::Corrupt { path, offset, reason },
    }
}
