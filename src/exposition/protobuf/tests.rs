//! Pages of protobuf: built by hand, of a real server, and broken ones.

use std::collections::BTreeMap;

use narthex_model::{HistogramValue, SampleValue};
use proptest::prelude::*;

use super::super::{Event, Format, LabelList, MetricKind, Parser};
use super::{FamilySink, ProtobufError, ProtobufOptions, ProtobufSample, read_families};

/// A field with bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = varint(u64::from(number) << 3 | 2);
    out.extend(varint(bytes.len() as u64));
    out.extend_from_slice(bytes);
    out
}

fn double(number: u8, value: f64) -> Vec<u8> {
    let mut out = varint(u64::from(number) << 3 | 1);
    out.extend(value.to_le_bytes());
    out
}

fn whole(number: u8, value: u64) -> Vec<u8> {
    [varint(u64::from(number) << 3), varint(value)].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

fn label(name: &str, value: &str) -> Vec<u8> {
    field(
        1,
        &[field(1, name.as_bytes()), field(2, value.as_bytes())].concat(),
    )
}

fn family(name: &str, kind: u64, metric: &[u8]) -> Vec<u8> {
    let body = [field(1, name.as_bytes()), whole(3, kind), field(4, metric)].concat();
    [varint(body.len() as u64), body].concat()
}

/// A histogram in both forms: classic up to 1, native with buckets of 2 and 1.
pub(crate) fn both_forms() -> Vec<u8> {
    let exemplar = [label("id", "x"), double(2, 0.5), field(3, &whole(1, 7))].concat();
    let bucket = [whole(1, 2), double(2, 1.0), field(3, &exemplar)].concat();
    let native = [
        whole(5, 0),
        field(12, &[whole(1, 0), whole(2, 2)].concat()),
        field(13, &[varint(4), varint(1)].concat()),
        field(15, &whole(1, 5)),
    ];
    let histogram = [
        vec![whole(1, 3), double(2, 3.5), field(3, &bucket)],
        native.to_vec(),
    ]
    .concat()
    .concat();
    family("h", 4, &[label("a", "b"), field(7, &histogram)].concat())
}

#[derive(Default)]
struct Lines(Vec<String>, BTreeMap<Vec<u8>, String>);

impl<'a> FamilySink<'a> for Lines {
    type Error = ProtobufError;

    fn family(&mut self, _: &'a str, _: MetricKind, _: &'a str, _: &'a str) {}

    fn sample(&mut self, sample: ProtobufSample<'_, 'a>) -> Result<(), ProtobufError> {
        let mut labels = LabelList::new();
        sample.labels(&mut labels)?;
        let labels: Vec<_> = labels.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let series = labels.join(",");
        let value = match &sample.value {
            SampleValue::Float(value) => value.to_string(),
            SampleValue::Histogram(HistogramValue::Integer(h)) => {
                format!(
                    "schema {} {:?} {:?}",
                    h.schema, h.positive_buckets, h.custom_values
                )
            }
            SampleValue::Histogram(HistogramValue::Float(h)) => format!("float {:?}", h.positive_buckets),
        };
        let mut line = format!("{series} {value}");
        for exemplar in sample.exemplars {
            line.push_str(&format!(" # {} {:?}", exemplar.value, exemplar.timestamp));
        }
        if let Some(start) = sample.start_time {
            line.push_str(&format!(" since {start}"));
        }
        self.0.push(line);
        let known = self.1.insert(sample.key.to_vec(), series.clone());
        assert!(known.is_none_or(|known| known == series), "one key, two series");
        Ok(())
    }
}

fn lines(page: &[u8], options: ProtobufOptions) -> Result<Vec<String>, ProtobufError> {
    let mut lines = Lines::default();
    read_families(page, options, &mut lines).map(|()| lines.0)
}

const CLASSIC: ProtobufOptions = ProtobufOptions {
    native: false,
    always_classic: false,
    convert_classic: false,
};

#[test]
fn histograms_come_in_the_form_that_is_wanted() {
    let native = "__name__=h,a=b schema 0 [2, -1] [] # 0.5 Some(7000) since 5000";
    let classic = [
        "__name__=h_count,a=b 3 since 5000",
        "__name__=h_sum,a=b 3.5 since 5000",
        "__name__=h_bucket,a=b,le=1.0 2 # 0.5 Some(7000) since 5000",
        "__name__=h_bucket,a=b,le=+Inf 3 since 5000",
    ];
    let page = both_forms();
    assert_eq!(lines(&page, CLASSIC).unwrap(), classic);
    let only = ProtobufOptions {
        native: true,
        ..CLASSIC
    };
    assert_eq!(lines(&page, only).unwrap(), [native]);
    let both = ProtobufOptions {
        always_classic: true,
        ..only
    };
    assert_eq!(lines(&page, both).unwrap(), [&[native], &classic[..]].concat());
    let converted = ProtobufOptions {
        convert_classic: true,
        ..CLASSIC
    };
    assert_eq!(
        lines(&page, converted).unwrap(),
        ["__name__=h,a=b schema -53 [2, -1] [1.0] # 0.5 Some(7000) since 5000"]
    );
}

#[test]
fn simple_metrics_and_summaries() {
    let quantile = field(3, &[double(1, 0.5), double(2, 7.0)].concat());
    let summary = [whole(1, 4), double(2, 9.0), quantile].concat();
    let page = [
        family("c_total", 0, &field(3, &double(1, 2.0))),
        family("g", 1, &[field(2, &double(1, -1.0)), whole(6, 77)].concat()),
        family("s", 2, &field(4, &summary)),
        family("u", 3, &field(5, &double(1, f64::NAN))),
    ]
    .concat();
    assert_eq!(
        lines(&page, CLASSIC).unwrap(),
        [
            "__name__=c_total 2",
            "__name__=g -1",
            "__name__=s_count 4",
            "__name__=s_sum 9",
            "__name__=s,quantile=0.5 7",
            "__name__=u NaN",
        ]
    );
}

#[test]
fn faults_say_where() {
    let broken = |page: &[u8]| lines(page, CLASSIC).unwrap_err().to_string();
    assert_eq!(broken(&[5, 1]), "proto: unexpected end (byte 1 of the page)");
    assert_eq!(
        broken(&family("", 0, &[])),
        "proto: invalid metric name: \"\" (byte 1 of the page)"
    );
    assert!(broken(&family("m", 9, &[])).starts_with("proto: unknown metric type 9"));
    let twice = [label("a", "1"), label("a", "2")].concat();
    assert!(broken(&family("m", 1, &twice)).contains("label name \"a\" is not unique"));
    let odd = field(12, &whole(2, u64::from(u32::MAX)));
    let page = family("h", 4, &field(7, &odd));
    let native = ProtobufOptions {
        native: true,
        ..CLASSIC
    };
    assert!(lines(&page, native).unwrap_err().message.contains("spans need"));
}

#[test]
fn a_cut_page_is_an_error_or_ends_between_families() {
    let page = [both_forms(), family("g", 1, &field(2, &double(1, 1.0)))].concat();
    let between = both_forms().len();
    for end in 1..page.len() {
        let read = lines(&page[..end], CLASSIC);
        assert_eq!(read.is_ok(), end == between, "{end}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(page: Vec<u8>) {
        let all = ProtobufOptions { native: true, always_classic: true, convert_classic: true };
        // Whatever comes of it.
        let _ = lines(&page, all);
    }

    #[test]
    fn no_flipped_byte_panics(at in 0_usize..200, to: u8) {
        let mut page = both_forms();
        let at = at % page.len();
        page[at] = to;
        let all = ProtobufOptions { native: true, always_classic: true, convert_classic: true };
        let _ = lines(&page, all);
    }
}

#[test]
fn a_real_page_says_what_the_text_page_says() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = std::env::var_os("NARTHEX_SHARED").map_or_else(|| root.join("../shared"), Into::into);
    let folder = shared.join("scrapes");
    let (Ok(page), Ok(packed)) = (
        std::fs::read(folder.join("prometheus-3.12.protobuf")),
        std::fs::File::open(folder.join("prometheus-3.12.txt.gz")),
    ) else {
        println!("skipped: no recorded pages in {}", folder.display());
        return;
    };
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(packed), &mut text).unwrap();
    let mut parser = Parser::new(&text, Format::Classic);
    let mut of_text = std::collections::BTreeSet::new();
    let mut labels = LabelList::new();
    while let Some(event) = parser.next_event(b"").unwrap() {
        if let Event::Sample(sample) = event {
            parser.labels(&sample, &mut labels).unwrap();
            let pairs: Vec<_> = labels.iter().map(|(n, v)| format!("{n}={v}")).collect();
            of_text.insert(pairs.join(","));
        }
    }
    let mut seen = Lines::default();
    read_families(&page, CLASSIC, &mut seen).unwrap();
    let of_protobuf: std::collections::BTreeSet<String> = seen.1.into_values().collect();
    let both = of_text.intersection(&of_protobuf).count();
    let only: Vec<_> = of_protobuf.symmetric_difference(&of_text).collect();
    assert!(
        both > 500 && only.len() * 20 < both,
        "{both} in both, not in both: {only:?}"
    );
    let native = ProtobufOptions {
        native: true,
        ..CLASSIC
    };
    assert!(lines(&page, native).unwrap().len() < of_protobuf.len());
}
