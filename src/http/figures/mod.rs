//! The server's own figures, by the names that dashboards and alerts ask for.

mod build;
mod process;
mod requests;
mod rules;
mod store;

pub(crate) use build::register_build;
pub(crate) use process::register_process;
pub(crate) use requests::HttpMetrics;
pub(crate) use rules::register_rules;
pub(crate) use store::register_store;
