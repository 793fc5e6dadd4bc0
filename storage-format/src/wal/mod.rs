//! The write-ahead log: segments of frames, each a record of what one commit changed.

pub mod record;
mod samples;
pub mod segment;

pub use crate::extras::{Exemplar, Metadata, MetricKind, Tombstone};
pub use crate::frame::{self, Frames, Lost, Step, begin_frame, end_frame, write_frame};
pub use record::{Batch, Record, Sample};
pub use segment::SegmentHeader;
