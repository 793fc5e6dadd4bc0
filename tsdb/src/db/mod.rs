//! The database: the one place that knows all rooms below and puts them together.

mod database;
pub(crate) mod progress;
pub(crate) mod stats;

pub use database::Db;
