//! Samples of one series, cut into chunks of one kind.

use narthex_format::segment::{ChunkInput, InputTimes, InputValues};
use narthex_model::SampleBuffer;

use super::columns::Place;
use crate::histograms::{Stored, to_stored};

/// Samples in a chunk.
const CHUNK: usize = 480;

/// Samples of one chunk.
pub(super) struct Part {
    pub(super) times: Vec<i64>,
    starts: Option<Vec<Option<i64>>>,
    values: Values,
}

enum Values {
    Floats(Vec<f64>),
    Integers(Vec<narthex_format::Histogram>),
    FloatHistograms(Vec<narthex_format::FloatHistogram>),
}

impl Part {
    /// As the format takes it, with its times in their place.
    pub(super) fn input<'p>(&'p self, place: &'p Place) -> ChunkInput<'p> {
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
pub(super) fn cut(samples: &SampleBuffer) -> Vec<Part> {
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
