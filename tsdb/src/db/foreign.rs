//! Files of others in the store's path: recognised, reported and left alone.

use std::path::Path;

use narthex_format::filenames;

use super::stats::ForeignFile;
use crate::disk::{Disk, DiskEntry};

/// What lies in `path` beside our own folder. A path that cannot be listed holds nothing that we could name.
pub(super) fn find(disk: &dyn Disk, path: &Path) -> Vec<ForeignFile> {
    let entries = disk.list(path).unwrap_or_default();
    // Copies of a store are its own.
    let is_ours = |entry: &DiskEntry| {
        let copies = path.join(&entry.name);
        let copies = (entry.name == filenames::SNAPSHOTS).then(|| disk.list(&copies).unwrap_or_default());
        let is_copy = |copy: &DiskEntry| {
            let inside = path.join(filenames::SNAPSHOTS).join(&copy.name);
            disk.list(&inside)
                .is_ok_and(|found| found.iter().all(|e| e.name == filenames::ROOT))
        };
        copies.is_some_and(|copies| copies.iter().all(is_copy))
    };
    let others = entries
        .into_iter()
        .filter(|e| e.name != filenames::ROOT && !is_ours(e));
    others
        .map(|e| ForeignFile {
            what: kind(&e),
            path: path.join(&e.name),
        })
        .collect()
}

/// Names as Prometheus gives them. Source: Prometheus `tsdb/db.go`.
fn kind(entry: &DiskEntry) -> &'static str {
    match entry.name.as_str() {
        "wal" if entry.is_dir => "Prometheus write-ahead log",
        "wbl" if entry.is_dir => "Prometheus out-of-order log",
        "chunks_head" if entry.is_dir => "Prometheus head chunks",
        "snapshots" if entry.is_dir => "Prometheus snapshots",
        "lock" => "Prometheus lock file",
        "queries.active" => "Prometheus query log",
        name if name.starts_with("chunk_snapshot.") => "Prometheus head snapshot",
        name if entry.is_dir && is_ulid(name) => "Prometheus block",
        _ => "unknown",
    }
}

fn is_ulid(name: &str) -> bool {
    name.len() == 26 && name.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
}
