//! Writing a block: series in label order, with all their samples, into files under a temporary name.

use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use narthex_format::block::{BlockCompaction, BlockFile, BlockMeta, BlockStats, meta};
use narthex_format::filenames;
use narthex_format::header::FileHeader;
use narthex_format::index::IndexWriter;
use narthex_format::segment::{CHUNKS, ChunkInput, ChunksWriter, InputTimes, InputValues, Summary};
use narthex_model::{Labels, SampleBuffer};
use rustc_hash::FxHashMap;

use crate::disk::{Disk, DiskFile};
use crate::error::Error;
use crate::histograms::{Stored, to_stored};

/// Samples in a chunk.
const CHUNK: usize = 480;
/// Bytes gathered before they are written.
const WRITE: usize = 1 << 20;
/// Samples from which on a chunk's times are looked for in other series too.
const COLUMN_MIN: usize = 4;

/// Where a block's samples come from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    /// The first millisecond.
    pub(crate) start: i64,
    /// The first millisecond after the block.
    pub(crate) end: i64,
    /// Numbers of the oldest and the newest segment in it.
    pub(crate) segments: (u64, u64),
    /// The last commit in it.
    pub(crate) commit: u64,
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

    /// Adds a series with all its samples; none are no series.
    pub(crate) fn series(&mut self, labels: &Labels, samples: &SampleBuffer) -> Result<(), Error> {
        if samples.times().is_empty() {
            return Ok(());
        }
        self.write_series(labels, samples).map_err(|e| self.failed(e))
    }

    fn failed(&self, error: std::io::Error) -> Error {
        Error::io("write to", &self.temporary, error)
    }

    fn write_series(&mut self, labels: &Labels, samples: &SampleBuffer) -> std::io::Result<()> {
        let parts = cut(samples);
        let mut places = Vec::with_capacity(parts.len());
        for part in &parts {
            places.push(
                self.columns
                    .place(&part.times, &mut self.chunks)
                    .map_err(invalid)?,
            );
        }
        let inputs: Vec<_> = parts
            .iter()
            .zip(&places)
            .map(|(p, place)| p.input(place))
            .collect();
        let list = self.chunks.series(&inputs, &mut self.out).map_err(invalid)?;
        self.index.push(labels.iter(), list).map_err(invalid)?;
        let times = samples.times();
        if let (Some(first), Some(last)) = (times.first(), times.last()) {
            self.times = (self.times.0.min(*first), self.times.1.max(*last));
        }
        let histograms = samples.histograms().len() as u64;
        self.stats.num_histogram_samples += histograms;
        self.stats.num_float_samples += times.len() as u64 - histograms;
        if self.out.len() >= WRITE {
            self.flush()?;
        }
        Ok(())
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
            .finish(summary, Vec::new(), &[], &[], &mut out)
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
            compaction: BlockCompaction {
                level: 1,
                sources: vec![self.ulid],
                parents: Vec::new(),
            },
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

/// Samples of one chunk.
struct Part {
    times: Vec<i64>,
    starts: Option<Vec<Option<i64>>>,
    values: Values,
}

enum Values {
    Floats(Vec<f64>),
    Integers(Vec<narthex_format::Histogram>),
    FloatHistograms(Vec<narthex_format::FloatHistogram>),
}

impl Part {
    fn input<'p>(&'p self, place: &'p Place) -> ChunkInput<'p> {
        ChunkInput {
            times: match place {
                Place::Own => InputTimes::Own(&self.times),
                Place::Shared {
                    column,
                    start,
                    presence,
                } => InputTimes::Shared {
                    column: *column,
                    start: *start,
                    presence: presence.as_deref(),
                },
            },
            starts: self.starts.as_deref(),
            values: match &self.values {
                Values::Floats(values) => InputValues::Floats(values),
                Values::Integers(values) => InputValues::Histograms(values),
                Values::FloatHistograms(values) => InputValues::FloatHistograms(values),
            },
        }
    }
}

/// Samples cut into chunks of one kind.
fn cut(samples: &SampleBuffer) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let starts = samples.start_times();
    let mut histograms = samples.histograms().iter().peekable();
    for (at, (time, value)) in samples.times().iter().zip(samples.values()).enumerate() {
        let histogram = histograms
            .next_if(|(position, _)| *position == at)
            .map(|(_, h)| to_stored(h));
        let open = parts.last_mut().filter(|p| p.times.len() < CHUNK);
        let part = match (histogram, open) {
            (None, Some(part)) if matches!(part.values, Values::Floats(_)) => {
                if let Values::Floats(values) = &mut part.values {
                    values.push(*value);
                }
                part.times.push(*time);
                continue_starts(part, starts.get(at));
                continue;
            }
            (Some(Stored::Integer(h)), Some(part)) if matches!(part.values, Values::Integers(_)) => {
                if let Values::Integers(values) = &mut part.values {
                    values.push(h);
                }
                part.times.push(*time);
                continue_starts(part, starts.get(at));
                continue;
            }
            (Some(Stored::Float(h)), Some(part)) if matches!(part.values, Values::FloatHistograms(_)) => {
                if let Values::FloatHistograms(values) = &mut part.values {
                    values.push(h);
                }
                part.times.push(*time);
                continue_starts(part, starts.get(at));
                continue;
            }
            (None, _) => Values::Floats(vec![*value]),
            (Some(Stored::Integer(h)), _) => Values::Integers(vec![h]),
            (Some(Stored::Float(h)), _) => Values::FloatHistograms(vec![h]),
        };
        let mut part = Part {
            times: vec![*time],
            starts: None,
            values: part,
        };
        continue_starts(&mut part, starts.get(at));
        parts.push(part);
    }
    parts
}

/// Notes since when the sample pushed last has been counted; 0 is unknown.
fn continue_starts(part: &mut Part, start: Option<&i64>) {
    let start = start.copied().filter(|s| *s != 0);
    let before = part.times.len().saturating_sub(1);
    match (&mut part.starts, start) {
        (Some(starts), start) => starts.push(start),
        (None, None) => {}
        (none, Some(_)) => {
            let mut starts = vec![None; before];
            starts.push(start);
            *none = Some(starts);
        }
    }
}

/// Where a chunk's times lie.
enum Place {
    Own,
    Shared {
        column: u32,
        start: u32,
        presence: Option<Vec<bool>>,
    },
}

/// Columns written so far, found by their first and last times: the series of one target share them.
#[derive(Default)]
struct Columns {
    known: Vec<(u32, Vec<i64>)>,
    by_end: FxHashMap<i64, usize>,
}

impl Columns {
    fn place(&mut self, times: &[i64], writer: &mut ChunksWriter) -> narthex_format::Result<Place> {
        let (Some(first), Some(last)) = (times.first(), times.last()) else {
            return Ok(Place::Own);
        };
        if times.len() < COLUMN_MIN {
            return Ok(Place::Own);
        }
        for end in [first, last] {
            let candidate = self.by_end.get(end).and_then(|at| self.known.get(*at));
            if let Some((column, known)) = candidate
                && let Some(place) = within(*column, known, times)
            {
                return Ok(place);
            }
        }
        let column = writer.column(times)?;
        self.known.push((column, times.to_vec()));
        let at = self.known.len() - 1;
        // The longest of them has the most others in it.
        for end in [first, last] {
            let longer = |known: usize| self.known.get(known).is_some_and(|(_, k)| k.len() >= times.len());
            if !self.by_end.get(end).is_some_and(|known| longer(*known)) {
                self.by_end.insert(*end, at);
            }
        }
        Ok(Place::Shared {
            column,
            start: 0,
            presence: None,
        })
    }
}

/// The place of times in a column that has them all.
fn within(column: u32, known: &[i64], times: &[i64]) -> Option<Place> {
    let start = known.binary_search(times.first()?).ok()?;
    let end = known.binary_search(times.last()?).ok()? + 1;
    let span = known.get(start..end)?;
    if span == times {
        return Some(Place::Shared {
            column,
            start: start as u32,
            presence: None,
        });
    }
    if span.len() > times.len() * 4 {
        return None;
    }
    let mut rest = times.iter().peekable();
    let presence: Vec<bool> = span
        .iter()
        .map(|time| rest.next_if(|t| *t == time).is_some())
        .collect();
    rest.peek().is_none().then_some(Place::Shared {
        column,
        start: start as u32,
        presence: Some(presence),
    })
}
