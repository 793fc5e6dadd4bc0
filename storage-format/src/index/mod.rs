//! A block's index: label values to series, series to labels and chunks.

pub mod postings;
pub mod reader;
pub mod series;
pub mod strings;
pub mod writer;

pub use reader::Index;
pub use series::{BLOCK as SERIES_BLOCK, SeriesEntry};
pub use strings::{Cursor, Strings};
pub use writer::{IndexWriter, KIND};
