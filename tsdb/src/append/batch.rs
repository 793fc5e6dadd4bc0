//! The samples of one scrape or one write request, collected before they are committed together.

use narthex_model::{HistogramValue, Labels};

use crate::head::{Exemplar, SeriesRef};

/// What happens to a batch when one of its samples cannot be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// The sample is left out and reported, the others are kept. What a scrape does.
    #[default]
    Skip,
    /// Nothing of the batch is kept. What remote write 1.0 does.
    Abort,
}

/// What a batch entry belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// A series resolved before.
    Known(SeriesRef),
    /// A position in [`Batch::labels`].
    Labelled(u32),
}

/// The value of a batch entry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum EntryValue {
    /// A float.
    Float(f64),
    /// A position in [`Batch::histograms`].
    Histogram(u32),
}

/// One sample of a batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Entry {
    pub(crate) target: Target,
    pub(crate) time: i64,
    pub(crate) start_time: i64,
    pub(crate) value: EntryValue,
}

/// The type of a metric as its source declares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MetadataKind {
    /// Not declared.
    #[default]
    Unknown,
    /// Only goes up.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Buckets.
    Histogram,
    /// Buckets that go up and down.
    GaugeHistogram,
    /// Quantiles.
    Summary,
    /// Constant information in labels.
    Info,
    /// One of a set of states.
    StateSet,
}

/// What a source says about a metric.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct SeriesMetadata {
    /// The metric's type.
    pub kind: MetadataKind,
    /// The unit, or `""`.
    pub unit: String,
    /// The help text, or `""`.
    pub help: String,
}

/// Samples that become visible together or not at all: one scrape, or one write request.
///
/// Samples keep the order in which they are pushed; [`Rejected::index`](crate::Rejected::index) counts them from 0.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    pub(crate) time: i64,
    pub(crate) group: Option<u64>,
    pub(crate) policy: Policy,
    pub(crate) entries: Vec<Entry>,
    pub(crate) labels: Vec<Labels>,
    pub(crate) histograms: Vec<HistogramValue>,
    pub(crate) exemplars: Vec<(Target, Exemplar)>,
    pub(crate) metadata: Vec<(Target, SeriesMetadata)>,
}

impl Batch {
    /// Characters that the labels of an exemplar may have together, names and values. Who reads a protocol leaves longer
    /// ones out; the batch does not count. Source: OpenMetrics 1.0.
    pub const EXEMPLAR_CHARS_MAX: usize = 128;

    /// An empty batch whose samples are mostly of `time` (Unix milliseconds), the time of the scrape or request.
    #[must_use]
    pub fn new(time: i64) -> Self {
        Self {
            time,
            ..Self::default()
        }
    }

    /// Names the scrape group: all series of one target's scrapes carry the same times, which are then kept once for
    /// all of them. Any number that is the target's own and stays the same from scrape to scrape.
    #[must_use]
    pub fn with_group(mut self, group: u64) -> Self {
        self.group = Some(group);
        self
    }

    /// Sets what happens when a sample cannot be accepted.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Empties the batch for another time; group and policy stay, and so does the memory.
    pub fn reset(&mut self, time: i64) {
        self.time = time;
        self.entries.clear();
        self.labels.clear();
        self.histograms.clear();
        self.exemplars.clear();
        self.metadata.clear();
    }

    /// Time that most samples have, in Unix milliseconds.
    #[must_use]
    pub const fn time(&self) -> i64 {
        self.time
    }

    /// How many samples have been pushed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no sample has been pushed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds a float sample; `time` in Unix milliseconds.
    pub fn push_float(&mut self, series: SeriesRef, time: i64, value: f64) {
        self.push(Target::Known(series), time, EntryValue::Float(value));
    }

    /// Adds a float sample of a series named by its labels.
    pub fn push_float_labelled(&mut self, labels: &Labels, time: i64, value: f64) {
        let target = self.labelled(labels);
        self.push(target, time, EntryValue::Float(value));
    }

    /// Adds a native histogram; `time` in Unix milliseconds.
    pub fn push_histogram(&mut self, series: SeriesRef, time: i64, value: HistogramValue) {
        let value = self.histogram(value);
        self.push(Target::Known(series), time, value);
    }

    /// Adds a native histogram of a series named by its labels.
    pub fn push_histogram_labelled(&mut self, labels: &Labels, time: i64, value: HistogramValue) {
        let target = self.labelled(labels);
        let value = self.histogram(value);
        self.push(target, time, value);
    }

    /// Says since when the sample pushed last has been counted (Unix milliseconds, 0 for not known).
    pub fn set_start_time(&mut self, start_time: i64) {
        if let Some(entry) = self.entries.last_mut() {
            entry.start_time = start_time;
        }
    }

    /// Adds an exemplar of a series; see [`Options::max_exemplars`](crate::Options::max_exemplars). One that is not newer
    /// than its series' newest is dropped.
    pub fn push_exemplar(&mut self, series: SeriesRef, exemplar: Exemplar) {
        self.exemplars.push((Target::Known(series), exemplar));
    }

    /// Adds an exemplar of a series named by its labels.
    pub fn push_exemplar_labelled(&mut self, labels: &Labels, exemplar: Exemplar) {
        let target = self.labelled(labels);
        self.exemplars.push((target, exemplar));
    }

    /// Adds what the source says about a series' metric. The store does not keep it yet.
    pub fn push_metadata(&mut self, series: SeriesRef, metadata: SeriesMetadata) {
        self.metadata.push((Target::Known(series), metadata));
    }

    /// Adds what the source says about the metric of a series named by its labels.
    pub fn push_metadata_labelled(&mut self, labels: &Labels, metadata: SeriesMetadata) {
        let target = self.labelled(labels);
        self.metadata.push((target, metadata));
    }

    fn push(&mut self, target: Target, time: i64, value: EntryValue) {
        self.entries.push(Entry {
            target,
            time,
            start_time: 0,
            value,
        });
    }

    fn labelled(&mut self, labels: &Labels) -> Target {
        // A write request lists the samples of a series one after the other: one entry serves them all.
        if self.labels.last() != Some(labels) {
            self.labels.push(labels.clone());
        }
        Target::Labelled((self.labels.len() - 1) as u32)
    }

    fn histogram(&mut self, value: HistogramValue) -> EntryValue {
        self.histograms.push(value);
        EntryValue::Histogram((self.histograms.len() - 1) as u32)
    }
}
