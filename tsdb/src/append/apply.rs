//! From a logged record to the head: after a commit, and again on a restart.

use narthex_format::wal;
use narthex_model::{HistogramValue, Labels};
use parking_lot::RwLockWriteGuard;
use rustc_hash::FxHashMap;

use super::batch::{Batch, EntryValue};
use super::committer::Step;
use super::placer::Placer;
use super::recall::recall;
use crate::block::Segments;
use crate::head::{Exemplar, Head, Late, Page, Place, Slot, TimedHistogram, split};
use crate::histograms::{from_float, from_integer};

/// Adds the samples of a record to the locked pages; the steps say which of them came late.
pub(super) fn apply(
    head: &Head,
    record: &wal::Batch<'_>,
    batch: &Batch,
    steps: &[Step],
    pages: &mut [RwLockWriteGuard<'_, Page>],
) {
    let commit = record.commit;
    let mut placer = Placer::new(&head.columns, record);
    let (mut oldest, mut newest) = (i64::MAX, i64::MIN);
    let (mut floats, mut histograms) = (0, 0);
    for step in steps {
        let entry = &batch.entries[step.entry as usize];
        let Some(page) = pages.get_mut(step.page as usize) else {
            continue;
        };
        let (at, time) = (split(step.id).1, entry.time);
        (oldest, newest) = (oldest.min(time), newest.max(time));
        let slot = page.slot(at);
        match entry.value {
            EntryValue::Float(value) if step.late => {
                slot.push_late(Late { time, commit, value });
                floats += 1;
            }
            EntryValue::Float(value) => {
                let place = placer.place(slot, time);
                slot.push(time, value, place);
                floats += 1;
            }
            EntryValue::Histogram(index) => {
                let value = batch.histograms[index as usize].clone();
                slot.push_histogram(TimedHistogram { time, commit, value });
                histograms += 1;
            }
        }
        slot.set_start(time, entry.start_time);
        if !step.late
            && let EntryValue::Float(_) = entry.value
        {
            page.note(commit, at);
        }
    }
    head.note_times(oldest, newest);
    head.counters.floats.add(floats);
    head.counters.histograms.add(histograms);
}

/// Adds records of the log to a head that nobody reads yet.
#[derive(Debug)]
pub(crate) struct Replay<'h> {
    head: &'h Head,
    segments: &'h Segments,
    /// The columns of the groups that the log names.
    groups: FxHashMap<u32, u32>,
    /// Samples whose series no file names: what was lost with a damaged record.
    pub(crate) unknown: u64,
}

impl<'h> Replay<'h> {
    pub(crate) fn new(head: &'h Head, segments: &'h Segments) -> Self {
        Self {
            head,
            segments,
            groups: FxHashMap::default(),
            unknown: 0,
        }
    }

    /// Adds everything a record holds. Nothing is refused: what was logged had been admitted. A record that names
    /// unknown series is left out as a whole: a power loss took the one that defined them.
    pub(crate) fn record(&mut self, record: &wal::Batch<'_>) {
        let floats = record.floats.iter().map(|s| s.id);
        let integers = record.histograms.iter().map(|s| s.id);
        let ids = floats
            .chain(integers)
            .chain(record.float_histograms.iter().map(|s| s.id));
        let (mut count, mut known, mut next) = (0, true, 0);
        {
            let index = self.head.index.read();
            for id in ids {
                count += 1;
                known &= index.contains(id);
                next = next.max(u64::from(id) + 1);
            }
        }
        if !known {
            self.unknown += count;
            self.head.index.write().reserve(next as usize);
            return;
        }
        // Numbers of groups are those of the process that wrote the log.
        let columns = &self.head.columns;
        let group = record
            .group
            .map(|number| *self.groups.entry(number).or_insert_with(|| columns.add()));
        let mut placer = Placer::of_group(columns, record, group);
        let mut cursor = PageCursor::new(self.head, self.segments);
        for sample in &record.floats {
            cursor.change(sample.id, sample.time, sample.start, |slot| {
                if !slot.used || sample.time > slot.last_time {
                    let place = placer.place(slot, sample.time);
                    replay_float(slot, sample, place);
                } else {
                    replay_late(slot, sample);
                }
            });
        }
        for sample in &record.histograms {
            let value = from_integer(&sample.value);
            let add = |slot: &mut Slot| replay_histogram(slot, sample.time, value);
            cursor.change(sample.id, sample.time, sample.start, add);
        }
        for sample in &record.float_histograms {
            let value = from_float(&sample.value);
            let add = |slot: &mut Slot| replay_histogram(slot, sample.time, value);
            cursor.change(sample.id, sample.time, sample.start, add);
        }
        self.head.note_times(cursor.oldest, cursor.newest);
        for exemplar in &record.exemplars {
            let kept = Exemplar {
                labels: Labels::from_pairs(exemplar.labels.iter().copied()),
                value: exemplar.value,
                time: exemplar.time,
            };
            self.head.exemplars.add(exemplar.id, 0, &kept);
        }
    }
}

/// Walks over the slots of a record, keeping a page locked while its neighbours follow.
struct PageCursor<'h> {
    head: &'h Head,
    segments: &'h Segments,
    /// Time of the newest sealed sample.
    sealed: i64,
    page: Option<(u32, ArcPage)>,
    oldest: i64,
    newest: i64,
}

type ArcPage = parking_lot::lock_api::ArcRwLockWriteGuard<parking_lot::RawRwLock, Page>;

impl<'h> PageCursor<'h> {
    fn new(head: &'h Head, segments: &'h Segments) -> Self {
        let sealed = segments.summaries().iter().map(|s| s.time_max).max();
        let sealed = sealed.unwrap_or(i64::MIN);
        Self {
            head,
            segments,
            sealed,
            page: None,
            oldest: i64::MAX,
            newest: i64::MIN,
        }
    }

    fn change(&mut self, id: u32, time: i64, start: Option<i64>, change: impl FnOnce(&mut Slot)) {
        let (number, at) = split(id);
        if self.page.as_ref().is_none_or(|(n, _)| *n != number) {
            self.page = None;
            self.page = Some((number, self.head.page(number).write_arc()));
        }
        let Some((_, page)) = &mut self.page else {
            return;
        };
        let slot = page.slot(at);
        if !slot.used && time <= self.sealed {
            recall(self.head, self.segments, id, slot, time);
        }
        change(slot);
        slot.set_start(time, start.unwrap_or(0));
        (self.oldest, self.newest) = (self.oldest.min(time), self.newest.max(time));
    }
}

fn replay_float(slot: &mut Slot, sample: &wal::Sample<f64>, place: Place) {
    let wal::Sample { time, value, .. } = *sample;
    slot.set_last_float(time, value);
    slot.push(time, value, place);
}

fn replay_late(slot: &mut Slot, sample: &wal::Sample<f64>) {
    let wal::Sample { time, value, .. } = *sample;
    if time < slot.last_time {
        slot.push_late(Late {
            time,
            commit: 0,
            value,
        });
    }
}

fn replay_histogram(slot: &mut Slot, time: i64, value: HistogramValue) {
    if !slot.used || time > slot.last_time {
        slot.set_last_histogram(time, &value);
    }
    slot.push_histogram(TimedHistogram {
        time,
        commit: 0,
        value,
    });
}
