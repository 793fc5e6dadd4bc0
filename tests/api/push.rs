//! Remote write 1.0: what is kept, what is refused, and in which words.

use super::world::{Api, NOW};
use crate::protobuf::snappy;
use crate::support::{Answer, WrittenSeries, write_request};

const UP: &[(&str, &str)] = &[("__name__", "up"), ("job", "a")];
const T: i64 = NOW * 1000;

fn receiver() -> Api {
    Api::empty(|options| options.enable_remote_write_receiver = true)
}

fn push(api: &Api, series: &[WrittenSeries<'_>]) -> Answer {
    let headers = [
        ("Content-Encoding", "snappy"),
        ("Content-Type", "application/x-protobuf"),
    ];
    api.send("POST", "/api/v1/write", &headers, &write_request(series))
}

#[test]
fn samples_are_there_once_they_are_acknowledged() {
    let api = receiver();
    for i in 0..5 {
        let time = T - 60_000 + i * 15_000;
        let answer = push(
            &api,
            &[
                (UP, &[(time, i as f64)]),
                (&[("job", "b"), ("__name__", "up")], &[(time, 0.5)]),
            ],
        );
        assert_eq!((answer.status, answer.text().as_str()), (204, ""));
    }
    let data = api.data(&format!("/api/v1/query?query=up%5B5m%5D&time={NOW}"));
    assert_eq!(
        data,
        format!(
            r#"{{"resultType":"matrix","result":[{{"metric":{{"__name__":"up","job":"a"}},"values":[[{},"0"],[{},"1"],[{},"2"],[{},"3"],[{NOW},"4"]]}},{{"metric":{{"__name__":"up","job":"b"}},"values":[[{},"0.5"],[{},"0.5"],[{},"0.5"],[{},"0.5"],[{NOW},"0.5"]]}}]}}"#,
            NOW - 60,
            NOW - 45,
            NOW - 30,
            NOW - 15,
            NOW - 60,
            NOW - 45,
            NOW - 30,
            NOW - 15
        )
    );
}

#[test]
fn one_bad_sample_takes_the_whole_request_back() {
    let api = receiver();
    assert_eq!(push(&api, &[(UP, &[(T - 1000, 1.0)])]).status, 204);
    let other: &[(&str, &str)] = &[("__name__", "other")];
    for (samples, text) in [
        (&[(T - 1000, 2.0)][..], "duplicate sample for timestamp"),
        (&[(T - 2000, 1.0)], "out of order sample"),
        (&[(T + 3_600_000, 1.0)], "out of bounds"),
    ] {
        let answer = push(&api, &[(other, &[(T, 1.0)]), (UP, samples)]);
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert!(answer.text().contains(text), "{}", answer.text());
    }
    assert_eq!(
        api.data(&format!("/api/v1/query?query=other&time={NOW}")),
        r#"{"resultType":"vector","result":[]}"#
    );
    assert_eq!(
        push(&api, &[(UP, &[(T - 1000, 1.0)])]).status,
        204,
        "an exact repetition is fine"
    );
}

#[test]
fn series_that_cannot_be_named_are_left_out() {
    let api = receiver();
    let nameless: &[(&str, &str)] = &[("job", "a")];
    let twice: &[(&str, &str)] = &[("__name__", "m"), ("a", "1"), ("a", "2")];
    for _ in 0..2 {
        let answer = push(
            &api,
            &[(nameless, &[(T, 1.0)]), (twice, &[(T, 1.0)]), (UP, &[(T, 1.0)])],
        );
        assert_eq!(answer.status, 204, "{}", answer.text());
    }
    assert_eq!(api.data("/api/v1/label/__name__/values"), r#"["up"]"#);
    let page = api.body(200, "/metrics");
    assert!(
        page.contains("prometheus_api_remote_write_invalid_labels_samples_total 4"),
        "{page}"
    );
}

#[test]
fn what_is_no_write_request_is_refused() {
    let api = receiver();
    let send = |headers: &[(&str, &str)], body: &[u8]| {
        let answer = api.send("POST", "/api/v1/write", headers, body);
        (answer.status, answer.text())
    };
    assert_eq!(send(&[], b"not snappy"), (400, "s2: corrupt input\n".into()));
    // A length of 4 GiB in five bytes.
    assert_eq!(send(&[], &[0xff, 0xff, 0xff, 0xff, 0x0f]).0, 413);
    let packed = snappy(&[0x0a, 0x7f, 1]);
    let (status, text) = send(&[("Content-Encoding", "snappy")], &packed);
    assert!(
        status == 400 && text.starts_with("proto: unexpected EOF"),
        "{status} {text}"
    );
    assert_eq!(
        send(&[("Content-Encoding", "gzip")], b""),
        (
            415,
            "gzip encoding (compression) is not accepted by this server; only snappy is acceptable\n".into()
        )
    );
    assert_eq!(api.get("/api/v1/write").status, 405);
    let off = Api::empty(|_| {});
    let answer = push(&off, &[]);
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (
            404,
            "remote write receiver needs to be enabled with --web.enable-remote-write-receiver\n"
        )
    );
}

#[test]
fn whatever_is_not_version_2_is_version_1() {
    let api = receiver();
    for (at, content_type) in [
        "",
        "application/x-protobuf",
        "application/x-protobuf;proto=prometheus.WriteRequest",
        "application/octet-stream",
    ]
    .into_iter()
    .enumerate()
    {
        let body = write_request(&[(UP, &[(T + at as i64, 1.0)])]);
        let answer = api.send("POST", "/api/v1/write", &[("Content-Type", content_type)], &body);
        assert_eq!(answer.status, 204, "{content_type:?}: {}", answer.text());
        // Only version 2.0 tells what was written.
        assert_eq!(answer.header("x-prometheus-remote-write-samples-written"), None);
    }
    let data = api.data(&format!(
        "/api/v1/query?query=count_over_time(up[1m])&time={}",
        NOW + 1
    ));
    assert!(data.contains(r#""4""#), "{data}");
}

#[test]
fn the_other_address_takes_the_same() {
    let api = receiver();
    let answer = api.send("POST", "/api/v1/push", &[], &write_request(&[(UP, &[(T, 1.0)])]));
    assert_eq!(answer.status, 204, "{}", answer.text());
    assert_eq!(api.data("/api/v1/label/__name__/values"), r#"["up"]"#);
}
