//! Write requests of version 1.0: `prometheus.WriteRequest`. Start times cannot be said in it.
//!
//! Source of the message: Prometheus `prompb/remote.proto` and `prompb/types.proto`.

use narthex_tsdb::SeriesMetadata;
use prost::Message;

use super::histogram::HistogramMessage;
use super::series::{OutSeries, kind_number};
use super::writer::{put_double, put_message, put_text, put_varint};

/// The request with these series.
pub(crate) fn encode_v1(series: &[OutSeries<'_>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(series.len() * 128);
    for one in series {
        put_message(&mut out, 1, |out| put_series(out, one));
    }
    out
}

fn put_series(out: &mut Vec<u8>, series: &OutSeries<'_>) {
    for (name, value) in &series.labels {
        put_label(out, name, value);
    }
    for sample in &series.floats {
        put_message(out, 2, |out| {
            put_double(out, 1, sample.value);
            put_varint(out, 2, sample.time as u64);
        });
    }
    for exemplar in &series.exemplars {
        put_message(out, 3, |out| {
            for (name, value) in &exemplar.labels {
                put_label(out, name, value);
            }
            put_double(out, 2, exemplar.value);
            put_varint(out, 3, exemplar.time as u64);
        });
    }
    for histogram in &series.histograms {
        let message = HistogramMessage::of(histogram.value, histogram.time);
        put_message(out, 4, |out| out.extend_from_slice(&message.encode_to_vec()));
    }
}

fn put_label(out: &mut Vec<u8>, name: &str, value: &str) {
    put_message(out, 1, |out| {
        put_text(out, 1, name);
        put_text(out, 2, value);
    });
}

/// The request that declares these metric families.
pub(crate) fn encode_metadata_v1<'a>(
    families: impl IntoIterator<Item = (&'a str, &'a SeriesMetadata)>,
) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, metadata) in families {
        put_message(&mut out, 3, |out| {
            put_varint(out, 1, kind_number(metadata.kind));
            put_text(out, 2, name);
            put_text(out, 4, &metadata.help);
            put_text(out, 5, &metadata.unit);
        });
    }
    out
}
