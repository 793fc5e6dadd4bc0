//! The embedded time series database.
#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod append;
mod block;
mod catalog;
mod compact;
mod db;
pub mod disk;
mod error;
mod head;
mod histograms;
mod options;
mod postings;
mod select;
mod tail;
mod text_set;
mod wal;

/// What a block says about itself.
pub use narthex_format::block::BlockMeta;

pub use append::batch::{Batch, MetadataKind, Policy, SeriesMetadata};
pub use append::commit::Commit;
pub use db::Db;
pub use db::import::BlockImport;
pub use db::progress::{OpenProgress, ReplayStatus};
pub use db::stats::{ForeignFile, Intake, Stats};
pub use error::{Error, Reason, Rejected};
pub use head::{Exemplar, SeriesRef};
pub use options::Options;
pub use select::cardinality::{Cardinality, NamedCount};
pub use select::listing::Listing;
pub use select::snapshot::Snapshot;
pub use tail::{LogPosition, Tail, TailBatch, TailMark, TailSample, TailStep};
