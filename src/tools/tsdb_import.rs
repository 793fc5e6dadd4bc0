//! `tsdb create-blocks-from openmetrics`: a dump of samples into a store.

use super::arguments::Given;
use super::import::import_openmetrics;
use super::streams::{DONE, FAILED, Streams};
use std::io;
use std::path::Path;

/// Runs the tool.
pub(super) fn run(given: &Given, streams: &mut Streams<'_>) -> io::Result<u8> {
    let (input, output) = (given.arg(0), given.directory(1));
    match import_openmetrics(Path::new(input), Path::new(output)) {
        Ok(done) => {
            if !given.is_on("quiet") {
                streams.say(format!(
                    "added {} samples of {} series to {output}, times {} to {} (Unix ms); {} refused as repeated",
                    done.samples, done.series, done.time_min, done.time_max, done.refused
                ))?;
            }
            Ok(DONE)
        }
        Err(error) => {
            streams.complain(format!("{input}: {error}"));
            Ok(FAILED)
        }
    }
}
