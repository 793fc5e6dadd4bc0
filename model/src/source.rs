//! The port between a store and the engine: matchers and a time range in; labels and whole columns out.
//!
//! A source selects, a set lists the series in label order, and each series is read at once into a buffer
//! that the caller keeps. The sets are read from several threads at the same time.

use thiserror::Error;

use crate::grouping::{Grouping, Projection};
use crate::labels::Labels;
use crate::matcher::Matcher;
use crate::sample::{HistogramValue, SampleValue};
use crate::time::TimeRange;

/// What to select.
#[derive(Debug, Clone, Copy)]
pub struct Selection<'a> {
    /// All of them must hold.
    pub matchers: &'a [Matcher],
    /// Times whose samples are wanted; series without a sample inside may or may not be listed.
    pub range: TimeRange,
}

/// A moment in the life of a source, for the question what has changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Another number once samples have gone, or have come in a way that is not watched. Sources of one process do not
    /// share numbers.
    pub life: u64,
    /// The newest addition that shows; later ones have higher numbers.
    pub addition: u64,
}

/// Anything that holds series.
pub trait SeriesSource: Send + Sync {
    /// The series that fulfil all matchers, in label order, as of one moment: later writes do not show.
    ///
    /// # Errors
    /// When the store cannot read what it holds.
    fn select<'s>(&'s self, selection: &Selection<'_>) -> Result<Box<dyn SeriesSet + 's>, SourceError>;

    /// As [`select`](Self::select) for a caller that asks the set for the newest samples only.
    ///
    /// # Errors
    /// As [`select`](Self::select).
    fn select_newest<'s>(
        &'s self,
        selection: &Selection<'_>,
    ) -> Result<Box<dyn SeriesSet + 's>, SourceError> {
        self.select(selection)
    }

    /// The moment of which selections show the samples; `None` if nobody watches what changes. As long as its `life`
    /// stays the same from before a read until after it, the read saw nothing go.
    fn moment(&self) -> Option<Moment> {
        None
    }

    /// A time, in Unix milliseconds, before which all samples are what they were at an `earlier` moment: `i64::MAX` if
    /// all are, `i64::MIN` if nothing is known.
    fn unchanged_before(&self, earlier: Moment) -> i64 {
        let _ = earlier;
        i64::MIN
    }
}

/// Selected series, in ascending order of their labels; no labels twice.
pub trait SeriesSet: Send + Sync {
    /// How many series there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Labels of the series at `index`, which is below [`len`](Self::len).
    fn labels(&self, index: usize) -> Labels;

    /// The series grouped by some of their labels. A store can do so without making the labels.
    fn group(&self, projection: &Projection<'_>) -> Grouping {
        let labels: Vec<Labels> = (0..self.len()).map(|index| self.labels(index)).collect();
        projection.group(labels.iter())
    }

    /// Replaces the buffer's content by the samples of the series at `index` that lie in the selection's range,
    /// ascending in time, stale markers included.
    ///
    /// # Errors
    /// When the store cannot read what it holds.
    fn read(&self, index: usize, buffer: &mut SampleBuffer) -> Result<(), SourceError>;

    /// As [`read`](Self::read) for a caller that looks at the newest sample only: older ones may be left out.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    fn read_newest(&self, index: usize, buffer: &mut SampleBuffer) -> Result<(), SourceError> {
        self.read(index, buffer)
    }

    /// What could not be read by the reads so far, in words with file and offset: samples are missing from what they
    /// found, which whoever gets the answer is to be told.
    fn lost(&self) -> Vec<String> {
        Vec::new()
    }

    /// Fails if something could not be read: for whoever cannot tell it beside an answer.
    ///
    /// # Errors
    /// [`SourceErrorKind::Corrupt`] with the first of what is [lost](Self::lost).
    fn check_whole(&self) -> Result<(), SourceError> {
        match self.lost().into_iter().next() {
            None => Ok(()),
            Some(message) => Err(SourceError {
                kind: SourceErrorKind::Corrupt,
                message,
            }),
        }
    }
}

/// No series.
#[derive(Debug, Clone, Copy, Default)]
pub struct EmptySeriesSet;

impl SeriesSet for EmptySeriesSet {
    fn len(&self) -> usize {
        0
    }
    fn labels(&self, _: usize) -> Labels {
        Labels::empty()
    }
    fn read(&self, _: usize, buffer: &mut SampleBuffer) -> Result<(), SourceError> {
        buffer.set_times(&[]);
        Ok(())
    }
}

/// Tells the times of a series from those of others; equal versions are equal times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimesVersion {
    /// Times without a name: the version may stay the same from one series to the next, but never comes back.
    Passing(u64),
    /// Times that the source has a name for: it comes back with each series that has them.
    Named(u64),
}

/// One series' samples as columns, in a buffer that is reused from series to series.
///
/// Series of one scrape share their times. The buffer notices when a series has the same times as the one before
/// and then keeps its [`times_version`](Self::times_version), so that a reader plans its windows once per column of
/// times and not once per series.
#[derive(Debug, Default)]
pub struct SampleBuffer {
    times: Vec<i64>,
    /// Counts the contents of `times`.
    changes: u64,
    /// What the source called the times; 0 if it gave them no name.
    token: u64,
    values: Vec<f64>,
    histograms: Vec<(usize, HistogramValue)>,
    start_times: Vec<i64>,
}

impl SampleBuffer {
    /// An empty buffer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Times of the samples, ascending, in Unix milliseconds.
    #[must_use]
    pub fn times(&self) -> &[i64] {
        &self.times
    }

    /// Tells the content of [`times`](Self::times) from all others that this buffer has had.
    #[must_use]
    pub const fn times_version(&self) -> TimesVersion {
        match self.token {
            0 => TimesVersion::Passing(self.changes),
            token => TimesVersion::Named(token),
        }
    }

    /// Float values, one per time; meaningless at the positions of histograms.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Native histograms with their positions in [`times`](Self::times), ascending.
    #[must_use]
    pub fn histograms(&self) -> &[(usize, HistogramValue)] {
        &self.histograms
    }

    /// Start times of the samples: empty when none is known, else one per time (0 where it is not known).
    #[must_use]
    pub fn start_times(&self) -> &[i64] {
        &self.start_times
    }

    /// Begins a new series with the times that the source calls `token`, a number above 0 that it never gives to other
    /// times: if the series before had them, they are not even looked at.
    pub fn set_named_times(&mut self, token: u64, times: &[i64]) {
        if token == 0 || token != self.token {
            self.set_times(times);
            self.token = token;
        } else {
            self.keep_times();
        }
    }

    /// Begins a new series with these times; values, histograms and start times are emptied.
    pub fn set_times(&mut self, times: &[i64]) {
        self.token = 0;
        if self.times != times {
            self.times.clear();
            self.times.extend_from_slice(times);
            self.changes += 1;
        }
        self.keep_times();
    }

    /// Begins a new series that has the same times as the one before.
    fn keep_times(&mut self) {
        self.values.clear();
        self.histograms.clear();
        self.start_times.clear();
    }

    /// The values, to be filled with one per time.
    pub fn values_mut(&mut self) -> &mut Vec<f64> {
        &mut self.values
    }

    /// Adds the histogram at `position`, which is above all positions added before.
    pub fn push_histogram(&mut self, position: usize, histogram: HistogramValue) {
        self.histograms.push((position, histogram));
    }

    /// The start times, to be left empty or filled with one per time.
    pub fn start_times_mut(&mut self) -> &mut Vec<i64> {
        &mut self.start_times
    }

    /// Begins a new series with samples one by one: the plain way for sources that do not keep columns.
    pub fn set_samples<'a>(&mut self, samples: impl IntoIterator<Item = (i64, &'a SampleValue)>) {
        let mut times = Vec::new();
        self.token = 0;
        self.keep_times();
        for (time, value) in samples {
            match value {
                SampleValue::Float(v) => self.values.push(*v),
                SampleValue::Histogram(h) => {
                    self.histograms.push((times.len(), h.clone()));
                    self.values.push(0.0);
                }
            }
            times.push(time);
        }
        if self.times != times {
            self.times = times;
            self.changes += 1;
        }
    }
}

/// What went wrong in a store, by what the caller can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceErrorKind {
    /// Stored bytes are damaged: the text names file, offset, expected and found.
    Corrupt,
    /// The operating system refused to read.
    Io,
    /// A limit of the store was reached.
    Limit,
    /// The store has been closed.
    Closed,
    /// Whoever asked wants no answer any more: see `Snapshot::until` of the store.
    Interrupted,
}

/// A store could not answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct SourceError {
    /// What the caller can do about it.
    pub kind: SourceErrorKind,
    /// What happened, where, and what to do.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_versions_are_equal_times() {
        let mut buffer = SampleBuffer::new();
        let mut versions = Vec::new();
        for (token, times) in [
            (7, [1, 2]),
            (7, [1, 2]),
            (9, [1, 3]),
            (0, [1, 3]),
            (0, [1, 3]),
            (0, [4, 5]),
            (7, [1, 2]),
        ] {
            buffer.set_named_times(token, &times);
            assert_eq!((buffer.times(), buffer.values()), (&times[..], &[][..]));
            buffer.values_mut().extend([0.5, 1.5]);
            versions.push(buffer.times_version());
        }
        let (named, passing) = (TimesVersion::Named, TimesVersion::Passing);
        let expected = [
            named(7),
            named(7),
            named(9),
            passing(2),
            passing(2),
            passing(3),
            named(7),
        ];
        assert_eq!(versions, expected);
        // Without a name between, a name means nothing.
        buffer.set_named_times(9, &[1, 3]);
        buffer.set_times(&[6]);
        buffer.set_named_times(9, &[1, 3]);
        assert_eq!(buffer.times(), [1, 3]);
    }
}
