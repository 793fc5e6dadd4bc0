//! Writing a block: series in label order, with all their samples, into files under a temporary name.

use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use narthex_format::block::{BlockCompaction, BlockFile, BlockMeta, BlockStats, meta};
use narthex_format::filenames;
use narthex_format::header::FileHeader;
use narthex_format::index::IndexWriter;
use narthex_format::segment::{CHUNKS, ChunksWriter, DirectoryWriter, Summary};
use narthex_model::{Labels, SampleBuffer};

use super::columns::{ColumnRef, Columns};
use super::parts::cut;
use super::segment::Segment;
use super::span::Span;
use crate::disk::{Disk, DiskFile};
use crate::error::Error;

/// Bytes gathered before they are written.
const WRITE: usize = 1 << 20;

/// Where a block's samples come from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origin {
    /// The first millisecond.
    pub(crate) start: i64,
    /// The first millisecond after the block.
    pub(crate) end: i64,
    /// Numbers of the oldest and the newest segment in it.
    pub(crate) segments: (u64, u64),
    /// The last commit in it.
    pub(crate) commit: u64,
    /// How often its samples were compacted, if it is made of other blocks: above 1.
    pub(crate) level: u32,
    /// The level-1 blocks in it; none for a block that is one itself.
    pub(crate) sources: Vec<String>,
    /// The blocks that it is made of.
    pub(crate) parents: Vec<String>,
    /// Which samples of segments are in these.
    pub(crate) spans: Vec<Span>,
}

/// A block being written.
pub(crate) struct BlockWriter<'d> {
    disk: &'d dyn Disk,
    temporary: PathBuf,
    path: PathBuf,
    ulid: String,
    origin: Origin,
    file: Arc<dyn DiskFile>,
    out: Vec<u8>,
    written: u64,
    chunks: ChunksWriter,
    index: IndexWriter,
    columns: Columns,
    times: (i64, i64),
    stats: BlockStats,
}

fn invalid(error: narthex_format::Error) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidInput, error)
}

impl<'d> BlockWriter<'d> {
    /// A block that `write` fills, in the folder of blocks; a failure leaves nothing. `None` if nothing was written.
    pub(crate) fn whole(
        disk: &'d dyn Disk,
        folder: &Path,
        origin: Origin,
        write: impl FnOnce(&mut Self) -> Result<(), Error>,
    ) -> Result<Option<PathBuf>, Error> {
        let mut writer = Self::new(disk, folder, origin)?;
        if let Err(error) = write(&mut writer) {
            writer.abandon();
            return Err(error);
        }
        writer.finish()
    }

    /// Begins a block in the folder of blocks.
    pub(crate) fn new(disk: &'d dyn Disk, folder: &Path, origin: Origin) -> Result<Self, Error> {
        let ulid = ulid(origin.end);
        let path = folder.join(&ulid);
        let temporary = folder.join(format!("{ulid}{}", filenames::TEMPORARY_SUFFIX));
        let chunks_path = temporary.join(filenames::BLOCK_CHUNKS);
        let failed = |e| Error::io("write to", &chunks_path, e);
        disk.create_dir_all(&temporary).map_err(failed)?;
        let file = disk.create(&chunks_path).map_err(failed)?;
        let mut out = Vec::new();
        let header = FileHeader {
            number: 0,
            id: random(0),
        };
        let chunks = ChunksWriter::new(&CHUNKS, header, &mut out).map_err(|e| failed(invalid(e)))?;
        Ok(Self {
            disk,
            temporary,
            path,
            ulid,
            origin,
            file,
            out,
            written: 0,
            chunks,
            index: IndexWriter::default(),
            columns: Columns::default(),
            times: (i64::MAX, i64::MIN),
            stats: BlockStats::default(),
        })
    }

    /// Adds a series with all its samples; none are no series. `columns` of `files` are where their times come from.
    pub(crate) fn series(
        &mut self,
        labels: &Labels,
        samples: &SampleBuffer,
        columns: &[ColumnRef],
        files: &[&Segment],
    ) -> Result<(), Error> {
        if samples.times().is_empty() {
            return Ok(());
        }
        let parts = cut(samples);
        let range = (self.origin.start, self.origin.end);
        let places = self
            .columns
            .places(&parts, columns, files, range, &mut self.chunks)?;
        let inputs: Vec<_> = parts.iter().zip(&places).map(|(p, at)| p.input(at)).collect();
        let list = self.chunks.series(&inputs, &mut self.out);
        let pushed = list.and_then(|list| self.index.push(labels.iter(), list));
        pushed.map_err(|e| self.failed(invalid(e)))?;
        self.note(samples);
        if self.out.len() >= WRITE {
            self.flush().map_err(|e| self.failed(e))?;
        }
        Ok(())
    }

    fn failed(&self, error: std::io::Error) -> Error {
        Error::io("write to", &self.temporary, error)
    }

    fn note(&mut self, samples: &SampleBuffer) {
        let times = samples.times();
        if let (Some(first), Some(last)) = (times.first(), times.last()) {
            self.times = (self.times.0.min(*first), self.times.1.max(*last));
        }
        let histograms = samples.histograms().len() as u64;
        self.stats.num_histogram_samples += histograms;
        self.stats.num_float_samples += times.len() as u64 - histograms;
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.append(&self.out)?;
        self.written += self.out.len() as u64;
        self.out.clear();
        Ok(())
    }

    /// Gives the block its name once everything in it would survive a power loss; `None` if it has no samples. When
    /// it fails, nothing of the block is left but perhaps a folder with a temporary name.
    pub(crate) fn finish(self) -> Result<Option<PathBuf>, Error> {
        let (disk, temporary) = (self.disk, self.temporary.clone());
        let result = self.place();
        if !matches!(result, Ok(Some(_))) {
            let _ = disk.remove_dir_all(&temporary);
        }
        result.map_err(|e| Error::io("write to", &temporary, e))
    }

    /// Removes what has been written.
    pub(crate) fn abandon(self) {
        let _ = self.disk.remove_dir_all(&self.temporary);
    }

    fn place(mut self) -> std::io::Result<Option<PathBuf>> {
        if self.times.0 > self.times.1 {
            return Ok(None);
        }
        self.flush()?;
        let Self {
            origin,
            mut out,
            mut stats,
            ..
        } = self;
        let summary = Summary {
            time_min: self.times.0,
            time_max: self.times.1,
            commit: origin.commit,
            log_segment: origin.segments.1,
            log_offset: origin.segments.0,
            ..Summary::default()
        };
        let summary = self
            .chunks
            .finish(summary, DirectoryWriter::default(), &[], &[], &mut out)
            .map_err(invalid)?;
        self.file.append(&out)?;
        self.file.sync()?;
        let chunks = self.written + out.len() as u64;
        out.clear();
        self.index.finish(random(1), &mut out).map_err(invalid)?;
        write(self.disk, &self.temporary.join(filenames::BLOCK_INDEX), &out)?;
        (stats.num_series, stats.num_chunks) = (summary.series, summary.chunks);
        stats.num_samples = summary.samples;
        let file = |name: &str, bytes| BlockFile {
            name: name.to_owned(),
            bytes,
        };
        let meta = BlockMeta {
            format: meta::FORMAT.to_owned(),
            version: meta::VERSION,
            ulid: self.ulid.clone(),
            min_time: origin.start,
            max_time: origin.end,
            stats,
            compaction: compaction(origin, self.ulid),
            files: vec![
                file(filenames::BLOCK_INDEX, out.len() as u64),
                file(filenames::BLOCK_CHUNKS, chunks),
            ],
        };
        let meta = meta.encode().map_err(invalid)?;
        write(self.disk, &self.temporary.join(filenames::BLOCK_META), &meta)?;
        self.disk.sync_dir(&self.temporary)?;
        self.disk.rename(&self.temporary, &self.path)?;
        if let Some(folder) = self.path.parent() {
            self.disk.sync_dir(folder)?;
        }
        Ok(Some(self.path))
    }
}

fn compaction(origin: Origin, ulid: String) -> BlockCompaction {
    let sources = match origin.sources {
        none if none.is_empty() => vec![ulid],
        sources => sources,
    };
    BlockCompaction {
        level: origin.level.max(1),
        sources,
        parents: origin.parents,
        segments: origin.spans.into_iter().map(Into::into).collect(),
    }
}

fn write(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let file = disk.create(path)?;
    file.append(bytes)?;
    file.sync()
}

fn random(salt: u64) -> u64 {
    RandomState::new().hash_one(salt)
}

/// A name that sorts by time, in the alphabet of ULIDs.
fn ulid(time: i64) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let time = u128::from(time.clamp(0, (1 << 48) - 1) as u64);
    let noise = (u128::from(random(2)) << 64 | u128::from(random(3))) >> 48;
    let bits = time << 80 | noise;
    let digit = |at: u32| {
        let place = (bits >> (at * 5)) as usize & 31;
        DIGITS.get(place).map_or('0', |d| char::from(*d))
    };
    (0..26).rev().map(digit).collect()
}
