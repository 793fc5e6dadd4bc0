//! Records of the log into a head that nobody reads yet, on as many threads as there may be.
//!
//! Each thread has pages of its own and gets every record, so every series meets its samples in the order of the log,
//! and the outcome does not depend on how many threads there are.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

use narthex_format::wal;
use narthex_model::HistogramValue;
use rustc_hash::FxHashMap;

use super::placer::Placer;
use super::recall::recall;
use crate::block::Segments;
use crate::head::{Exemplar, Head, Late, PAGE, Page, Place, Slot, TimedHistogram, join, split};
use crate::histograms::{from_float, from_integer};

/// Records that may wait for a thread: they are in memory.
const WAITING: usize = 4;

/// A record without what it borrows from the file, and the column of its group.
#[derive(Debug)]
struct Work {
    record: wal::Batch<'static>,
    group: Option<u32>,
    /// Page and length of each run of floats that lie in one page: threads step over those of others.
    runs: Vec<(u32, usize)>,
}

/// Where records are added to.
#[derive(Debug, Clone, Copy)]
struct Target<'h> {
    head: &'h Head,
    segments: &'h Segments,
    /// Time of the newest sealed sample.
    sealed: i64,
}

/// Adds records of the log to a head that nobody reads yet.
#[derive(Debug)]
pub(crate) struct Replay<'h> {
    target: Target<'h>,
    /// One for each thread; none: everything is done at once.
    threads: Vec<SyncSender<Arc<Work>>>,
    /// The columns of the groups that the log names.
    groups: FxHashMap<u32, u32>,
    /// Samples whose series no file names: what was lost with a damaged record.
    pub(crate) unknown: u64,
}

impl<'h> Replay<'h> {
    /// Begins with so many threads of a scope; all is done when the scope ends after the replay has been dropped.
    pub(crate) fn begin<'s>(
        scope: &'s Scope<'s, 'h>,
        head: &'h Head,
        segments: &'h Segments,
        threads: usize,
    ) -> Self {
        let sealed = segments.summaries().iter().map(|s| s.time_max).max();
        let target = Target {
            head,
            segments,
            sealed: sealed.unwrap_or(i64::MIN),
        };
        let threads = if threads > 1 { threads as u32 } else { 0 };
        let begin = |part| {
            let (sender, receiver) = sync_channel(WAITING);
            scope.spawn(move || work(target, &receiver, (part, threads)));
            sender
        };
        Self {
            target,
            threads: (0..threads).map(begin).collect(),
            groups: FxHashMap::default(),
            unknown: 0,
        }
    }

    /// Adds everything a record holds. Nothing is refused: what was logged had been admitted. A record that names
    /// unknown series is left out as a whole: a power loss took the one that defined them.
    pub(crate) fn record(&mut self, record: wal::Batch<'_>) {
        let head = self.target.head;
        let runs = runs(&record.floats);
        if !self.knows(&record, &runs) {
            return;
        }
        // Numbers of groups are those of the process that wrote the log.
        let columns = &head.columns;
        let group = record
            .group
            .map(|number| *self.groups.entry(number).or_insert_with(|| columns.add()));
        if let Some(group) = group {
            // Before any thread meets it: a thread that is ahead must not close the column to those behind.
            columns.place(group, record.time);
        }
        for exemplar in &record.exemplars {
            head.exemplars
                .add(exemplar.id, record.commit, &Exemplar::from(exemplar));
        }
        let record = wal::Batch {
            commit: record.commit,
            group: record.group,
            late: record.late,
            time: record.time,
            floats: record.floats,
            histograms: record.histograms,
            float_histograms: record.float_histograms,
            tombstones: record.tombstones,
            ..wal::Batch::default()
        };
        let work = Work { record, group, runs };
        if self.threads.is_empty() {
            apply(self.target, &work, |_| true);
            return;
        }
        let work = Arc::new(work);
        for thread in &self.threads {
            // A thread hangs up only by a panic, which the end of the scope passes on.
            let _ = thread.send(Arc::clone(&work));
        }
    }
}

impl Replay<'_> {
    /// Whether all series of a record are known. If not, it is counted, and their ids are given to no others.
    fn knows(&mut self, record: &wal::Batch<'_>, runs: &[(u32, usize)]) -> bool {
        let integers = record.histograms.iter().map(|s| s.id);
        let rare = integers.chain(record.float_histograms.iter().map(|s| s.id));
        let index = self.target.head.index.read();
        let mut known = rare.clone().all(|id| index.contains(id));
        let mut rest = &record.floats[..];
        for (page, length) in runs {
            let (run, after) = rest.split_at(*length);
            rest = after;
            known &= index.contains_all(*page, run.iter().map(|sample| split(sample.id).1));
        }
        drop(index);
        if !known {
            let ids = record.floats.iter().map(|s| s.id).chain(rare);
            self.unknown += ids.clone().count() as u64;
            let next = ids.max().map_or(0, |id| id.saturating_add(1));
            self.target.head.index.write().reserve(next);
        }
        known
    }
}

/// Page and length of each run of samples that lie in one page.
fn runs(samples: &[wal::Sample<f64>]) -> Vec<(u32, usize)> {
    let page = |sample: &wal::Sample<f64>| split(sample.id).0;
    let runs = samples.chunk_by(|a, b| page(a) == page(b));
    runs.map(|run| (page(&run[0]), run.len())).collect()
}

fn work(target: Target<'_>, works: &Receiver<Arc<Work>>, (part, of): (u32, u32)) {
    for work in works {
        apply(target, &work, |page| page % of == part);
    }
}

/// Adds the samples of the pages that are asked for.
fn apply(target: Target<'_>, work: &Work, is_mine: impl Fn(u32) -> bool) {
    let record = &work.record;
    let mut placer = Placer::of_group(&target.head.columns, record, work.group);
    let mut cursor = PageCursor::new(target, record.late);
    let mine = |id: u32| is_mine(split(id).0);
    let mut rest = &record.floats[..];
    for (page, length) in &work.runs {
        let (run, after) = rest.split_at(*length);
        rest = after;
        if is_mine(*page) {
            cursor.floats(*page, run, &mut placer);
        }
    }
    for sample in record.histograms.iter().filter(|s| mine(s.id)) {
        let value = from_integer(&sample.value);
        let add = |slot: &mut Slot| replay_histogram(slot, sample.time, value);
        cursor.change(sample.id, sample.time, sample.start, add);
    }
    for sample in record.float_histograms.iter().filter(|s| mine(s.id)) {
        let value = from_float(&sample.value);
        let add = |slot: &mut Slot| replay_histogram(slot, sample.time, value);
        cursor.change(sample.id, sample.time, sample.start, add);
    }
    let (oldest, newest) = (cursor.oldest, cursor.newest);
    drop(cursor);
    for range in record.tombstones.iter().filter(|t| mine(t.id)) {
        let (page, at) = split(range.id);
        if let Some(page) = target.head.existing_page(page)
            && let Some(slot) = page.write().slot(at)
        {
            slot.delete(range.from, range.to);
        }
    }
    target.head.note_times(oldest, newest);
}

/// Walks over the slots of a record, keeping a page locked while its neighbours follow.
struct PageCursor<'h> {
    target: Target<'h>,
    /// Whether samples may be older than what has been sealed of their series.
    late: bool,
    page: Option<(u32, ArcPage)>,
    oldest: i64,
    newest: i64,
}

type ArcPage = parking_lot::lock_api::ArcRwLockWriteGuard<parking_lot::RawRwLock, Page>;

impl<'h> PageCursor<'h> {
    fn new(target: Target<'h>, late: bool) -> Self {
        Self {
            target,
            late,
            page: None,
            oldest: i64::MAX,
            newest: i64::MIN,
        }
    }

    /// Adds the floats of a page.
    fn floats(&mut self, page: u32, samples: &[wal::Sample<f64>], placer: &mut Placer<'_>) {
        self.turn_to(page);
        for sample in samples {
            self.add(sample.id, sample.time, sample.start, |slot| {
                if !slot.used || sample.time > slot.last_time {
                    let place = placer.place(slot, sample.time);
                    replay_float(slot, sample, place);
                } else {
                    replay_late(slot, sample);
                }
            });
        }
    }

    fn change(&mut self, id: u32, time: i64, start: Option<i64>, change: impl FnOnce(&mut Slot)) {
        self.turn_to(split(id).0);
        self.add(id, time, start, change);
    }

    /// Locks a page, unless it is the one that is locked.
    fn turn_to(&mut self, number: u32) {
        if self.page.as_ref().is_some_and(|(n, _)| *n == number) {
            return;
        }
        self.page = None;
        let head = self.target.head;
        let mut page = head.page(number).write_arc();
        if page.is_empty() {
            // All at once: growing would move every slot once more.
            let (first, last) = (join(number, 0), join(number, PAGE - 1));
            page.reserve(head.index.read().count_between(first, last));
        }
        self.page = Some((number, page));
    }

    /// Changes a slot of the page that is locked.
    #[inline]
    fn add(&mut self, id: u32, time: i64, start: Option<i64>, change: impl FnOnce(&mut Slot)) {
        let Some((_, page)) = &mut self.page else {
            return;
        };
        let Some(slot) = page.slot(split(id).1) else {
            return;
        };
        let Target {
            head,
            segments,
            sealed,
        } = self.target;
        if self.late && !slot.used && time <= sealed {
            recall(head, segments, id, slot, time);
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
    if time < slot.last_time || time == slot.last_time && slot.last_is_deleted() {
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
