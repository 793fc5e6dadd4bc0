//! Remote write 2.0: what is kept although a part is wrong, and how that is told.

use super::world::{Api, NOW};
use crate::protobuf::{double, field, snappy, varint};
use crate::support::Answer;

const T: i64 = NOW * 1000;
const TYPE: &str = "application/x-protobuf;proto=io.prometheus.write.v2.Request";

fn series(refs: &[u8], parts: &[Vec<u8>]) -> Vec<u8> {
    field(5, &[field(1, refs), parts.concat()].concat())
}

fn sample(time: i64, value: f64) -> Vec<u8> {
    field(2, &[double(1, value), varint(2, time)].concat())
}

fn push(api: &Api, series: &[Vec<u8>]) -> Answer {
    push_to(api, "/api/v1/write", series)
}

fn push_to(api: &Api, path: &str, series: &[Vec<u8>]) -> Answer {
    let symbols = ["", "__name__", "up", "job", "a", "trace_id", "h"];
    let table: Vec<u8> = symbols.iter().flat_map(|s| field(4, s.as_bytes())).collect();
    let packed = snappy(&[table, series.concat()].concat());
    api.send("POST", path, &[("Content-Type", TYPE)], &packed)
}

fn written(answer: &Answer) -> [String; 3] {
    ["samples", "histograms", "exemplars"].map(|what| {
        let name = format!("x-prometheus-remote-write-{what}-written");
        answer.header(&name).unwrap_or_default().to_owned()
    })
}

#[test]
fn the_good_part_is_kept_and_counted() {
    let api = Api::empty(|options| options.enable_remote_write_receiver = true);
    let histogram = [
        varint(1, 3),
        double(3, 1.5),
        varint(6, 0),
        field(11, &varint(2, 2)),
        field(12, &[2, 2]),
        varint(15, T),
    ];
    let exemplar = [field(1, &[5, 4]), double(2, 0.5), varint(3, T)].concat();
    let answer = push(
        &api,
        &[
            series(
                &[1, 2, 3, 4],
                &[sample(T - 1000, 1.0), sample(T, 2.0), field(4, &exemplar)],
            ),
            series(&[1, 6], &[field(3, &histogram.concat())]),
        ],
    );
    assert_eq!((answer.status, answer.text()), (204, String::new()));
    assert_eq!(written(&answer), ["2", "1", "1"]);
    let answer = push(
        &api,
        &[
            series(&[1, 2, 3, 4], &[sample(T - 5000, 1.0), sample(T + 1000, 3.0)]),
            series(&[1, 99], &[sample(T, 1.0)]),
            series(&[3, 4], &[sample(T, 1.0)]),
            series(&[1, 2], &[]),
        ],
    );
    assert_eq!(answer.status, 400);
    assert_eq!(written(&answer), ["1", "0", "0"]);
    let text = answer.text();
    for part in [
        r#"out of order sample for series {__name__="up", job="a"}"#,
        "outside of symbols table (size 7)",
        r#"invalid metric name or labels, got {job="a"}"#,
        r#"TimeSeries must contain at least one sample or histogram for series {__name__="up"}"#,
    ] {
        assert!(text.contains(part), "{text}");
    }
    let data = api.data(&format!("/api/v1/query?query=up%5B1m%5D&time={}", NOW + 1));
    assert!(
        data.ends_with(&format!(
            r#""values":[[{},"1"],[{NOW},"2"],[{},"3"]]}}]}}"#,
            NOW - 1,
            NOW + 1
        )),
        "{data}"
    );
    assert!(
        api.data("/api/v1/query_exemplars?query=up")
            .contains(r#""trace_id":"a""#)
    );
    let count = api.data(&format!("/api/v1/query?query=histogram_count(h)&time={NOW}"));
    assert!(count.contains(r#""3""#), "{count}");
}

#[test]
fn only_accepted_messages_are_taken() {
    let api = Api::empty(|options| {
        options.enable_remote_write_receiver = true;
        options.remote_write_messages = vec!["prometheus.WriteRequest".into()];
    });
    let answer = push(&api, &[]);
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (
            415,
            "io.prometheus.write.v2.Request protobuf message is not accepted by this server; only accepts prometheus.WriteRequest\n"
        )
    );
}

#[test]
fn refusals_say_that_nothing_was_written() {
    let api = Api::empty(|options| options.enable_remote_write_receiver = true);
    let broken = snappy(&[0x2a, 0x7f, 1]);
    for (body, text) in [
        (&b"not snappy"[..], "s2: corrupt input"),
        (&broken, "proto: unexpected EOF"),
    ] {
        let answer = api.send("POST", "/api/v1/write", &[("Content-Type", TYPE)], body);
        assert_eq!(answer.status, 400);
        assert!(answer.text().starts_with(text), "{}", answer.text());
        assert_eq!(written(&answer), ["0", "0", "0"]);
    }
    let gzip = [("Content-Type", TYPE), ("Content-Encoding", "gzip")];
    assert_eq!(api.send("POST", "/api/v1/write", &gzip, b"").status, 415);
}

#[test]
fn ten_minutes_ahead_and_no_further() {
    let api = Api::empty(|options| options.enable_remote_write_receiver = true);
    let up: &[u8] = &[1, 2];
    let ahead = push(&api, &[series(up, &[sample(T + 601_000, 1.0)])]);
    assert_eq!(
        (ahead.status, written(&ahead)),
        (400, ["0", "0", "0"].map(String::from))
    );
    assert!(ahead.text().contains("out of bounds"), "{}", ahead.text());
    let near = push_to(&api, "/api/v1/push", &[series(up, &[sample(T + 599_000, 1.0)])]);
    assert_eq!(
        (near.status, written(&near)),
        (204, ["1", "0", "0"].map(String::from))
    );
    // The same once more is no fault, another value is one.
    assert_eq!(push(&api, &[series(up, &[sample(T + 599_000, 1.0)])]).status, 204);
    let other = push(
        &api,
        &[series(up, &[sample(T + 599_000, 2.0), sample(T + 599_500, 3.0)])],
    );
    assert_eq!(
        (other.status, written(&other)),
        (400, ["1", "0", "0"].map(String::from))
    );
    assert!(
        other.text().contains("duplicate sample for timestamp"),
        "{}",
        other.text()
    );
}
