//! Remote read: both forms of the answer, the server's own labels, and what is refused.

use std::sync::Arc;

use narthex::config::Config;
use narthex::http::ReadLimits;
use narthex_model::Labels;

use super::world::{Api, NOW};
use crate::protobuf::{double, field, snappy, varint};
use crate::support::Answer;

/// A query for the last ten minutes with matchers of equality.
fn query(matchers: &[(&str, &str)]) -> Vec<u8> {
    let end = NOW * 1000;
    let mut message = [varint(1, end - 600_000), varint(2, end)].concat();
    for (name, value) in matchers {
        let matcher = [field(2, name.as_bytes()), field(3, value.as_bytes())].concat();
        message.extend(field(3, &matcher));
    }
    field(1, &message)
}

fn read(api: &Api, message: &[u8]) -> Answer {
    api.send("POST", "/api/v1/read", &[], &snappy(message))
}

fn api(limits: ReadLimits) -> Api {
    let api = Api::empty(|options| options.remote_read = limits);
    let mut config = Config::default();
    config.global.external_labels = Labels::from_pairs([("dc", "x"), ("job", "outer")]);
    api.app.set_config(Arc::new(config), String::new());
    api.put(&[("__name__", "up"), ("job", "a")], &[(15, 1.0), (0, 0.5)]);
    api.put(&[("__name__", "up"), ("job", "b")], &[(3_600, 1.0)]);
    api
}

fn series(answer: &[u8]) -> Vec<u8> {
    snap::raw::Decoder::new().decompress_vec(answer).unwrap()
}

fn labels() -> Vec<u8> {
    [("__name__", "up"), ("dc", "x"), ("job", "a")]
        .iter()
        .flat_map(|(n, v)| field(1, &[field(1, n.as_bytes()), field(2, v.as_bytes())].concat()))
        .collect()
}

#[test]
fn samples_with_the_labels_of_the_server() {
    let api = api(ReadLimits::default());
    let answer = read(&api, &query(&[("__name__", "up"), ("dc", "x")]));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sample = |value: f64, time: i64| field(2, &[double(1, value), varint(2, time)].concat());
    let up = [
        labels(),
        sample(1.0, NOW * 1000 - 15_000),
        sample(0.5, NOW * 1000),
    ]
    .concat();
    assert_eq!(series(&answer.body), field(1, &field(1, &up)));
    let none = read(&api, &query(&[("__name__", "up"), ("dc", "y")]));
    assert_eq!(series(&none.body), field(1, &[]));
}

#[test]
fn chunks_as_a_stream() {
    let api = api(ReadLimits::default());
    let message = [
        query(&[("__name__", "none")]),
        query(&[("__name__", "up")]),
        varint(2, 1),
    ]
    .concat();
    let answer = read(&api, &message);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let (length, rest) = answer.body.split_first().unwrap();
    let (checksum, frame) = rest.split_at(4);
    assert_eq!(usize::from(*length), frame.len());
    assert_eq!(checksum, crc32c::crc32c(frame).to_be_bytes());
    let one = [
        varint(1, NOW * 1000 - 15_000),
        varint(2, NOW * 1000),
        varint(3, 1),
    ]
    .concat();
    let head = [labels(), field(2, &[])].concat();
    let told = frame.windows(one.len()).any(|part| part == one);
    assert!(told, "times and encoding of the chunk");
    assert_eq!(frame[2..head.len()], head[..head.len() - 2]);
    assert_eq!(frame[frame.len() - 2..], [0x10, 1], "the second query");
}

#[test]
fn what_cannot_be_read_is_refused() {
    let limited = ReadLimits {
        samples: 1,
        ..ReadLimits::default()
    };
    let api = api(limited);
    let told = |answer: Answer| (answer.status, answer.text());
    assert_eq!(
        told(api.send("POST", "/api/v1/read", &[], b"not snappy")),
        (400, "snappy: corrupt input\n".into())
    );
    assert_eq!(
        told(api.send("POST", "/api/v1/read", &[], &[0x81, 0x80, 0x80, 0x10])),
        (
            400,
            "snappy: decoded length 33554433 exceeds limit 33554432\n".into()
        )
    );
    assert_eq!(
        told(read(&api, &query(&[("__name__", "up")]))),
        (400, "exceeded sample limit (1)\n".into())
    );
    let (status, text) = told(read(&api, &[0x0a, 0x7f]));
    assert!(status == 400 && text.starts_with("proto: "), "{status} {text}");
    assert_eq!(api.get("/api/v1/read").status, 405);
}
