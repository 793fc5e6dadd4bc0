//! Immutable files of chunks, mapped into memory: sealed segments of the head.

mod piece;
mod segment;
mod segments;

pub(crate) use piece::Piece;

pub(crate) use segments::Segments;
