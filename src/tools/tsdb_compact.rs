//! `tsdb compact`: one block of all samples.

use super::arguments::Given;
use super::progress::Progress;
use super::store::root;
use super::streams::{DONE, FAILED, Streams};
use narthex_tsdb::{BlockMeta, Db, Options};
use std::cell::RefCell;
use std::io;

/// Runs the tool.
pub(super) fn run(given: &Given, streams: &mut Streams<'_>) -> io::Result<u8> {
    let directory = given.directory(0);
    match compact(directory) {
        Ok(blocks) => {
            for block in blocks.iter().filter(|_| !given.is_on("quiet")) {
                let bytes: u64 = block.files.iter().map(|file| file.bytes).sum();
                let samples = block.stats.num_samples;
                streams.say(format!(
                    "{}: {samples} samples of {} series, {bytes} bytes, {:.3} a sample",
                    block.ulid,
                    block.stats.num_series,
                    bytes as f64 / samples.max(1) as f64
                ))?;
            }
            Ok(DONE)
        }
        Err(fault) => {
            streams.complain(format!("{directory}: {fault}"));
            Ok(FAILED)
        }
    }
}

fn compact(directory: &str) -> Result<Vec<BlockMeta>, String> {
    root(directory)?;
    let options = Options {
        retention_ms: 0,
        ..Options::default()
    };
    let db = Db::open(directory, options).map_err(|error| error.to_string())?;
    let line: RefCell<Option<(Progress, u64)>> = RefCell::new(None);
    let watch = |done: u64, all: u64| {
        let mut line = line.borrow_mut();
        let (progress, before) = line.get_or_insert_with(|| (Progress::new("series", all), 0));
        progress.step(done.saturating_sub(*before));
        *before = done;
    };
    let compacted = db.compact_all(&watch);
    drop(line);
    let blocks = db.blocks();
    let closed = db.close();
    compacted.and(closed).map_err(|error| error.to_string())?;
    Ok(blocks)
}
