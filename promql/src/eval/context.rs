//! What all operators of one query share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use narthex_model::{Annotations, SeriesSource, Severity};

use super::annotate::positioned;
use super::crew::Crews;
use super::findings::Fixes;
use super::guard::Guard;
use super::scratch::Scratch;
use super::steps::Steps;
use crate::features::Features;
use crate::plan::QueryTimes;
use crate::span::Span;

/// Source, options, limits and findings of one query.
pub(crate) struct Context<'a> {
    pub(crate) source: &'a dyn SeriesSource,
    pub(crate) features: Features,
    pub(crate) lookback_ms: i64,
    pub(crate) max_samples: usize,
    pub(crate) parallelism: usize,
    pub(crate) crews: &'a Crews,
    /// How deep the expression is.
    pub(crate) levels: usize,
    pub(crate) guard: Guard<'a>,
    pub(crate) times: QueryTimes,
    pub(crate) text: &'a str,
    pub(crate) per_step_stats: bool,
    /// The query's own steps.
    pub(crate) steps: Steps,
    pub(crate) slots: AtomicUsize,
    pub(crate) record: Mutex<Record>,
}

/// What was found and counted so far.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) annotations: Annotations,
    pub(crate) samples_read: u64,
    pub(crate) queryable: u64,
    pub(crate) per_step: Vec<u64>,
    pub(crate) fixes: Fixes,
    /// Whether something was found that other steps alone would not have led to.
    pub(crate) of_the_whole: bool,
    /// Whether `topk` or `bottomk` left out a value that is equal to one it kept.
    pub(crate) tied: bool,
}

impl Context<'_> {
    /// A number under which an operator keeps its buffer in each thread's scratch.
    pub(crate) fn new_slot(&self) -> usize {
        self.slots.fetch_add(1, Ordering::Relaxed)
    }

    /// A finding as clients see it.
    pub(crate) fn positioned(&self, severity: Severity, text: &str, place: Span) -> String {
        positioned(self.text, severity, text, place)
    }

    /// Adds a warning that belongs to no place of the query.
    pub(crate) fn warn(&self, text: String) {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        record.annotations.add(Severity::Warning, text);
        record.of_the_whole = true;
    }

    /// Notes that something was found that other steps alone would not have led to.
    pub(crate) fn note_whole(&self) {
        self.record
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .of_the_whole = true;
    }

    /// Notes that of equal values the order of the series decided which was kept.
    pub(crate) fn note_tie(&self) {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).tied = true;
    }

    /// Everything that was found and counted.
    pub(crate) fn take_record(&self) -> Record {
        std::mem::take(&mut *self.record.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes over what a thread has found and counted.
    pub(crate) fn absorb(&self, scratch: Scratch<'_>) {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        record.samples_read += scratch.samples_read;
        record.queryable += scratch.queryable;
        if record.per_step.len() < scratch.per_step.len() {
            record.per_step.resize(scratch.per_step.len(), 0);
        }
        for (sum, count) in record.per_step.iter_mut().zip(&scratch.per_step) {
            *sum += count;
        }
        record.annotations.merge(scratch.annotations);
        record.fixes.merge(scratch.fixes);
        record.of_the_whole |= scratch.of_the_whole;
    }
}
