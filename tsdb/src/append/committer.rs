//! The commit protocol: validate, log, apply, publish.
//!
//! The locks of all pages that a batch touches are held from the first decision to the last change, so that what is
//! logged is what is applied. Refusals are never logged; a replay applies without deciding again.

use narthex_format::wal;
use parking_lot::RwLockWriteGuard;

use super::admission::{Admitted, Bounds, Offered, judge};
use super::apply;
use super::batch::{Batch, Entry, EntryValue, Policy, Target};
use super::commit::Commit;
use super::recall::recall;
use crate::block::Segments;
use crate::error::{Error, Reason, Rejected};
use crate::head::{Counter, Exemplar, Head, Page, Slot, split};
use crate::histograms::{Stored, to_stored};
use crate::options::Options;
use crate::wal::Wal;

/// Commits batches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Appender<'a> {
    pub(crate) head: &'a Head,
    pub(crate) wal: &'a Wal,
    pub(crate) segments: &'a Segments,
    pub(crate) options: &'a Options,
}

/// A sample that was admitted, and what its slot looked like before.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) entry: u32,
    pub(super) id: u32,
    /// Position of its page among the locked ones.
    pub(super) page: u32,
    pub(super) late: bool,
    was_used: bool,
    was_histogram: bool,
    last_time: i64,
    last_bits: u64,
}

/// The pages of a batch, locked.
struct Locked<'p> {
    numbers: &'p [u32],
    pages: Vec<RwLockWriteGuard<'p, Page>>,
    /// The page found last: neighbours in a batch are mostly neighbours in the store.
    last: usize,
}

impl Locked<'_> {
    /// The position of a series' page.
    fn page(&mut self, id: u32) -> Option<usize> {
        let (number, _) = split(id);
        if self.numbers.get(self.last) != Some(&number) {
            self.last = self.numbers.binary_search(&number).ok()?;
        }
        Some(self.last)
    }

    fn find(&mut self, id: u32) -> Option<(usize, &mut Slot)> {
        let page = self.page(id)?;
        Some((page, self.pages.get_mut(page)?.slot(split(id).1)?))
    }

    fn is_gone(&mut self, id: u32) -> bool {
        let page = self.page(id).and_then(|page| self.pages.get(page));
        page.is_some_and(|page| page.is_gone(split(id).1))
    }
}

impl Appender<'_> {
    /// Commits a batch.
    pub(crate) fn append(&self, batch: &Batch, now_ms: i64) -> Result<Commit, Error> {
        loop {
            if let Some(commit) = self.try_append(batch, now_ms)? {
                return Ok(commit);
            }
        }
    }

    /// `None` if a series left between being found by its labels and being locked.
    fn try_append(&self, batch: &Batch, now_ms: i64) -> Result<Option<Commit>, Error> {
        let ids = self.ids(batch)?;
        let mut numbers: Vec<u32> = ids.iter().flatten().map(|id| split(*id).0).collect();
        numbers.dedup();
        numbers.sort_unstable();
        numbers.dedup();
        let pages: Vec<_> = numbers.iter().map(|n| self.head.page(*n)).collect();
        let pages = pages.iter().map(|p| p.write()).collect();
        let mut locked = Locked {
            numbers: &numbers,
            pages,
            last: 0,
        };
        let labelled = batch.entries.iter().zip(&ids);
        let mut labelled = labelled.filter(|(entry, _)| matches!(entry.target, Target::Labelled(_)));
        if labelled.any(|(_, id)| id.is_some_and(|id| locked.is_gone(id))) {
            return Ok(None);
        }

        let mut commit = Commit::default();
        let mut steps = Vec::with_capacity(batch.entries.len());
        self.decide(batch, &ids, now_ms, &mut locked, &mut commit, &mut steps);
        self.count(&commit.rejected);
        if batch.policy == Policy::Abort && !commit.rejected.is_empty() {
            undo(&mut locked, &steps);
            return Err(Error::Refused(commit.rejected));
        }
        if steps.is_empty() {
            commit.number = self.head.commits.visible();
            return Ok(Some(commit));
        }
        let number = self.head.commits.begin();
        let result = self.log_and_apply(batch, number, &mut locked, &steps);
        match result {
            Ok(()) => self.add_exemplars(batch, number),
            Err(_) => undo(&mut locked, &steps),
        }
        drop(locked);
        let entries = steps
            .iter()
            .filter_map(|step| batch.entries.get(step.entry as usize));
        self.head
            .commits
            .publish(number, entries.map(|entry| entry.time).min());
        result?;
        commit.number = number;
        Ok(Some(commit))
    }

    fn add_exemplars(&self, batch: &Batch, number: u64) {
        for (target, exemplar) in &batch.exemplars {
            if let Some(id) = self.exemplar_id(batch, target) {
                self.head.exemplars.add(id, number, exemplar);
            }
        }
    }

    fn exemplar_id(&self, batch: &Batch, target: &Target) -> Option<u32> {
        let series = match target {
            Target::Known(series) => *series,
            Target::Labelled(at) => self.head.resolve(batch.labels.get(*at as usize)?).ok()?,
        };
        self.head.id(series)
    }

    /// The exemplars of a batch as the log writes them; those that would be left out are not worth their bytes.
    fn new_exemplars<'b>(&self, batch: &'b Batch) -> Vec<wal::Exemplar<'b>> {
        let logged = |(target, exemplar): &'b (Target, Exemplar)| {
            let id = self.exemplar_id(batch, target)?;
            self.head
                .exemplars
                .is_new(id, exemplar)
                .then(|| exemplar.stored(id))
        };
        batch.exemplars.iter().filter_map(logged).collect()
    }

    fn ids(&self, batch: &Batch) -> Result<Vec<Option<u32>>, Error> {
        let labelled = batch
            .labels
            .iter()
            .map(|l| self.head.resolve(l).map(|r| self.head.id(r)));
        let labelled = labelled.collect::<Result<Vec<_>, _>>()?;
        let id = |entry: &Entry| match entry.target {
            Target::Known(series) => self.head.id(series),
            Target::Labelled(at) => labelled.get(at as usize).copied().flatten(),
        };
        Ok(batch.entries.iter().map(id).collect())
    }

    /// Decides about every sample, as if those before it were in the store already.
    fn decide(
        &self,
        batch: &Batch,
        ids: &[Option<u32>],
        now_ms: i64,
        locked: &mut Locked<'_>,
        commit: &mut Commit,
        steps: &mut Vec<Step>,
    ) {
        let bounds = Bounds::new(self.options, self.head.newest(), now_ms);
        for (index, (entry, id)) in batch.entries.iter().zip(ids).enumerate() {
            let Some((id, (page, slot))) = id.and_then(|id| Some((id, locked.find(id)?))) else {
                commit.rejected.push(Rejected {
                    index,
                    reason: Reason::UnknownSeries,
                });
                continue;
            };
            if !slot.used && id < self.head.known_below() {
                recall(self.head, self.segments, id, slot, entry.time);
            }
            let value = offered(batch, entry);
            let late = match judge(slot, entry.time, value, &bounds) {
                Err(reason) => {
                    commit.rejected.push(Rejected { index, reason });
                    continue;
                }
                Ok(Admitted::Repeated) => {
                    commit.appended += 1;
                    continue;
                }
                Ok(admitted) => admitted == Admitted::Late,
            };
            commit.appended += 1;
            commit.series_created += usize::from(!slot.used);
            steps.push(Step {
                entry: index as u32,
                id,
                page: page as u32,
                late,
                was_used: slot.used,
                was_histogram: slot.last_is_histogram,
                last_time: slot.last_time,
                last_bits: slot.last_bits,
            });
            if !late {
                match value {
                    Offered::Float(v) => slot.set_last_float(entry.time, v),
                    Offered::Histogram(h) => slot.set_last_histogram(entry.time, h),
                }
            }
        }
    }

    fn log_and_apply(
        &self,
        batch: &Batch,
        number: u64,
        locked: &mut Locked<'_>,
        steps: &[Step],
    ) -> Result<(), Error> {
        // Before the index is locked for their series' names.
        let exemplars = self.new_exemplars(batch);
        let unlogged = self.unlogged(locked, steps);
        let index = (!unlogged.is_empty()).then(|| self.head.index.read());
        let mut record = wal::Batch {
            commit: number,
            time: batch.time,
            late: steps.iter().any(|step| step.late),
            exemplars,
            floats: Vec::with_capacity(steps.len()),
            ..wal::Batch::default()
        };
        record.group = batch.group.map(|key| self.head.columns.number(key));
        if record.group.is_none()
            && let Some(entry) = steps.first().map(|step| &batch.entries[step.entry as usize])
        {
            // The log keeps each sample's distance from this time: what is pushed comes later than it was measured.
            record.time = entry.time;
        }
        if let Some(index) = &index {
            for id in &unlogged {
                record
                    .series
                    .push(*id, index.pairs_of(*id).iter().map(|pair| index.pair_text(*pair)));
            }
        }
        for step in steps {
            push_sample(&mut record, batch, &batch.entries[step.entry as usize], step.id);
        }
        self.wal.log(&record)?;
        for id in &unlogged {
            if let Some((_, slot)) = locked.find(*id) {
                slot.logged = true;
            }
        }
        let oldest = self.head.commits.oldest();
        for page in &mut locked.pages {
            page.settle(oldest);
        }
        apply::apply(self.head, &record, batch, steps, &mut locked.pages);
        Ok(())
    }

    /// The series whose labels no file knows yet, sorted.
    fn unlogged(&self, locked: &mut Locked<'_>, steps: &[Step]) -> Vec<u32> {
        let known = self.head.known_below();
        let mut ids: Vec<u32> = Vec::new();
        for step in steps.iter().filter(|s| s.id >= known) {
            if locked.find(step.id).is_some_and(|(_, slot)| !slot.logged) {
                ids.push(step.id);
            }
        }
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    fn count(&self, rejected: &[Rejected]) {
        let counters = &self.head.counters;
        for Rejected { reason, .. } in rejected {
            let counter: &Counter = match reason {
                Reason::OutOfOrder => &counters.out_of_order,
                Reason::OutOfBounds | Reason::TooFarInFuture => &counters.out_of_bounds,
                Reason::TooOld => &counters.too_old,
                Reason::DuplicateTimestamp { .. } => &counters.duplicates,
                Reason::UnknownSeries => continue,
            };
            counter.add(1);
        }
    }
}

fn offered<'b>(batch: &'b Batch, entry: &Entry) -> Offered<'b> {
    match entry.value {
        EntryValue::Float(v) => Offered::Float(v),
        EntryValue::Histogram(at) => Offered::Histogram(&batch.histograms[at as usize]),
    }
}

fn push_sample(record: &mut wal::Batch<'_>, batch: &Batch, entry: &Entry, id: u32) {
    let (time, start) = (entry.time, Some(entry.start_time).filter(|s| *s != 0));
    match entry.value {
        EntryValue::Float(value) => record.floats.push(wal::Sample {
            id,
            time,
            start,
            value,
        }),
        EntryValue::Histogram(at) => match to_stored(&batch.histograms[at as usize]) {
            Stored::Integer(value) => record.histograms.push(wal::Sample {
                id,
                time,
                start,
                value,
            }),
            Stored::Float(value) => record.float_histograms.push(wal::Sample {
                id,
                time,
                start,
                value,
            }),
        },
    }
}

/// Makes the slots what they were before the decisions.
fn undo(locked: &mut Locked<'_>, steps: &[Step]) {
    for step in steps.iter().rev() {
        if let Some((_, slot)) = locked.find(step.id) {
            if !step.late && slot.last_is_histogram {
                slot.unset_last_histogram();
            }
            slot.used = step.was_used;
            slot.last_is_histogram = step.was_histogram;
            slot.last_time = step.last_time;
            slot.last_bits = step.last_bits;
        }
    }
}
