//! The newest sample of a series that has none in memory: needed to decide about, or replay, an older one.

use narthex_model::TimeRange;

use crate::block::{Piece, Segments};
use crate::head::{Head, Slot};

/// Finds the newest sample of a series that has had none since the store was opened, if it matters for one at `time`:
/// if a block or segment reaches that far.
pub(super) fn recall(head: &Head, segments: &Segments, id: u32, slot: &mut Slot, time: i64) {
    // All that may hold newer samples: the newest segment may have nothing but late ones of this series.
    let mut piece = Piece::default();
    // The segments as they are first: what leaves them is in a block before.
    let list = segments.list();
    for block in segments
        .blocks
        .list()
        .iter()
        .filter(|b| b.summary().time_max >= time)
    {
        let labels = head.index.read().labels(id);
        if let Ok(Some(number)) = block.number_of(&labels) {
            let _ = block.read(number, TimeRange::ALL, &mut piece);
        }
    }
    for segment in list.iter().filter(|s| s.summary().time_max >= time) {
        // A segment that cannot be read refuses nothing: readers report it.
        let _ = segment.read(id, TimeRange::ALL, &mut piece);
    }
    // Of equal times the first counts, as it does for readers.
    let floats = piece.times.iter().zip(&piece.values).rev();
    let float = floats.max_by_key(|(time, _)| **time);
    let histogram = piece.histograms.iter().rev().max_by_key(|(time, _)| *time);
    match (float, histogram) {
        (Some((at, _)), Some((other, value))) if other > at => slot.set_last_histogram(*other, value),
        (Some((at, value)), _) => slot.set_last_float(*at, *value),
        (None, Some((at, value))) => slot.set_last_histogram(*at, value),
        (None, None) => {}
    }
}
