//! A store as of one commit.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use narthex_model::{
    Grouping, Labels, Matcher, Moment, Projection, SampleBuffer, Selection, SeriesSet, SeriesSource,
    SourceError, SourceErrorKind, TimeRange,
};
use parking_lot::Mutex;
use roaring::RoaringBitmap;
use rustc_hash::FxHashSet;

use super::found::{Found, Sources};
use super::listing::Listing;
use super::present::Newest;
use super::times::{KnownTimes, new_number};
use super::{grouping, matching, read};
use crate::block::{Block, Segments};
use crate::error::Error;
use crate::head::{Exemplar, Head, Pin, order};
use crate::text_set::TextSet;

/// The store as of one commit: what is committed later does not show. Cheap to take and to clone.
#[derive(Clone)]
pub struct Snapshot {
    pub(super) head: Arc<Head>,
    segments: Arc<Segments>,
    pin: Arc<Pin>,
    stop: Option<Stop>,
}

/// Says whether an answer is no longer wanted.
type Stop = Arc<dyn Fn() -> bool + Send + Sync>;

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("commit", &self.commit())
            .finish_non_exhaustive()
    }
}

impl Snapshot {
    pub(crate) fn new(head: Arc<Head>, segments: Arc<Segments>) -> Self {
        let pin = Arc::new(head.commits.pin());
        Self {
            head,
            segments,
            pin,
            stop: None,
        }
    }

    /// The same, but what takes long ends with [`SourceErrorKind::Interrupted`] once `stop` says so.
    #[must_use]
    pub fn until(mut self, stop: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.stop = Some(Arc::new(stop));
        self
    }

    /// Number of the newest commit that is visible.
    #[must_use]
    pub fn commit(&self) -> u64 {
        self.pin.number()
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
        if sets.is_empty() {
            return self.all_label_names(range, limit);
        }
        let present = self.present(sets, range)?;
        let mut names = TextSet::default();
        {
            let index = self.head.index.read();
            let pairs = present.iter().flat_map(|id| index.pairs_of(*id).iter().copied());
            let pairs: FxHashSet<u32> = pairs.collect();
            names.add_all(pairs.into_iter().map(|pair| index.pair_text(pair).0));
        }
        self.each_block(sets, range, |block, numbers| {
            block.label_names_of(numbers, &mut names)
        })?;
        Ok(Listing::from_sorted(names.into_sorted().into_iter(), limit))
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
        if sets.is_empty() {
            return self.all_label_values(name, range, limit);
        }
        let present = self.present(sets, range)?;
        let mut values = TextSet::default();
        {
            let index = self.head.index.read();
            if let Some(number) = index.name_number(name) {
                let pairs = present.iter().filter_map(|id| index.pair_named(*id, number));
                let pairs: FxHashSet<u32> = pairs.collect();
                values.add_all(pairs.into_iter().map(|pair| index.value(pair)));
            }
        }
        self.each_block(sets, range, |block, numbers| {
            block.label_values_of(name, numbers, &mut values)
        })?;
        Ok(Listing::from_sorted(values.into_sorted().into_iter(), limit))
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
        let found = self.found(sets, range)?;
        let index = self.head.index.read();
        let labels = (0..found.len()).map(|at| found.labels(at, &index));
        Ok(Listing::from_sorted(labels, limit))
    }

    /// The exemplars in `range` of the series that fulfil one of the sets of matchers (all series if there is no set),
    /// in label order, each series' by age.
    #[must_use]
    pub fn exemplars(&self, sets: &[Vec<Matcher>], range: TimeRange) -> Vec<(Labels, Vec<Exemplar>)> {
        let mut kept = self.head.exemplars.select(self.commit(), range);
        let index = self.head.index.read();
        let found = matching::find_any(&index, sets);
        let mut ids: Vec<u32> = kept.keys().copied().filter(|id| found.contains(*id)).collect();
        order::by_labels(&index, &mut ids);
        let series = ids
            .iter()
            .filter_map(|id| Some((index.labels(*id), kept.remove(id)?)));
        series.collect()
    }

    /// Whether a series with the pair may have samples in the range. Mostly the first few series tell, so that a listing
    /// costs what it lists and not what there is.
    fn pair_in_range(&self, pair: u32, range: TimeRange) -> Result<bool, SourceError> {
        let (mut from, mut most) = (0, 4);
        loop {
            // The index is not held while pages are looked at: writers take them in the other order.
            let ids = self.head.index.read().postings(pair).first_from(from, most);
            let Some(last) = ids.last() else { return Ok(false) };
            if self.any_in_range(&ids, range)? {
                return Ok(true);
            }
            let Some(next) = last.checked_add(1) else {
                return Ok(false);
            };
            (from, most) = (next, most * 4);
        }
    }

    fn any_in_range(&self, ids: &[u32], range: TimeRange) -> Result<bool, SourceError> {
        for id in ids {
            if !self.in_range(&RoaringBitmap::from_iter([*id]), range)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Blocks that reach into the range. To be asked for after head and segments: what has left them is in a block.
    pub(super) fn blocks(&self, range: TimeRange) -> impl Iterator<Item = Arc<Block>> {
        let blocks = self.segments.blocks.list();
        let blocks: Vec<Arc<Block>> = blocks.iter().filter(|b| b.overlaps(range)).cloned().collect();
        blocks.into_iter()
    }

    fn all_label_names(&self, range: TimeRange, limit: usize) -> Result<Listing<String>, SourceError> {
        let mut names = TextSet::default();
        let all: Vec<(String, Vec<u32>)> = {
            let index = self.head.index.read();
            let names = index.names();
            names
                .map(|(name, of)| (name.to_owned(), of.pairs.clone()))
                .collect()
        };
        for (name, pairs) in all {
            for pair in pairs {
                if self.pair_in_range(pair, range)? {
                    names.add(&name);
                    break;
                }
            }
        }
        names.end_list();
        for block in self.blocks(range) {
            self.go_on()?;
            block.label_names(&mut names).map_err(source_error)?;
        }
        Ok(Listing::from_sorted(names.into_sorted().into_iter(), limit))
    }

    fn all_label_values(
        &self,
        name: &str,
        range: TimeRange,
        limit: usize,
    ) -> Result<Listing<String>, SourceError> {
        let number = self.head.index.read().name_number(name);
        let pairs = number.map_or_else(Vec::new, |n| self.head.index.read().pairs_named(n).to_vec());
        let mut values = TextSet::default();
        for pair in pairs {
            if self.pair_in_range(pair, range)? {
                values.add(self.head.index.read().value(pair));
            }
        }
        values.end_list();
        for block in self.blocks(range) {
            self.go_on()?;
            block.label_values(name, &mut values).map_err(source_error)?;
        }
        Ok(Listing::from_sorted(values.into_sorted().into_iter(), limit))
    }

    /// Series of the head that fulfil one of the sets and may have samples in the range, in memory or segments.
    fn present(&self, sets: &[Vec<Matcher>], range: TimeRange) -> Result<Vec<u32>, SourceError> {
        let ids = matching::find_any(&self.head.index.read(), sets);
        self.in_range(&ids, range)
    }

    /// Hands the numbers of the series that fulfil one of the sets to `each`, block by block.
    fn each_block(
        &self,
        sets: &[Vec<Matcher>],
        range: TimeRange,
        mut each: impl FnMut(&Block, &RoaringBitmap) -> Result<(), Error>,
    ) -> Result<(), SourceError> {
        let sets: Vec<&[Matcher]> = sets.iter().map(Vec::as_slice).collect();
        for block in self.blocks(range) {
            self.go_on()?;
            let numbers = block.find_any(&sets).map_err(source_error)?;
            each(&block, &numbers).map_err(source_error)?;
        }
        Ok(())
    }

    /// The series that fulfil one of the sets and may have samples in the range.
    fn found(&self, sets: &[Vec<Matcher>], range: TimeRange) -> Result<Found, SourceError> {
        let ids = matching::find_any(&self.head.index.read(), sets);
        let sets: Vec<&[Matcher]> = sets.iter().map(Vec::as_slice).collect();
        self.join(ids, &sets, range, None)
    }

    /// Adds the series of blocks to those of the ids that may have samples in the range; notes newest samples of these.
    fn join(
        &self,
        ids: RoaringBitmap,
        sets: &[&[Matcher]],
        range: TimeRange,
        newest: Option<&mut Newest>,
    ) -> Result<Found, SourceError> {
        // Segments first: what has left them is in a block.
        let moved = self.head.moved();
        let segments = self.segments.list();
        let through = segments.last().map_or(0, |s| s.number + 1).max(moved);
        let present = self.in_range_noting(&ids, range, newest)?;
        let sources = Sources {
            head: &self.head,
            segments,
            through,
            blocks: self.segments.blocks.list().to_vec(),
            matching: ids,
            present: RoaringBitmap::from_sorted_iter(present).unwrap_or_default(),
            range,
        };
        Found::join(sources, |block: &Block| block.find_any(sets)).map_err(source_error)
    }

    /// Fails once the answer is no longer wanted.
    pub(super) fn go_on(&self) -> Result<(), SourceError> {
        if self.stop.as_ref().is_some_and(|stop| stop()) {
            return Err(SourceError {
                kind: SourceErrorKind::Interrupted,
                message: "the read was interrupted".to_owned(),
            });
        }
        Ok(())
    }

    /// Whether a series may have samples of the range in a segment below a number.
    pub(super) fn sealed(&self, id: u32, below: u64, range: TimeRange) -> Result<bool, Error> {
        for segment in self.segments.list().iter().rev() {
            if segment.number < below && segment.overlaps(range) && segment.contains(id)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

pub(super) fn source_error(error: Error) -> SourceError {
    let kind = match error {
        Error::Corrupt { .. } => SourceErrorKind::Corrupt,
        Error::Closed => SourceErrorKind::Closed,
        Error::Limit { .. } => SourceErrorKind::Limit,
        _ => SourceErrorKind::Io,
    };
    SourceError {
        kind,
        message: error.to_string(),
    }
}

impl SeriesSource for Snapshot {
    fn moment(&self) -> Option<Moment> {
        Some(Moment {
            life: self.head.commits.changes.life(),
            addition: self.commit(),
        })
    }

    fn unchanged_before(&self, earlier: Moment) -> i64 {
        let changes = &self.head.commits.changes;
        // The other way round something could go in between.
        let oldest = changes.oldest_after(earlier.addition);
        if changes.life() == earlier.life {
            oldest
        } else {
            i64::MIN
        }
    }

    fn select<'s>(&'s self, selection: &Selection<'_>) -> Result<Box<dyn SeriesSet + 's>, SourceError> {
        self.select_noting(selection, None)
    }

    fn select_newest<'s>(
        &'s self,
        selection: &Selection<'_>,
    ) -> Result<Box<dyn SeriesSet + 's>, SourceError> {
        self.select_noting(selection, Some(Newest::default()))
    }
}

impl Snapshot {
    fn select_noting<'s>(
        &'s self,
        selection: &Selection<'_>,
        mut newest: Option<Newest>,
    ) -> Result<Box<dyn SeriesSet + 's>, SourceError> {
        let Selection { matchers, range } = *selection;
        let ids = matching::find(&self.head.index.read(), matchers);
        Ok(Box::new(Selected {
            snapshot: self,
            found: self.join(ids, &[matchers], range, newest.as_mut())?,
            range,
            number: new_number(),
            times: KnownTimes::default(),
            newest,
            lost: Mutex::default(),
        }))
    }
}

/// Series of a selection.
struct Selected<'s> {
    snapshot: &'s Snapshot,
    found: Found,
    range: TimeRange,
    number: u64,
    times: KnownTimes,
    /// What memory has at hand.
    newest: Option<Newest>,
    /// What could not be read.
    lost: Mutex<BTreeSet<String>>,
}

impl Selected<'_> {
    fn reading(&self) -> read::Reading<'_> {
        let Snapshot {
            head, segments, pin, ..
        } = self.snapshot;
        read::Reading {
            head,
            segments,
            found: &self.found,
            pin: pin.number(),
            range: self.range,
            selection: self.number,
            times: &self.times,
            lost: &self.lost,
        }
    }
}

impl SeriesSet for Selected<'_> {
    fn len(&self) -> usize {
        self.found.len()
    }

    fn labels(&self, index: usize) -> Labels {
        self.found.labels(index, &self.snapshot.head.index.read())
    }

    fn group(&self, projection: &Projection<'_>) -> Grouping {
        grouping::group(&self.found, &self.snapshot.head.index.read(), projection)
    }

    fn read(&self, index: usize, buffer: &mut SampleBuffer) -> Result<(), SourceError> {
        self.reading().read(index, buffer).map_err(source_error)
    }

    fn read_newest(&self, index: usize, buffer: &mut SampleBuffer) -> Result<(), SourceError> {
        let known = self.newest.as_ref().zip(self.found.id(index));
        let known = known.and_then(|(newest, id)| newest.get(id));
        if self.reading().read_newest(index, known, buffer) {
            return Ok(());
        }
        self.read(index, buffer)
    }

    fn lost(&self) -> Vec<String> {
        self.lost.lock().iter().cloned().collect()
    }
}
