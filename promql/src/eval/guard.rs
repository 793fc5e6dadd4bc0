//! What a running query may not pass: its deadline, and the samples and bytes that it holds at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::error::QueryError;
use crate::limits::Interrupt;

/// The question whether a query must stop, asked from any thread.
pub(crate) type InterruptCheck<'a> = &'a (dyn Fn() -> Option<Interrupt> + Sync);

/// Memory of a sample in a column or an answer.
const SAMPLE_BYTES: usize = 16;

/// Watches one query: its deadline, and how much it holds.
pub(crate) struct Guard<'a> {
    interrupt: Option<InterruptCheck<'a>>,
    samples: Count,
    bytes: Count,
    peak: AtomicUsize,
}

/// How much of something is held, and how much may be.
struct Count {
    held: AtomicUsize,
    max: usize,
    /// Whether there was not room enough: what has seen that may not be able to say so.
    exceeded: AtomicBool,
}

impl Count {
    const fn up_to(max: usize) -> Self {
        Self {
            held: AtomicUsize::new(0),
            max,
            exceeded: AtomicBool::new(false),
        }
    }

    /// The sum, and whether it is allowed.
    fn add(&self, more: usize) -> (usize, bool) {
        let before = self.held.fetch_add(more, Ordering::Relaxed);
        let sum = before.saturating_add(more);
        if sum > self.max {
            self.exceeded.store(true, Ordering::Relaxed);
        }
        (sum, sum <= self.max)
    }

    /// Adds if the sum is allowed; whether it was.
    fn add_if_allowed(&self, more: usize) -> bool {
        let sum = |held: usize| held.checked_add(more).filter(|sum| *sum <= self.max);
        self.held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum)
            .is_ok()
    }

    fn sub(&self, less: usize) {
        self.held.fetch_sub(less, Ordering::Relaxed);
    }
}

impl<'a> Guard<'a> {
    /// A guard that allows so many samples and bytes at once.
    pub(crate) const fn new(
        interrupt: Option<InterruptCheck<'a>>,
        max_samples: usize,
        max_bytes: usize,
    ) -> Self {
        Self {
            interrupt,
            samples: Count::up_to(max_samples),
            bytes: Count::up_to(max_bytes),
            peak: AtomicUsize::new(0),
        }
    }

    /// Whether the query may go on.
    pub(crate) fn check(&self) -> Result<(), QueryError> {
        self.check_bytes()?;
        match self.interrupt.and_then(|ask| ask()) {
            None => Ok(()),
            Some(Interrupt::Timeout) => Err(QueryError::Timeout("expression evaluation")),
            Some(Interrupt::Canceled) => Err(QueryError::Canceled("expression evaluation")),
        }
    }

    /// Whether there was room for everything so far.
    pub(crate) fn check_bytes(&self) -> Result<(), QueryError> {
        if self.bytes.exceeded.load(Ordering::Relaxed) {
            return Err(QueryError::TooManyBytes(self.bytes.max));
        }
        Ok(())
    }

    /// Counts `samples` and their bytes as held until the answer is dropped; fails before memory is taken for too many.
    pub(crate) fn hold(&self, samples: usize) -> Result<Held<'_>, QueryError> {
        let (sum, allowed) = self.samples.add(samples);
        let mut hold = Held {
            samples: &self.samples,
            bytes: &self.bytes,
            count: (samples, 0),
        };
        if !allowed {
            return Err(QueryError::TooManySamples("query execution"));
        }
        hold.grow(samples.saturating_mul(SAMPLE_BYTES))?;
        self.peak.fetch_max(sum, Ordering::Relaxed);
        Ok(hold)
    }

    /// Counts bytes as held until the answer is dropped.
    pub(crate) fn hold_bytes(&self, bytes: usize) -> Result<Held<'_>, QueryError> {
        let mut held = self.hold(0)?;
        held.grow(bytes)?;
        Ok(held)
    }

    /// Most samples that were held at once.
    pub(crate) fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }
}

/// Samples and bytes that count as held while this lives.
pub(crate) struct Held<'a> {
    samples: &'a Count,
    bytes: &'a Count,
    count: (usize, usize),
}

impl Held<'_> {
    /// Counts more bytes as held.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), QueryError> {
        self.count.1 += bytes;
        match self.bytes.add(bytes) {
            (_, true) => Ok(()),
            (_, false) => Err(QueryError::TooManyBytes(self.bytes.max)),
        }
    }

    /// Counts more bytes as held if there is room for them: for what one may do without.
    pub(crate) fn grow_if_allowed(&mut self, bytes: usize) -> bool {
        let allowed = self.bytes.add_if_allowed(bytes);
        self.count.1 += if allowed { bytes } else { 0 };
        allowed
    }

    /// How many bytes count.
    pub(crate) const fn bytes(&self) -> usize {
        self.count.1
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.samples.sub(self.count.0);
        self.bytes.sub(self.count.1);
    }
}
