//! The write-ahead log: segments of frames, each a record of what one commit changed.

mod extras;
pub mod record;
mod samples;
pub mod segment;

pub use crate::frame::{self, Frames, Lost, Step, begin_frame, end_frame, write_frame};
pub use record::{Batch, Exemplar, Metadata, MetricKind, Record, Sample, Tombstone};
pub use segment::SegmentHeader;
