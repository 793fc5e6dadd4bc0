//! Which blocks and sealed segments have become too old or too many.

use std::sync::Arc;

use crate::block::{Block, Segment, Segments};
use crate::error::Error;
use crate::options::Options;

/// Part of the largest size that is kept free for what is written between two looks, and the most of it.
const SPARE_PART: u64 = 20;
const SPARE_MAX: u64 = 64 << 20;

/// What of a store that may be so large is kept free.
pub(crate) fn spare(most: u64) -> u64 {
    (most / SPARE_PART).min(SPARE_MAX)
}

/// Something that can go as a whole.
enum Old {
    Block(Arc<Block>),
    Segment(Arc<Segment>),
}

/// How many blocks and segments went, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Expired {
    pub(crate) by_time: u64,
    pub(crate) by_size: u64,
}

/// Removes the blocks and segments whose newest sample is as far behind `newest` as the retention says, then the oldest
/// ones as long as the store, with `other_bytes` in other files and in files to be written, is larger than it may be. The
/// newest segment stays: it says up to where the log has been sealed. Returns how many were
/// removed, by reason.
pub(crate) fn expire(
    segments: &Segments,
    options: &Options,
    newest: i64,
    other_bytes: u64,
) -> Result<Expired, Error> {
    let blocks = segments.blocks.list();
    let list = segments.list();
    let older = list.split_last().map_or(&[][..], |(_, older)| older);
    let most = options.retention_bytes;
    let most = most.saturating_sub(spare(most));
    let mut bytes = other_bytes + segments.bytes() + segments.blocks.bytes();
    let of_blocks = blocks
        .iter()
        .map(|b| (b.summary().time_max, b.bytes, Old::Block(Arc::clone(b))));
    let of_segments = older
        .iter()
        .map(|s| (s.summary().time_max, s.bytes, Old::Segment(Arc::clone(s))));
    let mut by_age: Vec<_> = of_blocks.chain(of_segments).collect();
    by_age.sort_by_key(|(time, ..)| *time);
    let mut expired = Expired::default();
    for (time, size, old) in by_age {
        let too_old = options.retention_ms > 0 && newest.saturating_sub(time) >= options.retention_ms;
        let too_large = options.retention_bytes > 0 && bytes > most;
        if too_old || too_large {
            match old {
                Old::Block(block) => {
                    let oldest = list.first().map_or(0, |s| s.number);
                    segments.blocks.remove(&block, oldest)?;
                }
                Old::Segment(segment) => segments.remove(segment.number)?,
            }
            bytes = bytes.saturating_sub(size);
            if too_old {
                expired.by_time += 1;
            } else {
                expired.by_size += 1;
            }
        }
    }
    Ok(expired)
}
