//! Which sealed segments have become too old or too many.

use crate::block::Segments;
use crate::error::Error;
use crate::options::Options;

/// Removes the segments whose newest sample is as far behind `newest` as the retention says, then the oldest ones as
/// long as the store, with `other_bytes` in other files, is larger than it may be. The newest segment stays: it says
/// up to where the log has been sealed. Returns how many were removed.
pub(crate) fn expire(
    segments: &Segments,
    options: &Options,
    newest: i64,
    other_bytes: u64,
) -> Result<usize, Error> {
    let list = segments.list();
    let Some((_, candidates)) = list.split_last() else {
        return Ok(0);
    };
    let mut bytes = other_bytes + segments.bytes();
    let mut by_age: Vec<_> = candidates.iter().collect();
    by_age.sort_by_key(|s| s.summary().time_max);
    let mut removed = 0;
    for segment in by_age {
        let age = newest.saturating_sub(segment.summary().time_max);
        let too_old = options.retention_ms > 0 && age >= options.retention_ms;
        let too_large = options.retention_bytes > 0 && bytes > options.retention_bytes;
        if too_old || too_large {
            segments.remove(segment.number)?;
            bytes -= segment.bytes;
            removed += 1;
        }
    }
    Ok(removed)
}
