//! `x smoothed`: the value on the line between the samples around each step.
//!
//! Prometheus does not count the samples of these selectors (`smoothSeries`), so neither do we.

use std::sync::Arc;

use narthex_model::{Grouping, Projection};

use super::column::{Column, ColumnBuilder};
use super::evaluator::Evaluator;
use super::per_times::{LastTimes, PerTimes};
use super::range_vector::{SharedRange, stored};
use super::samples::Samples;
use super::scratch::Scratch;
use super::steps::Steps;
use super::vector::{Identity, SharedVector, Vector};
use super::window::Windows;
use crate::error::QueryError;
use crate::functions::{Notes, Point, Window, smoothed_point};
use crate::plan::SelectorPlan;
use crate::span::Span;

struct Smoothed<'a> {
    range: SharedRange<'a>,
    windows: PerTimes<'a, Windows>,
    steps: Steps,
    slot: usize,
    places: Vec<Span>,
}

/// A smoothed instant selector: windows of no length, widened by the lookback on both sides.
pub(super) fn smoothed_selector<'a>(
    ev: &Evaluator<'a>,
    selector: &SelectorPlan,
    places: Vec<Span>,
    steps: Steps,
) -> Result<SharedVector<'a>, QueryError> {
    Ok(Arc::new(Smoothed {
        range: stored(ev.cx, selector, 0, steps)?,
        windows: PerTimes::new(ev.cx, &steps, size_of::<(u32, u32)>())?,
        steps,
        slot: ev.cx.new_slot(),
        places,
    }))
}

#[derive(Default)]
struct Buffers {
    samples: Samples,
    floats: LastTimes<Windows>,
    histograms: Windows,
}

impl Vector for Smoothed<'_> {
    fn series(&self) -> &[Identity] {
        self.range.series()
    }

    fn len(&self) -> usize {
        self.range.len()
    }

    fn identity(&self, index: usize) -> Identity {
        self.range.identity(index)
    }

    fn drops_name(&self, index: usize) -> bool {
        self.range.drops_name(index)
    }

    fn group(&self, projection: &Projection<'_>) -> Grouping {
        self.range.group(projection)
    }

    fn column(&self, index: usize, scratch: &mut Scratch<'_>) -> Result<Column, QueryError> {
        let mut buffers = scratch.take::<Buffers>(self.slot);
        self.range.read(index, &mut buffers.samples, scratch)?;
        let frame = self.range.frame();
        let Buffers {
            samples,
            floats,
            histograms,
        } = buffers.as_mut();
        let find_out = |windows: &mut Windows| {
            windows.plan(samples.times(), &self.steps, &frame);
        };
        self.windows.find(samples.times_version(), floats, find_out);
        let float_bounds = floats.known().bounds();
        let histogram_times: Vec<i64> = samples.histograms.iter().map(|(time, _)| *time).collect();
        let histogram_bounds = histograms.plan(&histogram_times, &self.steps, &frame);
        let mut notes = Notes::default();
        let mut out = ColumnBuilder::new(self.steps.count);
        for (step, ((low, high), (from, to))) in float_bounds.iter().zip(histogram_bounds).enumerate() {
            let (low, high, from, to) = (*low as usize, *high as usize, *from as usize, *to as usize);
            let eval_ms = self.steps.time(step);
            let (range_start_ms, range_end_ms) = frame.bounds(eval_ms);
            let window = Window {
                times: samples.times().get(low..high).unwrap_or_default(),
                values: samples.values().get(low..high).unwrap_or_default(),
                histograms: samples.histograms.get(from..to).unwrap_or_default(),
                range_start_ms,
                range_end_ms,
                eval_ms,
                extension: frame.extension,
                ..Window::default()
            };
            out.push(if window.is_empty() {
                Point::None
            } else {
                smoothed_point(&window, &mut notes)
            });
        }
        let column = out.finish();
        scratch.put(self.slot, buffers);
        if !notes.is_empty() {
            let identity = self.range.identity(index);
            scratch.report(&notes, identity.labels.metric_name(), &self.places)?;
        }
        scratch.note_resets(&column);
        Ok(column)
    }
}
