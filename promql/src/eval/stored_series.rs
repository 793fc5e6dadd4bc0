//! Series of a source, whose labels are made when somebody asks for them.

use std::sync::OnceLock;

use narthex_model::{Grouping, Matcher, Projection, SampleBuffer, Selection, SeriesSet, TimeRange};

use super::context::Context;
use super::guard::Held;
use super::vector::Identity;
use crate::error::QueryError;

/// Selected series.
pub(super) struct StoredSeries<'a> {
    set: Box<dyn SeriesSet + 'a>,
    identities: OnceLock<(Vec<Identity>, Option<Held<'a>>)>,
    cx: &'a Context<'a>,
    _held: Held<'a>,
}

/// Memory of a series that has been found and not been looked at, about.
const FOUND_BYTES: usize = 16;
/// Memory of its newest sample, if that is taken along.
const NEWEST_BYTES: usize = 20;
/// Series whose labels are made before it is asked whether there is room for more.
const LISTED_AT_ONCE: usize = 1_024;

impl<'a> StoredSeries<'a> {
    /// Asks the source for series; `newest_only` if [`read_newest`](Self::read_newest) is all that they are asked.
    pub(super) fn select(
        cx: &'a Context<'a>,
        matchers: &[Matcher],
        range: TimeRange,
        newest_only: bool,
    ) -> Result<Self, QueryError> {
        cx.guard.check()?;
        let selection = Selection { matchers, range };
        let (set, bytes) = if newest_only {
            (cx.source.select_newest(&selection)?, FOUND_BYTES + NEWEST_BYTES)
        } else {
            (cx.source.select(&selection)?, FOUND_BYTES)
        };
        let held = cx.guard.hold_bytes(set.len() * bytes)?;
        Ok(Self {
            set,
            identities: OnceLock::new(),
            cx,
            _held: held,
        })
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.set.len()
    }

    /// All of them. Where there is no room for their labels the query has failed, and the rest has none.
    pub(super) fn all(&self) -> &[Identity] {
        let (identities, _) = self.identities.get_or_init(|| {
            let mut held = self.cx.guard.hold(0).ok();
            let mut all = Vec::with_capacity(self.set.len());
            while all.len() < self.set.len() {
                let from = all.len();
                let to = self.set.len().min(from + LISTED_AT_ONCE);
                all.extend((from..to).map(|index| Identity::new(self.set.labels(index))));
                let bytes: usize = all.iter().skip(from).map(Identity::bytes).sum();
                if held.as_mut().is_some_and(|held| held.grow(bytes).is_err()) {
                    all.resize_with(self.set.len(), Identity::default);
                }
            }
            (all, held)
        });
        identities
    }

    /// One of them.
    pub(super) fn identity(&self, index: usize) -> Identity {
        match self.identities.get() {
            Some((all, _)) => all.get(index).cloned().unwrap_or_default(),
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

impl Drop for StoredSeries<'_> {
    fn drop(&mut self) {
        for lost in self.set.lost() {
            let text = format!("samples are missing, as a file of the store is damaged: {lost}");
            self.cx.warn(text);
        }
    }
}
