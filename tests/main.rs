//! One integration-test binary: each module below is a file or folder beside this one.

mod tidy;
