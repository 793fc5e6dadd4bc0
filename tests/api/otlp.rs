//! OpenTelemetry metrics: names, labels and kinds of what is pushed, and what is said about the rest.

use std::io::Write as _;
use std::sync::Arc;

use narthex::config::{Config, load};

use super::world::{Api, NOW};
use crate::protobuf::{double, field};
use crate::support::Answer;

const JSON: (&str, &str) = ("Content-Type", "application/json");

fn api(otlp: &str) -> Api {
    let api = Api::empty(|options| options.enable_otlp_receiver = true);
    let text = format!("otlp: {{{otlp}}}\n");
    let config: Config = load(&text, std::path::Path::new("p.yml"), &|_| None)
        .unwrap()
        .config;
    api.app.set_config(Arc::new(config), text);
    api
}

fn push(api: &Api, metrics: &str) -> Answer {
    let body = format!(
        r#"{{"resourceMetrics": [{{
            "resource": {{"attributes": [
                {{"key": "service.name", "value": {{"stringValue": "shop"}}}},
                {{"key": "service.namespace", "value": {{"stringValue": "prod"}}}},
                {{"key": "service.instance.id", "value": {{"stringValue": "i1"}}}},
                {{"key": "k8s.pod.name", "value": {{"stringValue": "p"}}}}]}},
            "scopeMetrics": [{{
                "scope": {{"name": "lib", "version": "1.2", "attributes": [{{"key": "a.b", "value": {{"intValue": "7"}}}}]}},
                "metrics": [{metrics}]}}]}}]}}"#
    );
    api.send("POST", "/api/v1/otlp/v1/metrics", &[JSON], body.as_bytes())
}

fn times() -> String {
    format!(
        r#""timeUnixNano": "{NOW}000000000", "startTimeUnixNano": "{}000000000""#,
        NOW - 60
    )
}

/// All series with their values, but `target_info`.
fn stored(api: &Api, query: &str) -> Vec<String> {
    let answer = api.get(&format!("/api/v1/query?time={NOW}&query={}", escape(query)));
    let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let mut found: Vec<String> = json["data"]["result"]
        .as_array()
        .unwrap_or_else(|| panic!("{}", answer.text()))
        .iter()
        .map(|one| {
            let labels: Vec<String> = one["metric"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, value)| format!("{name}={}", value.as_str().unwrap()))
                .collect();
            format!(
                "{} {}",
                labels.join(","),
                one["value"][1].as_str().unwrap_or("histogram")
            )
        })
        .collect();
    found.sort();
    found
}

fn escape(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02X}")).collect()
}

const REST: &str = r#"{__name__=~".+",__name__!="target_info"}"#;

#[test]
fn numbers_get_names_labels_and_a_job() {
    let api = api("");
    let times = times();
    let answer = push(
        &api,
        &format!(
            r#"{{"name": "http.requests", "unit": "1", "description": "d", "sum": {{"aggregationTemporality": 2, "isMonotonic": true,
                "dataPoints": [{{"asInt": "5", {times}, "attributes": [{{"key": "http.method", "value": {{"stringValue": "GET"}}}}]}}]}}}},
               {{"name": "queue.size", "sum": {{"aggregationTemporality": "AGGREGATION_TEMPORALITY_CUMULATIVE",
                "dataPoints": [{{"asDouble": 2.5, {times}}}]}}}},
               {{"name": "cpu", "unit": "1", "gauge": {{"dataPoints": [{{"asDouble": 0.5, {times}}}]}}}}"#
        ),
    );
    assert_eq!((answer.status, answer.text()), (200, String::new()));
    assert_eq!(
        stored(&api, REST),
        [
            "__name__=cpu_ratio,instance=i1,job=prod/shop 0.5",
            "__name__=http_requests_total,http_method=GET,instance=i1,job=prod/shop 5",
            "__name__=queue_size,instance=i1,job=prod/shop 2.5",
        ]
    );
    assert_eq!(
        stored(&api, "target_info"),
        ["__name__=target_info,instance=i1,job=prod/shop,k8s_pod_name=p 1"]
    );
}

#[test]
fn keys_of_the_configuration_change_names_and_labels() {
    let gauge = format!(
        r#"{{"name": "disk.used", "unit": "By", "gauge": {{"dataPoints": [{{"asInt": "3", {}}}]}}}}"#,
        times()
    );
    for (otlp, expected) in [
        (
            "promote_resource_attributes: [k8s.pod.name]",
            "__name__=disk_used_bytes,instance=i1,job=prod/shop,k8s_pod_name=p 3",
        ),
        (
            "promote_all_resource_attributes: true, ignore_resource_attributes: [service.name, service.namespace, service.instance.id]",
            "__name__=disk_used_bytes,instance=i1,job=prod/shop,k8s_pod_name=p 3",
        ),
        (
            "translation_strategy: UnderscoreEscapingWithoutSuffixes",
            "__name__=disk_used,instance=i1,job=prod/shop 3",
        ),
        (
            "translation_strategy: NoUTF8EscapingWithSuffixes",
            "__name__=disk.used_bytes,instance=i1,job=prod/shop 3",
        ),
        (
            "translation_strategy: NoTranslation, promote_scope_metadata: true",
            "__name__=disk.used,instance=i1,job=prod/shop,otel_scope_a.b=7,otel_scope_name=lib,otel_scope_version=1.2 3",
        ),
    ] {
        let api = api(otlp);
        assert_eq!(push(&api, &gauge).status, 200);
        assert_eq!(stored(&api, REST), [expected], "{otlp}");
    }
    let api = api("keep_identifying_resource_attributes: true");
    push(&api, &gauge);
    assert_eq!(
        stored(&api, "target_info"),
        [
            "__name__=target_info,instance=i1,job=prod/shop,k8s_pod_name=p,service_instance_id=i1,service_name=shop,service_namespace=prod 1"
        ]
    );
}

#[test]
fn histograms_and_summaries_become_what_prometheus_has() {
    let times = times();
    let histogram = format!(
        r#"{{"name": "lat", "unit": "s", "histogram": {{"aggregationTemporality": 2, "dataPoints": [
            {{"count": "6", "sum": 7.5, "bucketCounts": ["1", "2", "3"], "explicitBounds": [0.5, 2], {times},
              "exemplars": [{{"asDouble": 1.5, "timeUnixNano": "{NOW}000000000", "traceId": "0af7651916cd43dd8448eb211c80319c"}}]}}]}}}}"#
    );
    let classic = api("");
    assert_eq!(push(&classic, &histogram).status, 200);
    assert_eq!(
        stored(&classic, REST),
        [
            "__name__=lat_seconds_bucket,instance=i1,job=prod/shop,le=+Inf 6",
            "__name__=lat_seconds_bucket,instance=i1,job=prod/shop,le=0.5 1",
            "__name__=lat_seconds_bucket,instance=i1,job=prod/shop,le=2 3",
            "__name__=lat_seconds_count,instance=i1,job=prod/shop 6",
            "__name__=lat_seconds_sum,instance=i1,job=prod/shop 7.5",
        ]
    );
    let exemplars = classic.get(&format!(
        "/api/v1/query_exemplars?query=lat_seconds_bucket&start={NOW}&end={NOW}"
    ));
    assert!(
        exemplars.text().contains("0af7651916cd43dd8448eb211c80319c")
            && exemplars.text().contains(r#""le":"2""#),
        "{}",
        exemplars.text()
    );
    let native = api("convert_histograms_to_nhcb: true");
    assert_eq!(push(&native, &histogram).status, 200);
    assert_eq!(
        stored(&native, "histogram_count(lat_seconds)"),
        ["instance=i1,job=prod/shop 6"]
    );
    assert_eq!(
        stored(&native, "histogram_fraction(-Inf, 2, lat_seconds)"),
        ["instance=i1,job=prod/shop 0.5"]
    );
    let api = api("");
    let answer = push(
        &api,
        &format!(
            r#"{{"name": "e", "exponentialHistogram": {{"aggregationTemporality": 2, "dataPoints": [
                {{"count": 6, "sum": 3, "scale": 9, "zeroCount": 1, "positive": {{"offset": 0, "bucketCounts": [2, 3]}}, {times}}}]}}}},
               {{"name": "s", "summary": {{"dataPoints": [{{"count": 2, "sum": 3, "quantileValues": [{{"quantile": 0.5, "value": 1}}], {times}}}]}}}}"#
        ),
    );
    assert_eq!((answer.status, answer.text()), (200, String::new()));
    assert_eq!(stored(&api, "histogram_sum(e)"), ["instance=i1,job=prod/shop 3"]);
    assert_eq!(
        stored(&api, "{__name__=~\"s.*\"}"),
        [
            "__name__=s,instance=i1,job=prod/shop,quantile=0.5 1",
            "__name__=s_count,instance=i1,job=prod/shop 2",
            "__name__=s_sum,instance=i1,job=prod/shop 3",
        ]
    );
}

#[test]
fn what_is_left_out_is_told_and_the_rest_kept() {
    let api = api("");
    let times = times();
    let answer = push(
        &api,
        &format!(
            r#"{{"name": "d", "sum": {{"aggregationTemporality": 1, "isMonotonic": true, "dataPoints": [{{"asInt": 5, {times}}}, {{"asInt": 5, {times}}}]}}}},
               {{"name": "coarse", "exponentialHistogram": {{"aggregationTemporality": 2, "dataPoints": [{{"count": 1, "scale": -5, {times}}}]}}}},
               {{"name": "kept", "gauge": {{"dataPoints": [{{"asInt": 1, {times}}}]}}}}"#
        ),
    );
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.text(),
        r#"{"partialSuccess":{"rejectedDataPoints":"3","errorMessage":"invalid temporality and type combination for metric \"d\"; cannot convert exponential to native histogram. Scale must be \u003e= -4, was -5"}}"#
    );
    assert_eq!(stored(&api, REST), ["__name__=kept,instance=i1,job=prod/shop 1"]);
    // Another value at the same time.
    let again = format!(r#"{{"name": "kept", "gauge": {{"dataPoints": [{{"asInt": 2, {times}}}]}}}}"#);
    let answer = push(&api, &again);
    assert_eq!(answer.status, 400);
    assert!(
        answer.text().contains("duplicate sample for timestamp"),
        "{}",
        answer.text()
    );
}

#[test]
fn protocol_buffers_and_gzip_are_taken_and_others_are_not() {
    let api = api("");
    // resource_metrics > scope_metrics > metrics > name "g", gauge > data_points > time, as_double.
    let nanos = (NOW as u64 * 1_000_000_000).to_le_bytes();
    let point = [&[3 << 3 | 1][..], &nanos, &double(4, 1.5)].concat();
    let metric = [field(1, b"g"), field(5, &field(1, &point))].concat();
    let request = field(1, &field(2, &field(2, &metric)));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&request).unwrap();
    let packed = gzip.finish().unwrap();
    let path = "/api/v1/otlp/v1/metrics";
    let kind = ("Content-Type", "application/x-protobuf");
    for (headers, body) in [
        (vec![kind], request.as_slice()),
        (vec![kind, ("Content-Encoding", "gzip")], packed.as_slice()),
    ] {
        let answer = api.send("POST", path, &headers, body);
        assert_eq!((answer.status, answer.text()), (200, String::new()));
    }
    assert_eq!(stored(&api, "g"), ["__name__=g 1.5"]);
    for (headers, body, status, text) in [
        (
            vec![],
            &b"{}"[..],
            400,
            "unsupported content type: , supported: [application/json, application/x-protobuf]",
        ),
        (
            vec![kind, ("Content-Encoding", "zstd")],
            b"",
            400,
            "unsupported compression",
        ),
        (vec![kind], b"\xff", 400, "proto: "),
        (vec![JSON], b"{", 400, "EOF while parsing"),
        (vec![kind, ("Content-Encoding", "gzip")], b"x", 400, "gzip: "),
    ] {
        let answer = api.send("POST", path, &headers, body);
        assert_eq!(answer.status, status, "{text}");
        assert!(answer.text().contains(text), "{} lacks {text}", answer.text());
    }
    let off = Api::empty(|_| {});
    let answer = off.send("POST", path, &[kind], b"");
    assert_eq!(answer.status, 404);
    assert_eq!(
        answer.text(),
        "otlp write receiver needs to be enabled with --web.enable-otlp-receiver\n"
    );
}
