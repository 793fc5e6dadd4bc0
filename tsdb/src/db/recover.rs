//! What a store does when it is opened: read its files again.

use std::path::Path;

use narthex_format::wal::Record;
use narthex_model::Labels;
use rustc_hash::FxHashSet;

use super::progress::{OpenProgress, ReplayStatus};
use crate::append::Replay;
use crate::block::Segments;
use crate::catalog::{self, Loaded};
use crate::disk::{Damage, Disk};
use crate::error::Error;
use crate::head::Head;
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
}

/// Registers the series that the catalog in `folder` names.
pub(super) fn load_catalog(disk: &dyn Disk, folder: &Path, head: &Head) -> Result<Loaded, Error> {
    catalog::load(disk, folder, |table| {
        table.iter().try_for_each(|(id, labels)| define(head, id, labels))
    })
}

/// Keeps the ids of sealed series whose names the catalog has lost from being given to others, and says how many
/// there are.
pub(super) fn nameless(head: &Head, segments: &Segments) -> Vec<Damage> {
    let mut found = Vec::new();
    let mut index = head.index.write();
    for segment in segments.list().iter() {
        let count = segment
            .next_id()
            .map(|next| index.reserve(next))
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

/// Replays the log in `folder` into an empty head, from after the last commit that is in a segment on.
pub(super) fn replay(
    disk: &dyn Disk,
    folder: &Path,
    head: &Head,
    sealed_segments: &Segments,
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
    let mut replay = Replay::new(head, sealed_segments);
    let mut seen = FxHashSet::default();
    for file in &files {
        status.current = file.number;
        progress.set(status);
        let (mut failure, mut oldest, mut newest) = (None, u64::MAX, 0);
        let record = |_: u64, payload: &[u8]| {
            let Record::Batch(batch) = Record::decode(payload)?;
            oldest = oldest.min(batch.commit);
            // What was rescued from a file that could not be synced stands twice.
            if !seen.insert(batch.commit) {
                return Ok(());
            }
            newest = newest.max(batch.commit);
            for (id, labels) in batch.series.iter() {
                failure = failure.take().or(define(head, id, labels).err());
            }
            if batch.commit > sealed {
                replay.record(&batch);
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
            oldest,
            path: file.path.clone(),
            len: file.len,
            commit: newest,
        });
    }
    recovered.unknown = replay.unknown;
    Ok(recovered)
}

/// Registers a series that a file names.
fn define<'a>(head: &Head, id: u32, labels: impl Iterator<Item = (&'a str, &'a str)>) -> Result<(), Error> {
    let labels = Labels::from_sorted(labels);
    let mut index = head.index.write();
    // The same labels under another id would make two series of one.
    if index.contains(id) || index.find(&labels).is_some() {
        Ok(())
    } else {
        index.add_as(id, &labels)
    }
}
