//! Native histograms: exponential (schema -4..=8) and custom buckets (schema -53).
//!
//! Source of the semantics: Prometheus `model/histogram`.

mod arithmetic;
mod bounds;
mod bucket;
mod continuity;
mod display;
#[cfg(test)]
mod hostile;
mod layout;
mod reset;
mod sum;
mod trim;
mod validate;
mod value;
mod zero_bucket;

pub use arithmetic::{Combined, IncompatibleSchemas};
pub use bucket::Bucket;
pub use sum::HistogramSum;
pub use validate::InvalidHistogram;
pub use value::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Histogram, ResetHint, Span};
