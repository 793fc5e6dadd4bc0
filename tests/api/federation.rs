//! `/federate`: the newest samples as another server scrapes them.

use std::sync::Arc;

use narthex::exposition::{
    FamilySink, LabelList, MetricKind, ProtobufError, ProtobufOptions, ProtobufSample, read_families,
};
use narthex_model::{Histogram, HistogramValue, Labels, ResetHint, SampleValue, Span, stale_nan};
use narthex_tsdb::Batch;

use super::world::{Api, NOW};

#[test]
fn newest_samples_untyped_with_times() {
    let api = Api::empty(|_| {});
    api.put(
        &[("__name__", "up"), ("job", "a"), ("instance", "i")],
        &[(60, 0.0), (10, 1.0)],
    );
    api.put(&[("__name__", "up"), ("job", "b")], &[(10, 2.0)]);
    api.put(&[("__name__", "gone")], &[(60, 1.0), (10, stale_nan())]);
    api.put(&[("__name__", "old")], &[(400, 1.0)]);
    api.put(&[("__name__", "a_b")], &[(0, 0.25)]);
    let answer = api.get("/federate?match[]=up&match[]=%7B__name__%3D~%22.%2B%22%7D");
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8; escaping=underscores")
    );
    let earlier = (NOW - 10) * 1000;
    assert_eq!(
        answer.text(),
        format!(
            "# TYPE a_b untyped\na_b{{instance=\"\"}} 0.25 {NOW}000\n\
             # TYPE up untyped\nup{{instance=\"i\",job=\"a\"}} 1 {earlier}\nup{{job=\"b\",instance=\"\"}} 2 {earlier}\n"
        )
    );
    assert_eq!(api.body(200, "/federate"), "");
    assert_eq!(
        api.body(400, "/federate?match[]=up%20x"),
        "1:4: parse error: unexpected identifier \"x\"\n"
    );
}

const PROTOBUF: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,text/plain;q=0.3";

/// What a page of protobuf says, a line a family and a sample.
#[derive(Default)]
struct Lines(Vec<String>);

impl<'a> FamilySink<'a> for Lines {
    type Error = ProtobufError;

    fn family(&mut self, name: &'a str, kind: MetricKind, _: &'a str, _: &'a str) {
        self.0.push(format!("{name} {}", kind.word()));
    }

    fn sample(&mut self, sample: ProtobufSample<'_, 'a>) -> Result<(), ProtobufError> {
        let mut labels = LabelList::new();
        sample.labels(&mut labels)?;
        let labels = Labels::from_pairs(labels.iter());
        let value = match &sample.value {
            SampleValue::Float(value) => value.to_string(),
            SampleValue::Histogram(HistogramValue::Float(h)) => {
                format!(
                    "{} {} {:?} {:?}",
                    h.count, h.sum, h.positive_spans, h.positive_buckets
                )
            }
            SampleValue::Histogram(other) => format!("{other:?}"),
        };
        self.0.push(format!(
            "{labels} {value} @{}",
            sample.timestamp.unwrap_or_default()
        ));
        Ok(())
    }
}

fn lines(page: &[u8]) -> Vec<String> {
    let mut lines = Lines::default();
    let options = ProtobufOptions {
        native: true,
        ..ProtobufOptions::default()
    };
    read_families(page, options, &mut lines).unwrap();
    lines.0
}

#[test]
fn native_histograms_go_to_those_who_read_protobuf() {
    let api = Api::empty(|_| {});
    api.put(&[("__name__", "m"), ("instance", "i")], &[(0, 2.0)]);
    let time = NOW * 1000;
    for (instance, hint) in [("a", ResetHint::Unknown), ("b", ResetHint::Gauge)] {
        let histogram = Histogram {
            hint,
            count: 3,
            sum: 4.5,
            positive_spans: vec![Span { offset: 1, length: 2 }],
            positive_buckets: vec![2, -1],
            ..Histogram::default()
        };
        let mut batch = Batch::new(time);
        let labels = Labels::from_pairs([("__name__", "m"), ("instance", instance)]);
        batch.push_histogram_labelled(&labels, time, HistogramValue::Integer(Arc::new(histogram)));
        assert_eq!(api.store.append(&batch, time).unwrap().rejected, []);
    }
    let answer = api.send("GET", "/federate?match[]=m", &[("Accept", PROTOBUF)], b"");
    assert_eq!(
        answer.header("content-type"),
        Some(
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=underscores"
        )
    );
    let buckets = "3 4.5 [Span { offset: 1, length: 2 }] [2.0, 1.0]";
    assert_eq!(
        lines(&answer.body),
        [
            "m histogram".to_owned(),
            format!(r#"{{__name__="m", instance="a"}} {buckets} @{time}"#),
            "m gaugehistogram".to_owned(),
            format!(r#"{{__name__="m", instance="b"}} {buckets} @{time}"#),
            "m unknown".to_owned(),
            format!(r#"{{__name__="m", instance="i"}} 2 @{time}"#),
        ]
    );
    let text = api.body(200, "/federate?match[]=m");
    assert_eq!(text, format!("# TYPE m untyped\nm{{instance=\"i\"}} 2 {time}\n"));
}

#[test]
fn own_metrics_as_protobuf() {
    let api = Api::empty(|_| {});
    api.get("/metrics");
    let answer = api.send("GET", "/metrics", &[("Accept", PROTOBUF)], b"");
    let said = lines(&answer.body);
    for line in [
        "prometheus_ready gauge",
        "prometheus_engine_query_duration_seconds summary",
        "prometheus_http_request_duration_seconds histogram",
    ] {
        assert!(said.iter().any(|said| said == line), "{line}: {said:#?}");
    }
    assert!(
        said.iter()
            .any(|line| line.starts_with(r#"{__name__="prometheus_ready"} "#))
    );
}
