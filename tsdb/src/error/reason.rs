//! Why a sample was left out, in the words that Prometheus uses.

use std::fmt;

use narthex_model::SampleValue;

/// A sample that was left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejected {
    /// Position of the sample in the batch, from 0.
    pub index: usize,
    /// Why.
    pub reason: Reason,
}

/// Why a sample was left out; shown in the words that Prometheus uses.
///
/// Source: Prometheus `storage/interface.go` and `tsdb/head_append.go`.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    /// Older than the newest sample of its series.
    OutOfOrder,
    /// The series has another value at this time.
    DuplicateTimestamp {
        /// The time, in Unix milliseconds.
        time: i64,
        /// The value that is kept.
        existing: SampleValue,
        /// The value that was left out.
        new: SampleValue,
    },
    /// Too far behind the newest sample of the store.
    OutOfBounds,
    /// Behind the out-of-order window.
    TooOld,
    /// Too far ahead of the clock.
    TooFarInFuture,
    /// The reference is not, or no longer, that of a series: resolve the labels again.
    UnknownSeries,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfOrder => f.write_str("out of order sample"),
            Self::DuplicateTimestamp {
                time,
                existing: SampleValue::Float(existing),
                new: SampleValue::Float(new),
            } => write!(
                f,
                "duplicate sample for timestamp {time}; overrides not allowed: existing {}, new value {}",
                Shortest(*existing),
                Shortest(*new)
            ),
            Self::DuplicateTimestamp { .. } => f.write_str("duplicate sample for timestamp"),
            Self::OutOfBounds | Self::TooFarInFuture => f.write_str("out of bounds"),
            Self::TooOld => f.write_str("too old sample"),
            Self::UnknownSeries => f.write_str("unknown series reference"),
        }
    }
}

/// A float as Go's `%g` prints it: shortest digits, exponent form below 1e-4 and from 1e6.
struct Shortest(f64);

impl fmt::Display for Shortest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.0;
        if value.is_nan() {
            return f.write_str("NaN");
        }
        if value.is_infinite() {
            return f.write_str(if value > 0.0 { "+Inf" } else { "-Inf" });
        }
        let magnitude = value.abs();
        if magnitude != 0.0 && !(1e-4..1e6).contains(&magnitude) {
            let text = format!("{value:e}");
            let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |e| ('-', e));
            return write!(f, "{digits}e{sign}{exponent:0>2}");
        }
        write!(f, "{value}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_are_reported_in_known_words() {
        for (existing, new, text) in [
            (1.0, 2.5, "existing 1, new value 2.5"),
            (1e-5, 1e21, "existing 1e-05, new value 1e+21"),
            (f64::INFINITY, f64::NAN, "existing +Inf, new value NaN"),
            (-0.0, 123_456_789.0, "existing -0, new value 1.23456789e+08"),
        ] {
            let reason = Reason::DuplicateTimestamp {
                time: 7,
                existing: SampleValue::Float(existing),
                new: SampleValue::Float(new),
            };
            let whole = format!("duplicate sample for timestamp 7; overrides not allowed: {text}");
            assert_eq!(reason.to_string(), whole);
        }
    }
}
