//! Whole samples of one series as messages, and as chunks.

use narthex_model::{HistogramValue, SampleBuffer};

use super::message::{ChunkMessage, SampleMessage};
use super::{histogram, xor};
use crate::prompb::HistogramMessage;

/// Samples of a chunk of floats or of histograms, as Prometheus cuts them.
const CHUNK_SAMPLES: usize = 120;

/// Floats and histograms of the series in the buffer.
pub(super) fn messages(buffer: &SampleBuffer) -> (Vec<SampleMessage>, Vec<HistogramMessage>) {
    let (mut samples, mut histograms) = (Vec::new(), Vec::new());
    let mut at = buffer.histograms().iter().peekable();
    for (i, (&time, &value)) in buffer.times().iter().zip(buffer.values()).enumerate() {
        match at.next_if(|(position, _)| *position == i) {
            Some((_, histogram)) => histograms.push(HistogramMessage::of(histogram, time)),
            None => samples.push(SampleMessage { value, time }),
        }
    }
    (samples, histograms)
}

/// The series in the buffer as chunks.
pub(super) fn chunks(buffer: &SampleBuffer) -> Vec<ChunkMessage> {
    let (times, values) = (buffer.times(), buffer.values());
    let mut chunks = Vec::new();
    let mut from = 0;
    let mut group: Vec<(i64, &HistogramValue)> = Vec::new();
    for (position, value) in buffer.histograms() {
        if from < *position {
            end_histograms(&mut group, &mut chunks);
        }
        floats(times, values, from..*position, &mut chunks);
        from = position + 1;
        let fits = group.len() < CHUNK_SAMPLES
            && group
                .last()
                .is_none_or(|(_, last)| histogram::continues(last, value));
        if !fits {
            end_histograms(&mut group, &mut chunks);
        }
        group.push((times.get(*position).copied().unwrap_or_default(), value));
    }
    end_histograms(&mut group, &mut chunks);
    floats(times, values, from..times.len(), &mut chunks);
    chunks
}

fn floats(times: &[i64], values: &[f64], part: std::ops::Range<usize>, chunks: &mut Vec<ChunkMessage>) {
    let (times, values) = (
        times.get(part.clone()).unwrap_or_default(),
        values.get(part).unwrap_or_default(),
    );
    for (times, values) in times.chunks(CHUNK_SAMPLES).zip(values.chunks(CHUNK_SAMPLES)) {
        let ends = (times.first(), times.last());
        let (Some(&min_time), Some(&max_time)) = ends else {
            continue;
        };
        chunks.push(ChunkMessage {
            min_time,
            max_time,
            encoding: 1,
            data: xor::chunk(times, values),
        });
    }
}

fn end_histograms(group: &mut Vec<(i64, &HistogramValue)>, chunks: &mut Vec<ChunkMessage>) {
    if let (Some((min_time, _)), Some((max_time, _))) = (group.first(), group.last()) {
        let (encoding, data) = histogram::chunk(group);
        chunks.push(ChunkMessage {
            min_time: *min_time,
            max_time: *max_time,
            encoding,
            data,
        });
    }
    group.clear();
}
