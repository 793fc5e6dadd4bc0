//! What a running query may not pass: its deadline, and the samples it holds at once.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::QueryError;
use crate::limits::Interrupt;

/// The question whether a query must stop, asked from any thread.
pub(crate) type InterruptCheck<'a> = &'a (dyn Fn() -> Option<Interrupt> + Sync);

/// Watches one query: its deadline, and how many samples it holds.
pub(crate) struct Guard<'a> {
    interrupt: Option<InterruptCheck<'a>>,
    max_samples: usize,
    held: AtomicUsize,
    peak: AtomicUsize,
}

impl<'a> Guard<'a> {
    /// A guard that allows `max_samples` at once.
    pub(crate) const fn new(interrupt: Option<InterruptCheck<'a>>, max_samples: usize) -> Self {
        Self {
            interrupt,
            max_samples,
            held: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
        }
    }

    /// Whether the query may go on.
    pub(crate) fn check(&self) -> Result<(), QueryError> {
        match self.interrupt.and_then(|ask| ask()) {
            None => Ok(()),
            Some(Interrupt::Timeout) => Err(QueryError::Timeout("expression evaluation")),
            Some(Interrupt::Canceled) => Err(QueryError::Canceled("expression evaluation")),
        }
    }

    /// Counts `samples` as held until the answer is dropped; fails before memory is taken for too many.
    pub(crate) fn hold(&self, samples: usize) -> Result<Held<'_>, QueryError> {
        let held = self
            .held
            .fetch_add(samples, Ordering::Relaxed)
            .saturating_add(samples);
        let hold = Held {
            held: &self.held,
            samples,
        };
        if held > self.max_samples {
            return Err(QueryError::TooManySamples("query execution"));
        }
        self.peak.fetch_max(held, Ordering::Relaxed);
        Ok(hold)
    }

    /// Most samples that were held at once.
    pub(crate) fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }
}

/// Samples that count as held while this lives.
pub(crate) struct Held<'a> {
    held: &'a AtomicUsize,
    samples: usize,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.held.fetch_sub(self.samples, Ordering::Relaxed);
    }
}
