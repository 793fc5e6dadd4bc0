//! Integration tests of the crate: one binary, one module a topic.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a broken expectation is how a test fails, and a skipped test says so"
)]

mod engine;
mod golden_eval;
mod golden_parse;
mod hostile_queries;
mod memory;
mod parse_cases;
mod recordings;
mod round_trip;
mod selection_model;
