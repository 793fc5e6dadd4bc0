//! Following the log: every batch again, in the order it was written, from where a reader has stopped.

use std::fmt;
use std::io;
use std::sync::Arc;

use narthex_format::cursor::Cursor;
use narthex_format::frame::{Frames, Step};
use narthex_format::header;
use narthex_format::wal::{self, Record};
use narthex_model::{HistogramValue, Labels};
use roaring::RoaringTreemap;

use crate::disk::Mapped;
use crate::error::Error;
use crate::head::{Exemplar, Head};
use crate::histograms::{from_float, from_integer};
use crate::wal::{Found, Wal};

/// A place in the log, behind everything that has been read before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogPosition(pub(crate) Cursor);

impl LogPosition {
    /// The log's segment that it is in.
    #[must_use]
    pub const fn segment(self) -> u64 {
        self.0.segment
    }

    /// Whether everything before this position is also before `end`.
    #[must_use]
    pub const fn is_within(self, end: Self) -> bool {
        let (Self(at), Self(end)) = (self, end);
        at.segment < end.segment || at.segment == end.segment && at.offset <= end.offset
    }
}

/// One sample as it was logged.
#[derive(Debug, Clone, PartialEq)]
pub struct TailSample<V> {
    /// Number of the series: see [`Tail::labels`].
    pub series: u32,
    /// Unix milliseconds.
    pub time: i64,
    /// When counting started, if it is known, in Unix milliseconds.
    pub start_time: Option<i64>,
    /// The value.
    pub value: V,
}

/// What one commit added: the accepted samples of one scrape or write request.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TailBatch {
    /// Floats, in the order they were pushed.
    pub floats: Vec<TailSample<f64>>,
    /// Native histograms.
    pub histograms: Vec<TailSample<HistogramValue>>,
    /// Exemplars with the numbers of their series.
    pub exemplars: Vec<(u32, Exemplar)>,
}

/// What [`Tail::read`] found.
#[derive(Debug, Clone, PartialEq)]
pub enum TailStep {
    /// A batch.
    Batch(TailBatch),
    /// Log that is gone: it was kept for as long as [`Options::wal_kept_ms`](crate::Options::wal_kept_ms) says, or is
    /// damaged. What follows comes with the next call.
    Lost(String),
    /// Nothing more for now.
    End,
}

/// Follows the log of an open store, for example to send it elsewhere; made by [`Db::tail`](crate::Db::tail).
///
/// Batches come in the order in which they were logged, so the samples of a series come in the order in which they were
/// accepted. The store remembers how far a reader has come ([`acknowledge`](Self::acknowledge)) in a file under the
/// reader's name, across restarts; what has not been acknowledged is kept, within limits, and read again after a restart.
/// A batch may therefore come twice over a restart, never within a process.
pub struct Tail {
    wal: Arc<Wal>,
    head: Arc<Head>,
    name: String,
    at: Cursor,
    start: LogPosition,
    is_new: bool,
    /// The segment being read, mapped up to a length.
    open: Option<(Cursor, u64, Mapped)>,
    /// Commits read from this and the previous segment: what a failed sync made the log write again comes once.
    seen: [RoaringTreemap; 2],
}

/// Acknowledges for a [`Tail`] while that is in use elsewhere.
#[derive(Clone)]
pub struct TailMark {
    wal: Arc<Wal>,
    name: String,
}

impl fmt::Debug for TailMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TailMark").field(&self.name).finish()
    }
}

impl TailMark {
    /// As [`Tail::acknowledge`].
    ///
    /// # Errors
    /// As there.
    pub fn acknowledge(&self, position: LogPosition) -> Result<(), Error> {
        self.wal.set_cursor(&self.name, position.0)
    }
}

impl fmt::Debug for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tail")
            .field("name", &self.name)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl Tail {
    /// Goes on at the cursor of a name, or at the end of the log if the name is new.
    pub(crate) fn open(wal: Arc<Wal>, head: Arc<Head>, name: &str) -> Result<Self, Error> {
        let (at, is_new) = wal.cursor(name)?;
        Ok(Self {
            wal,
            head,
            name: name.to_owned(),
            at,
            start: LogPosition(at),
            is_new,
            open: None,
            seen: [RoaringTreemap::new(), RoaringTreemap::new()],
        })
    }

    /// Whether the name was not known before: reading began at the end of the log.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        self.is_new
    }

    /// Where reading began.
    #[must_use]
    pub const fn start(&self) -> LogPosition {
        self.start
    }

    /// Behind the batch read last.
    #[must_use]
    pub const fn position(&self) -> LogPosition {
        LogPosition(self.at)
    }

    /// The end of the log of now.
    #[must_use]
    pub fn end(&self) -> LogPosition {
        LogPosition(self.wal.end())
    }

    /// The labels of a series that a batch names. They are known until everything that names the series has been
    /// acknowledged.
    #[must_use]
    pub fn labels(&self, series: u32) -> Option<Labels> {
        let index = self.head.index.read();
        index.contains(series).then(|| index.labels(series))
    }

    /// Remembers, durably, that everything before a position has been dealt with.
    ///
    /// # Errors
    /// When the operating system refuses; the position remembered before holds.
    pub fn acknowledge(&self, position: LogPosition) -> Result<(), Error> {
        self.wal.set_cursor(&self.name, position.0)
    }

    /// What acknowledges beside the reading.
    #[must_use]
    pub fn mark(&self) -> TailMark {
        TailMark {
            wal: Arc::clone(&self.wal),
            name: self.name.clone(),
        }
    }

    /// The next batch. Reads files, so it may block.
    ///
    /// # Errors
    /// When the operating system refuses; the next call tries again.
    pub fn read(&mut self) -> Result<TailStep, Error> {
        loop {
            if let Some(step) = self.read_open()? {
                return Ok(step);
            }
            let Some(found) = self.wal.find(self.at) else {
                return Ok(TailStep::End);
            };
            if (found.cursor.segment, found.cursor.id) != (self.at.segment, self.at.id) {
                self.seen.swap(0, 1);
                self.seen[0].clear();
            }
            let lost = found.gap.then(|| {
                format!(
                    "log segments {} to {} were gone before they were read",
                    self.at.segment,
                    found.cursor.segment.saturating_sub(1)
                )
            });
            self.at = found.cursor;
            if let Some(lost) = lost {
                return Ok(TailStep::Lost(lost));
            }
            if self.at.offset >= found.len {
                if !found.ended {
                    return Ok(TailStep::End);
                }
                let next = Cursor {
                    segment: self.at.segment.saturating_add(1),
                    ..Cursor::default()
                };
                if self.wal.find(next).is_none() {
                    return Ok(TailStep::End);
                }
                self.at = next;
                continue;
            }
            self.map(&found)?;
        }
    }

    fn map(&mut self, found: &Found) -> Result<(), Error> {
        match self.wal.map(&found.path) {
            Ok(mapped) => {
                self.open = Some((found.cursor, found.len, mapped));
                Ok(())
            }
            // It got another name, or went, meanwhile: the next look finds what there is.
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.moved(found) => Ok(()),
            Err(error) => Err(Error::io("read", &found.path, error)),
        }
    }

    fn moved(&self, found: &Found) -> bool {
        self.wal.find(self.at).is_none_or(|now| now.path != found.path)
    }

    /// What follows in the mapped segment; `None` at its end.
    fn read_open(&mut self) -> Result<Option<TailStep>, Error> {
        let Some((segment, len, mapped)) = &self.open else {
            return Ok(None);
        };
        if (segment.segment, segment.id) != (self.at.segment, self.at.id) || self.at.offset >= *len {
            self.open = None;
            return Ok(None);
        }
        let bytes: &[u8] = (**mapped).as_ref();
        // What is beyond may still change.
        let bytes = bytes.get(..*len as usize).unwrap_or(bytes);
        let mut frames = Frames::from_offset(bytes, self.at.id, self.at.offset);
        loop {
            let step = frames.next();
            self.at.offset = frames.offset().max(header::LENGTH as u64);
            let (offset, payload) = match step {
                None => {
                    self.at.offset = *len;
                    self.open = None;
                    return Ok(None);
                }
                // The rest of a frame that was never acknowledged.
                Some(Step::Lost(lost)) if lost.at_end => continue,
                Some(Step::Lost(lost)) => {
                    let lost = format!("log segment {}: {}", self.at.segment, lost.error);
                    return Ok(Some(TailStep::Lost(lost)));
                }
                Some(Step::Frame { offset, payload }) => (offset, payload),
            };
            match Record::decode(payload) {
                Ok(Record::Batch(batch)) => {
                    if self.seen[1].contains(batch.commit) || !self.seen[0].insert(batch.commit) {
                        continue;
                    }
                    return Ok(Some(TailStep::Batch(owned(&batch))));
                }
                Err(error) => {
                    let lost = format!("log segment {}: {}", self.at.segment, error.at(offset));
                    return Ok(Some(TailStep::Lost(lost)));
                }
            }
        }
    }
}

fn owned(batch: &wal::Batch<'_>) -> TailBatch {
    let integers = batch.histograms.iter().map(|s| sample(s, from_integer(&s.value)));
    let floats = batch
        .float_histograms
        .iter()
        .map(|s| sample(s, from_float(&s.value)));
    let exemplars = batch.exemplars.iter().map(|e| {
        let exemplar = Exemplar {
            labels: Labels::from_pairs(e.labels.iter().copied()),
            value: e.value,
            time: e.time,
        };
        (e.id, exemplar)
    });
    TailBatch {
        floats: batch.floats.iter().map(|s| sample(s, s.value)).collect(),
        histograms: integers.chain(floats).collect(),
        exemplars: exemplars.collect(),
    }
}

fn sample<S, V>(from: &wal::Sample<S>, value: V) -> TailSample<V> {
    TailSample {
        series: from.id,
        time: from.time,
        start_time: from.start,
        value,
    }
}
