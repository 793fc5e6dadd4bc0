//! The PromQL test language: scripts that load samples and say what queries answer.
//!
//! Beside it a plain evaluator, and random queries to compare the engine with it.
//!
//! README.md beside this crate describes the language.

pub mod compare;
pub mod differential;
pub mod generate;
pub mod generate_mixed;
pub mod generate_native;
pub mod histogram_notation;
#[cfg(feature = "stores")]
pub mod http_source;
#[cfg(feature = "stores")]
pub mod json_answer;
pub mod load;
pub mod memory_source;
pub mod nhcb;
pub mod pinned;
pub mod plain;
pub mod random;
pub mod random_data;
pub mod random_natives;
#[cfg(feature = "stores")]
pub mod repeated;
pub mod run;
pub mod script;
pub mod series_notation;
pub mod shown;
pub mod store;
#[cfg(feature = "stores")]
pub mod tsdb_source;
