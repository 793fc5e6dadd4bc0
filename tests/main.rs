//! One integration-test binary: each module below is a file or folder beside this one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a broken expectation is how a test fails, and a skipped test says so"
)]

mod api;
mod command_line;
mod durability;
mod explain;
mod figures;
mod golden_syntax_tree;
mod http_discovery;
mod kubernetes;
mod lifecycle;
mod protobuf;
#[allow(dead_code, reason = "each test uses its part of it")]
mod support;
mod tidy;
mod tools;
