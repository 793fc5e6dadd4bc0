//! `check web-config`: web configuration files, and the certificates that they name.

use super::arguments::Given;
use super::streams::Streams;
use crate::clock::Clock;
use crate::http::WebFile;
use std::io;

/// Runs the tool.
pub(super) fn run(given: &Given, streams: &mut Streams<'_>) -> io::Result<u8> {
    let mut failed = false;
    for path in given.args() {
        match WebFile::open(path, Clock::system()) {
            Ok(_) => streams.complain(format!("{path} SUCCESS")),
            Err(fault) => {
                streams.complain(format!("{path} FAILED: {fault}"));
                failed = true;
            }
        }
    }
    Ok(u8::from(failed))
}
