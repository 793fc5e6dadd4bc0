//! From a logged record to the head: after a commit, and again on a restart.

use narthex_format::wal;
use narthex_model::HistogramValue;
use parking_lot::RwLockWriteGuard;

use super::batch::{Batch, EntryValue};
use super::committer::Step;
use super::histograms::{from_float, from_integer};
use crate::head::{Head, Late, Page, Place, Slot, TimedHistogram, split};

/// Where the samples of one batch find their times.
struct Placer {
    group: Option<u32>,
    time: i64,
    /// Position of `time` in the group's column, once it has been asked for.
    position: Option<Option<u32>>,
}

impl Placer {
    fn new(record: &wal::Batch<'_>) -> Self {
        Self {
            group: record.group,
            time: record.time,
            position: None,
        }
    }

    fn place(&mut self, head: &Head, time: i64) -> Place {
        let Some(group) = self.group.filter(|_| time == self.time) else {
            return Place::Own;
        };
        let position = *self
            .position
            .get_or_insert_with(|| head.columns.place(group, time));
        position.map_or(Place::Own, |position| Place::Shared { group, position })
    }
}

/// Adds the samples of a record to the locked pages; the steps say which of them came late.
pub(super) fn apply(
    head: &Head,
    record: &wal::Batch<'_>,
    batch: &Batch,
    steps: &[Step],
    pages: &mut [RwLockWriteGuard<'_, Page>],
) {
    let commit = record.commit;
    let mut placer = Placer::new(record);
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
                slot.push(time, value, placer.place(head, time));
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
    /// Samples whose series no file names: what was lost with a damaged record.
    pub(crate) unknown: u64,
}

impl<'h> Replay<'h> {
    pub(crate) const fn new(head: &'h Head) -> Self {
        Self { head, unknown: 0 }
    }

    /// Adds everything a record holds. Nothing is refused: what was logged had been admitted.
    pub(crate) fn record(&mut self, record: &wal::Batch<'_>) {
        if let Some(group) = record.group {
            self.head.columns.reserve(group);
        }
        let mut placer = Placer::new(record);
        for sample in &record.floats {
            let place = placer.place(self.head, sample.time);
            self.slot(sample.id, sample.time, sample.start, |slot| {
                replay_float(slot, sample, place)
            });
        }
        for sample in &record.histograms {
            let value = from_integer(&sample.value);
            self.slot(sample.id, sample.time, sample.start, |slot| {
                replay_histogram(slot, sample.time, value)
            });
        }
        for sample in &record.float_histograms {
            let value = from_float(&sample.value);
            self.slot(sample.id, sample.time, sample.start, |slot| {
                replay_histogram(slot, sample.time, value)
            });
        }
    }

    fn slot(&mut self, id: u32, time: i64, start: Option<i64>, change: impl FnOnce(&mut Slot)) {
        if !self.head.index.read().contains(id) {
            self.unknown += 1;
            return;
        }
        let (number, at) = split(id);
        let page = self.head.page(number);
        let mut page = page.write();
        let slot = page.slot(at);
        change(slot);
        slot.set_start(time, start.unwrap_or(0));
        self.head.note_times(time, time);
    }
}

fn replay_float(slot: &mut Slot, sample: &wal::Sample<f64>, place: Place) {
    let wal::Sample { time, value, .. } = *sample;
    if !slot.used || time > slot.last_time {
        slot.set_last_float(time, value);
        slot.push(time, value, place);
    } else if time < slot.last_time {
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
