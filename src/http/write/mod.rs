//! Samples pushed to us: remote write 1.0 and 2.0, from bytes straight into a batch, and OpenTelemetry metrics.
mod otlp;
mod receiver;
mod request;
mod request_v2;
mod series_cache;
mod wire;

pub(crate) use otlp::{LeftOut, OtlpForm};
pub(crate) use receiver::{PACKED_BYTES, WriteFault, WriteReceiver, Written};
