//! The on-disk format: bytes to plain values and back; no files, no threads, nothing else of ours.
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod blobs;
pub mod block;
pub mod bytes;
pub mod catalog;
pub mod checksum;
pub mod chunk;
pub mod cursor;
pub mod error;
mod extras;
pub mod filenames;
pub mod frame;
pub mod header;
pub mod histogram;
pub mod index;
pub mod packed;
pub mod sections;
pub mod segment;
pub mod series;
pub mod tombstones;
pub mod varint;
pub mod wal;

pub use error::{Error, Expected, Result};
pub use histogram::{FloatHistogram, Histogram, HistogramFields, Span};
pub use series::SeriesTable;
