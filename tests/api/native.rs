//! Native histograms from a remote write request through the store to JSON.

use std::sync::Arc;

use narthex_model::histogram::CUSTOM_BUCKETS_SCHEMA;
use narthex_model::{
    FloatHistogram, Histogram, HistogramValue, Matcher, ResetHint, SampleBuffer, Selection, SeriesSource,
    Span, TimeRange,
};

use super::world::{Api, NOW, encoded};
use crate::protobuf::{double, field, packed, snappy, varint};

const T: i64 = NOW * 1000;

/// A whole number with a sign: small ones take few bytes.
const fn signed(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn spans(number: u8, spans: &[Span]) -> Vec<u8> {
    let span = |span: &Span| {
        let offset = varint(1, signed(i64::from(span.offset)) as i64);
        field(number, &[offset, varint(2, i64::from(span.length))].concat())
    };
    spans.iter().flat_map(span).collect()
}

fn doubles(number: u8, values: &[f64]) -> Vec<u8> {
    field(
        number,
        &values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>(),
    )
}

fn deltas(number: u8, values: &[i64]) -> Vec<u8> {
    packed(number, values.iter().map(|v| signed(*v)))
}

/// The message `prometheus.Histogram`, written by hand so that the test shares no code with what it tests.
fn message(time: i64, value: &HistogramValue) -> Vec<u8> {
    let hint = |hint| match hint {
        ResetHint::Unknown => 0,
        ResetHint::Reset => 1,
        ResetHint::NotReset => 2,
        ResetHint::Gauge => 3,
    };
    let parts = match value {
        HistogramValue::Integer(h) => [
            varint(1, h.count as i64),
            double(3, h.sum),
            varint(4, signed(i64::from(h.schema)) as i64),
            double(5, h.zero_threshold),
            varint(6, h.zero_count as i64),
            spans(8, &h.negative_spans),
            deltas(9, &h.negative_buckets),
            spans(11, &h.positive_spans),
            deltas(12, &h.positive_buckets),
            varint(14, hint(h.hint)),
            varint(15, time),
            doubles(16, &h.custom_values),
        ],
        HistogramValue::Float(h) => [
            double(2, h.count),
            double(3, h.sum),
            varint(4, signed(i64::from(h.schema)) as i64),
            double(5, h.zero_threshold),
            double(7, h.zero_count),
            spans(8, &h.negative_spans),
            doubles(10, &h.negative_buckets),
            spans(11, &h.positive_spans),
            doubles(13, &h.positive_buckets),
            varint(14, hint(h.hint)),
            varint(15, time),
            doubles(16, &h.custom_values),
        ],
    };
    parts.concat()
}

fn push(api: &Api, name: &str, samples: &[(i64, &HistogramValue)], floats: &[(i64, f64)]) {
    let label = [field(1, b"__name__"), field(2, name.as_bytes())].concat();
    let mut series = field(1, &label);
    for (time, value) in floats {
        series.extend(field(2, &[double(1, *value), varint(2, *time)].concat()));
    }
    for (time, value) in samples {
        series.extend(field(4, &message(*time, value)));
    }
    let request = snappy(&field(1, &series));
    let headers = [
        ("Content-Encoding", "snappy"),
        ("Content-Type", "application/x-protobuf"),
    ];
    let answer = api.send("POST", "/api/v1/write", &headers, &request);
    assert_eq!((answer.status, answer.text().as_str()), (204, ""), "{name}");
}

const fn span(offset: i32, length: u32) -> Span {
    Span { offset, length }
}

fn integer() -> Histogram {
    Histogram {
        count: 5,
        sum: 3.5,
        zero_threshold: 0.001,
        zero_count: 1,
        negative_spans: vec![span(1, 1)],
        negative_buckets: vec![1],
        positive_spans: vec![span(0, 1), span(2, 1)],
        positive_buckets: vec![2, -1],
        ..Histogram::default()
    }
}

/// Name, histogram, and what JSON shows of it.
fn histograms() -> Vec<(&'static str, HistogramValue, &'static str)> {
    let gauge = Histogram {
        hint: ResetHint::Gauge,
        ..integer()
    };
    let float = FloatHistogram {
        schema: 2,
        count: 2.75,
        sum: -1e-7,
        zero_threshold: 1e-128,
        positive_spans: vec![span(-4, 2)],
        positive_buckets: vec![0.25, 2.5],
        ..FloatHistogram::default()
    };
    let custom = Histogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        count: 6,
        sum: 12.0,
        positive_spans: vec![span(0, 3)],
        positive_buckets: vec![1, 1, 1],
        custom_values: vec![-1.5, 10.0],
        ..Histogram::default()
    };
    let of_integer = r#"{"count":"5","sum":"3.5","buckets":[[1,"-2","-1","1"],[3,"-0.001","0.001","1"],[0,"0.5","1","2"],[0,"4","8","1"]]}"#;
    vec![
        (
            "integer",
            HistogramValue::Integer(Arc::new(integer())),
            of_integer,
        ),
        ("gauge", HistogramValue::Integer(Arc::new(gauge)), of_integer),
        (
            "float",
            HistogramValue::Float(Arc::new(float)),
            r#"{"count":"2.75","sum":"-1e-07","buckets":[[0,"0.42044820762685725","0.5","0.25"],[0,"0.5","0.5946035575013605","2.5"]]}"#,
        ),
        (
            "custom",
            HistogramValue::Integer(Arc::new(custom)),
            r#"{"count":"6","sum":"12","buckets":[[3,"-Inf","-1.5","1"],[0,"-1.5","10","2"],[0,"10","+Inf","3"]]}"#,
        ),
    ]
}

/// The histograms of a series as the store has them.
fn stored(api: &Api, name: &str) -> Vec<HistogramValue> {
    let matchers = [Matcher::equal("__name__", name)];
    let snapshot = api.store.snapshot();
    let range = TimeRange {
        min: T - 600_000,
        max: T,
    };
    let found = snapshot
        .select(&Selection {
            matchers: &matchers,
            range,
        })
        .unwrap();
    let mut buffer = SampleBuffer::default();
    found.read(0, &mut buffer).unwrap();
    buffer.histograms().iter().map(|(_, h)| h.clone()).collect()
}

#[test]
fn pushed_histograms_are_kept_as_they_are_and_shown() {
    let api = Api::empty(|options| options.enable_remote_write_receiver = true);
    for (name, histogram, _) in histograms() {
        // The second one goes on from the first, which only what is no gauge says of itself.
        push(&api, name, &[(T - 15_000, &histogram), (T, &histogram)], &[]);
    }
    for sealed in [false, true] {
        if sealed {
            api.store.seal().unwrap();
        }
        for (name, histogram, shown) in histograms() {
            let mut second = histogram.clone();
            if histogram.hint() == ResetHint::Unknown {
                second.set_hint(ResetHint::NotReset);
            }
            assert_eq!(
                stored(&api, name),
                [histogram, second],
                "{name}, sealed: {sealed}"
            );
            assert_eq!(
                api.data(&format!("/api/v1/query?query={name}&time={NOW}")),
                format!(
                    r#"{{"resultType":"vector","result":[{{"metric":{{"__name__":"{name}"}},"histogram":[{NOW},{shown}]}}]}}"#
                ),
                "sealed: {sealed}"
            );
        }
    }
    for (query, value) in [
        ("histogram_count(integer)", "5"),
        ("histogram_sum(sum(gauge))", "3.5"),
        ("histogram_quantile(0.5, custom)", "10"),
        ("histogram_fraction(-Inf, 10, custom)", "0.5"),
        ("resets(integer[1m])", "0"),
    ] {
        let data = api.data(&format!("/api/v1/query?query={}&time={NOW}", encoded(query)));
        assert!(
            data.contains(&format!(r#""value":[{NOW},"{value}"]"#)),
            "{query}: {data}"
        );
    }
}

#[test]
fn a_series_shows_its_numbers_and_its_histograms() {
    let api = Api::empty(|options| options.enable_remote_write_receiver = true);
    let histogram = HistogramValue::Integer(Arc::new(integer()));
    push(&api, "m", &[], &[(T - 60_000, 1.5)]);
    push(&api, "m", &[(T, &histogram)], &[]);
    let (_, _, shown) = histograms().remove(0);
    let before = NOW - 60;
    let answer = format!(
        r#"{{"resultType":"matrix","result":[{{"metric":{{"__name__":"m"}},"values":[[{before},"1.5"]],"histograms":[[{NOW},{shown}]]}}]}}"#
    );
    for path in [
        format!("/api/v1/query_range?query=m&start={before}&end={NOW}&step=60"),
        format!("/api/v1/query?query=m%5B2m%5D&time={NOW}"),
    ] {
        assert_eq!(api.data(&path), answer, "{path}");
    }
}
