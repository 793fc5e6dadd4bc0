//! Tests of the format as a whole, in one binary.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod compat;
mod corruption;
mod examples;
mod layout;
mod spec_examples;
