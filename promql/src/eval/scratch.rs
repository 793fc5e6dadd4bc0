//! What one thread needs while it computes columns: buffers, findings and counts.

use std::any::Any;

use narthex_model::{Annotations, ResetHint, SampleBuffer, Severity};

use super::column::{Column, histogram_weight};
use super::context::Context;
use super::findings::{Fix, Fixes};
use super::guard::Held;
use crate::error::QueryError;
use crate::functions::{Note, Notes};
use crate::span::Span;

/// Samples between two questions whether the query may go on.
const CHECK_EVERY: usize = 4_096;

/// Buffers, findings and counts of one thread.
pub(crate) struct Scratch<'c> {
    cx: &'c Context<'c>,
    slots: Vec<Option<Box<dyn Any + Send>>>,
    /// Findings of this thread, positions included.
    pub(crate) annotations: Annotations,
    /// Samples read from the source.
    pub(crate) samples_read: u64,
    /// Samples that selectors found, as Prometheus counts them.
    pub(crate) queryable: u64,
    /// The same by step of the query; empty unless asked for.
    pub(crate) per_step: Vec<u64>,
    /// Histograms that were mended.
    pub(crate) fixes: Fixes,
    /// See `Record::of_the_whole`.
    pub(crate) of_the_whole: bool,
    unchecked: usize,
    /// What the largest series took that was read.
    buffer: Option<Held<'c>>,
}

/// Memory of a sample in the buffers that a series is read into and prepared in: time and value, twice.
const BUFFERED_SAMPLE_BYTES: usize = 32;

/// Memory of a native histogram in such a buffer, about.
const BUFFERED_HISTOGRAM_BYTES: usize = 512;

/// How the samples that an operator finds enter the query's statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Tally {
    /// How often each sample counts: 0 inside subqueries of functions and where it has counted already; else as often
    /// as the expression is written, times the steps for which one evaluation stands.
    pub(crate) weight: u64,
    /// Whether the operator's steps are those of the query.
    pub(crate) own_steps: bool,
}

impl<'c> Scratch<'c> {
    pub(crate) fn new(cx: &'c Context<'c>) -> Self {
        Self {
            cx,
            slots: Vec::new(),
            annotations: Annotations::default(),
            samples_read: 0,
            queryable: 0,
            per_step: Vec::new(),
            fixes: Fixes::default(),
            of_the_whole: false,
            unchecked: 0,
            buffer: None,
        }
    }

    /// Takes the buffer that an operator keeps under this number (a new one at first).
    pub(crate) fn take<T: Default + Send + 'static>(&mut self, slot: usize) -> Box<T> {
        self.slots
            .get_mut(slot)
            .and_then(Option::take)
            .and_then(|any| any.downcast::<T>().ok())
            .unwrap_or_default()
    }

    /// Puts an operator's buffer back.
    pub(crate) fn put<T: Send + 'static>(&mut self, slot: usize, buffer: Box<T>) {
        if self.slots.len() <= slot {
            self.slots.resize_with(slot + 1, || None);
        }
        if let Some(place) = self.slots.get_mut(slot) {
            *place = Some(buffer);
        }
    }

    /// Counts samples as held until the answer is dropped.
    pub(crate) fn hold(&self, samples: usize) -> Result<Held<'c>, QueryError> {
        self.cx.guard.hold(samples)
    }

    /// Counts the buffer that a series has been read into as held: as much as the largest series took.
    pub(crate) fn buffered(&mut self, samples: &SampleBuffer) -> Result<(), QueryError> {
        let bytes = samples.times().len() * BUFFERED_SAMPLE_BYTES
            + samples.histograms().len() * BUFFERED_HISTOGRAM_BYTES;
        let held = match &mut self.buffer {
            Some(held) => held,
            none => none.insert(self.cx.guard.hold(0)?),
        };
        match bytes.checked_sub(held.bytes()) {
            Some(more) if more > 0 => held.grow(more),
            _ => Ok(()),
        }
    }

    /// Counts work; asks now and then whether the query may go on.
    #[inline]
    pub(crate) fn worked(&mut self, samples: usize) -> Result<(), QueryError> {
        self.unchecked += samples + 16;
        if self.unchecked < CHECK_EVERY {
            return Ok(());
        }
        self.unchecked = 0;
        self.cx.guard.check()
    }

    /// Counts `found` samples at a step of an operator.
    pub(crate) fn tally(&mut self, tally: Tally, step: usize, found: u64) {
        self.queryable += tally.weight * found;
        if !self.cx.per_step_stats || tally.weight == 0 || found == 0 {
            return;
        }
        let steps = self.cx.steps.count;
        self.per_step.resize(steps, 0);
        if tally.own_steps {
            if let Some(count) = self.per_step.get_mut(step) {
                *count += tally.weight * found;
            }
        } else {
            let share = tally.weight / (steps as u64).max(1) * found;
            for count in &mut self.per_step {
                *count += share;
            }
        }
    }

    /// Counts the samples of each step's window; `total` is their sum.
    pub(crate) fn tally_windows(&mut self, tally: Tally, windows: &[(u32, u32)], total: u64) {
        if !self.cx.per_step_stats {
            self.queryable += tally.weight * total;
            return;
        }
        for (step, (low, high)) in windows.iter().enumerate() {
            self.tally(tally, step, u64::from(high.saturating_sub(*low)));
        }
    }

    /// Notes histograms that say of resets what the reader could tell: of the first one that it comes to it knows nothing,
    /// and which one that is depends on where the query begins and on files.
    pub(crate) fn note_resets(&mut self, column: &Column) {
        if column.has_histograms() {
            let histograms = (0..column.len()).filter_map(|step| column.histogram(step));
            self.of_the_whole |= { histograms }.any(|h| h.hint != ResetHint::Gauge);
        }
    }

    /// Counts the points of an instant selector's column.
    pub(crate) fn tally_column(&mut self, tally: Tally, column: &Column) {
        if tally.weight == 0 {
            return;
        }
        if !self.cx.per_step_stats && !column.has_histograms() {
            self.queryable += tally.weight * column.count() as u64;
            return;
        }
        for step in (0..column.len()).filter(|step| column.has(*step)) {
            let found = column.histogram(step).map_or(1, |h| histogram_weight(h));
            self.tally(tally, step, found as u64);
        }
    }

    /// Adds a finding at each of these places.
    pub(crate) fn annotate(&mut self, severity: Severity, text: &str, places: &[Span]) {
        for place in places {
            self.annotations
                .add(severity, self.cx.positioned(severity, text, *place));
        }
    }

    /// Notes that a call has mended a histogram.
    pub(crate) fn mended(&mut self, call: usize, metric: &str, places: &[Span], fix: &Fix) {
        self.fixes.add(call, metric, places, fix);
    }

    /// Adds a kernel's findings about one metric at each of these places.
    ///
    /// # Errors
    /// When the kernel says that the query has failed.
    pub(crate) fn report(&mut self, notes: &Notes, metric: &str, places: &[Span]) -> Result<(), QueryError> {
        if let Some(text) = notes.failure() {
            return Err(QueryError::Execution(text.to_owned()));
        }
        for note in notes.found() {
            self.of_the_whole |= matches!(note, Note::CounterResetCollision(_));
            let (severity, text) = note.describe(metric);
            self.annotate(severity, &text, places);
        }
        Ok(())
    }
}
