//! narthex: the server, and a façade over its libraries.
#![forbid(unsafe_code)]
pub mod telemetry;

pub use narthex_model as model;
pub use narthex_promql as promql;
pub use narthex_tsdb as tsdb;
