//! Chunks: up to 1,024 values or times as one array of bytes, and back as one array.

pub mod histograms;
mod ints;
mod ints_decode;
mod numbers;
mod pack;
pub mod times;
pub mod values;
pub mod values_decode;

pub use histograms::{HistogramDecoder, HistogramEncoder};
pub use times::{TimeDecoder, TimeEncoder};
pub use values::{ValueEncoder, encode};
pub use values_decode::{ValueDecoder, decode};

/// The most samples in a chunk.
pub const SAMPLES_MAX: usize = 1_024;
