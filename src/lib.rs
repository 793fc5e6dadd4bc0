//! narthex: the server, and a façade over its libraries.
#![forbid(unsafe_code)]

pub use narthex_model as model;
pub use narthex_promql as promql;
pub use narthex_tsdb as tsdb;

pub mod cli;
mod client;
pub mod clock;
pub mod config;
pub mod discovery;
pub mod explain;
pub mod exposition;
pub mod http;
mod otlp;
mod prompb;
pub mod query;
pub mod relabel;
pub mod remote;
pub mod scrape;
pub mod server;
pub mod shutdown;
pub mod telemetry;
pub mod tools;
