//! The protobuf format: length-delimited messages `io.prometheus.client.MetricFamily`, read in place.

mod family;
mod histogram;
mod page;
mod sample;
mod wire;

pub use family::{FamilySink, ProtobufOptions, read_families};
pub use page::{PageValue, ProtobufPage};
pub use sample::{ProtobufExemplar, ProtobufSample};
pub use wire::ProtobufError;

#[cfg(test)]
mod tests;
