//! Samples pushed to us: remote write 1.0, from bytes straight into a batch.
mod histogram;
mod receiver;
mod request;
mod series_cache;
mod wire;

pub(crate) use histogram::HistogramMessage;
pub(crate) use receiver::{PACKED_BYTES, WriteFault, WriteReceiver};
