//! The embedded time series database.
#![deny(missing_docs)]

mod append;
mod db;
pub mod disk;
mod error;
mod head;
mod options;
mod select;

pub use append::batch::{Batch, Exemplar, MetadataKind, Policy, SeriesMetadata};
pub use append::commit::{Commit, Reason, Rejected};
pub use db::Db;
pub use db::progress::{OpenProgress, ReplayStatus};
pub use db::stats::{Cardinality, ForeignFile, NamedCount, Stats};
pub use error::Error;
pub use head::reference::SeriesRef;
pub use options::Options;
pub use select::listing::Listing;
pub use select::snapshot::Snapshot;
