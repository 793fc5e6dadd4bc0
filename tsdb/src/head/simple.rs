//! Series with their samples in plain vectors.

use std::collections::HashMap;

use narthex_model::{Labels, SampleValue};
use rustc_hash::FxHashMap;

use crate::append::batch::{Batch, Entry, EntryValue, Policy, Target};
use crate::append::commit::{Commit, Reason, Rejected};
use crate::error::Error;
use crate::head::reference::SeriesRef;
use crate::options::Options;

#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) time: i64,
    pub(crate) commit: u64,
    pub(crate) value: SampleValue,
}

#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) labels: Labels,
    pub(crate) samples: Vec<Sample>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) series: Vec<Series>,
    by_labels: FxHashMap<Labels, u32>,
    pub(crate) commit: u64,
    pub(crate) max_time: Option<i64>,
    pub(crate) stats: crate::db::stats::Stats,
}

impl State {
    pub(crate) fn resolve(&mut self, labels: &Labels) -> u32 {
        if let Some(id) = self.by_labels.get(labels) {
            return *id;
        }
        let id = self.series.len() as u32;
        self.series.push(Series {
            labels: labels.clone(),
            samples: Vec::new(),
        });
        self.by_labels.insert(labels.clone(), id);
        self.stats.series_created += 1;
        id
    }

    pub(crate) fn append(
        &mut self,
        batch: &Batch,
        now: i64,
        epoch: u32,
        options: &Options,
    ) -> Result<Commit, Error> {
        let mut commit = Commit {
            number: self.commit + 1,
            ..Commit::default()
        };
        let bound = self.max_time;
        let mut kept: HashMap<u32, Vec<Sample>> = HashMap::new();
        for (index, entry) in batch.entries.iter().enumerate() {
            let value = match entry.value {
                EntryValue::Float(v) => SampleValue::Float(v),
                EntryValue::Histogram(at) => SampleValue::Histogram(batch.histograms[at as usize].clone()),
            };
            match self.judge(batch, entry, &value, &kept, (epoch, now, bound), options) {
                Ok((id, fresh)) => {
                    commit.appended += 1;
                    if fresh {
                        kept.entry(id).or_default().push(Sample {
                            time: entry.time,
                            commit: commit.number,
                            value,
                        });
                    }
                }
                Err(reason) => commit.rejected.push(Rejected { index, reason }),
            }
        }
        if batch.policy == Policy::Abort && !commit.rejected.is_empty() {
            return Err(Error::Refused(commit.rejected));
        }
        for (id, samples) in kept {
            let series = &mut self.series[id as usize];
            commit.series_created += usize::from(series.samples.is_empty());
            self.max_time = self.max_time.max(samples.iter().map(|s| s.time).max());
            self.stats.floats_appended += samples.len() as u64;
            series.samples.extend(samples);
            series.samples.sort_by_key(|s| s.time);
        }
        self.commit = commit.number;
        Ok(commit)
    }

    fn judge(
        &mut self,
        batch: &Batch,
        entry: &Entry,
        value: &SampleValue,
        kept: &HashMap<u32, Vec<Sample>>,
        (epoch, now, bound): (u32, i64, Option<i64>),
        options: &Options,
    ) -> Result<(u32, bool), Reason> {
        let id = match entry.target {
            Target::Known(SeriesRef { epoch: e, id }) if e == epoch && (id as usize) < self.series.len() => {
                id
            }
            Target::Known(_) => return Err(Reason::UnknownSeries),
            Target::Labelled(at) => self.resolve(&batch.labels[at as usize]),
        };
        if entry.time > now.saturating_add(options.max_future_ms) {
            return Err(Reason::TooFarInFuture);
        }
        let samples = &self.series[id as usize].samples;
        let last = kept
            .get(&id)
            .and_then(|k| k.last())
            .into_iter()
            .chain(samples.last())
            .max_by_key(|s| s.time);
        let window = options.out_of_order_window_ms;
        let oldest = bound.map(|b| b.saturating_sub(options.in_order_window_ms));
        match last {
            Some(last) if entry.time == last.time => {
                if same(&last.value, value) {
                    Ok((id, false))
                } else {
                    Err(Reason::DuplicateTimestamp {
                        time: entry.time,
                        existing: last.value.clone(),
                        new: value.clone(),
                    })
                }
            }
            _ if window > 0 && bound.is_some_and(|b| entry.time < b.saturating_sub(window)) => {
                Err(Reason::TooOld)
            }
            Some(last) if entry.time < last.time && window > 0 => {
                let known = samples
                    .iter()
                    .chain(kept.get(&id).into_iter().flatten())
                    .any(|s| s.time == entry.time);
                Ok((id, !known))
            }
            _ if oldest.is_some_and(|o| entry.time < o) && window == 0 => Err(Reason::OutOfBounds),
            Some(last) if entry.time < last.time => Err(Reason::OutOfOrder),
            _ => Ok((id, true)),
        }
    }
}

fn same(a: &SampleValue, b: &SampleValue) -> bool {
    match (a, b) {
        (SampleValue::Float(a), SampleValue::Float(b)) => a.to_bits() == b.to_bits(),
        (a, b) => a == b,
    }
}
