//! Reading a series without gathering: the values, and what tells their times, which neighbours mostly share.

use super::chunk::{self, ChunkView, Times};
use super::columns::Columns;
use super::slot::{OWN, Slot};

/// What tells the times of a series' samples: equal for series with equal times, mostly.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct SlotTimes {
    runs: Vec<Run>,
    /// Times that series keep for themselves.
    own: Vec<i64>,
}

/// Positions of a group's column, or of the times that the series keeps ([`OWN`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Run {
    group: u32,
    start: u32,
    count: u32,
}

impl SlotTimes {
    /// Memory that it takes, in times.
    pub(crate) fn weight(&self) -> usize {
        2 * self.runs.len() + self.own.len()
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.runs.clear();
        self.own.clear();
    }

    /// Appends the times; false if a column has forgotten them.
    pub(crate) fn read(&self, columns: &Columns, out: &mut Vec<i64>) -> bool {
        self.runs.iter().all(|run| {
            let end = run.start as usize + run.count as usize;
            if run.group == OWN {
                let times = self.own.get(run.start as usize..end);
                out.extend_from_slice(times.unwrap_or(&[]));
                return times.is_some();
            }
            columns.with(run.group, |column| {
                let times = column.from(run.start).get(..run.count as usize);
                out.extend_from_slice(times.unwrap_or(&[]));
                times.is_some()
            })
        })
    }

    fn push(&mut self, group: u32, start: u32, count: usize) {
        let count = count as u32;
        self.runs.push(Run { group, start, count });
    }

    /// Times of the series' own that have been appended since there were `start` of them.
    fn push_own(&mut self, start: usize, count: usize) {
        self.own.truncate(start + count);
        self.push(OWN, start as u32, count);
    }
}

impl Slot {
    /// Appends the first `count` in-order floats and what tells their times; chunks that end before `from` are left
    /// out. False, with what was appended meaning nothing, if there are other samples, or gaps in shared times.
    pub(crate) fn read_values(
        &self,
        columns: &Columns,
        (count, from): (usize, i64),
        times: &mut SlotTimes,
        values: &mut Vec<f64>,
    ) -> bool {
        if self.rare.is_some() {
            return false;
        }
        let (mut seen, mut reached) = (0, false);
        for chunk in chunk::chunks(&self.sealed) {
            if seen >= count {
                break;
            }
            let taken = chunk.count.min(count - seen);
            let (own, before) = (times.own.len(), values.len());
            if let Times::Own(_) = chunk.times {
                chunk.times(&[], &mut times.own);
            }
            // All that follow a chunk that reaches there do so too.
            reached = reached || end_of(columns, &chunk, &times.own).is_none_or(|end| end >= from);
            match chunk.times {
                _ if !reached => times.own.truncate(own),
                Times::Own(_) => times.push_own(own, taken),
                Times::Shared {
                    group,
                    start,
                    bitmap: None,
                    ..
                } => times.push(group, start, taken),
                Times::Shared { .. } => return false,
            }
            if reached {
                chunk.values(values);
                values.truncate(before + taken);
            }
            seen += chunk.count;
        }
        let open = count.saturating_sub(seen).min(usize::from(self.ring_len));
        if open == 0 {
            return true;
        }
        if self.group == OWN {
            let start = times.own.len();
            let own = self.own_times.iter().flat_map(|own| own.iter().take(open));
            times.own.extend(own);
            times.push_own(start, open);
        } else if self.mask.trailing_ones() as usize >= open {
            times.push(self.group, self.start, open);
        } else {
            return false;
        }
        values.extend_from_slice(self.ring.get(..open).unwrap_or(&[]));
        true
    }
}

/// The newest time of a chunk; `own` ends with its times if it keeps them itself.
fn end_of(columns: &Columns, chunk: &ChunkView<'_>, own: &[i64]) -> Option<i64> {
    match chunk.times {
        Times::Own(_) => own.last().copied(),
        Times::Shared {
            group, start, span, ..
        } => {
            let position = start.saturating_add(span).saturating_sub(1);
            columns.with(group, |column| column.from(position).first().copied())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::slot::Place;
    use super::*;

    #[test]
    fn what_is_read_is_what_the_plain_way_reads() {
        let columns = Columns::default();
        let group = columns.number(9);
        let none = i64::MAX;
        for (total, gap, own) in [
            (5, none, 0..0),
            (16, none, 0..0),
            (17, none, 3..5),
            (300, none, 0..0),
            (300, none, 0..300),
            (300, none, 140..160),
            (300, 290, 0..0),
            (300, 20, 0..0),
            (9, 3, 0..0),
        ] {
            let mut slot = Slot::default();
            for time in 0..total {
                let time_ms = time + 1_000 * total + i64::from(own.end);
                let place = match columns.place(group, time_ms).filter(|_| time != gap) {
                    Some(position) if !own.contains(&(time as i32)) => Place::Shared { group, position },
                    Some(_) => Place::Own,
                    None => continue,
                };
                slot.push(time_ms, time as f64, place);
            }
            for count in 0..=slot.floats() {
                let (mut times, mut values) = (Vec::new(), Vec::new());
                let all = narthex_model::TimeRange::ALL;
                slot.read(&columns, all, count, &mut times, &mut values);
                let (mut told, mut read, mut found) = (SlotTimes::default(), Vec::new(), Vec::new());
                if slot.read_values(&columns, (count, i64::MIN), &mut told, &mut read) {
                    assert!(told.read(&columns, &mut found));
                    assert_eq!((&found, &read), (&times, &values));
                    // What is left out is older than what was asked for.
                    let from = times.get(count / 2).copied().unwrap_or(0);
                    let (mut told, mut read, mut found) = (SlotTimes::default(), Vec::new(), Vec::new());
                    assert!(slot.read_values(&columns, (count, from), &mut told, &mut read));
                    assert!(told.read(&columns, &mut found));
                    let skipped = times.len() - found.len();
                    assert_eq!((&found[..], &read[..]), (&times[skipped..], &values[skipped..]));
                    assert!(times.iter().take(skipped).all(|time| *time < from));
                } else {
                    assert!(gap < total && count as i64 > gap);
                }
            }
        }
    }
}
