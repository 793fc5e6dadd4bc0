//! The log: every batch in the order it arrived, in segments that a restart reads again.

mod cursors;
mod reader;
mod segment;
mod writer;

pub(crate) use cursors::{Followed, Found};
pub(crate) use reader::{read_segment, segments};
pub(crate) use writer::{OldSegment, Wal};
