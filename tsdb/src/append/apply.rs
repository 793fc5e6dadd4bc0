//! From a logged record to the head.

use narthex_format::wal;
use parking_lot::RwLockWriteGuard;

use super::batch::{Batch, EntryValue};
use super::committer::Step;
use super::placer::Placer;
use crate::head::{Head, Late, Page, TimedHistogram, split};

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
        let Some(slot) = page.slot(at) else {
            continue;
        };
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
