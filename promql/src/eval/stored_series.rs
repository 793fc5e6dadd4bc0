//! Series of a source, whose labels are made when somebody asks for them.

use std::sync::OnceLock;

use narthex_model::{Grouping, Matcher, Projection, SampleBuffer, Selection, SeriesSet, TimeRange};

use super::context::Context;
use super::vector::Identity;
use crate::error::QueryError;

/// Selected series.
pub(super) struct StoredSeries<'a> {
    set: Box<dyn SeriesSet + 'a>,
    identities: OnceLock<Vec<Identity>>,
}

impl<'a> StoredSeries<'a> {
    /// Asks the source for series.
    pub(super) fn select(
        cx: &'a Context<'a>,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Self, QueryError> {
        cx.guard.check()?;
        Ok(Self {
            set: cx.source.select(&Selection { matchers, range })?,
            identities: OnceLock::new(),
        })
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.set.len()
    }

    /// All of them.
    pub(super) fn all(&self) -> &[Identity] {
        self.identities.get_or_init(|| {
            let labels = (0..self.set.len()).map(|index| self.set.labels(index));
            labels.map(Identity::new).collect()
        })
    }

    /// One of them.
    pub(super) fn identity(&self, index: usize) -> Identity {
        match self.identities.get() {
            Some(all) => all.get(index).cloned().unwrap_or_default(),
            None => Identity::new(self.set.labels(index)),
        }
    }

    /// The series grouped by some of their labels.
    pub(super) fn group(&self, projection: &Projection<'_>) -> Grouping {
        self.set.group(projection)
    }

    /// Reads the newest sample of one, and perhaps others.
    pub(super) fn read_newest(&self, index: usize, buffer: &mut SampleBuffer) -> Result<(), QueryError> {
        Ok(self.set.read_newest(index, buffer)?)
    }

    /// Reads the samples of one.
    pub(super) fn read(&self, index: usize, buffer: &mut SampleBuffer) -> Result<(), QueryError> {
        Ok(self.set.read(index, buffer)?)
    }
}
