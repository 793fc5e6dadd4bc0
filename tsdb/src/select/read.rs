//! One series' samples, from blocks, segments and head, into a reader's buffer.
//!
//! Mostly neighbouring series lie in the same places at the same times: then only values are read, straight into the
//! buffer. What is rarer is gathered piece by piece and put in order.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use narthex_format::segment::ChunkList;
use narthex_model::{SampleBuffer, TimeRange};
use parking_lot::{Mutex, RwLock};

use super::found::Found;
use super::times::{KnownTimes, Origin, Times, new_number};
use crate::block::{Piece, Segment, Segments, Work};
use crate::error::Error;
use crate::head::{Head, Page, split};

/// Selections of which a thread keeps something: an operator reads its operands in turns.
const KEPT: usize = 4;

thread_local! {
    static KEPT_READERS: RefCell<Vec<KeptReader>> = RefCell::default();
}

/// What one reader reads from.
pub(super) struct Reading<'r> {
    pub(super) head: &'r Head,
    pub(super) segments: &'r Segments,
    pub(super) found: &'r Found,
    /// The commit that the reader is pinned to.
    pub(super) pin: u64,
    pub(super) range: TimeRange,
    /// Number of the selection, and what is known of times in it.
    pub(super) selection: u64,
    pub(super) times: &'r KnownTimes,
    /// What could not be read of it.
    pub(super) lost: &'r Mutex<BTreeSet<String>>,
}

/// What a thread keeps of a selection.
#[derive(Default)]
struct KeptReader {
    selection: u64,
    reader: Reader,
    work: Work,
}

/// What is kept from series to series.
#[derive(Default)]
struct Reader {
    /// From files, and from memory.
    gathered: Piece,
    newest: Piece,
    /// Where the series lies in files.
    parts: Vec<Part>,
    used: usize,
    /// What tells the times of those parts and of the samples in memory.
    origin: Origin,
    /// Whether that tells all times.
    plain: bool,
    /// Whether the times in memory are those of the series before: then they have not been read.
    same_in_memory: bool,
    /// The times of the series before.
    last: Option<Arc<Times>>,
    /// The page of the series before, and its number: neighbours lie in one.
    page: Option<(u32, Arc<RwLock<Page>>)>,
}

/// A series in one file.
struct Part {
    place: PartPlace,
    /// Its number in a block, its id in a segment.
    series: u32,
    list: ChunkList,
    /// What is wanted of it: a segment's older samples may be in a block already.
    range: TimeRange,
    /// Samples before that range, if the times are those of the series before.
    skip: usize,
    /// Where the thread keeps what it read last of the file.
    kept: usize,
}

/// Which file.
#[derive(Clone, Copy)]
enum PartPlace {
    Block(usize),
    Segment(usize),
}

impl Reading<'_> {
    /// Reads what the reader sees of the series at a place of the selection, inside the range.
    pub(super) fn read(&self, at: usize, buffer: &mut SampleBuffer) -> Result<(), Error> {
        KEPT_READERS.with_borrow_mut(|kept| {
            let KeptReader { reader, work, .. } = KeptReader::of(kept, self.selection);
            // The page first, the list after: sealing adds to the list before pages let go.
            let id = self.found.id(at);
            let moved = self.read_head(id, reader);
            let fresh = (moved > self.found.through).then(|| self.segments.list());
            let list = fresh.as_ref().unwrap_or(&self.found.segments);
            self.find_parts((at, id), moved, list, reader, work)?;
            if let Some(known) = self.find_times(reader) {
                match self.read_values((list, &known), reader, buffer, work) {
                    // What is sound is found chunk by chunk.
                    Err(Error::Corrupt { .. }) => {}
                    read => return read,
                }
                buffer.set_times(&[]);
                buffer.values_mut().clear();
            }
            self.gather(list, reader, buffer, work)
        })
    }

    /// Reads the newest sample of a series if memory has it at hand, or if it is `known` already.
    pub(super) fn read_newest(
        &self,
        at: usize,
        known: Option<(i64, f64)>,
        buffer: &mut SampleBuffer,
    ) -> bool {
        let in_memory = || {
            let (number, place) = split(self.found.id(at)?);
            self.head.existing_page(number)?.read().newest(place, self.pin)
        };
        // What was imported may be newer than what came.
        let fits =
            |(time, _): &(i64, f64)| self.range.contains(*time) && self.found.newest_in_blocks < Some(*time);
        let Some((time, value)) = known.or_else(in_memory).filter(fits) else {
            return false;
        };
        buffer.set_times(&[time]);
        buffer.values_mut().push(value);
        true
    }

    /// Reads what is in memory; up to which segment's number samples have left it.
    fn read_head(&self, id: Option<u32>, reader: &mut Reader) -> u64 {
        reader.newest.clear();
        reader.origin.in_memory.clear();
        reader.plain = true;
        reader.same_in_memory = false;
        let Some(id) = id else { return 0 };
        let (number, at) = split(id);
        let known = reader.page.take().filter(|(known, _)| *known == number);
        let page = known
            .map(|(_, page)| page)
            .or_else(|| self.head.existing_page(number));
        let Some(page) = page else {
            return self.head.moved();
        };
        let moved = self.read_slot(&page.read(), at, reader);
        reader.page = Some((number, page));
        moved
    }

    fn read_slot(&self, page: &Page, at: usize, reader: &mut Reader) -> u64 {
        let Some(slot) = page.get(at) else {
            return page.moved;
        };
        let Reader {
            newest,
            origin: Origin { in_memory, .. },
            last,
            plain,
            same_in_memory,
            ..
        } = reader;
        *plain = slot.read_values(
            &self.head.columns,
            (page.visible(at, self.pin), self.range.min),
            in_memory,
            &mut newest.values,
        );
        let same = |last: &Arc<Times>| last.origin.in_memory == *in_memory;
        *same_in_memory = *plain && last.as_ref().is_some_and(same);
        if *same_in_memory {
            return page.moved;
        }
        *plain = *plain && in_memory.read(&self.head.columns, &mut newest.times);
        if !*plain {
            newest.clear();
            read_page(self.head, page, at, self.pin, self.range, newest);
        }
        page.moved
    }

    /// Finds the series in blocks and segments.
    fn find_parts(
        &self,
        (at, id): (usize, Option<u32>),
        moved: u64,
        list: &[Arc<Segment>],
        reader: &mut Reader,
        work: &mut Work,
    ) -> Result<(), Error> {
        reader.used = 0;
        reader.origin.plans.clear();
        for (block, number) in self.found.places(at) {
            if let Some(file) = self.found.blocks.get(block) {
                let part = reader.next_part(PartPlace::Block(block), self.range);
                part.series = number;
                file.find_chunks(number, (work, &mut part.kept), &mut part.list)?;
                reader.add_plan(file.chunks(), self.range, work)?;
            }
        }
        let Some(id) = id else { return Ok(()) };
        for (number, segment) in list.iter().enumerate() {
            let range = TimeRange {
                min: self.range.min.max(self.found.in_blocks_until(segment.number)),
                ..self.range
            };
            if segment.number < moved && segment.overlaps(range) {
                let part = reader.next_part(PartPlace::Segment(number), range);
                part.series = id;
                if segment.find(id, (work, &mut part.kept), &mut part.list)? {
                    reader.add_plan(segment, range, work)?;
                } else {
                    reader.used -= 1;
                }
            }
        }
        Ok(())
    }

    fn file<'s>(&'s self, list: &'s [Arc<Segment>], place: PartPlace) -> Option<&'s Segment> {
        match place {
            PartPlace::Block(at) => self.found.blocks.get(at).map(|b| b.chunks()),
            PartPlace::Segment(at) => list.get(at).map(|s| &**s),
        }
    }

    /// The times of the series, if somebody has read them.
    fn find_times(&self, reader: &mut Reader) -> Option<Arc<Times>> {
        if !reader.plain {
            return None;
        }
        let same = |last: &Arc<Times>| last.origin == reader.origin;
        if !reader.last.as_ref().is_some_and(same) {
            reader.last = Some(self.times.find(&reader.origin)?);
        }
        reader.last.clone()
    }

    /// The times are known.
    fn read_values(
        &self,
        (list, known): (&[Arc<Segment>], &Times),
        reader: &mut Reader,
        buffer: &mut SampleBuffer,
        work: &mut Work,
    ) -> Result<(), Error> {
        buffer.set_named_times(known.token, &known.times);
        let values = buffer.values_mut();
        let mut skips = known.skips.iter().copied();
        for part in reader.parts.iter_mut().take(reader.used) {
            let mut skip = skips.next().unwrap_or(0);
            if let Some(file) = self.file(list, part.place) {
                let kept = (&mut *work, &mut part.kept);
                file.read_floats(kept, (&part.list, part.range), &mut skip, values)?;
            }
        }
        let skip = skips.next().unwrap_or(0);
        values.extend_from_slice(reader.newest.values.get(skip..).unwrap_or(&[]));
        values.truncate(known.times.len());
        Ok(())
    }

    /// Gathers everything, and keeps the times if other series may have them too.
    fn gather(
        &self,
        list: &[Arc<Segment>],
        reader: &mut Reader,
        buffer: &mut SampleBuffer,
        work: &mut Work,
    ) -> Result<(), Error> {
        let Reader {
            gathered: piece,
            newest,
            parts,
            used,
            origin,
            plain,
            same_in_memory,
            last,
            ..
        } = reader;
        piece.clear();
        for part in parts.iter_mut().take(*used) {
            if let Some(file) = self.file(list, part.place) {
                let from = piece.times.len();
                let kept = (&mut *work, &mut part.kept);
                file.read_list(kept, (part.series, &part.list), part.range, piece)?;
                // What has been deleted meanwhile is missing here alone.
                *plain &= !file.has_deleted(part.series);
                part.skip = if *plain {
                    piece.leave_out(from, part.range.min)
                } else {
                    0
                };
            }
        }
        if let Some(last) = last.take().filter(|_| *same_in_memory) {
            newest.times.clone_from(&last.newest);
        }
        let mut found = Times::default();
        if *plain {
            found.newest.clone_from(&newest.times);
            let skip = newest.leave_out(0, self.range.min);
            found.skips.extend(parts.iter().take(*used).map(|part| part.skip));
            found.skips.push(skip);
        }
        piece.append(newest);
        // Without a chunk the plans do not tell the times.
        *plain &= piece.lost.is_empty();
        if !piece.lost.is_empty() {
            let lost = piece.lost.drain(..).map(|e| e.to_string());
            self.lost.lock().extend(lost);
        }
        if *plain && piece.times.is_sorted_by(|a, b| a < b) {
            let end = piece.times.partition_point(|time| *time <= self.range.max);
            piece.times.truncate(end);
            piece.values.truncate(end);
            found.origin.clone_from(origin);
            found.times.clone_from(&piece.times);
            found.token = new_number();
            let found = last.insert(self.times.keep(found));
            buffer.set_named_times(found.token, &found.times);
            std::mem::swap(buffer.values_mut(), &mut piece.values);
        } else {
            piece.tell_resets();
            piece.fill(self.range, buffer);
        }
        Ok(())
    }
}

impl KeptReader {
    /// What is kept of a selection; a new one takes the place of the oldest.
    fn of(all: &mut Vec<Self>, selection: u64) -> &mut Self {
        let known = all.iter().position(|kept| kept.selection == selection);
        let at = known.unwrap_or_else(|| {
            if all.len() < KEPT {
                all.push(Self::default());
            }
            let ages = all.iter().enumerate().map(|(at, kept)| (kept.selection, at));
            ages.min().map_or(0, |(_, at)| at)
        });
        let kept = &mut all[at];
        if kept.selection != selection {
            kept.selection = selection;
            (kept.reader.last, kept.reader.page) = (None, None);
        }
        kept
    }
}

impl Reader {
    fn next_part(&mut self, place: PartPlace, range: TimeRange) -> &mut Part {
        let at = self.used;
        self.used += 1;
        if self.parts.len() == at {
            self.parts.push(Part {
                place,
                series: 0,
                list: ChunkList::default(),
                range,
                skip: 0,
                kept: 0,
            });
        }
        let part = &mut self.parts[at];
        (part.place, part.range) = (place, range);
        part
    }

    /// Notes what tells the times of the part found last.
    fn add_plan(&mut self, file: &Segment, range: TimeRange, work: &mut Work) -> Result<(), Error> {
        let Some(part) = self.parts.get_mut(self.used - 1) else {
            return Ok(());
        };
        let plan = part.list.plan;
        self.plain = self.plain
            && !file.has_deleted(part.series)
            && file.is_plain((work, &mut part.kept), plan, range)?;
        self.origin.plans.push((file.key(), plan));
        Ok(())
    }
}

fn read_page(head: &Head, page: &Page, at: usize, pin: u64, range: TimeRange, piece: &mut Piece) {
    let Some(slot) = page.get(at) else {
        return;
    };
    slot.read(
        &head.columns,
        range,
        page.visible(at, pin),
        &mut piece.times,
        &mut piece.values,
    );
    if let Some(rare) = &slot.rare {
        let late = rare
            .late
            .iter()
            .filter(|l| l.commit <= pin && range.contains(l.time));
        piece.late.extend(late.map(|l| (l.time, l.value)));
        // The one before the range tells whether the first inside was reset.
        let before = rare.histograms.partition_point(|h| h.time < range.min);
        let before = rare.histograms[..before].iter().rev().find(|h| h.commit <= pin);
        let inside = rare
            .histograms
            .iter()
            .filter(|h| h.commit <= pin && range.contains(h.time));
        let histograms = before.into_iter().chain(inside);
        piece
            .histograms
            .extend(histograms.map(|h| (h.time, h.value.clone())));
        if !rare.starts.is_empty() {
            let histograms = piece.histograms.iter().map(|(time, _)| *time);
            let late = piece.late.iter().map(|(time, _)| *time);
            let times = piece.times.iter().copied().chain(histograms).chain(late);
            piece
                .starts
                .extend(times.map(|time| (time, slot.start_of(time).unwrap_or(0))));
        }
    }
}
