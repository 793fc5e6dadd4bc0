//! OpenTelemetry metrics as series: the messages of OTLP, in protocol buffers and JSON, and how Prometheus names them.
mod attributes;
mod histograms;
mod json;
mod message;
mod names;
mod points;
mod target_info;
mod translate;

pub(crate) use message::{ExportRequest, ExportResponse, PartialSuccess};
pub(crate) use translate::{Settings, Translated, translate};
