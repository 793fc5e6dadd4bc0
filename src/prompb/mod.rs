//! Messages of Prometheus's remote protocols, as both senders and receivers need them.
mod histogram;
mod series;
mod write_v1;
mod write_v2;
mod writer;

pub(crate) use histogram::HistogramMessage;
pub(crate) use series::{OutSeries, TimedSample, kind_of};
pub(crate) use write_v1::{encode_metadata_v1, encode_v1};
pub(crate) use write_v2::encode_v2;
