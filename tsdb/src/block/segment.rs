//! A file of chunks, mapped and read in place: a sealed head segment, or the chunks of a block.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use narthex_format::header::FileKind;
use narthex_format::segment::{
    ChunkDecoder, ChunkKind, ChunkList, ChunkShape, ChunkTimes, ChunksFile, GroupCache, Summary,
};
use narthex_model::TimeRange;
use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use super::piece::Piece;
use crate::disk::{Disk, Mapped};
use crate::error::Error;
use crate::histograms::{from_float, from_integer};

self_cell::self_cell!(
    struct OpenFile {
        owner: Mapped,
        #[covariant]
        dependent: ChunksFile,
    }
);

/// Groups of chunks kept unpacked per thread.
const CACHED: usize = 32;

static KEYS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static WORK: RefCell<Work> = RefCell::default();
}

/// What a thread keeps from chunk to chunk.
#[derive(Default)]
struct Work {
    decoder: ChunkDecoder,
    /// What was read last of each segment.
    read: FxHashMap<u64, LastRead>,
}

/// What neighbouring series share.
#[derive(Default)]
struct LastRead {
    group: GroupCache,
    /// Times of the column read last, with its number.
    column: Option<(u32, Vec<i64>)>,
}

/// A sealed segment, open.
pub(crate) struct Segment {
    pub(crate) number: u64,
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    file: OpenFile,
    summary: Summary,
    /// Whether something in it could not be read when it was cut: it is set aside then, not removed.
    pub(crate) damaged: AtomicBool,
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
    /// block.
    pub(crate) fn open(disk: &dyn Disk, path: PathBuf, number: u64, kind: &FileKind) -> Result<Self, Error> {
        let mapped = disk.map(&path).map_err(|e| Error::io("read", &path, e))?;
        let bytes = (*mapped).as_ref().len() as u64;
        let opened = OpenFile::try_new(mapped, |mapped| ChunksFile::open((**mapped).as_ref(), kind));
        let file = opened.map_err(|e| corrupt(&path, e))?;
        let summary = file.borrow_dependent().summary();
        let key = KEYS.fetch_add(1, Ordering::Relaxed);
        Ok(Self {
            number,
            path,
            bytes,
            file,
            summary,
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

    /// Whether the segment has samples of a series.
    pub(crate) fn contains(&self, id: u32) -> Result<bool, Error> {
        let found = self.file.borrow_dependent().directory().find(id);
        Ok(found.map_err(|e| corrupt(&self.path, e))?.is_some())
    }

    /// One above the highest id of a series in the segment.
    pub(crate) fn next_id(&self) -> Result<usize, Error> {
        let next = self.file.borrow_dependent().directory().next_id();
        next.map(|next| next as usize).map_err(|e| corrupt(&self.path, e))
    }

    /// Told apart from every other file of chunks that this process has open.
    pub(super) const fn key(&self) -> u64 {
        self.key
    }

    /// Appends the times of a column.
    pub(super) fn column(&self, number: u32, times: &mut Vec<i64>) -> Result<(), Error> {
        let columns = self.file.borrow_dependent().columns();
        let read = WORK.with_borrow_mut(|work| columns.read(number, &mut work.decoder.times, times));
        read.map_err(|e| corrupt(&self.path, e))
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
            .for_each(|id, _| count += usize::from(which(id)));
        counted.map(|()| count).map_err(|e| corrupt(&self.path, e))
    }

    /// Appends the samples of a series.
    pub(crate) fn read(&self, id: u32, piece: &mut Piece) -> Result<(), Error> {
        self.read_chunks(id, piece).map_err(|e| corrupt(&self.path, e))
    }

    fn read_chunks(&self, id: u32, piece: &mut Piece) -> narthex_format::Result<()> {
        let file = self.file.borrow_dependent();
        match file.directory().find(id)? {
            Some(list) => self.read_list(&list, piece),
            None => Ok(()),
        }
    }

    /// Appends the samples of a list of chunks.
    pub(super) fn read_list(&self, list: &ChunkList, piece: &mut Piece) -> narthex_format::Result<()> {
        let file = self.file.borrow_dependent();
        WORK.with_borrow_mut(|work| {
            if work.read.len() > CACHED && !work.read.contains_key(&self.key) {
                work.read.clear();
            }
            let cache = work.read.entry(self.key).or_default();
            for place in file.chunks(list)? {
                if let ChunkTimes::Shared { column, .. } = place.2.times {
                    piece.note_column((self.key, column));
                }
                read_chunk(file, place, cache, &mut work.decoder, piece)?;
            }
            Ok(())
        })
    }
}

fn read_chunk(
    file: &ChunksFile<'_>,
    place: (u64, u32, ChunkShape),
    cache: &mut LastRead,
    decoder: &mut ChunkDecoder,
    piece: &mut Piece,
) -> narthex_format::Result<()> {
    let shape = place.2;
    let LastRead { group, column } = cache;
    let chunk = file.chunk(place, group)?;
    let from = piece.times.len();
    let times = match shape.times {
        ChunkTimes::Own => &[],
        ChunkTimes::Shared { column: number, .. } => read_column(file, number, column, decoder)?,
    };
    chunk.times(times, decoder, &mut piece.times)?;
    if shape.starts {
        let mut starts = Vec::new();
        chunk.starts(decoder, &mut starts)?;
        let times = piece.times.get(from..).unwrap_or(&[]);
        piece
            .starts
            .extend(times.iter().zip(starts).map(|(t, s)| (*t, s.unwrap_or(0))));
    }
    match shape.kind {
        ChunkKind::Float => chunk.floats(decoder, &mut piece.values)?,
        ChunkKind::Histogram => {
            let mut found = Vec::new();
            chunk.histograms(decoder, &mut found)?;
            let times = piece.times.drain(from..);
            piece.histograms.extend(times.zip(found.iter().map(from_integer)));
        }
        ChunkKind::FloatHistogram => {
            let mut found = Vec::new();
            chunk.float_histograms(decoder, &mut found)?;
            let times = piece.times.drain(from..);
            piece.histograms.extend(times.zip(found.iter().map(from_float)));
        }
    }
    // Floats that came late lie in chunks with times of their own, before others that are newer: `fill` sorts them.
    debug_assert!(shape.kind != ChunkKind::Float || piece.times.len() == piece.values.len());
    Ok(())
}

/// The times of a column: those read last, or read now.
fn read_column<'c>(
    file: &ChunksFile<'_>,
    number: u32,
    last: &'c mut Option<(u32, Vec<i64>)>,
    decoder: &mut ChunkDecoder,
) -> narthex_format::Result<&'c [i64]> {
    let mut times = match last.take() {
        Some((known, times)) if known == number => return Ok(&last.insert((known, times)).1),
        Some((_, times)) => times,
        None => Vec::new(),
    };
    times.clear();
    file.columns().read(number, &mut decoder.times, &mut times)?;
    Ok(&last.insert((number, times)).1)
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
