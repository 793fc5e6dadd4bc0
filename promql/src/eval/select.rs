//! Instant selectors: at each step the newest sample that is not too old and no stale marker.

use std::sync::Arc;

use narthex_model::{FloatHistogram, Grouping, HistogramValue, Projection, TimeRange, is_stale};

use super::column::{Column, ColumnBuilder};
use super::evaluator::Evaluator;
use super::per_times::{LastTimes, PerTimes};
use super::samples::stats_of;
use super::scratch::{Scratch, Tally};
use super::smoothed;
use super::steps::Steps;
use super::stored_series::StoredSeries;
use super::vector::{Identity, SharedVector, Vector};
use crate::error::QueryError;
use crate::functions::{FloatSink, Places, Point, any_stale};
use crate::plan::{SelectorPlan, TimeShift};
use crate::span::Span;

/// What a selector yields of the sample it finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Yield {
    /// Its value.
    Value,
    /// Its time in seconds.
    Time,
    /// Its start time in seconds, 0 if it is not known.
    StartTime,
    /// The time in seconds of a float, a histogram as it is.
    FloatTime,
}

struct Selected<'a> {
    series: StoredSeries<'a>,
    plans: PerTimes<'a, Newest>,
    steps: Steps,
    shift: TimeShift,
    lookback_ms: i64,
    yields: Yield,
    tally: Tally,
    stats_only: bool,
    slot: usize,
}

/// An instant selector; `places` say where it stands.
pub(super) fn instant_selector<'a>(
    ev: &Evaluator<'a>,
    selector: &SelectorPlan,
    places: Vec<Span>,
    steps: Steps,
    yields: Yield,
) -> Result<SharedVector<'a>, QueryError> {
    if selector.smoothed && yields == Yield::Value {
        return smoothed::smoothed_selector(ev, selector, places, steps);
    }
    let (cx, shift) = (ev.cx, selector.shift);
    let range = TimeRange {
        min: shift
            .apply(steps.start)
            .saturating_sub(cx.lookback_ms)
            .saturating_add(1),
        max: shift.apply(steps.last()),
    };
    Ok(Arc::new(Selected {
        series: StoredSeries::select(cx, &selector.matchers, range, steps.count == 1)?,
        plans: PerTimes::new(cx, &steps, 2 * size_of::<u32>())?,
        steps,
        shift,
        lookback_ms: cx.lookback_ms,
        yields,
        tally: ev.tally(),
        stats_only: selector.histogram_stats,
        slot: cx.new_slot(),
    }))
}

/// The buffer of one selector in one thread.
#[derive(Default)]
struct Buffer {
    samples: narthex_model::SampleBuffer,
    plan: LastTimes<Newest>,
    picked: Vec<f64>,
}

/// What the times of a series say.
#[derive(Default)]
struct Newest {
    /// Per step the position behind the newest sample, 0 where there is none that is young enough.
    behind: Vec<u32>,
    /// How many steps have no such sample before those that have one, if these stand in a row; and where the samples
    /// of these are.
    before: Option<usize>,
    places: Places,
}

impl Newest {
    fn find(&mut self, times: &[i64], steps: &Steps, shift: TimeShift, lookback_ms: i64) {
        self.behind.clear();
        let mut behind = 0_usize;
        for time in steps.times() {
            let reference = shift.apply(time);
            while times.get(behind).is_some_and(|t| *t <= reference) {
                behind += 1;
            }
            let oldest = reference.saturating_sub(lookback_ms);
            let young = behind > 0 && times.get(behind - 1).is_some_and(|t| *t > oldest);
            self.behind.push(if young { behind as u32 } else { 0 });
        }
        self.before = None;
        if steps.count == 1 {
            return;
        }
        let before = self.behind.iter().take_while(|behind| **behind == 0).count();
        let young = || {
            self.behind
                .iter()
                .skip(before)
                .map_while(|behind| behind.checked_sub(1))
        };
        let count = young().count();
        let mut others = self.behind.iter().skip(before + count);
        if others.all(|behind| *behind == 0) {
            self.before = Some(before);
            self.places.set(young());
        }
    }
}

impl Selected<'_> {
    /// The histograms without their buckets, if nobody wants these; else nothing.
    fn stats(&self, histograms: &[(usize, HistogramValue)]) -> Vec<Arc<FloatHistogram>> {
        if !self.stats_only {
            return Vec::new();
        }
        let mut previous = None;
        let stats = histograms.iter().map(|(_, h)| {
            if h.is_stale() {
                h.to_float()
            } else {
                stats_of(&h.to_float(), &mut previous)
            }
        });
        stats.collect()
    }

    /// The column of plain floats, as most are: without stale markers and histograms.
    fn pick(&self, buffer: &mut Buffer) -> Option<Column> {
        let Newest { before, places, .. } = buffer.plan.known();
        let before = (*before)?;
        if self.yields != Yield::Value || !buffer.samples.histograms().is_empty() {
            return None;
        }
        places.pick(buffer.samples.values(), &mut buffer.picked);
        if any_stale(&buffer.picked) {
            return None;
        }
        let mut out = ColumnBuilder::new(self.steps.count);
        out.nones(before);
        out.floats(&buffer.picked);
        Some(out.finish())
    }

    fn gather(&self, buffer: &Buffer) -> Column {
        let (times, values) = (buffer.samples.times(), buffer.samples.values());
        let (starts, histograms) = (buffer.samples.start_times(), buffer.samples.histograms());
        let stats = self.stats(histograms);
        let mut out = ColumnBuilder::new(self.steps.count);
        for behind in &buffer.plan.known().behind {
            let Some(at) = (*behind as usize).checked_sub(1) else {
                out.push_none();
                continue;
            };
            let place = match histograms {
                [] => None,
                all => all.binary_search_by_key(&at, |(position, _)| *position).ok(),
            };
            let histogram = place.and_then(|place| histograms.get(place));
            let value = values.get(at).copied().unwrap_or_default();
            let stale = histogram.map_or_else(|| is_stale(value), |(_, h)| h.is_stale());
            out.push(match (stale, self.yields, histogram) {
                (true, ..) => Point::None,
                (false, Yield::Value, Some((_, h))) => Point::Histogram(
                    place
                        .and_then(|place| stats.get(place).cloned())
                        .unwrap_or_else(|| h.to_float()),
                ),
                (false, Yield::Value, None) => Point::Float(value),
                (false, Yield::Time, _) => Point::Float(seconds(times.get(at))),
                (false, Yield::StartTime, _) => Point::Float(seconds(starts.get(at))),
                (false, Yield::FloatTime, Some((_, h))) => Point::Histogram(h.to_float()),
                (false, Yield::FloatTime, None) => Point::Float(seconds(times.get(at))),
            });
        }
        out.finish()
    }
}

fn seconds(ms: Option<&i64>) -> f64 {
    ms.map_or(0.0, |ms| *ms as f64 / 1_000.0)
}

impl Vector for Selected<'_> {
    fn series(&self) -> &[Identity] {
        self.series.all()
    }

    fn len(&self) -> usize {
        self.series.len()
    }

    fn identity(&self, index: usize) -> Identity {
        self.series.identity(index)
    }

    fn drops_name(&self, _: usize) -> bool {
        false
    }

    fn group(&self, projection: &Projection<'_>) -> Grouping {
        self.series.group(projection)
    }

    fn column(&self, index: usize, scratch: &mut Scratch<'_>) -> Result<Column, QueryError> {
        let mut buffer = scratch.take::<Buffer>(self.slot);
        if self.steps.count == 1 {
            self.series.read_newest(index, &mut buffer.samples)?;
        } else {
            self.series.read(index, &mut buffer.samples)?;
        }
        let count = buffer.samples.times().len();
        scratch.buffered(&buffer.samples)?;
        scratch.samples_read += count as u64;
        scratch.worked(count + self.steps.count)?;
        let Buffer { samples, plan, .. } = buffer.as_mut();
        let find_out =
            |newest: &mut Newest| newest.find(samples.times(), &self.steps, self.shift, self.lookback_ms);
        self.plans.find(Some(samples.times_version()), plan, find_out);
        let column = self.pick(&mut buffer).unwrap_or_else(|| self.gather(&buffer));
        scratch.tally_column(self.tally, &column);
        scratch.note_resets(&column);
        scratch.put(self.slot, buffer);
        Ok(column)
    }
}
