//! Sealing: the head's samples into a segment file, and out of memory.
//!
//! Only samples that every reader, present or future, sees are sealed. The file is written under a temporary name,
//! synced, renamed and added to the list; then page after page lets go of what the file has. A reader looks at a
//! page first and at the list after, so it finds every sample in exactly one of the two.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use narthex_format::filenames;
use narthex_format::header::FileHeader;
use narthex_format::segment::{ChunksWriter, DirectoryWriter, SEGMENT, Summary};
use narthex_model::TimeRange;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::block::{Part, PartValue, PartValues, Place, Segments};
use crate::disk::DiskFile;
use crate::error::Error;
use crate::head::{Head, Next, Pin, Run, RunTimes, Slot, order, split};
use crate::histograms::to_stored;

/// Bytes gathered before they are written.
const WRITE: usize = 1 << 20;
/// Series sealed between two calls of [`Sealer::pause`].
const PAUSE: usize = 16_384;
/// Samples from which on times of a series' own are looked for in other series too.
const COLUMN_MIN: usize = 8;

/// What sealing works on.
#[derive(Clone, Copy)]
pub(crate) struct Sealer<'a> {
    pub(crate) head: &'a Head,
    pub(crate) segments: &'a Segments,
    /// Called now and then, as sealing takes its time: to sync the log.
    pub(crate) pause: &'a dyn Fn(),
}

/// A file being written.
struct Writing {
    writer: ChunksWriter,
    file: Arc<dyn DiskFile>,
    out: Vec<u8>,
    directory: DirectoryWriter,
    /// Number in the file, and position of the first time, of each group's column.
    columns: FxHashMap<u32, (u32, u32)>,
    summary: Summary,
    /// In-order floats of each series that the file has.
    floats: Vec<(u32, u32)>,
}

/// Seals everything up to the pinned commit, the oldest that a reader has; whether there was anything. The names of all
/// series that were registered when it was pinned must be safe: the log may be forgotten up to it.
pub(crate) fn seal(sealer: &Sealer<'_>, pin: &Pin) -> Result<bool, Error> {
    let Sealer { head, segments, .. } = sealer;
    let ids = sealable(head, pin.number());
    if ids.is_empty() {
        return Ok(false);
    }
    let number = segments.next_number();
    let path = segments.folder.join(filenames::head_segment(number));
    let temporary = segments
        .folder
        .join(filenames::head_segment(number) + filenames::TEMPORARY_SUFFIX);
    let disk = segments.disk();
    // What an attempt before left behind when the disk was full.
    let _ = disk.remove(&temporary);
    let result = write(sealer, &temporary, number, pin.number(), &ids).and_then(|floats| {
        let placed = disk
            .rename(&temporary, &path)
            .and_then(|()| disk.sync_dir(&segments.folder));
        placed.map_err(|e| Error::io("rename to", &path, e))?;
        Ok(floats)
    });
    let mut floats = match result {
        Ok(floats) => floats,
        Err(error) => {
            let _ = disk.remove(&temporary);
            return Err(error);
        }
    };
    segments.add(path, number)?;
    // By page.
    floats.sort_unstable();
    let_go(head, number, pin.number(), &floats);
    Ok(true)
}

/// Series with samples to be sealed, in label order.
fn sealable(head: &Head, commit: u64) -> Vec<u32> {
    let mut ids = Vec::new();
    for (number, page) in head.pages().iter().enumerate() {
        let page = page.read();
        for (at, slot) in page.iter() {
            let rare = slot.rare.as_ref().is_some_and(|r| {
                r.late.iter().any(|l| l.commit <= commit) || r.histograms.iter().any(|h| h.commit <= commit)
            });
            if rare || page.visible(at, commit) > 0 {
                ids.push(crate::head::join(number as u32, at));
            }
        }
    }
    order::by_labels_in_slices(&head.index, &mut ids);
    ids
}

fn write(
    sealer: &Sealer<'_>,
    path: &std::path::Path,
    number: u64,
    commit: u64,
    ids: &[u32],
) -> Result<Vec<(u32, u32)>, Error> {
    let failed = |e| Error::io("write to", path, e);
    let file = sealer.segments.disk().create(path).map_err(failed)?;
    let mut out = Vec::with_capacity(WRITE + WRITE / 4);
    let header = FileHeader {
        number,
        id: RandomState::new().hash_one(number),
    };
    let writer = ChunksWriter::new(&SEGMENT, header, &mut out).map_err(|e| failed(invalid(e)))?;
    let summary = Summary {
        time_min: i64::MAX,
        time_max: i64::MIN,
        commit,
        ..Summary::default()
    };
    let mut writing = Writing {
        writer,
        file,
        out,
        directory: DirectoryWriter::with_capacity(ids.len()),
        columns: FxHashMap::default(),
        summary,
        floats: Vec::with_capacity(ids.len()),
    };
    for (at, id) in ids.iter().enumerate() {
        if at % PAUSE == PAUSE - 1 {
            (sealer.pause)();
        }
        let (page, place) = split(*id);
        if let Some(page) = sealer.head.existing_page(page) {
            let page = page.read();
            let count = page.visible(place, commit);
            if let Some(slot) = page.get(place) {
                writing
                    .series(sealer.head, *id, slot, count, commit)
                    .map_err(|e| failed(invalid(e)))?;
            }
        }
        writing.flush(WRITE).map_err(failed)?;
    }
    let Writing {
        writer,
        file,
        mut out,
        directory,
        summary,
        floats,
        ..
    } = writing;
    let sealed = sealer.segments.summaries().iter().map(|s| s.commit).max();
    let kept = sealer.head.exemplars.between(sealed.unwrap_or(0), commit);
    let exemplars: Vec<_> = kept.iter().map(|(id, exemplar)| exemplar.stored(*id)).collect();
    writer
        .finish(summary, directory, &exemplars, &[], &mut out)
        .map_err(|e| failed(invalid(e)))?;
    file.append(&out).and_then(|()| file.sync()).map_err(failed)?;
    Ok(floats)
}

fn invalid(error: narthex_format::Error) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidInput, error)
}

impl Writing {
    fn flush(&mut self, at_least: usize) -> std::io::Result<()> {
        if self.out.len() >= at_least {
            self.file.append(&self.out)?;
            self.out.clear();
        }
        Ok(())
    }

    fn series(
        &mut self,
        head: &Head,
        id: u32,
        slot: &Slot,
        count: usize,
        commit: u64,
    ) -> narthex_format::Result<()> {
        let mut chunks: Vec<(Part, Place)> = Vec::new();
        let runs = if slot.has_deleted() {
            surviving(head, slot, count)
        } else {
            slot.runs(count)
        };
        for run in runs {
            chunks.push(self.floats(head, slot, run)?);
        }
        if let Some(rare) = &slot.rare {
            let mut late: Vec<_> = rare.late.iter().filter(|l| l.commit <= commit).collect();
            late.sort_by_key(|l| l.time);
            late.dedup_by_key(|l| l.time);
            for late in late.chunks(narthex_format::chunk::SAMPLES_MAX) {
                let times = late.iter().map(|l| l.time).collect();
                let values = late.iter().map(|l| l.value).collect();
                chunks.push(self.own(slot, times, PartValues::Floats(values)));
            }
            let mut parts = Vec::new();
            for histogram in rare.histograms.iter().filter(|h| h.commit <= commit) {
                let value = PartValue::Histogram(to_stored(&histogram.value));
                Part::add(
                    &mut parts,
                    narthex_format::chunk::SAMPLES_MAX,
                    histogram.time,
                    value,
                );
            }
            let parts = parts
                .into_iter()
                .map(|part| self.own(slot, part.times, part.values));
            chunks.extend(parts);
        }
        self.floats.push((id, count as u32));
        if chunks.is_empty() {
            return Ok(());
        }
        let inputs: Vec<_> = chunks.iter().map(|(part, place)| part.input(place)).collect();
        let list = self.writer.series(&inputs, &mut self.out)?;
        self.directory.push(id, &list)
    }

    fn floats(&mut self, head: &Head, slot: &Slot, run: Run) -> narthex_format::Result<(Part, Place)> {
        let values = PartValues::Floats(run.values);
        let (group, positions) = match run.times {
            RunTimes::Own(times) if times.len() < COLUMN_MIN => return Ok(self.own(slot, times, values)),
            RunTimes::Own(times) => {
                let column = self.writer.column(&times)?;
                let (part, _) = self.own(slot, times, values);
                let place = Place::Shared {
                    column,
                    start: 0,
                    presence: None,
                };
                return Ok((part, place));
            }
            RunTimes::Shared { group, positions } => (group, positions),
        };
        let (column, base) = match self.columns.get(&group) {
            Some(known) => *known,
            None => {
                let (base, times) = head.columns.with(group, |column| {
                    let (base, times) = column.kept();
                    (base, times.to_vec())
                });
                let column = (self.writer.column(&times)?, base);
                *self.columns.entry(group).or_insert(column)
            }
        };
        let (Some(first), Some(last)) = (positions.first().copied(), positions.last().copied()) else {
            return Ok(self.own(slot, Vec::new(), values));
        };
        let times: Vec<i64> = head.columns.with(group, |column| {
            let shared = column.from(first);
            positions
                .iter()
                .filter_map(|p| shared.get((p - first) as usize).copied())
                .collect()
        });
        let span = (last - first + 1) as usize;
        let presence = (span != positions.len()).then(|| {
            let mut presence = vec![false; span];
            for position in &positions {
                presence[(position - first) as usize] = true;
            }
            presence
        });
        let (part, _) = self.own(slot, times, values);
        let place = Place::Shared {
            column,
            start: first - base,
            presence,
        };
        Ok((part, place))
    }

    fn own(&mut self, slot: &Slot, times: Vec<i64>, values: PartValues) -> (Part, Place) {
        let starts = self.note(slot, &times);
        let part = Part {
            times,
            starts,
            values,
        };
        (part, Place::Own)
    }

    /// Notes the times of a chunk, and says since when its samples have been counted.
    fn note(&mut self, slot: &Slot, times: &[i64]) -> Option<Vec<Option<i64>>> {
        let summary = &mut self.summary;
        summary.time_min = times.iter().fold(summary.time_min, |m, t| m.min(*t));
        summary.time_max = times.iter().fold(summary.time_max, |m, t| m.max(*t));
        if slot.rare.as_ref().is_none_or(|r| r.starts.is_empty()) {
            return None;
        }
        let starts: Vec<_> = times.iter().map(|t| slot.start_of(*t)).collect();
        starts.iter().any(Option::is_some).then_some(starts)
    }
}

/// The first floats of a series but for those that have been deleted.
fn surviving(head: &Head, slot: &Slot, count: usize) -> Vec<Run> {
    let (mut times, mut values) = (Vec::new(), Vec::new());
    slot.read(&head.columns, TimeRange::ALL, count, &mut times, &mut values);
    let parts = times
        .chunks(narthex_format::chunk::SAMPLES_MAX)
        .zip(values.chunks(narthex_format::chunk::SAMPLES_MAX));
    let run = |(times, values): (&[i64], &[f64])| Run {
        times: RunTimes::Own(times.to_vec()),
        values: values.to_vec(),
    };
    parts.map(run).collect()
}

/// Lets every page go of what the segment has: so many floats of each series, sorted by id.
fn let_go(head: &Head, number: u64, commit: u64, floats: &[(u32, u32)]) {
    let mut floats = floats
        .iter()
        .map(|(id, count)| (split(*id), *count as usize))
        .peekable();
    head.set_moved(number + 1);
    // A page that has let go may name positions again while others follow: none below the lowest of now.
    let to_come = head.columns.lowest_to_come();
    let mut needed: FxHashMap<u32, u32> = FxHashMap::default();
    let mut used: FxHashSet<u32> = FxHashSet::default();
    for (page_number, page) in head.pages().iter().enumerate() {
        let mut page = page.write();
        while let Some(((of, at), count)) = floats.next_if(|((of, _), _)| *of as usize <= page_number) {
            if let Some(slot) = page.slot(at).filter(|_| of as usize == page_number) {
                slot.drain(count, commit, &head.columns);
            }
        }
        page.moved = number + 1;
        used.extend(page.iter().filter_map(|(_, slot)| match slot.next() {
            Next::Column(group) => Some(group),
            Next::Own | Next::Any => None,
        }));
        for (group, position) in page.iter().flat_map(|(_, slot)| slot.needed_positions()) {
            let lowest = needed.entry(group).or_insert(position);
            *lowest = (*lowest).min(position);
        }
    }
    head.columns.forget_before(|group| {
        let lowest = to_come.get(group as usize).copied().unwrap_or(0);
        needed.get(&group).map_or(lowest, |needed| lowest.min(*needed))
    });
    head.columns
        .free_unused(|group| used.contains(&group) || needed.contains_key(&group));
}
