//! A query's answer: result type, result and statistics, written piece by piece.
use std::time::Duration;

use narthex_model::Labels;
use narthex_promql::value::InstantValue;
use narthex_promql::{InstantSample, QueryStats, RangeSeries, Value};

use super::chunks::{CHUNK_BYTES, Chunks, Framed, List, Whole};
use super::histogram::write_histogram;
use super::number::{
    write_integer, write_json, write_plain, write_sample, write_scalar_timestamp, write_timestamp,
};
use super::text::{write_label_text, write_text};
use super::time_texts::TimeTexts;

/// How long the phases of a query took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Timings {
    /// Waiting for a free place among the running queries.
    pub(crate) queue: Duration,
    /// Evaluation, preparation and sorting included.
    pub(crate) evaluation: Duration,
}

/// The statistics of one query, as an answer shows them.
#[derive(Debug, Clone, Default)]
pub(crate) struct ShownStats {
    /// How much work it was.
    pub(crate) work: QueryStats,
    /// How long it took.
    pub(crate) timings: Timings,
    /// Whether the counts by step are shown.
    pub(crate) per_step: bool,
}

/// The data of a query's answer.
pub(crate) fn answer(value: Value, stats: Option<&ShownStats>) -> Framed {
    let mut after = Vec::new();
    if let Some(stats) = stats {
        write_stats(&mut after, stats);
    }
    after.push(b'}');
    let (kind, result): (&str, Box<dyn Chunks>) = match value {
        Value::Scalar { time, value } => (
            "scalar",
            Box::new(Whole(pair(time, |out| write_plain(out, value)))),
        ),
        Value::String { time, text } => ("string", Box::new(Whole(string_pair(time, &text)))),
        Value::Vector(samples) => (
            "vector",
            Box::new(List::new(samples, |out, s| write_instant_sample(out, &s))),
        ),
        Value::Matrix(series) => ("matrix", Box::new(Matrix::new(series))),
    };
    Framed::new(
        format!(r#"{{"resultType":"{kind}","result":"#).into_bytes(),
        result,
        after,
    )
}

/// The data of a query's answer, as the API writes it.
#[must_use]
pub fn answer_json(value: Value) -> Vec<u8> {
    let (mut json, mut data) = (Vec::new(), answer(value, None));
    while data.fill(&mut json) {}
    json
}

fn pair(time: i64, write: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = vec![b'['];
    write_scalar_timestamp(&mut out, time);
    out.extend_from_slice(b",\"");
    write(&mut out);
    out.extend_from_slice(b"\"]");
    out
}

fn string_pair(time: i64, text: &str) -> Vec<u8> {
    let mut out = vec![b'['];
    write_scalar_timestamp(&mut out, time);
    out.push(b',');
    write_text(&mut out, text);
    out.push(b']');
    out
}

/// Writes labels as a metric object.
pub(crate) fn write_labels(out: &mut Vec<u8>, labels: &Labels) {
    out.push(b'{');
    for (i, (name, value)) in labels.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write_label_text(out, name);
        out.push(b':');
        write_label_text(out, value);
    }
    out.push(b'}');
}

fn write_instant_sample(out: &mut Vec<u8>, sample: &InstantSample) {
    out.extend_from_slice(br#"{"metric":"#);
    write_labels(out, &sample.labels);
    match &sample.value {
        InstantValue::Float(value) => {
            out.extend_from_slice(br#","value":["#);
            write_timestamp(out, sample.time);
            write_point(out, b",\"", *value);
        }
        InstantValue::Histogram(histogram) => {
            out.extend_from_slice(br#","histogram":["#);
            write_timestamp(out, sample.time);
            out.push(b',');
            write_histogram(out, histogram);
            out.push(b']');
        }
    }
    out.push(b'}');
}

/// Writes a point; `before` is what stands before its value.
fn write_point(out: &mut Vec<u8>, before: &[u8], value: f64) {
    out.extend_from_slice(before);
    write_sample(out, value);
    out.extend_from_slice(b"\"]");
}

/// Series with their points; a series may be longer than one piece.
struct Matrix {
    series: std::vec::IntoIter<RangeSeries>,
    now: Option<RangeSeries>,
    floats: usize,
    histograms: usize,
    place: Place,
    times: TimeTexts,
}

/// What comes next.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Start,
    Series { first: bool },
    Floats,
    Histograms,
}

impl Matrix {
    fn new(series: Vec<RangeSeries>) -> Self {
        Self {
            series: series.into_iter(),
            now: None,
            floats: 0,
            histograms: 0,
            place: Place::Start,
            times: TimeTexts::default(),
        }
    }

    /// Begins the next series; `false` when there is none.
    fn begin(&mut self, out: &mut Vec<u8>, first: bool) -> bool {
        let Some(next) = self.series.next() else {
            out.push(b']');
            return false;
        };
        out.extend_from_slice(if first {
            br#"{"metric":"#
        } else {
            br#",{"metric":"#
        });
        write_labels(out, &next.labels);
        if !next.floats.is_empty() {
            out.extend_from_slice(br#","values":["#);
        }
        self.now = Some(next);
        self.floats = 0;
        self.histograms = 0;
        self.place = Place::Floats;
        true
    }
}

impl Chunks for Matrix {
    fn fill(&mut self, out: &mut Vec<u8>) -> bool {
        let end = out.len() + CHUNK_BYTES;
        while out.len() < end {
            match (self.place, &self.now) {
                (Place::Start, _) => {
                    out.push(b'[');
                    self.place = Place::Series { first: true };
                }
                (Place::Floats, Some(now)) => match now.floats.get(self.floats) {
                    Some((time, value)) => {
                        let text = self.times.get(*time);
                        let comma = usize::from(self.floats == 0);
                        write_point(out, text.get(comma..).unwrap_or(&[]), *value);
                        self.floats += 1;
                    }
                    None => {
                        if self.floats > 0 {
                            out.push(b']');
                        }
                        if !now.histograms.is_empty() {
                            out.extend_from_slice(br#","histograms":["#);
                        }
                        self.place = Place::Histograms;
                    }
                },
                (Place::Histograms, Some(now)) => match now.histograms.get(self.histograms) {
                    Some((time, histogram)) => {
                        out.extend_from_slice(if self.histograms > 0 { b",[" } else { b"[" });
                        write_timestamp(out, *time);
                        out.push(b',');
                        write_histogram(out, histogram);
                        out.push(b']');
                        self.histograms += 1;
                    }
                    None => {
                        out.extend_from_slice(if self.histograms > 0 { b"]}" } else { b"}" });
                        self.now = None;
                        self.place = Place::Series { first: false };
                    }
                },
                (Place::Series { first }, _) => {
                    if !self.begin(out, first) {
                        return false;
                    }
                }
                (_, None) => self.place = Place::Series { first: false },
            }
        }
        true
    }
}

fn write_stats(out: &mut Vec<u8>, stats: &ShownStats) {
    let evaluation = stats.timings.evaluation.as_secs_f64();
    let queue = stats.timings.queue.as_secs_f64();
    out.extend_from_slice(br#","stats":{"timings":{"#);
    for (i, (name, seconds)) in [
        ("evalTotalTime", evaluation),
        ("resultSortTime", 0.0),
        ("queryPreparationTime", 0.0),
        ("innerEvalTime", evaluation),
        ("execQueueTime", queue),
        ("execTotalTime", evaluation + queue),
    ]
    .into_iter()
    .enumerate()
    {
        out.extend_from_slice(format!("{}\"{name}\":", if i > 0 { "," } else { "" }).as_bytes());
        write_json(out, seconds);
    }
    out.extend_from_slice(br#"},"samples":{"#);
    if stats.per_step {
        out.extend_from_slice(br#""totalQueryableSamplesPerStep":["#);
        for (i, (time, count)) in stats.work.total_queryable_samples_per_step.iter().enumerate() {
            out.extend_from_slice(if i > 0 { b",[" } else { b"[" });
            write_timestamp(out, *time);
            out.push(b',');
            write_count(out, *count);
            out.push(b']');
        }
        out.extend_from_slice(b"],");
    }
    for (name, count) in [
        ("\"totalQueryableSamples\":", stats.work.total_queryable_samples),
        (",\"samplesRead\":", stats.work.samples_read),
        (",\"peakSamples\":", stats.work.peak_samples),
    ] {
        out.extend_from_slice(name.as_bytes());
        write_count(out, count);
    }
    out.extend_from_slice(b"}}");
}

fn write_count(out: &mut Vec<u8>, count: u64) {
    write_integer(out, i64::try_from(count).unwrap_or(i64::MAX));
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use narthex_model::FloatHistogram;

    use super::super::chunks::collect;
    use super::*;

    fn labels(text: &str) -> Labels {
        Labels::from_pairs([("__name__", "m"), ("a", text)])
    }

    fn series(floats: Vec<(i64, f64)>, histograms: usize) -> RangeSeries {
        RangeSeries {
            labels: labels("<&>"),
            floats,
            histograms: (0..histograms)
                .map(|i| (i as i64, Arc::new(FloatHistogram::default())))
                .collect(),
        }
    }

    #[test]
    fn every_kind_of_value() {
        let table = [
            (
                Value::Scalar {
                    time: 1_500,
                    value: 1e21,
                },
                r#"{"resultType":"scalar","result":[1.5,"1000000000000000000000"]}"#,
            ),
            (
                Value::String {
                    time: 4_000,
                    text: "a<b\"".into(),
                },
                r#"{"resultType":"string","result":[4,"a\u003cb\""]}"#,
            ),
            (Value::Vector(vec![]), r#"{"resultType":"vector","result":[]}"#),
            (
                Value::Vector(vec![
                    InstantSample {
                        labels: labels("<"),
                        time: 1_500,
                        value: InstantValue::Float(1e-7),
                    },
                    InstantSample {
                        labels: Labels::empty(),
                        time: 1_000,
                        value: InstantValue::Histogram(Arc::new(FloatHistogram::default())),
                    },
                ]),
                r#"{"resultType":"vector","result":[{"metric":{"__name__":"m","a":"<"},"value":[1.500,"1e-07"]},{"metric":{},"histogram":[1,{"count":"0","sum":"0"}]}]}"#,
            ),
            (Value::Matrix(vec![]), r#"{"resultType":"matrix","result":[]}"#),
            (
                Value::Matrix(vec![
                    series(vec![(0, 1.0), (500, f64::INFINITY)], 0),
                    series(vec![], 2),
                    series(vec![(1, 2.0)], 1),
                ]),
                r#"{"resultType":"matrix","result":[{"metric":{"__name__":"m","a":"<&>"},"values":[[0,"1"],[0.500,"+Inf"]]},{"metric":{"__name__":"m","a":"<&>"},"histograms":[[0,{"count":"0","sum":"0"}],[0.001,{"count":"0","sum":"0"}]]},{"metric":{"__name__":"m","a":"<&>"},"values":[[0.001,"2"]],"histograms":[[0,{"count":"0","sum":"0"}]]}]}"#,
            ),
        ];
        for (value, text) in table {
            assert_eq!(collect(answer(value, None)).0, text);
        }
    }

    #[test]
    fn one_long_series_is_cut_into_pieces() {
        let long = series((0..50_000).map(|i| (i * 1000, 0.5)).collect(), 0);
        let (text, pieces) = collect(answer(Value::Matrix(vec![long]), None));
        assert!(pieces > 5 && text.ends_with(r#"[49999,"0.5"]]}]}"#));
        let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(parsed["result"][0]["values"].as_array().unwrap().len(), 50_000);
    }

    #[test]
    fn stats_have_prometheus_names() {
        let stats = ShownStats {
            work: QueryStats {
                total_queryable_samples: 4,
                total_queryable_samples_per_step: vec![(1_500, 3)],
                samples_read: 2,
                peak_samples: 1,
            },
            timings: Timings {
                queue: Duration::from_millis(500),
                evaluation: Duration::from_secs(1),
            },
            per_step: true,
        };
        let (text, _) = collect(answer(Value::Vector(vec![]), Some(&stats)));
        assert_eq!(
            text,
            r#"{"resultType":"vector","result":[],"stats":{"timings":{"evalTotalTime":1,"resultSortTime":0,"queryPreparationTime":0,"innerEvalTime":1,"execQueueTime":0.5,"execTotalTime":1.5},"samples":{"totalQueryableSamplesPerStep":[[1.500,3]],"totalQueryableSamples":4,"samplesRead":2,"peakSamples":1}}}"#
        );
    }
}
