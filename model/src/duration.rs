//! Durations as Prometheus writes them: `1h30m`, `15s`, `0`.

use std::fmt;

use crate::labels::quoted;

/// A duration in milliseconds, never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration(i64);

/// A text that is no duration; the message is that of Prometheus.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DurationError(pub String);

const UNITS: [(&str, i64); 7] = [
    ("y", 31_536_000_000),
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

impl Duration {
    /// No time.
    pub const ZERO: Self = Self(0);

    /// A duration of so many milliseconds (negative ones count as none).
    #[must_use]
    pub const fn from_millis(ms: i64) -> Self {
        Self(if ms < 0 { 0 } else { ms })
    }

    /// The duration in milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The duration in seconds.
    #[must_use]
    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / 1_000.0
    }

    /// The standard library's duration.
    #[must_use]
    pub const fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0 as u64)
    }

    /// Reads `1h30m`: whole numbers with units y w d h m s ms in this order, each at most once; or `0`.
    ///
    /// # Errors
    /// In Prometheus's words: empty, unknown unit, not a valid duration string, out of range.
    pub fn parse(text: &str) -> Result<Self, DurationError> {
        match text {
            "" => return Err(DurationError("empty duration string".into())),
            "0" => return Ok(Self::ZERO),
            _ => {}
        }
        let invalid = || DurationError(format!("not a valid duration string: {}", quoted(text)));
        let (mut rest, mut total, mut last_unit) = (text, 0_i64, None);
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 {
                return Err(invalid());
            }
            let (number, after) = rest.split_at(digits);
            let letters = after.bytes().take_while(|b| !b.is_ascii_digit()).count();
            let (unit, after) = after.split_at(after.len().min(letters));
            if unit.is_empty() {
                return Err(invalid());
            }
            let at = UNITS.iter().position(|(u, _)| *u == unit).ok_or_else(|| {
                let (unit, text) = (quoted(unit), quoted(text));
                DurationError(format!("unknown unit {unit} in duration {text}"))
            })?;
            if last_unit.is_some_and(|last| at <= last) {
                return Err(invalid());
            }
            last_unit = Some(at);
            let too_long = || DurationError("duration out of range".into());
            let number: u64 = number.parse().map_err(|_| invalid())?;
            total = i64::try_from(number)
                .map_err(|_| too_long())?
                .checked_mul(UNITS[at].1)
                .and_then(|ms| total.checked_add(ms))
                .ok_or_else(too_long)?;
            // Go's time.Duration counts nanoseconds in an i64.
            if total > i64::MAX / 1_000_000 {
                return Err(too_long());
            }
            rest = after;
        }
        Ok(Self(total))
    }
}

impl fmt::Display for Duration {
    /// The shortest exact form: `1h30m`, `5m`, `1w` only where nothing is left over.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ms = self.0;
        if ms == 0 {
            return f.write_str("0s");
        }
        for (unit, size) in UNITS {
            // Years and weeks are used only where nothing is left over: 90d reads better than 12w6d.
            let exact_only = matches!(unit, "y" | "w");
            let count = ms / size;
            if count > 0 && (!exact_only || ms % size == 0) {
                write!(f, "{count}{unit}")?;
                ms -= count * size;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_round_trip_in_prometheus_words() {
        for (text, ms, shown) in [
            ("1h30m", 5_400_000, "1h30m"),
            ("90m", 5_400_000, "1h30m"),
            ("7d", 604_800_000, "1w"),
            ("8d", 691_200_000, "8d"),
            ("36h", 129_600_000, "1d12h"),
            ("90d", 7_776_000_000, "90d"),
            ("0", 0, "0s"),
            ("1s5ms", 1_005, "1s5ms"),
            ("365d", 31_536_000_000, "1y"),
        ] {
            let duration = Duration::parse(text).unwrap();
            assert_eq!(
                (duration.as_millis(), duration.to_string().as_str()),
                (ms, shown),
                "{text}"
            );
        }
        for (text, message) in [
            ("", "empty duration string"),
            ("5x", "unknown unit \"x\" in duration \"5x\""),
            ("1.5h", "unknown unit \".\" in duration \"1.5h\""),
            ("5", "not a valid duration string: \"5\""),
            ("1m1h", "not a valid duration string: \"1m1h\""),
            ("-1s", "not a valid duration string: \"-1s\""),
            ("99999999y", "duration out of range"),
            ("9223372036854775808s", "duration out of range"),
            (
                "18446744073709551616s",
                "not a valid duration string: \"18446744073709551616s\"",
            ),
            ("5\"", "unknown unit \"\\\"\" in duration \"5\\\"\""),
        ] {
            assert_eq!(Duration::parse(text).unwrap_err().to_string(), message, "{text}");
        }
    }
}
