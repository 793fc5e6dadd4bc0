//! Malformed pages, with the errors and places that they must give.

use super::super::Format;
use super::pages::{CLASSIC, OPEN, read};

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
