//! Write requests of version 2.0: `io.prometheus.write.v2.Request`, whose texts stand once in a table.
//!
//! Source of the message: Prometheus `prompb/io/prometheus/write/v2/types.proto`.

use narthex_model::Labels;
use prost::Message;
use rustc_hash::FxHashMap;

use super::histogram::HistogramMessage;
use super::series::{OutSeries, TimedSample, kind_number};
use super::writer::{put_double, put_item, put_message, put_varint, raw_varint};

/// Texts by number; the empty one is number 0.
#[derive(Debug)]
struct Symbols<'a> {
    numbers: FxHashMap<&'a str, u64>,
    texts: Vec<&'a str>,
}

impl<'a> Symbols<'a> {
    fn new() -> Self {
        Self {
            numbers: FxHashMap::from_iter([("", 0)]),
            texts: vec![""],
        }
    }

    fn number(&mut self, text: &'a str) -> u64 {
        *self.numbers.entry(text).or_insert_with(|| {
            self.texts.push(text);
            self.texts.len() as u64 - 1
        })
    }

    fn put_refs(&mut self, out: &mut Vec<u8>, labels: &'a Labels) {
        put_message(out, 1, |out| {
            for (name, value) in labels {
                raw_varint(out, self.number(name));
                raw_varint(out, self.number(value));
            }
        });
    }
}

/// The request with these series.
pub(crate) fn encode_v2(series: &[OutSeries<'_>]) -> Vec<u8> {
    let mut symbols = Symbols::new();
    let mut body = Vec::with_capacity(series.len() * 64);
    for one in series {
        put_message(&mut body, 5, |out| put_series(out, one, &mut symbols));
    }
    let mut out = Vec::with_capacity(body.len() + symbols.texts.len() * 24);
    for text in symbols.texts {
        put_item(&mut out, 4, text);
    }
    out.extend_from_slice(&body);
    out
}

fn put_series<'a>(out: &mut Vec<u8>, series: &'a OutSeries<'a>, symbols: &mut Symbols<'a>) {
    symbols.put_refs(out, &series.labels);
    for sample in &series.floats {
        put_message(out, 2, |out| {
            put_double(out, 1, sample.value);
            put_varint(out, 2, sample.time as u64);
            put_varint(out, 3, start(sample));
        });
    }
    for histogram in &series.histograms {
        let message = HistogramMessage::of(histogram.value, histogram.time);
        put_message(out, 3, |out| {
            out.extend_from_slice(&message.encode_to_vec());
            put_varint(out, 17, start(histogram));
        });
    }
    for exemplar in &series.exemplars {
        put_message(out, 4, |out| {
            symbols.put_refs(out, &exemplar.labels);
            put_double(out, 2, exemplar.value);
            put_varint(out, 3, exemplar.time as u64);
        });
    }
    if let Some(metadata) = series.metadata {
        put_message(out, 5, |out| {
            put_varint(out, 1, kind_number(metadata.kind));
            put_varint(out, 3, symbols.number(&metadata.help));
            put_varint(out, 4, symbols.number(&metadata.unit));
        });
    }
}

fn start<V>(sample: &TimedSample<V>) -> u64 {
    sample.start_time.unwrap_or(0) as u64
}
