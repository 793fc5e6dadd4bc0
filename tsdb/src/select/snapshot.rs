//! A store as of one commit.

use std::fmt;
use std::sync::Arc;

use narthex_model::{
    Labels, Matcher, SampleBuffer, SampleValue, Selection, SeriesSet, SeriesSource, SourceError, TimeRange,
};
use parking_lot::RwLock;

use super::listing::Listing;
use crate::head::simple::State;

/// The store as of one commit: what is committed later does not show. Cheap to take and to clone.
#[derive(Clone)]
pub struct Snapshot {
    state: Arc<RwLock<State>>,
    commit: u64,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("commit", &self.commit)
            .finish_non_exhaustive()
    }
}

impl Snapshot {
    pub(crate) fn new(state: Arc<RwLock<State>>) -> Self {
        let commit = state.read().commit;
        Self { state, commit }
    }

    /// Number of the newest commit that is visible.
    #[must_use]
    pub const fn commit(&self) -> u64 {
        self.commit
    }

    /// Names of all labels of the series that fulfil one of the sets of matchers (all series if there is no set) and
    /// may have samples in `range`; at most `limit` of them (0: all).
    ///
    /// # Errors
    /// When the store cannot read what it holds.
    pub fn label_names(
        &self,
        sets: &[Vec<Matcher>],
        range: TimeRange,
        limit: usize,
    ) -> Result<Listing<String>, SourceError> {
        let mut names = Vec::new();
        for labels in self.series(sets, range, 0)?.items {
            names.extend(labels.iter().map(|(name, _)| name.to_owned()));
        }
        Ok(Listing::from_unsorted(names, limit))
    }

    /// Values of the label `name` among the series that fulfil one of the sets of matchers (all series if there is no
    /// set) and may have samples in `range`; at most `limit` of them (0: all).
    ///
    /// # Errors
    /// When the store cannot read what it holds.
    pub fn label_values(
        &self,
        name: &str,
        sets: &[Vec<Matcher>],
        range: TimeRange,
        limit: usize,
    ) -> Result<Listing<String>, SourceError> {
        let series = self.series(sets, range, 0)?.items;
        let values = series
            .iter()
            .filter_map(|labels| labels.get(name))
            .map(str::to_owned)
            .collect();
        Ok(Listing::from_unsorted(values, limit))
    }

    /// Labels of the series that fulfil one of the sets of matchers (all series if there is no set) and may have
    /// samples in `range`; at most `limit` of them (0: all).
    ///
    /// # Errors
    /// When the store cannot read what it holds.
    pub fn series(
        &self,
        sets: &[Vec<Matcher>],
        range: TimeRange,
        limit: usize,
    ) -> Result<Listing<Labels>, SourceError> {
        let state = self.state.read();
        let visible = |s: &&crate::head::simple::Series| {
            s.samples
                .iter()
                .any(|sample| sample.commit <= self.commit && range.contains(sample.time))
        };
        let chosen = |s: &&crate::head::simple::Series| {
            sets.is_empty()
                || sets
                    .iter()
                    .any(|set| set.iter().all(|m| m.matches_labels(&s.labels)))
        };
        let found = state
            .series
            .iter()
            .filter(visible)
            .filter(chosen)
            .map(|s| s.labels.clone())
            .collect();
        Ok(Listing::from_unsorted(found, limit))
    }
}

struct Set {
    series: Vec<(Labels, Vec<(i64, SampleValue)>)>,
}

impl SeriesSource for Snapshot {
    fn select<'s>(&'s self, selection: &Selection<'_>) -> Result<Box<dyn SeriesSet + 's>, SourceError> {
        let state = self.state.read();
        let mut series: Vec<_> = state
            .series
            .iter()
            .filter(|s| selection.matchers.iter().all(|m| m.matches_labels(&s.labels)))
            .map(|s| {
                let samples = s.samples.iter();
                let wanted = samples.filter(|s| s.commit <= self.commit && selection.range.contains(s.time));
                (
                    s.labels.clone(),
                    wanted.map(|s| (s.time, s.value.clone())).collect(),
                )
            })
            .collect();
        series.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(Box::new(Set { series }))
    }
}

impl SeriesSet for Set {
    fn len(&self) -> usize {
        self.series.len()
    }
    fn labels(&self, index: usize) -> Labels {
        self.series[index].0.clone()
    }
    fn read(&self, index: usize, buffer: &mut SampleBuffer) -> Result<(), SourceError> {
        buffer.set_samples(self.series[index].1.iter().map(|(t, v)| (*t, v)));
        Ok(())
    }
}
