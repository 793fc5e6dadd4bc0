//! One integration-test binary: each module below is a file or folder beside this one.

#[allow(dead_code, reason = "each test uses its part of it")]
mod support;
mod tidy;
