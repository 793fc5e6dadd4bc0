//! The configuration as YAML: defaults filled, secrets hidden, keys in the order that Prometheus prints them.

mod client;
mod discovery;
mod job;
mod remote;
mod sections;

pub(super) use job::{render_job, rule_map};
pub(super) use sections::render;
