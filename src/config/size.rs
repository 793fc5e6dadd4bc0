//! Sizes in bytes as Prometheus writes them: `512MB`, `1GiB`; all units are powers of two.

use thiserror::Error;

/// A text that is no size, in the words that Prometheus's users know.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct SizeError(String);

const UNITS: [(&str, u32); 7] = [
    ("B", 0),
    ("K", 1),
    ("M", 2),
    ("G", 3),
    ("T", 4),
    ("P", 5),
    ("E", 6),
];

/// Reads `10MB`, `1.5GiB`, `1GB512MB`; `0` needs no unit.
///
/// # Errors
/// When there is no number, no unit, an unknown unit, or the sum exceeds 63 bits.
pub fn parse_size(text: &str) -> Result<u64, SizeError> {
    let invalid = || SizeError(format!("units: invalid {text}"));
    if text == "0" {
        return Ok(0);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.is_empty() || rest.starts_with('-') {
        return Err(invalid());
    }
    let mut total = 0.0_f64;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| c != '.' && !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let number: f64 = number.parse().map_err(|_| invalid())?;
        let end = after
            .find(|c: char| c == '.' || c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let scale =
            unit_bytes(unit).ok_or_else(|| SizeError(format!("units: unknown unit {unit} in {text}")))?;
        total += number * scale;
        rest = after;
    }
    if total > i64::MAX as f64 {
        Err(invalid())
    } else {
        Ok(total as u64)
    }
}

fn unit_bytes(unit: &str) -> Option<f64> {
    let prefix = match unit {
        "B" => "B",
        _ => unit
            .strip_suffix("iB")
            .or_else(|| unit.strip_suffix('B'))
            .filter(|p| *p != "B" && !p.is_empty())?,
    };
    let (_, power) = UNITS.iter().find(|(name, _)| *name == prefix)?;
    Some(1024_f64.powi(*power as i32))
}

/// The shortest exact form: `1GiB512MiB`, `0B`.
#[must_use]
pub fn format_size(bytes: u64) -> String {
    if bytes == 0 {
        return "0B".to_owned();
    }
    let mut rest = bytes;
    let mut text = String::new();
    for (unit, power) in UNITS.iter().rev() {
        let size = 1_u64 << (10 * power);
        if rest >= size {
            text.push_str(&(rest / size).to_string());
            text.push_str(unit);
            if *power > 0 {
                text.push_str("iB");
            }
            rest %= size;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_two() {
        for (text, bytes, shown) in [
            ("0", 0, "0B"),
            ("512MB", 512 << 20, "512MiB"),
            ("1GiB", 1 << 30, "1GiB"),
            ("1.5KB", 1536, "1KiB512B"),
            ("1GB512MB", (1 << 30) + (512 << 20), "1GiB512MiB"),
            ("7EB", 7 << 60, "7EiB"),
            ("10B", 10, "10B"),
        ] {
            assert_eq!(parse_size(text).unwrap(), bytes, "{text}");
            assert_eq!(format_size(bytes), shown);
        }
        for (text, message) in [
            ("", "units: invalid "),
            ("10", "units: unknown unit  in 10"),
            ("10XB", "units: unknown unit XB in 10XB"),
            ("MB", "units: invalid MB"),
            ("-1MB", "units: invalid -1MB"),
            ("9EB", "units: invalid 9EB"),
            ("1iB", "units: unknown unit iB in 1iB"),
            ("1.2.3MB", "units: invalid 1.2.3MB"),
        ] {
            assert_eq!(parse_size(text).unwrap_err().to_string(), message, "{text}");
        }
    }
}
