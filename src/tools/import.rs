//! Brings a dump of samples with timestamps into a store.

use std::io::Read;
use std::path::Path;

use narthex_model::{Labels, SampleBuffer};
use narthex_tsdb::{Db, Error as StoreError, Options};
use rustc_hash::FxHashMap;
use thiserror::Error;

use super::progress::Progress;
use crate::exposition::{Event, Format, LabelList, ParseError, Parser};

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Samples that are in the store now.
    pub samples: usize,
    /// Series that the file named.
    pub series: usize,
    /// Samples that had a series and a time that were there already.
    pub refused: usize,
    /// First time, in Unix milliseconds.
    pub time_min: i64,
    /// Last time, in Unix milliseconds.
    pub time_max: i64,
}

/// Why an import failed.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The file could not be read.
    #[error("cannot read the file: {0}")]
    Io(#[from] std::io::Error),
    /// The file is no OpenMetrics text.
    #[error("{0}")]
    Parse(#[from] ParseError),
    /// A line has no timestamp.
    #[error("expected a timestamp for series {labels}, got none: a dump names the time of each sample")]
    NoTimestamp {
        /// The series.
        labels: Labels,
    },
    /// There is nothing in it.
    #[error("the file holds no samples")]
    Empty,
    /// The store refused.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// One sample of the file.
struct Point {
    time: i64,
    series: u32,
    value: f64,
}

/// The series of the file.
#[derive(Default)]
struct Series<'a> {
    by_key: FxHashMap<&'a [u8], u32>,
    labels: Vec<Labels>,
}

/// Adds the samples of `input` (OpenMetrics text with timestamps, plain or gzip) to the store in `output`, as blocks of
/// two hours. What the store has of the same series and times already stays hidden behind the imported samples.
///
/// # Errors
/// When the file cannot be read or is malformed (nothing has been written then), or the store refuses.
pub fn import_openmetrics(input: &Path, output: &Path) -> Result<Imported, ImportError> {
    let text = read(input)?;
    let (series, samples) = parse(&text)?;
    let times = || samples.iter().map(|s| s.time);
    let (Some(time_min), Some(time_max)) = (times().min(), times().max()) else {
        return Err(ImportError::Empty);
    };
    let options = Options {
        retention_ms: 0,
        ..Options::default()
    };
    let db = Db::open(output, options)?;
    let (count, written) = (samples.len(), write(&db, &series, samples)?);
    db.close()?;
    Ok(Imported {
        samples: written,
        series: series.labels.len(),
        refused: count - written,
        time_min,
        time_max,
    })
}

fn read(input: &Path) -> Result<Vec<u8>, std::io::Error> {
    let bytes = std::fs::read(input)?;
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut text = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut text)?;
    Ok(text)
}

fn parse(text: &[u8]) -> Result<(Series<'_>, Vec<Point>), ImportError> {
    let mut parser = Parser::new(text, Format::OpenMetrics);
    let (mut series, mut samples) = (Series::default(), Vec::new());
    let mut list = LabelList::new();
    let mut guess: &[u8] = b"";
    while let Some(event) = parser.next_event(guess)? {
        let Event::Sample(sample) = event else { continue };
        guess = sample.key;
        let id = match series.by_key.get(sample.key) {
            Some(id) => *id,
            None => {
                list.clear();
                parser.labels(&sample, &mut list)?;
                series.add(sample.key, Labels::from_pairs(list.iter()))
            }
        };
        let Some(time) = sample.timestamp else {
            return Err(ImportError::NoTimestamp {
                labels: series.labels[id as usize].clone(),
            });
        };
        samples.push(Point {
            time,
            series: id,
            value: sample.value,
        });
    }
    Ok((series, samples))
}

impl<'a> Series<'a> {
    fn add(&mut self, key: &'a [u8], labels: Labels) -> u32 {
        let id = self.labels.len() as u32;
        self.by_key.insert(key, id);
        self.labels.push(labels);
        id
    }
}

/// Writes the samples into blocks, series by series in label order. Of several with one series and time the first in
/// the file counts. Returns how many were written.
fn write(db: &Db, series: &Series<'_>, mut samples: Vec<Point>) -> Result<usize, ImportError> {
    let mut order: Vec<u32> = (0..series.labels.len() as u32).collect();
    order.sort_by_key(|id| &series.labels[*id as usize]);
    let mut rank = vec![0_u32; order.len()];
    for (at, id) in order.iter().enumerate() {
        rank[*id as usize] = at as u32;
    }
    let window = db.options().block_interval_ms.max(1);
    let window_of = |time: i64| time.div_euclid(window);
    // The same labels may be written in two ways.
    let labels = |sample: &Point| &series.labels[sample.series as usize];
    samples.sort_by_key(|s| (window_of(s.time), rank[s.series as usize], s.time));
    let mut progress = Progress::new("samples", samples.len() as u64);
    let (mut written, mut buffer) = (0, SampleBuffer::new());
    for block in samples.chunk_by(|a, b| window_of(a.time) == window_of(b.time)) {
        let start = block
            .first()
            .map_or(0, |s| window_of(s.time))
            .saturating_mul(window);
        let mut import = db.import_block(start, start.saturating_add(window))?;
        for run in block.chunk_by(|a, b| labels(a) == labels(b)) {
            let Some(first) = run.first() else { continue };
            let mut run: Vec<&Point> = run.iter().collect();
            run.sort_by_key(|s| s.time);
            run.dedup_by_key(|s| s.time);
            let times: Vec<i64> = run.iter().map(|s| s.time).collect();
            buffer.set_times(&times);
            buffer.values_mut().extend(run.iter().map(|s| s.value));
            import.series(labels(first), &buffer)?;
            written += times.len();
            progress.step(times.len() as u64);
        }
        import.finish()?;
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use narthex_model::{Matcher, Selection, SeriesSource, TimeRange};

    fn import(text: &[u8]) -> (tempfile::TempDir, Result<Imported, ImportError>) {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("dump.om");
        std::fs::write(&input, text).unwrap();
        let done = import_openmetrics(&input, &folder.path().join("data"));
        (folder, done)
    }

    #[test]
    fn a_dump_is_read_back() {
        let text = b"# TYPE a counter\na_total{job=\"x\"} 3 2.5\na_total{job=\"x\"} 1 1\nb 7 1\n# EOF\n";
        let (folder, done) = import(text);
        let done = done.unwrap();
        assert_eq!((done.samples, done.series, done.refused), (3, 2, 0));
        assert_eq!((done.time_min, done.time_max), (1_000, 2_500));
        let db = Db::open(
            folder.path().join("data"),
            Options {
                retention_ms: 0,
                ..Options::default()
            },
        )
        .unwrap();
        let snapshot = db.snapshot();
        let matchers = [Matcher::equal("__name__", "a_total")];
        let set = snapshot
            .select(&Selection {
                matchers: &matchers,
                range: TimeRange::ALL,
            })
            .unwrap();
        let mut buffer = SampleBuffer::new();
        set.read(0, &mut buffer).unwrap();
        assert_eq!(
            (buffer.times(), buffer.values()),
            (&[1_000, 2_500][..], &[1.0, 3.0][..])
        );
    }

    #[test]
    fn what_is_wrong_is_said_and_nothing_is_written() {
        for (text, message) in [
            (&b"a 1 1\n"[..], "data does not end with # EOF"),
            (
                b"a 1\n# EOF\n",
                "expected a timestamp for series {__name__=\"a\"}",
            ),
            (b"a x 1\n# EOF\n", "line 1"),
            (b"# EOF\n", "no samples"),
        ] {
            let (folder, done) = import(text);
            let error = done.unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
            assert!(!folder.path().join("data").exists(), "{error}");
        }
    }
}
