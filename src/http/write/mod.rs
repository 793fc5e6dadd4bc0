//! Samples pushed to us: remote write 1.0 and 2.0, from bytes straight into a batch.
mod histogram;
mod receiver;
mod request;
mod request_v2;
mod series_cache;
mod wire;

pub(crate) use histogram::HistogramMessage;
pub(crate) use receiver::{PACKED_BYTES, WriteFault, WriteReceiver, Written};
