//! Immutable files of chunks, mapped into memory: sealed segments of the head, and blocks.

mod blocks;
mod columns;
mod cursor;
mod deleted;
mod parts;
mod piece;
mod reader;
mod segment;
mod segments;
mod span;
mod work;
mod writer;

pub(crate) use columns::Place;
pub(crate) use cursor::Cursor;
pub(crate) use parts::{Part, PartValue, PartValues};
pub(crate) use piece::Piece;
pub(crate) use reader::Block;
pub(crate) use segment::Segment;
pub(crate) use segments::Segments;
pub(crate) use span::Span;
pub(crate) use work::Work;
pub(crate) use writer::{BlockWriter, Origin};
