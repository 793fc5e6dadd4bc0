//! What a store does when it is opened: read its files again.

use std::path::Path;

use narthex_format::wal::Record;
use rustc_hash::FxHashSet;

use super::progress::{OpenProgress, ReplayStatus};
use crate::append::Replay;
use crate::block::Segments;
use crate::catalog::{self, Loaded};
use crate::disk::{Damage, Disk};
use crate::error::Error;
use crate::head::{Exemplar, Head};
use crate::wal::{OldSegment, read_segment, segments};

/// What was found in the log.
#[derive(Debug, Default)]
pub(super) struct Recovered {
    /// Number of the newest commit.
    pub(super) commit: u64,
    /// Number for the next log segment.
    pub(super) next_segment: u64,
    /// Segments of the log.
    pub(super) segments: Vec<OldSegment>,
    pub(super) damage: Vec<Damage>,
    /// Samples whose series are not known because the record that named them is damaged.
    pub(super) unknown: u64,
    /// Samples that were replayed.
    pub(super) samples: u64,
}

/// Registers the series that the catalog in `folder` names.
pub(super) fn load_catalog(disk: &dyn Disk, folder: &Path, head: &Head) -> Result<Loaded, Error> {
    let mut index = head.index.write();
    catalog::load(disk, folder, |table| index.define(table))
}

/// Keeps the ids of sealed series whose names the catalog has lost from being given to others, and says how many
/// there are.
pub(super) fn nameless(head: &Head, segments: &Segments) -> Vec<Damage> {
    let mut found = Vec::new();
    let mut index = head.index.write();
    for segment in segments.list().iter() {
        let count = segment
            .next_id()
            .map(|next| index.reserve(u32::try_from(next).unwrap_or(u32::MAX)))
            .and_then(|()| segment.count_series(|id| !index.contains(id)));
        let reason = match count {
            Ok(0) => continue,
            Ok(count) => format!("the catalog has lost the names of {count} series in it"),
            Err(error) => error.to_string(),
        };
        found.push(Damage {
            path: segment.path.clone(),
            length: 0,
            reason,
        });
    }
    found
}

/// Tells a head that has nothing yet what has been sealed, and takes the exemplars of segments back into memory: the log
/// has the newer ones. What cannot be read is told.
pub(super) fn sealed(head: &Head, segments: &Segments) {
    head.set_moved(segments.next_number());
    for summary in segments.summaries() {
        head.note_newest(summary.time_max);
    }
    let segments = segments.list();
    for segment in segments.iter().filter(|_| head.exemplars.are_kept()) {
        let index = head.index.read();
        let read = segment.exemplars(|stored| {
            if index.contains(stored.id) {
                head.exemplars.add(stored.id, 0, &Exemplar::from(&stored));
            }
        });
        // Damage has been told, and costs exemplars only.
        drop(read);
    }
}

/// Replays the log in `folder` into an empty head, from after the last commit that is in a segment on.
pub(super) fn replay(
    disk: &dyn Disk,
    folder: &Path,
    head: &Head,
    sealed_segments: &Segments,
    threads: usize,
    progress: &OpenProgress,
) -> Result<Recovered, Error> {
    let sealed = sealed_segments
        .summaries()
        .iter()
        .map(|s| s.commit)
        .max()
        .unwrap_or(0);
    let files = segments(disk, folder)?;
    let mut status = ReplayStatus {
        min: files.first().map_or(0, |f| f.number),
        max: files.last().map_or(0, |f| f.number),
        current: 0,
    };
    let mut recovered = Recovered {
        commit: sealed,
        next_segment: files.last().map_or(0, |f| f.number + 1),
        ..Recovered::default()
    };
    let mut seen = FxHashSet::default();
    recovered.unknown = std::thread::scope(|scope| {
        let mut replay = Replay::begin(scope, head, sealed_segments, threads);
        for file in &files {
            status.current = file.number;
            progress.set(status);
            let (mut failure, mut oldest, mut newest) = (None, u64::MAX, 0);
            let record = |_: u64, payload: &[u8]| {
                let Record::Batch(batch) = Record::decode_after(payload, sealed)?;
                oldest = oldest.min(batch.commit);
                // What was rescued from a file that could not be synced stands twice.
                if !seen.insert(batch.commit) {
                    return Ok(());
                }
                newest = newest.max(batch.commit);
                if !batch.series.is_empty() {
                    failure = failure.take().or(head.index.write().define(&batch.series).err());
                }
                if batch.commit > sealed {
                    recovered.samples += batch.samples() as u64;
                    replay.record(batch);
                }
                Ok(())
            };
            read_segment(disk, file, record, |d| recovered.damage.push(d))?;
            if let Some(error) = failure {
                return Err(error);
            }
            recovered.commit = recovered.commit.max(newest);
            recovered.segments.push(OldSegment {
                number: file.number,
                id: file.id,
                path: file.path.clone(),
                len: file.len,
                oldest,
                commit: newest,
            });
        }
        Ok(replay.unknown)
    })?;
    Ok(recovered)
}
