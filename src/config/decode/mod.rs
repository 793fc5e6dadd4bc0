//! Nodes to typed sections, strictly: unknown keys, repeated keys and wrong types are errors with their line.

mod alerting;
mod decoder;
mod fields;
mod global;
mod http_client;
mod relabel;
mod remote;
mod root;
mod scrape;
mod sd;
mod storage;
mod web;

pub(super) use decoder::{Decoder, duration as decode_duration, is_null};
pub(super) use fields::Fields;
pub(crate) use fields::nearest;
pub(super) use global::Environment;

pub(super) use root::{jobs_file, root};
pub(super) use sd::target_groups;
pub(super) use web::web;
