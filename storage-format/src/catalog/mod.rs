//! The catalog of series, id to labels: an append-only log and snapshots of the whole.

pub mod log;
pub mod record;
pub mod snapshot;

pub use log::{LOG, write_record};
pub use record::{Record, SnapshotEnd};
pub use snapshot::{SNAPSHOT, SnapshotSummary, SnapshotWriter, read_snapshot};
