//! Blocks: a meta file, an index and a file of chunks (see [`crate::index`] and [`crate::segment`]).

pub mod meta;

pub use meta::{BlockCompaction, BlockFile, BlockMeta, BlockSpan, BlockStats};
