//! Pages of our own, malformed ones with the errors they must give, and random ones.

use proptest::prelude::*;

use super::*;

const CLASSIC: Format = Format::Classic;
const OPEN: Format = Format::OpenMetrics;

/// Everything a page says, one line of text an entry; or its error.
fn read(page: &[u8], format: Format) -> Result<Vec<String>, ParseError> {
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

/// Page, error text, line, column.
type Fault = (&'static [u8], &'static str, usize, usize);

fn check(faults: &[Fault], format: Format) {
    for (page, message, line, column) in faults {
        let shown = String::from_utf8_lossy(page);
        let error = read(page, format).expect_err(&shown);
        assert_eq!(
            (error.message.as_str(), error.line, error.column),
            (*message, *line, *column),
            "{shown:?}"
        );
    }
}

#[test]
fn malformed_classic_pages_are_refused_with_their_place() {
    check(
        &[
            (
                b"a 1\nm",
                r##"expected value after metric, got "\n" ("INVALID") while parsing: "m\n""##,
                2,
                2,
            ),
            (
                b"m 1\r\n",
                r#"strconv.ParseFloat: parsing "1\r": invalid syntax while parsing: "m 1\r""#,
                1,
                3,
            ),
            (
                b"m 1 -1\n",
                r##"expected timestamp or new record, got "-" ("INVALID") while parsing: "m 1 -""##,
                1,
                5,
            ),
            (
                b"m 1 1.5\n",
                r##"expected next entry after timestamp, got "." ("INVALID") while parsing: "m 1 1.""##,
                1,
                6,
            ),
            (
                b"m 0x1p1\n",
                r#"unsupported character in float while parsing: "m 0x1p1""#,
                1,
                3,
            ),
            (
                b"m 1_0\n",
                r#"unsupported character in float while parsing: "m 1_0""#,
                1,
                3,
            ),
            (
                b"m 1e999\n",
                r#"strconv.ParseFloat: parsing "1e999": value out of range while parsing: "m 1e999""#,
                1,
                3,
            ),
            (
                b"m 1 99999999999999999999\n",
                r#"strconv.ParseInt: parsing "99999999999999999999": value out of range while parsing: "m 1 99999999999999999999""#,
                1,
                5,
            ),
            (
                b"m{a=\"b\n",
                r##"expected label value, got "\"b\n\n" ("INVALID") while parsing: "m{a=\"b\n\n""##,
                1,
                5,
            ),
            (
                b"m{a=b} 1\n",
                r##"expected label value, got "b" ("INVALID") while parsing: "m{a=b""##,
                1,
                5,
            ),
            (
                b"m{=\"b\"} 1\n",
                r##"expected label name, got "=\"" ("EQUAL") while parsing: "m{=\"""##,
                1,
                3,
            ),
            (
                b"m{a\"b\"} 1\n",
                r##"expected equal, got "\"b\"}" ("QSTRING") while parsing: "m{a\"b\"}""##,
                1,
                4,
            ),
            (
                b"m{a=\"b\",,} 1\n",
                r##"expected label name, got ",}" ("COMMA") while parsing: "m{a=\"b\",,}""##,
                1,
                9,
            ),
            (
                b"m{a=\"b\" 1\n",
                r##"expected label name, got "1" ("INVALID") while parsing: "m{a=\"b\" 1""##,
                1,
                9,
            ),
            (
                b"m{\"x\"} 1\n",
                r#"metric name already set while parsing: "m{\"x\"}""#,
                1,
                6,
            ),
            (
                b"{a=\"b\"} 1\n",
                r#"metric name not set while parsing: "{a=\"b\"} 1""#,
                1,
                9,
            ),
            (b"{} 1\n", r#"metric name not set while parsing: "{} 1""#, 1, 4),
            (
                b"m{a=\"\xff\"} 1\n",
                r#"invalid UTF-8 label value: "\"\xff\"""#,
                1,
                5,
            ),
            (b"{\"\xff\"} 1\n", r#"invalid UTF-8 metric name: "\xff""#, 1, 5),
            (
                b"m{a=\"1\",a=\"2\"} 1\n",
                r#"label name "a" is not unique: invalid sample"#,
                1,
                1,
            ),
            (
                b"m{__name__=\"2\"} 1\n",
                r#"label name "__name__" is not unique: invalid sample"#,
                1,
                1,
            ),
            (
                b"9m 1\n",
                r##"expected a valid start token, got "9" ("INVALID") while parsing: "9""##,
                1,
                1,
            ),
            (
                b"a 1\n\xff 1\n",
                r##"expected a valid start token, got "\xff" ("INVALID") while parsing: "\xff""##,
                2,
                1,
            ),
            (
                b"<html>\n",
                r##"expected a valid start token, got "<" ("INVALID") while parsing: "<""##,
                1,
                1,
            ),
            (b"# TYPE m foo\n", r#"invalid metric type "foo""#, 1, 9),
            (b"# TYPE m\n", r#"invalid metric type """#, 1, 9),
            (
                b"# TYPE  \n",
                r##"expected metric name after TYPE, got "\n" ("INVALID") while parsing: "# TYPE  \n""##,
                1,
                9,
            ),
            (
                b"# HELP 9 x\n",
                r##"expected metric name after HELP, got "9" ("INVALID") while parsing: "# HELP 9""##,
                1,
                8,
            ),
            (
                b"# HELP m \xff\n",
                r#"help text "\xff" is not a valid utf8 string"#,
                1,
                9,
            ),
            (
                b"m 1 1 1\n",
                r##"expected next entry after timestamp, got "1\n" ("TIMESTAMP") while parsing: "m 1 1 1\n""##,
                1,
                7,
            ),
            (
                b"q",
                r##"expected value after metric, got "\n" ("INVALID") while parsing: "q\n""##,
                1,
                2,
            ),
            (
                b"q{z=\"1\"} 1\x00\n",
                r##"expected timestamp or new record, got "\x00" ("INVALID") while parsing: "q{z=\"1\"} 1\x00""##,
                1,
                11,
            ),
            (
                b"q\x00 1\n",
                r##"expected value after metric, got "\x00" ("INVALID") while parsing: "q\x00""##,
                1,
                2,
            ),
            (
                b"{z=\"1\"} x\n",
                r##"metric name not set while parsing: "{z=\"1\"} x""##,
                1,
                9,
            ),
            (
                b"q{z=\"\x00",
                r##"expected label value, got "\"\x00\n" ("INVALID") while parsing: "q{z=\"\x00\n""##,
                1,
                5,
            ),
            (
                b"{\"q\", \"z = \"1\"}",
                r##"expected equal, got "1" ("INVALID") while parsing: "{\"q\", \"z = \"1""##,
                1,
                13,
            ),
            (
                b"{q} 1\n",
                r##"expected equal, got "} " ("BCLOSE") while parsing: "{q} ""##,
                1,
                3,
            ),
        ],
        CLASSIC,
    );
}

#[test]
fn malformed_openmetrics_pages_are_refused_with_their_place() {
    check(
        &[
            (b"", "data does not end with # EOF", 1, 1),
            (b"m 1\n", "data does not end with # EOF", 2, 1),
            (b"m 1", "data does not end with # EOF", 1, 4),
            (b"# EOF\nm 1\n", "unexpected data after # EOF", 2, 1),
            (b"# EOF\n\n", "unexpected data after # EOF", 2, 1),
            (
                b"\n# EOF\n",
                r##"expected a valid start token, got "\n" ("INVALID") while parsing: "\n""##,
                1,
                1,
            ),
            (
                b"m  1\n# EOF\n",
                r##"expected value after metric, got "  " ("INVALID") while parsing: "m  ""##,
                1,
                2,
            ),
            (
                b"m{a=\"b\", c=\"d\"} 1\n# EOF\n",
                r##"expected label name, got " " ("INVALID") while parsing: "m{a=\"b\", ""##,
                1,
                9,
            ),
            (
                b"m{a=\"b\"c=\"d\"} 1\n# EOF\n",
                r##"expected comma or brace close, got "c=" ("LNAME") while parsing: "m{a=\"b\"c=""##,
                1,
                8,
            ),
            (
                b"m 1 x\n# EOF\n",
                r#"strconv.ParseFloat: parsing "x": invalid syntax while parsing: "m 1 x""#,
                1,
                4,
            ),
            (b"m 1 Inf\n# EOF\n", "invalid timestamp +Inf", 1, 4),
            (
                b"m 1 # {a=\"b\"} x\n# EOF\n",
                r#"strconv.ParseFloat: parsing "x": invalid syntax while parsing: "m 1 # {a=\"b\"} x""#,
                1,
                14,
            ),
            (
                b"m 1 # {a=\"b\"}\n# EOF\n",
                r##"expected value after exemplar labels, got "\n" ("INVALID") while parsing: "m 1 # {a=\"b\"}\n""##,
                1,
                14,
            ),
            (
                b"m 1 # {a=\"b\"} 1 NaN\n# EOF\n",
                "invalid exemplar timestamp NaN",
                1,
                16,
            ),
            (
                b"m 1 # {\"x\"} 1\n# EOF\n",
                r##"expected label name, got "} " ("BCLOSE") while parsing: "m 1 # {\"x\"} ""##,
                1,
                11,
            ),
            (
                b"# UNIT m seconds\n# EOF\n",
                r#"unit "seconds" not a suffix of metric "m""#,
                1,
                9,
            ),
            (
                b"# UNIT seconds seconds\n# EOF\n",
                r#"unit "seconds" not a suffix of metric "seconds""#,
                1,
                15,
            ),
            (
                b"# TYPE m untyped\n# EOF\n",
                r#"invalid metric type "untyped""#,
                1,
                9,
            ),
            (b"# TYPE m\n# EOF\n", "expected text in TYPE", 1, 9),
            (
                b"# comment\n# EOF\n",
                r##"expected a valid start token, got "# c" ("INVALID") while parsing: "# c""##,
                1,
                1,
            ),
            (
                b"m{a=\"b\nc\"} 1\n# EOF\n",
                r##"expected label value, got "\"b\n" ("INVALID") while parsing: "m{a=\"b\n""##,
                1,
                5,
            ),
            (
                b"q",
                r##"expected value after metric, got "q" ("EOF") while parsing: "q""##,
                1,
                1,
            ),
            (
                b"q\n# EOF\n",
                r##"expected value after metric, got "\n" ("INVALID") while parsing: "q\n""##,
                1,
                2,
            ),
            (
                b"q\t1\n# EOF\n",
                r##"expected value after metric, got "\t" ("INVALID") while parsing: "q\t""##,
                1,
                2,
            ),
            (
                b"q 1 # {z=\"1\"}",
                r##"expected value after exemplar labels, got "}" ("EOF") while parsing: "q 1 # {z=\"1\"}""##,
                1,
                13,
            ),
            (
                b"q 1 # {z, y=\"1\"} 1\n# EOF\n",
                r##"expected label name, got ", " ("COMMA") while parsing: "q 1 # {z, ""##,
                1,
                9,
            ),
            (
                b"q 1 2 #\n# EOF\n",
                r##"expected next entry after timestamp, got " #\n" ("TIMESTAMP") while parsing: "q 1 2 #\n""##,
                1,
                6,
            ),
            (
                b"{z=\"1\",} 1\n# EOF\n",
                r##"metric name not set while parsing: "{z=\"1\",} 1""##,
                1,
                9,
            ),
            (b"# EOFq 1", "unexpected data after # EOF", 1, 6),
            (
                b"# HELX q\n",
                r##"expected a valid start token, got "# HELX" ("INVALID") while parsing: "# HELX""##,
                1,
                1,
            ),
            (
                b"#\tTYPE q counter\n",
                r##"expected a valid start token, got "#\t" ("INVALID") while parsing: "#\t""##,
                1,
                1,
            ),
        ],
        OPEN,
    );
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
