//! Floats as Go reads and OpenMetrics prints them.

use narthex_model::sample::NORMAL_NAN;

use super::error::quoted;

/// Digits that always fit a float's 53 bits.
const EXACT_DIGITS_MAX: usize = 15;

/// Reads a float in the syntax of Go's `strconv.ParseFloat`, without hexadecimal and underscores.
/// A NaN gets the bits of [`NORMAL_NAN`].
///
/// # Errors
/// The text of Go's error.
pub fn parse_float(text: &[u8]) -> Result<f64, String> {
    if let Some(value) = parse_integer(text) {
        return Ok(value);
    }
    if text.iter().any(|b| matches!(b, b'p' | b'P' | b'_')) {
        return Err("unsupported character in float".to_owned());
    }
    let invalid = || format!("strconv.ParseFloat: parsing {}: invalid syntax", quoted(text));
    let value: f64 = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(invalid)?;
    if value.is_nan() {
        // Go knows no signed NaN.
        let signed = matches!(text.first(), Some(b'+' | b'-'));
        return if signed {
            Err(invalid())
        } else {
            Ok(f64::from_bits(NORMAL_NAN))
        };
    }
    if value.is_infinite() && text.iter().any(u8::is_ascii_digit) {
        return Err(format!(
            "strconv.ParseFloat: parsing {}: value out of range",
            quoted(text)
        ));
    }
    Ok(value)
}

/// The common case: a few plain digits.
fn parse_integer(text: &[u8]) -> Option<f64> {
    if text.is_empty() || text.len() > EXACT_DIGITS_MAX {
        return None;
    }
    let mut value = 0_u64;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    Some(value as f64)
}

/// A float as OpenMetrics writes it: shortest form, always with a point or an exponent.
#[must_use]
pub fn format_float(value: f64) -> String {
    let mut text = format_float_short(value);
    if text.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
        text.push_str(".0");
    }
    text
}

/// A float as the text format writes it: Go's shortest `%g`.
#[must_use]
pub fn format_float_short(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let magnitude = value.abs();
    // Where Go's shortest %g changes to an exponent.
    if magnitude != 0.0 && !(1e-4..1e6).contains(&magnitude) {
        return with_go_exponent(&format!("{value:e}"));
    }
    format!("{value}")
}

/// `1.5e-7` -> `1.5e-07`, `1e21` -> `1e+21`.
fn with_go_exponent(text: &str) -> String {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    match exponent.strip_prefix('-') {
        Some(digits) => format!("{mantissa}e-{digits:0>2}"),
        None => format!("{mantissa}e+{exponent:0>2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_read_as_go_reads_them() {
        for (text, value) in [
            ("0", 0.0),
            ("-0", -0.0),
            ("+1", 1.0),
            ("123456789012345", 123_456_789_012_345.0),
            ("9007199254740993", 9_007_199_254_740_992.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("1E+5", 1e5),
            ("-iNf", f64::NEG_INFINITY),
            ("+Infinity", f64::INFINITY),
            ("1e-999", 0.0),
        ] {
            assert_eq!(
                parse_float(text.as_bytes()).unwrap().to_bits(),
                value.to_bits(),
                "{text}"
            );
        }
        for text in ["NaN", "nan", "NAN"] {
            assert_eq!(parse_float(text.as_bytes()).unwrap().to_bits(), NORMAL_NAN);
        }
    }

    #[test]
    fn other_syntax_is_refused_with_the_text_of_go() {
        for (text, error) in [
            ("1_0", "unsupported character in float"),
            ("0x1p-2", "unsupported character in float"),
            ("1\r", r#"strconv.ParseFloat: parsing "1\r": invalid syntax"#),
            ("+NaN", r#"strconv.ParseFloat: parsing "+NaN": invalid syntax"#),
            (
                "1e999",
                r#"strconv.ParseFloat: parsing "1e999": value out of range"#,
            ),
            ("0x1", r#"strconv.ParseFloat: parsing "0x1": invalid syntax"#),
            ("", r#"strconv.ParseFloat: parsing "": invalid syntax"#),
        ] {
            assert_eq!(parse_float(text.as_bytes()).unwrap_err(), error);
        }
    }

    #[test]
    fn bounds_are_printed_as_openmetrics_prints_them() {
        for (value, text) in [
            (1.0, "1.0"),
            (0.0, "0.0"),
            (-2.5, "-2.5"),
            (1e3, "1000.0"),
            (123_456.0, "123456.0"),
            (1e6, "1e+06"),
            (1_234_567.0, "1.234567e+06"),
            (0.0001, "0.0001"),
            (0.000_01, "1e-05"),
            (1e100, "1e+100"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(format_float(value), text);
        }
    }
}
