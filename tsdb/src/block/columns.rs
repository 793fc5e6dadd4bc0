//! Times that many series of a block share: found by the columns of the files that the samples come from, and by content.

use narthex_format::segment::ChunksWriter;
use rustc_hash::FxHashMap;

use super::parts::Part;
use super::segment::Segment;
use crate::error::Error;

/// Samples from which on a series' times are looked for in other series too.
const COLUMN_MIN: usize = 4;
/// Columns of a block. Where there are more, as with pushed series that share nothing, times stand with their chunks.
const COLUMNS_MAX: usize = 1 << 16;
/// Times kept to be compared; beyond them the memory is emptied, and equal columns are only found by the format.
const TIMES_KEPT_MAX: usize = 4 << 20;
/// Places of a column that it is found by at either end: a series that lacks a few times is found too.
const ENDS: usize = 4;

/// A column of a file: the file's key and the column's number.
pub(crate) type ColumnRef = (u64, u32);

/// Where a chunk's times lie.
pub(crate) enum Place {
    Own,
    Shared {
        column: u32,
        start: u32,
        presence: Option<Vec<bool>>,
    },
}

/// A column that has been written.
struct Known {
    number: u32,
    times: Vec<i64>,
}

/// Columns written so far.
#[derive(Default)]
pub(super) struct Columns {
    known: Vec<Known>,
    /// By what the series' samples came from: all series of a scrape came from the same columns.
    by_origin: FxHashMap<Vec<ColumnRef>, usize>,
    by_end: FxHashMap<i64, usize>,
    kept: usize,
    written: usize,
}

impl Columns {
    /// Where the times of each part lie. `origin` names the columns of `files` that they come from; times outside the
    /// range of the block are not kept.
    pub(super) fn places(
        &mut self,
        parts: &[Part],
        origin: &[ColumnRef],
        files: &[&Segment],
        range: (i64, i64),
        writer: &mut ChunksWriter,
    ) -> Result<Vec<Place>, Error> {
        let count: usize = parts.iter().map(|p| p.times.len()).sum();
        let own = || parts.iter().map(|_| Place::Own).collect();
        if count < COLUMN_MIN {
            return Ok(own());
        }
        let known = match self.find(parts, origin) {
            Some(at) => Some(at),
            None => self.add(parts, origin, files, range, writer)?,
        };
        let Some(known) = known.and_then(|at| self.known.get(at)) else {
            return Ok(own());
        };
        let place = |part: &Part| within(known, &part.times).unwrap_or(Place::Own);
        Ok(parts.iter().map(place).collect())
    }

    fn find(&self, parts: &[Part], origin: &[ColumnRef]) -> Option<usize> {
        if let Some(at) = self.by_origin.get(origin).filter(|_| !origin.is_empty()) {
            return Some(*at);
        }
        let first = parts.first()?.times.first()?;
        let last = parts.last()?.times.last()?;
        let ends = [first, last].into_iter();
        let mut candidates = ends.filter_map(|end| self.by_end.get(end).copied());
        candidates.find(|at| {
            let known = self.known.get(*at);
            known.is_some_and(|k| parts.iter().all(|p| within(k, &p.times).is_some()))
        })
    }

    /// Writes a column that has the times of all parts; `None` where there are too many columns already.
    fn add(
        &mut self,
        parts: &[Part],
        origin: &[ColumnRef],
        files: &[&Segment],
        range: (i64, i64),
        writer: &mut ChunksWriter,
    ) -> Result<Option<usize>, Error> {
        let mut times: Vec<i64> = Vec::new();
        // Whole columns: a series that lacks some times must not be the measure of the others.
        for (key, number) in origin {
            if let Some(file) = files.iter().find(|f| f.key() == *key) {
                file.column(*number, &mut times)?;
            }
        }
        times.retain(|t| range.0 <= *t && *t < range.1);
        if origin.is_empty() {
            times.extend(parts.iter().flat_map(|p| &p.times));
        }
        times.sort_unstable();
        times.dedup();
        if times.is_empty()
            || times.len() > narthex_format::segment::columns::TIMES_MAX
            || self.written >= COLUMNS_MAX
        {
            return Ok(None);
        }
        if self.kept > TIMES_KEPT_MAX {
            self.known.clear();
            self.by_origin.clear();
            self.by_end.clear();
            self.kept = 0;
        }
        // Too many times are refused above.
        let Ok(number) = writer.column(&times) else {
            return Ok(None);
        };
        self.written += 1;
        self.kept += times.len();
        let at = self.known.len();
        let ends = times.iter().take(ENDS).chain(times.iter().rev().take(ENDS));
        for end in ends {
            // The longest of them has the most others in it.
            let longer = |known: usize| {
                self.known
                    .get(known)
                    .is_some_and(|k| k.times.len() >= times.len())
            };
            if !self.by_end.get(end).is_some_and(|known| longer(*known)) {
                self.by_end.insert(*end, at);
            }
        }
        if !origin.is_empty() {
            self.by_origin.insert(origin.to_vec(), at);
        }
        self.known.push(Known { number, times });
        Ok(Some(at))
    }
}

/// The place of times in a column that has them all.
fn within(known: &Known, times: &[i64]) -> Option<Place> {
    let start = known.times.binary_search(times.first()?).ok()?;
    let end = known.times.binary_search(times.last()?).ok()? + 1;
    let span = known.times.get(start..end)?;
    let mut presence = None;
    if span != times {
        if span.len() > times.len() * 4 || span.len() > narthex_format::chunk::SAMPLES_MAX {
            return None;
        }
        let mut rest = times.iter().peekable();
        let present = |time: &i64| rest.next_if(|t| *t == time).is_some();
        presence = Some(span.iter().map(present).collect());
        if rest.peek().is_some() {
            return None;
        }
    }
    Some(Place::Shared {
        column: known.number,
        start: start as u32,
        presence,
    })
}
