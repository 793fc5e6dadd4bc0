//! The write-ahead log: frames that survive their neighbours' damage, and records of what commits changed.

mod extras;
pub mod frame;
pub mod record;
mod samples;

pub use frame::{Frames, Lost, SegmentHeader, Step, begin_frame, end_frame, write_frame};
pub use record::{Batch, Exemplar, Metadata, MetricKind, Record, Sample, Tombstone};
