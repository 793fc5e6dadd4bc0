//! The database: the one place that knows all rooms below and puts them together.

mod compact;
mod copy;
mod database;
mod delete;
mod foreign;
pub(crate) mod import;
mod inner;
mod maintain;
pub(crate) mod progress;
mod recover;
pub(crate) mod stats;

pub use database::Db;
