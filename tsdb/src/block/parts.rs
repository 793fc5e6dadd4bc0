//! Samples of one series, cut into chunks of one kind.

use narthex_format::segment::{ChunkInput, InputTimes, InputValues};
use narthex_model::SampleBuffer;

use super::columns::Place;
use crate::histograms::{Stored, to_stored};

/// Samples in a chunk of a block.
const CHUNK: usize = 480;

/// Samples of one chunk.
pub(crate) struct Part {
    pub(crate) times: Vec<i64>,
    /// Since when each has been counted, if any says so.
    pub(crate) starts: Option<Vec<Option<i64>>>,
    pub(crate) values: PartValues,
}

/// Values of one kind.
pub(crate) enum PartValues {
    Floats(Vec<f64>),
    Integers(Vec<narthex_format::Histogram>),
    FloatHistograms(Vec<narthex_format::FloatHistogram>),
}

/// One of them.
pub(crate) enum PartValue {
    Float(f64),
    Histogram(Stored),
}

impl Part {
    /// As the format takes it, with its times in their place.
    pub(crate) fn input<'p>(&'p self, place: &'p Place) -> ChunkInput<'p> {
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
                PartValues::Floats(values) => InputValues::Floats(values),
                PartValues::Integers(values) => InputValues::Histograms(values),
                PartValues::FloatHistograms(values) => InputValues::FloatHistograms(values),
            },
        }
    }

    /// Adds a sample to the last of several parts, or begins one where that has another kind or as many as it may have.
    pub(crate) fn add(parts: &mut Vec<Self>, most: usize, time: i64, value: PartValue) {
        let last = parts.last_mut().filter(|part| part.times.len() < most);
        let values = match (last, value) {
            (Some(part), value) => match part.values.push(value) {
                None => return part.times.push(time),
                Some(other) => PartValues::of(other),
            },
            (None, value) => PartValues::of(value),
        };
        parts.push(Self {
            times: vec![time],
            starts: None,
            values,
        });
    }

    /// Notes since when the sample added last has been counted; 0 is unknown.
    fn note_start(&mut self, start: Option<i64>) {
        let start = start.filter(|s| *s != 0);
        let before = self.times.len().saturating_sub(1);
        match (&mut self.starts, start) {
            (Some(starts), start) => starts.push(start),
            (None, None) => {}
            (none, Some(_)) => {
                let mut starts = vec![None; before];
                starts.push(start);
                *none = Some(starts);
            }
        }
    }
}

impl PartValues {
    fn of(value: PartValue) -> Self {
        match value {
            PartValue::Float(value) => Self::Floats(vec![value]),
            PartValue::Histogram(Stored::Integer(value)) => Self::Integers(vec![value]),
            PartValue::Histogram(Stored::Float(value)) => Self::FloatHistograms(vec![value]),
        }
    }

    /// Adds a value, or gives back one of another kind.
    fn push(&mut self, value: PartValue) -> Option<PartValue> {
        match (self, value) {
            (Self::Floats(list), PartValue::Float(value)) => list.push(value),
            (Self::Integers(list), PartValue::Histogram(Stored::Integer(value))) => list.push(value),
            (Self::FloatHistograms(list), PartValue::Histogram(Stored::Float(value))) => list.push(value),
            (_, other) => return Some(other),
        }
        None
    }
}

/// Samples cut into chunks of one kind.
pub(super) fn cut(samples: &SampleBuffer) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let starts = samples.start_times();
    let mut histograms = samples.histograms().iter().peekable();
    for (at, (time, value)) in samples.times().iter().zip(samples.values()).enumerate() {
        let histogram = histograms.next_if(|(position, _)| *position == at);
        let value = histogram.map_or(PartValue::Float(*value), |(_, h)| {
            PartValue::Histogram(to_stored(h))
        });
        Part::add(&mut parts, CHUNK, *time, value);
        if let Some(part) = parts.last_mut() {
            part.note_start(starts.get(at).copied());
        }
    }
    parts
}
