//! Samples of one series on their way from several places to a reader.

use narthex_format::wal::Tombstone;
use narthex_model::{HistogramValue, SampleBuffer, TimeRange};

use super::columns::ColumnRef;
use crate::error::Error;

/// Samples of one series, gathered from files and head; buffers that are reused from series to series.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    pub(crate) times: Vec<i64>,
    pub(crate) values: Vec<f64>,
    /// With the times that they belong to.
    pub(crate) histograms: Vec<(i64, HistogramValue)>,
    /// Floats that are not in `times`, with theirs.
    pub(crate) late: Vec<(i64, f64)>,
    /// Start times with the sample times that they belong to.
    pub(crate) starts: Vec<(i64, i64)>,
    /// The columns that times come from, in the order of the files.
    pub(crate) columns: Vec<ColumnRef>,
    /// What could not be read: samples are missing.
    pub(crate) lost: Vec<Error>,
}

impl Piece {
    /// Empties the buffers, keeping their memory.
    pub(crate) fn clear(&mut self) {
        self.times.clear();
        self.values.clear();
        self.histograms.clear();
        self.late.clear();
        self.starts.clear();
        self.columns.clear();
        self.lost.clear();
    }

    /// Notes where the times of a chunk come from.
    pub(super) fn note_column(&mut self, column: ColumnRef) {
        if self.columns.last() != Some(&column) {
            self.columns.push(column);
        }
    }

    /// Whether nothing has been gathered.
    pub(crate) const fn is_empty(&self) -> bool {
        self.times.is_empty() && self.late.is_empty() && self.histograms.is_empty()
    }

    /// How much there is.
    pub(super) const fn mark(&self) -> Mark {
        Mark {
            floats: self.times.len(),
            histograms: self.histograms.len(),
            starts: self.starts.len(),
        }
    }

    /// Takes back what was added behind a mark.
    pub(super) fn take_back(&mut self, to: Mark) {
        self.times.truncate(to.floats);
        self.values.truncate(to.floats);
        self.histograms.truncate(to.histograms);
        self.starts.truncate(to.starts);
    }

    /// Takes out what was added behind a mark and lies in one of the ranges.
    pub(super) fn remove(&mut self, behind: Mark, ranges: &[Tombstone]) {
        if ranges.is_empty() {
            return;
        }
        let is_deleted = |time: i64| ranges.iter().any(|r| r.from <= time && time <= r.to);
        let mut kept = behind.floats;
        for at in behind.floats..self.times.len() {
            if !is_deleted(self.times[at]) {
                self.times.swap(kept, at);
                self.values.swap(kept, at);
                kept += 1;
            }
        }
        self.times.truncate(kept);
        self.values.truncate(kept);
        let mut at = 0;
        self.histograms.retain(|(time, _)| {
            at += 1;
            at <= behind.histograms || !is_deleted(*time)
        });
    }

    /// Moves everything from another piece behind what is here.
    pub(crate) fn append(&mut self, other: &mut Self) {
        if self.times.is_empty() {
            std::mem::swap(&mut self.times, &mut other.times);
            std::mem::swap(&mut self.values, &mut other.values);
        } else {
            self.times.append(&mut other.times);
            self.values.append(&mut other.values);
        }
        self.histograms.append(&mut other.histograms);
        self.late.append(&mut other.late);
        self.starts.append(&mut other.starts);
    }

    /// Drops the floats before a time that lie behind `from` others; how many they are.
    pub(crate) fn leave_out(&mut self, from: usize, before: i64) -> usize {
        let times = self.times.get(from..).unwrap_or(&[]);
        let count = times.iter().take_while(|time| **time < before).count();
        self.times.drain(from..from + count);
        self.values.drain(from..from + count);
        count
    }

    /// Puts the samples inside the range into the buffer: ascending, one per time. Of several samples with one time
    /// the one from the older place is taken, floats in order before those that came late, floats before histograms.
    pub(crate) fn fill(&mut self, range: TimeRange, buffer: &mut SampleBuffer) {
        let plain = self.histograms.is_empty() && self.late.is_empty() && self.starts.is_empty();
        if plain && self.times.is_sorted_by(|a, b| a < b) {
            let from = self.times.partition_point(|t| *t < range.min);
            let to = self.times.partition_point(|t| *t <= range.max).max(from);
            buffer.set_times(self.times.get(from..to).unwrap_or(&[]));
            buffer
                .values_mut()
                .extend_from_slice(self.values.get(from..to).unwrap_or(&[]));
        } else {
            self.merge(range, buffer);
        }
    }

    /// Gives each histogram the hint that follows from the sample before it, as a reader sees both: what is known of
    /// resets depends on what lies between, which may have come late or lie in another file.
    pub(crate) fn tell_resets(&mut self) {
        if self.histograms.is_empty() {
            return;
        }
        let floats = self.times.iter().map(|time| (*time, None));
        let late = self.late.iter().map(|(time, _)| (*time, None));
        let histograms = self.histograms.iter().enumerate();
        let all = floats
            .chain(late)
            .chain(histograms.map(|(at, (time, _))| (*time, Some(at))));
        let mut order: Vec<(i64, Option<usize>)> = all.collect();
        order.sort_by_key(|(time, _)| *time);
        order.dedup_by_key(|(time, _)| *time);
        let mut before = None;
        for (_, at) in order {
            if let Some((_, histogram)) = at.and_then(|at| self.histograms.get(at)) {
                let before = before.and_then(|at: usize| self.histograms.get(at));
                let hint = histogram.hint_after(before.map(|(_, histogram)| histogram));
                if let Some((_, histogram)) = at.and_then(|at| self.histograms.get_mut(at)) {
                    histogram.set_hint(hint);
                }
            }
            before = at;
        }
    }

    fn merge(&mut self, range: TimeRange, buffer: &mut SampleBuffer) {
        let floats = self
            .times
            .iter()
            .zip(&self.values)
            .map(|(t, v)| (*t, Item::Float(*v)));
        let late = self.late.iter().map(|(t, v)| (*t, Item::Float(*v)));
        let histograms = self.histograms.iter().map(|(t, h)| (*t, Item::Histogram(h)));
        let all = floats.chain(late).chain(histograms);
        let mut items: Vec<(i64, Item<'_>)> = all.filter(|(t, _)| range.contains(*t)).collect();
        items.sort_by_key(|(time, _)| *time);
        items.dedup_by_key(|(time, _)| *time);
        let times: Vec<i64> = items.iter().map(|(time, _)| *time).collect();
        buffer.set_times(&times);
        for (position, (_, item)) in items.iter().enumerate() {
            match item {
                Item::Float(value) => buffer.values_mut().push(*value),
                Item::Histogram(value) => {
                    buffer.values_mut().push(0.0);
                    buffer.push_histogram(position, (*value).clone());
                }
            }
        }
        if self.starts.iter().any(|(_, start)| *start != 0) {
            self.starts.sort_by_key(|(time, _)| *time);
            let start = |time: &i64| {
                let at = self.starts.binary_search_by_key(time, |(t, _)| *t);
                at.ok()
                    .and_then(|at| self.starts.get(at))
                    .map_or(0, |(_, start)| *start)
            };
            buffer.start_times_mut().extend(times.iter().map(start));
        }
    }
}

/// How much a piece had gathered at some moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    floats: usize,
    histograms: usize,
    starts: usize,
}

/// A sample on its way into the buffer.
enum Item<'p> {
    Float(f64),
    Histogram(&'p HistogramValue),
}
