//! Pages of our own and of real exporters, read; and what random bytes and random pages must not do.

use proptest::prelude::*;

use super::super::*;

pub(super) const CLASSIC: Format = Format::Classic;
pub(super) const OPEN: Format = Format::OpenMetrics;

/// Everything a page says, one line of text an entry; or its error.
pub(super) fn read(page: &[u8], format: Format) -> Result<Vec<String>, ParseError> {
    let mut parser = Parser::new(page, format);
    let mut labels = LabelList::new();
    let mut out = Vec::new();
    while let Some(event) = parser.next_event(b"")? {
        out.push(match event {
            Event::Type { name, kind } => format!("type {name} {}", kind.word()),
            Event::Help { name, text } => format!("help {name} {text:?}"),
            Event::Unit { name, unit } => format!("unit {name} {unit}"),
            Event::Comment(text) => format!("comment {}", String::from_utf8_lossy(text)),
            Event::Sample(sample) => {
                parser.labels(&sample, &mut labels)?;
                let pairs: Vec<_> = labels.iter().map(|(n, v)| format!("{n}={v:?}")).collect();
                let mut line = format!("{} {:?}", pairs.join(","), sample.value);
                if let Some(time) = sample.timestamp {
                    line += &format!(" @{time}");
                }
                if let Some(exemplar) = sample.exemplar {
                    exemplar.labels(&mut labels)?;
                    let pairs: Vec<_> = labels.iter().map(|(n, v)| format!("{n}={v:?}")).collect();
                    line += &format!(
                        " exemplar {} {:?} {:?}",
                        pairs.join(","),
                        exemplar.value,
                        exemplar.timestamp
                    );
                }
                line
            }
        });
    }
    Ok(out)
}

#[test]
fn a_classic_page_is_read() {
    let page = "# HELP rpc_seconds How long \\\\ it\\ntook \\\" here.\n\
        # TYPE rpc_seconds summary\n\
        rpc_seconds{quantile=\"0.5\"} 3.2258e-05\n\
        rpc_seconds{ quantile = \"1\" , } NaN 1395066363000\n\
        \n\t \n# a comment\n#another\n#\n# HELP x\n# HELP\n# TYPEX y\n\
        # TYPE h histogram\n\
        h_bucket{le=\"1\"} 5\nh_bucket{le=\"1e3\"}\t5\nh_bucket{le=\"+Inf\"} 7\nh_bucket{le=\"x\"} 7\n\
        # TYPE u untyped\n\
        u{le=\"1\",quantile=\"1\"} +Inf\n\
        u {a=\"\\\\ \\\" \\n \\x\"b=\"\u{e9}\"} -1.5\n  u  2 \n\
        {\"dotted.name\",\"label.name\"=\"v\",} 1\n{\"n\\\"q\"} 1\nz:y_9{}3";
    let expected = [
        r#"help rpc_seconds "How long \\ it\ntook \\\" here.""#,
        "type rpc_seconds summary",
        r#"__name__="rpc_seconds",quantile="0.5" 3.2258e-5"#,
        r#"__name__="rpc_seconds",quantile="1.0" NaN @1395066363000"#,
        "comment # a comment",
        "comment #another",
        "comment #",
        r#"help x """#,
        "comment # HELP",
        "comment # TYPEX y",
        "type h histogram",
        r#"__name__="h_bucket",le="1.0" 5.0"#,
        r#"__name__="h_bucket",le="1000.0" 5.0"#,
        r#"__name__="h_bucket",le="+Inf" 7.0"#,
        r#"__name__="h_bucket",le="x" 7.0"#,
        "type u unknown",
        r#"__name__="u",le="1",quantile="1" inf"#,
        r#"__name__="u",a="\\ \" \n \\x",b="é" -1.5"#,
        r#"__name__="u" 2.0"#,
        r#"__name__="dotted.name",label.name="v" 1.0"#,
        r#"__name__="n\"q" 1.0"#,
        r#"__name__="z:y_9" 3.0"#,
    ];
    assert_eq!(read(page.as_bytes(), CLASSIC).unwrap(), expected);
}

#[test]
fn an_openmetrics_page_is_read() {
    let page = "# HELP foo_seconds Say \\\"x\\\".\n# TYPE foo_seconds histogram\n# UNIT foo_seconds seconds\n\
        foo_seconds_bucket{le=\"1\"} 4 # {} 0.5\n\
        foo_seconds_bucket{le=\"+Inf\"} 5 1520872607.1235 # {trace_id=\"a\\\"b\",s=\"2\"} 0.67 -1.5\n\
        foo_seconds_created 1520872607.123\n\
        # TYPE i info\n# TYPE s stateset\n# TYPE g gaugehistogram\n# TYPE \"q.n\" unknown\n# HELP q \n\
        {\"q.n\",a=\"b\"} 1 -1\nplain 3\n# EOF\n";
    let expected = [
        r#"help foo_seconds "Say \"x\".""#,
        "type foo_seconds histogram",
        "unit foo_seconds seconds",
        r#"__name__="foo_seconds_bucket",le="1.0" 4.0 exemplar  0.5 None"#,
        r#"__name__="foo_seconds_bucket",le="+Inf" 5.0 @1520872607123 exemplar trace_id="a\"b",s="2" 0.67 Some(-1500)"#,
        r#"__name__="foo_seconds_created" 1520872607.123"#,
        "type i info",
        "type s stateset",
        "type g gaugehistogram",
        "type q.n unknown",
        r#"help q """#,
        r#"__name__="q.n",a="b" 1.0 @-1000"#,
        r#"__name__="plain" 3.0"#,
    ];
    assert_eq!(read(page.as_bytes(), OPEN).unwrap(), expected);
    assert_eq!(read(b"# EOF", OPEN).unwrap(), Vec::<String>::new());
}

#[test]
fn a_right_guess_changes_nothing_and_a_wrong_one_neither() {
    let page = b"a 1\na{b=\"c\"} 2\na {b=\"c\"} 3\nab 4\n";
    let plain: Vec<_> = events(page, &[b"", b"", b"", b""]);
    assert_eq!(plain, events(page, &[b"a", b"a{b=\"c\"}", b"a", b"a"]));
    assert_eq!(plain, events(page, &[b"ab", b"a", b"zzz", b"ab"]));
    assert_eq!(plain[2].0, "a {b=\"c\"}");
}

fn events(page: &[u8], guesses: &[&[u8]]) -> Vec<(String, f64)> {
    let mut parser = Parser::new(page, CLASSIC);
    guesses
        .iter()
        .map(|guess| match parser.next_event(guess).unwrap() {
            Some(Event::Sample(s)) => (String::from_utf8_lossy(s.key).into_owned(), s.value),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn pages_of_real_exporters_parse() {
    use std::io::Read;
    let shared = std::env::var("NARTHEX_SHARED").unwrap_or_else(|_| "../shared".to_owned());
    let folder = std::path::Path::new(&shared).join("scrapes");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: no pages in {}", folder.display());
        return;
    };
    let mut pages = 0;
    for path in entries.flatten().map(|e| e.path()) {
        let name = path.to_string_lossy().into_owned();
        if !name.contains(".txt") {
            continue;
        }
        let mut page = std::fs::read(&path).unwrap();
        if name.ends_with(".gz") {
            let packed = std::mem::take(&mut page);
            flate2::read::GzDecoder::new(&packed[..])
                .read_to_end(&mut page)
                .unwrap();
        }
        // A page recorded as OpenMetrics may still be text: not every exporter speaks what it is asked for.
        let format = if page.ends_with(b"# EOF\n") { OPEN } else { CLASSIC };
        let lines = read(&page, format).unwrap_or_else(|e| panic!("{name}: {e}"));
        let expected = page.iter().filter(|b| **b == b'\n').count() - usize::from(format == OPEN);
        assert_eq!(lines.len(), expected, "{name}");
        pages += 1;
    }
    assert!(pages > 0, "no page in {}", folder.display());
}

fn label_text() -> impl Strategy<Value = String> {
    proptest::collection::vec(any::<char>(), 0..6).prop_map(|c| c.into_iter().collect())
}

proptest! {
    #[test]
    fn bytes_never_panic(page in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&page, CLASSIC);
        let _ = read(&page, OPEN);
    }

    #[test]
    fn almost_pages_never_panic_and_errors_have_a_place(
        parts in proptest::collection::vec(prop::sample::select(vec![
            "# ", "#", "HELP ", "TYPE ", "UNIT ", "EOF", "m", "{", "}", "\"", "=", ",", " ", "\n", "\\", "1", "NaN",
            "counter", "histogram", "a=\"b\"", "le=\"1\"", " # {", "\t", "\r", "é", "-", ".", "\0",
        ]), 0..30)
    ) {
        let page = parts.concat();
        for format in [CLASSIC, OPEN] {
            if let Err(error) = read(page.as_bytes(), format) {
                let lines = page.split('\n').count();
                prop_assert!((1..=lines).contains(&error.line) && error.column >= 1, "{error}");
                prop_assert!(!error.message.is_empty());
            }
        }
    }

    #[test]
    fn what_is_written_is_read_back(
        name in "[a-zA-Z_:][a-zA-Z0-9_:]{0,8}|[a-z.é\"\\\\\n]{1,8}",
        pairs in proptest::collection::btree_map("[a-zA-Z_][a-zA-Z0-9_]{0,5}|[.é\"\\\\]{1,4}", label_text(), 0..4),
        value in any::<f64>(),
        time in proptest::option::of(0_i64..4_000_000_000_000),
        help in label_text(),
    ) {
        for format in [CLASSIC, OPEN] {
            let labels: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            let mut writer = Writer::new(format);
            writer.family(&name, MetricKind::Gauge, &help);
            writer.sample_at(&name, &labels, value, time);
            let page = writer.finish();
            let mut parser = Parser::new(page.as_bytes(), format);
            let mut samples = 0;
            while let Some(event) = parser.next_event(b"").map_err(|e| TestCaseError::fail(format!("{e}\n{page}")))? {
                match event {
                    Event::Help { name: n, text } => prop_assert_eq!((&*n, &*text), (&*name, &*help)),
                    Event::Type { name: n, kind } => prop_assert_eq!((&*n, kind), (&*name, MetricKind::Gauge)),
                    Event::Sample(sample) => {
                        let mut list = LabelList::new();
                        parser.labels(&sample, &mut list).unwrap();
                        let mut expected = vec![("__name__", name.as_str())];
                        expected.extend(&labels);
                        prop_assert_eq!(list.iter().collect::<Vec<_>>(), expected);
                        prop_assert!(sample.value == value || (sample.value.is_nan() && value.is_nan()));
                        // Seconds as a float, truncated, may lose the last millisecond.
                        let lost = time.unwrap_or(0) - sample.timestamp.unwrap_or(0);
                        prop_assert_eq!(sample.timestamp.is_some(), time.is_some());
                        prop_assert!(lost == 0 || (format == OPEN && lost == 1));
                        samples += 1;
                    }
                    other => return Err(TestCaseError::fail(format!("{other:?}"))),
                }
            }
            prop_assert_eq!(samples, 1);
        }
    }
}
