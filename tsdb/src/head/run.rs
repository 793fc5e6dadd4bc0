//! Floats of one series with one source of times: what a segment's chunk is made of, and what a series loses to it.

use super::chunk::{self, Times};
use super::columns::Columns;
use super::slot::{OWN, Place, Rare, SPAN_MAX, Slot};

/// The most samples in a chunk of a file, and the most positions that it may span.
const SAMPLES_MAX: usize = narthex_format::chunk::SAMPLES_MAX;

/// Times of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RunTimes {
    /// Positions in a group's column.
    Shared { group: u32, positions: Vec<u32> },
    /// Times of its own.
    Own(Vec<i64>),
}

/// Neighbouring floats with one source of times.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Run {
    pub(crate) times: RunTimes,
    pub(crate) values: Vec<f64>,
}

impl Run {
    /// Takes over the floats of a run that follows, if they fit into one chunk of a file.
    fn join(&mut self, other: &mut Self) -> bool {
        if self.values.len() + other.values.len() > SAMPLES_MAX {
            return false;
        }
        match (&mut self.times, &mut other.times) {
            (RunTimes::Own(times), RunTimes::Own(more)) => times.append(more),
            (
                RunTimes::Shared { group, positions },
                RunTimes::Shared {
                    group: other,
                    positions: more,
                },
            ) => {
                let span = more
                    .last()
                    .zip(positions.first())
                    .map_or(0, |(end, start)| end.saturating_sub(*start));
                if group != other || span as usize >= SAMPLES_MAX {
                    return false;
                }
                positions.append(more);
            }
            _ => return false,
        }
        self.values.append(&mut other.values);
        true
    }

    fn split_off(&mut self, at: usize) -> Self {
        let times = match &mut self.times {
            RunTimes::Own(times) => RunTimes::Own(times.split_off(at)),
            RunTimes::Shared { group, positions } => RunTimes::Shared {
                group: *group,
                positions: positions.split_off(at),
            },
        };
        Self {
            times,
            values: self.values.split_off(at),
        }
    }
}

impl Slot {
    /// All in-order floats: the first `count`, and the rest.
    fn split_runs(&self, count: usize) -> (Vec<Run>, Vec<Run>) {
        let (mut first, mut rest): (Vec<Run>, Vec<Run>) = (Vec::new(), Vec::new());
        let mut seen = 0;
        let mut take = |mut run: Run| {
            let inside = count.saturating_sub(seen).min(run.values.len());
            seen += run.values.len();
            let after = run.split_off(inside);
            for (mut part, list) in [(run, &mut first), (after, &mut rest)] {
                let joined =
                    part.values.is_empty() || list.last_mut().is_some_and(|last| last.join(&mut part));
                if !joined {
                    list.push(part);
                }
            }
        };
        for chunk in chunk::chunks(&self.sealed) {
            let mut values = Vec::with_capacity(chunk.count);
            chunk.values(&mut values);
            let times = match chunk.times {
                Times::Own(_) => {
                    let mut times = Vec::with_capacity(chunk.count);
                    chunk.times(&[], &mut times);
                    RunTimes::Own(times)
                }
                Times::Shared { group, .. } => {
                    let mut positions = Vec::with_capacity(chunk.count);
                    chunk.positions(&mut positions);
                    RunTimes::Shared { group, positions }
                }
            };
            take(Run { times, values });
        }
        let open = usize::from(self.ring_len);
        let values = self.ring[..open].to_vec();
        let times = match &self.own_times {
            Some(own) if self.group == OWN => RunTimes::Own(own[..open].to_vec()),
            _ => {
                let set = (0..SPAN_MAX).filter(|i| self.mask >> i & 1 == 1);
                RunTimes::Shared {
                    group: self.group,
                    positions: set.map(|i| self.start + i).collect(),
                }
            }
        };
        take(Run { times, values });
        (first, rest)
    }

    /// The first `count` in-order floats.
    pub(crate) fn runs(&self, count: usize) -> Vec<Run> {
        self.split_runs(count).0
    }

    /// The start time that holds for the sample at `time`; `None` if none is known.
    pub(crate) fn start_of(&self, time: i64) -> Option<i64> {
        let starts = &self.rare.as_ref()?.starts;
        let at = starts.partition_point(|(from, _)| *from <= time).checked_sub(1)?;
        starts
            .get(at)
            .map(|(_, start)| *start)
            .filter(|start| *start != 0)
    }

    /// Drops the first `count` in-order floats and what came late or as a histogram up to a commit: a file has them.
    pub(crate) fn drain(&mut self, count: usize, commit: u64, columns: &Columns) {
        let (_, rest) = self.split_runs(count);
        self.sealed = Vec::new();
        (self.sealed_count, self.tail, self.tail_chunks) = (0, 0, 0);
        (self.ring_len, self.mask, self.min_time) = (0, 0, i64::MAX);
        for run in rest {
            match run.times {
                RunTimes::Own(times) => {
                    times
                        .iter()
                        .zip(run.values)
                        .for_each(|(time, value)| self.push(*time, value, Place::Own));
                }
                RunTimes::Shared { group, positions } => {
                    for (position, value) in positions.into_iter().zip(run.values) {
                        let time = columns.with(group, |column| column.from(position).first().copied());
                        self.push(time.unwrap_or(i64::MIN), value, Place::Shared { group, position });
                    }
                }
            }
        }
        self.forget_deleted();
        if let Some(rare) = &mut self.rare {
            rare.late.retain(|l| l.commit > commit);
            rare.histograms.retain(|h| h.commit > commit);
            let times = rare
                .late
                .iter()
                .map(|l| l.time)
                .chain(rare.histograms.iter().map(|h| h.time));
            self.min_time = times.fold(self.min_time, i64::min);
            if self.min_time == i64::MAX {
                let older = rare.starts.len().saturating_sub(1);
                rare.starts.drain(..older);
            }
            if **rare == Rare::default() {
                self.rare = None;
            }
        }
    }

    /// The lowest position of each group's column that the series still needs.
    pub(crate) fn needed_positions(&self) -> impl Iterator<Item = (u32, u32)> {
        let open = (self.ring_len > 0 && self.group != OWN).then_some((self.group, self.start));
        let sealed = chunk::chunks(&self.sealed).filter_map(|c| match c.times {
            Times::Shared { group, start, .. } => Some((group, start)),
            Times::Own(_) => None,
        });
        sealed.chain(open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_loses_what_a_file_has_and_keeps_the_rest() {
        let columns = Columns::default();
        let group = columns.number(9);
        for (total, sealed) in [(40, 0), (40, 7), (200, 130), (200, 200), (1_500, 1_490)] {
            let mut slot = Slot::default();
            for time in 0..total {
                let place = match columns.place(group, time) {
                    Some(position) if time % 90 < 60 => Place::Shared { group, position },
                    _ => Place::Own,
                };
                slot.push(time, time as f64, place);
            }
            let runs = slot.runs(sealed as usize);
            let values: Vec<f64> = runs.iter().flat_map(|r| r.values.clone()).collect();
            assert_eq!(values, (0..sealed).map(|v| v as f64).collect::<Vec<_>>());
            slot.drain(sealed as usize, 0, &columns);
            let (mut times, mut values) = (Vec::new(), Vec::new());
            slot.read(
                &columns,
                narthex_model::TimeRange::ALL,
                slot.floats(),
                &mut times,
                &mut values,
            );
            assert_eq!(times, (sealed..total).collect::<Vec<_>>());
            assert_eq!(slot.min_time, if sealed == total { i64::MAX } else { sealed });
        }
    }
}
