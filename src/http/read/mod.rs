//! Remote read: samples for other servers, whole or as a stream of chunks in Prometheus's own chunk format.
mod bits;
mod frames;
mod histogram;
mod message;
mod query;
mod samples;
mod service;
mod xor;

pub use service::ReadLimits;
pub(crate) use service::{Answer, ReadFault, ReadService};
