//! The exposition formats: pages of targets to events, and our own metrics to pages.
//!
//! Nothing here knows of targets, scraping or storage.

mod classic;
mod collate;
mod error;
mod event;
mod float;
mod labels;
mod lex;
mod openmetrics;
mod parser;
mod protobuf;
mod write;

pub use collate::ClassicBuckets;
pub use error::ParseError;
pub use event::{Event, Exemplar, MetricKind, Sample};
pub use float::{format_float, format_float_short, parse_float};
pub use labels::LabelList;
pub use parser::{Format, Parser};
pub use protobuf::{
    FamilySink, PageValue, ProtobufError, ProtobufExemplar, ProtobufOptions, ProtobufPage, ProtobufSample,
    read_families,
};
pub use write::Writer;

#[cfg(test)]
mod tests;
