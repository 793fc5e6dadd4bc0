//! The ways a number is written: as a sample, as a scalar, as an alert's value, as a plain JSON number.
//!
//! All are the shortest decimal that reads back as the same float. Source: Prometheus `util/jsonutil` and
//! `promql/value.go`; the table test below states each style.
use std::io::Write;

/// Writes a sample's value: plain, but with an exponent below 1e-6 and from 1e21 on.
pub(crate) fn write_sample(out: &mut Vec<u8>, value: f64) {
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        write_exponent(out, value);
    } else {
        write_plain(out, value);
    }
}

/// Writes a scalar's value: always plain.
pub(crate) fn write_plain(out: &mut Vec<u8>, value: f64) {
    if !value.is_finite() {
        write_special(out, value);
    } else if value.fract() == 0.0 && value.abs() < 1e15 {
        if value == 0.0 && value.is_sign_negative() {
            out.push(b'-');
        }
        write_integer(out, value as i64);
    } else {
        // The library writes what is neither very large nor very small as it is wanted here, several times faster
        // than the standard one.
        let mut buffer = zmij::Buffer::new();
        let text = buffer.format_finite(value);
        // Only there it has exponents.
        let extreme = !(1e-3..1e15).contains(&value.abs());
        if extreme && text.contains('e') {
            push(out, format_args!("{value}"));
        } else {
            out.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
        }
    }
}

/// Writes with an exponent of at least two digits: `1e+00`. This is how alerts show their value.
pub(crate) fn write_exponent(out: &mut Vec<u8>, value: f64) {
    if !value.is_finite() {
        return write_special(out, value);
    }
    let start = out.len();
    push(out, format_args!("{value:e}"));
    let Some(at) = out.iter().skip(start).position(|b| *b == b'e') else {
        return;
    };
    let digits = out.split_off(start + at + 1);
    let (sign, digits) = match digits.split_first() {
        Some((b'-', rest)) => (b'-', rest),
        _ => (b'+', digits.as_slice()),
    };
    out.push(sign);
    if digits.len() < 2 {
        out.push(b'0');
    }
    out.extend_from_slice(digits);
}

/// Writes a number as JSON has it: as a sample's value, but the exponent without padding; what JSON cannot say is `null`.
pub(crate) fn write_json(out: &mut Vec<u8>, value: f64) {
    let size = value.abs();
    if !value.is_finite() {
        out.extend_from_slice(b"null");
    } else if size != 0.0 && !(1e-6..1e21).contains(&size) {
        push(out, format_args!("{value:e}"));
        if let Some(at) = out.iter().rposition(|b| *b == b'e')
            && out.get(at + 1) != Some(&b'-')
        {
            out.insert(at + 1, b'+');
        }
    } else {
        write_plain(out, value);
    }
}

/// Writes a whole number.
pub(crate) fn write_integer(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Writes Unix milliseconds as seconds: whole, or with exactly three decimals.
pub(crate) fn write_timestamp(out: &mut Vec<u8>, milliseconds: i64) {
    let size = milliseconds.unsigned_abs();
    if milliseconds < 0 {
        out.push(b'-');
    }
    write_integer(out, (size / 1000) as i64);
    let rest = (size % 1000) as u32;
    if rest > 0 {
        out.push(b'.');
        for divisor in [100, 10, 1] {
            out.push(b'0' + (rest / divisor % 10) as u8);
        }
    }
}

/// Writes Unix milliseconds as seconds in the generic float form of scalars and strings: `1.5`.
pub(crate) fn write_scalar_timestamp(out: &mut Vec<u8>, milliseconds: i64) {
    write_json(out, milliseconds as f64 / 1000.0);
}

fn write_special(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(match (value.is_nan(), value > 0.0) {
        (true, _) => b"NaN",
        (_, true) => b"+Inf",
        _ => b"-Inf",
    });
}

fn push(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to a vector does not fail.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(write: fn(&mut Vec<u8>, f64), value: f64) -> String {
        let mut out = b"e:".to_vec();
        write(&mut out, value);
        String::from_utf8(out).unwrap().split_off(2)
    }

    #[test]
    fn three_styles_and_json() {
        // value, sample, scalar, alert, json
        let table = [
            (0.0, "0", "0", "0e+00", "0"),
            (-0.0, "-0", "-0", "-0e+00", "-0"),
            (1.0, "1", "1", "1e+00", "1"),
            (-1.5, "-1.5", "-1.5", "-1.5e+00", "-1.5"),
            (
                0.1 + 0.2,
                "0.30000000000000004",
                "0.30000000000000004",
                "3.0000000000000004e-01",
                "0.30000000000000004",
            ),
            (1e-6, "0.000001", "0.000001", "1e-06", "0.000001"),
            (1e-7, "1e-07", "0.0000001", "1e-07", "1e-7"),
            (-2.5e-9, "-2.5e-09", "-0.0000000025", "-2.5e-09", "-2.5e-9"),
            (
                1e20,
                "100000000000000000000",
                "100000000000000000000",
                "1e+20",
                "100000000000000000000",
            ),
            (1e21, "1e+21", "1000000000000000000000", "1e+21", "1e+21"),
            (1.5e300, "1.5e+300", "", "1.5e+300", "1.5e+300"),
            (5e-324, "5e-324", "", "5e-324", "5e-324"),
            (
                f64::MAX,
                "1.7976931348623157e+308",
                "",
                "1.7976931348623157e+308",
                "1.7976931348623157e+308",
            ),
            (f64::NAN, "NaN", "NaN", "NaN", "null"),
            (-f64::NAN, "NaN", "NaN", "NaN", "null"),
            (f64::INFINITY, "+Inf", "+Inf", "+Inf", "null"),
            (f64::NEG_INFINITY, "-Inf", "-Inf", "-Inf", "null"),
            (
                9_007_199_254_740_993.0,
                "9007199254740992",
                "9007199254740992",
                "9.007199254740992e+15",
                "9007199254740992",
            ),
            (
                999_999_999_999_999.0,
                "999999999999999",
                "999999999999999",
                "9.99999999999999e+14",
                "999999999999999",
            ),
        ];
        for (value, sample, scalar, alert, json) in table {
            assert_eq!(with(write_sample, value), sample);
            if !scalar.is_empty() {
                assert_eq!(with(write_plain, value), scalar);
            }
            assert_eq!(with(write_exponent, value), alert);
            assert_eq!(with(write_json, value), json);
        }
    }

    #[test]
    fn timestamps() {
        let table = [
            (0, "0", "0"),
            (4_000, "4", "4"),
            (1_500, "1.500", "1.5"),
            (1_795_393_081_780, "1795393081.780", "1795393081.78"),
            (-1_500, "-1.500", "-1.5"),
            (-5, "-0.005", "-0.005"),
            (7, "0.007", "0.007"),
            (i64::MIN, "-9223372036854775.808", "-9223372036854776"),
        ];
        for (ms, sample, scalar) in table {
            let mut out = Vec::new();
            write_timestamp(&mut out, ms);
            assert_eq!(String::from_utf8(out).unwrap(), sample);
            let mut out = Vec::new();
            write_scalar_timestamp(&mut out, ms);
            assert_eq!(String::from_utf8(out).unwrap(), scalar);
        }
    }

    #[test]
    fn integers() {
        for value in [0, 7, 10, -1, 1_234_567_890, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            write_integer(&mut out, value);
            assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
        }
    }

    /// Whether a float that lies half way between two shortest decimals was written as the even one, as Go does; the
    /// standard library goes up.
    fn is_even_half(found: &str, standard: &str) -> bool {
        let last = |text: &str| text.bytes().last().unwrap_or_default();
        let same = |text: &str| text.parse::<f64>().map(f64::to_bits);
        found.len() == standard.len()
            && found[..found.len() - 1] == standard[..standard.len() - 1]
            && last(found) + 1 == last(standard)
            && last(found) % 2 == 0
            && same(found) == same(standard)
    }

    #[test]
    fn half_way_the_even_digit_is_written() {
        assert_eq!(
            with(write_plain, 165_190_475_217_420.5 / 8.0),
            "20648809402177.562"
        );
    }

    proptest::proptest! {
        #[test]
        fn plain_numbers_are_written_as_the_standard_library_does(bits: u64, digits in -99_999_999_i64..99_999_999, places in 0..12) {
            for value in [f64::from_bits(bits), digits as f64 / 10_f64.powi(places)] {
                if value.is_finite() {
                    let (found, standard) = (with(write_plain, value), value.to_string());
                    proptest::prop_assert!(found == standard || is_even_half(&found, &standard), "{found} {standard}");
                }
            }
        }

        #[test]
        fn what_is_written_reads_back(bits: u64) {
            let value = f64::from_bits(bits);
            for write in [write_sample, write_plain, write_exponent] {
                let back: f64 = with(write, value).parse().unwrap();
                assert!(back.to_bits() == bits || (back.is_nan() && value.is_nan()));
            }
        }
    }
}
