//! What one series holds at one time: a float, or a native histogram; and the stale marker.

use std::sync::Arc;

use crate::histogram::{FloatHistogram, Histogram};

/// Bits of the stale marker: a quiet NaN that says "this series ended here".
///
/// Source: Prometheus `model/value`. It is told apart by bits only and must survive storage exactly.
pub const STALE_NAN: u64 = 0x7ff0_0000_0000_0002;

/// Bits of the NaN that every parsed NaN becomes. Source: Prometheus `model/value`.
pub const NORMAL_NAN: u64 = 0x7ff8_0000_0000_0001;

/// The stale marker as a float.
#[inline]
#[must_use]
pub const fn stale_nan() -> f64 {
    f64::from_bits(STALE_NAN)
}

/// Whether `value` is the stale marker (an ordinary NaN is not).
#[inline]
#[must_use]
pub const fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN
}

/// A native histogram as it was ingested: integer counts or float counts.
#[derive(Debug, Clone, PartialEq)]
pub enum HistogramValue {
    /// Counts are integers; buckets are stored as deltas.
    Integer(Arc<Histogram>),
    /// Counts are floats; buckets are absolute.
    Float(Arc<FloatHistogram>),
}

impl HistogramValue {
    /// The histogram with float counts, converted if it was an integer one.
    #[must_use]
    pub fn to_float(&self) -> Arc<FloatHistogram> {
        match self {
            Self::Integer(h) => Arc::new(h.to_float()),
            Self::Float(h) => Arc::clone(h),
        }
    }

    /// Whether the histogram's sum carries the stale marker.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        match self {
            Self::Integer(h) => is_stale(h.sum),
            Self::Float(h) => is_stale(h.sum),
        }
    }
}

/// The value of one sample.
#[derive(Debug, Clone, PartialEq)]
pub enum SampleValue {
    /// A float, exact to the bit.
    Float(f64),
    /// A native histogram.
    Histogram(HistogramValue),
}
