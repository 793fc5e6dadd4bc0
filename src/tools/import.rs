//! Brings a dump of samples with timestamps into a store.

use std::hash::{BuildHasher, BuildHasherDefault};
use std::io::Read;
use std::path::Path;

use narthex_model::Labels;
use narthex_tsdb::{Batch, Db, Error as StoreError, Options, SeriesRef};
use rustc_hash::{FxHashMap, FxHasher};
use thiserror::Error;

use crate::exposition::{Event, Format, LabelList, ParseError, Parser};

/// Samples that one batch carries at most.
const BATCH_SAMPLES: usize = 20_000;

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

/// The series of the file: labels, and the scrape that they came from.
#[derive(Default)]
struct Series<'a> {
    by_key: FxHashMap<&'a [u8], u32>,
    labels: Vec<Labels>,
    groups: Vec<u64>,
}

/// Adds the samples of `input` (OpenMetrics text with timestamps, plain or gzip) to the store in `output`.
///
/// # Errors
/// When the file cannot be read or is malformed (nothing has been written then), or the store refuses.
pub fn import_openmetrics(input: &Path, output: &Path) -> Result<Imported, ImportError> {
    let text = read(input)?;
    let (series, mut samples) = parse(&text)?;
    // In the order in which scrapes would have brought them: by time, then by scrape.
    samples.sort_by_key(|s| (s.time, series.groups[s.series as usize]));
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else {
        return Err(ImportError::Empty);
    };
    let (time_min, time_max) = (first.time, last.time);
    let options = Options {
        in_order_window_ms: i64::MAX / 4,
        out_of_order_window_ms: i64::MAX / 4,
        max_future_ms: i64::MAX / 4,
        retention_ms: 0,
        fsync_interval_ms: 60_000,
        ..Options::default()
    };
    let db = Db::open(output, options)?;
    let (appended, refused) = write(&db, &series, &samples, time_max)?;
    db.close()?;
    Ok(Imported {
        samples: appended,
        series: series.labels.len(),
        refused,
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
        // Series of one target share the times of its scrapes.
        let target: Vec<Option<&str>> = ["job", "instance"].map(|name| labels.get(name)).to_vec();
        self.groups
            .push(BuildHasherDefault::<FxHasher>::default().hash_one(target));
        self.by_key.insert(key, id);
        self.labels.push(labels);
        id
    }
}

fn write(
    db: &Db,
    series: &Series<'_>,
    samples: &[Point],
    now_ms: i64,
) -> Result<(usize, usize), ImportError> {
    let references = series
        .labels
        .iter()
        .map(|labels| db.resolve(labels))
        .collect::<Result<Vec<SeriesRef>, _>>()?;
    let group = |sample: &Point| series.groups[sample.series as usize];
    let (mut appended, mut refused) = (0, 0);
    let scrapes = samples.chunk_by(|a, b| a.time == b.time && group(a) == group(b));
    for part in scrapes.flat_map(|scrape| scrape.chunks(BATCH_SAMPLES)) {
        let Some(first) = part.first() else { continue };
        let mut batch = Batch::new(first.time).with_group(group(first));
        for sample in part {
            batch.push_float(references[sample.series as usize], sample.time, sample.value);
        }
        let commit = db.append(&batch, now_ms)?;
        appended += commit.appended;
        refused += commit.rejected.len();
    }
    Ok((appended, refused))
}

#[cfg(test)]
mod tests {
    use super::*;
    use narthex_model::{Matcher, SampleBuffer, Selection, SeriesSource, TimeRange};

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
