//! One series' samples, from blocks, segments and head, into a reader's buffer.
//!
//! Mostly neighbouring series lie in the same places at the same times: then only values are read, straight into the
//! buffer. What is rarer is gathered piece by piece and put in order.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use narthex_format::segment::ChunkList;
use narthex_model::{SampleBuffer, TimeRange};
use parking_lot::{Mutex, RwLock};

use super::found::Found;
use crate::block::{Piece, Segment, Segments, Work};
use crate::error::Error;
use crate::head::{Head, Page, SlotTimes, split};

/// Selections of which a thread keeps something: an operator reads its operands in turns.
const KEPT: usize = 4;

thread_local! {
    static KEPT_READERS: RefCell<Vec<KeptReader>> = RefCell::default();
}

/// Numbers for selections and for columns of times, none of them given twice.
static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// A number that nothing else has.
pub(super) fn new_number() -> u64 {
    NUMBERS.fetch_add(1, Ordering::Relaxed)
}

/// What one reader reads from.
pub(super) struct Reading<'r> {
    pub(super) head: &'r Head,
    pub(super) segments: &'r Segments,
    pub(super) found: &'r Found,
    /// The commit that the reader is pinned to.
    pub(super) pin: u64,
    pub(super) range: TimeRange,
    /// Number of the selection.
    pub(super) selection: u64,
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
    /// What tells the times of those parts: the file, and the plan of the series in it.
    plans: Vec<(u64, u32)>,
    /// What tells the times of the samples in memory.
    in_memory: SlotTimes,
    /// Whether `plans` and `in_memory` tell all times.
    plain: bool,
    /// Whether the times in memory are those of the series before: then they have not been read.
    same_in_memory: bool,
    last: LastTimes,
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

/// The times of the series before, and what told them.
#[derive(Default)]
struct LastTimes {
    plans: Vec<(u64, u32)>,
    in_memory: SlotTimes,
    /// The times that `in_memory` tells.
    newest: Vec<i64>,
    /// Of each part, and of those in memory, the samples before the range.
    skips: Vec<usize>,
    times: Vec<i64>,
    /// The name of the times.
    token: u64,
    /// The page of the series before, and its number: neighbours lie in one.
    page: Option<(u32, Arc<RwLock<Page>>)>,
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
            if reader.has_last_times() {
                match self.read_values(list, reader, buffer, work) {
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

    /// Reads the newest sample of a series if memory has it at hand: a float in order that the reader sees.
    pub(super) fn read_newest(&self, at: usize, buffer: &mut SampleBuffer) -> bool {
        let Some((number, place)) = self.found.id(at).map(split) else {
            return false;
        };
        let Some(page) = self.head.existing_page(number) else {
            return false;
        };
        let page = page.read();
        let Some(slot) = page.get(place) else {
            return false;
        };
        let seen = slot.used && !slot.last_is_histogram && page.visible(place, self.pin) == slot.floats();
        // Without a float in memory it is not known which commit the last was part of.
        if !seen || slot.floats() == 0 || slot.rare.is_some() || !self.range.contains(slot.last_time) {
            return false;
        }
        buffer.set_times(&[slot.last_time]);
        buffer.values_mut().push(f64::from_bits(slot.last_bits));
        true
    }

    /// Reads what is in memory; up to which segment's number samples have left it.
    fn read_head(&self, id: Option<u32>, reader: &mut Reader) -> u64 {
        reader.newest.clear();
        reader.in_memory.clear();
        reader.plain = true;
        reader.same_in_memory = false;
        let Some(id) = id else { return 0 };
        let (number, at) = split(id);
        let known = reader.last.page.take().filter(|(known, _)| *known == number);
        let page = known
            .map(|(_, page)| page)
            .or_else(|| self.head.existing_page(number));
        let Some(page) = page else {
            return self.head.moved();
        };
        let moved = self.read_slot(&page.read(), at, reader);
        reader.last.page = Some((number, page));
        moved
    }

    fn read_slot(&self, page: &Page, at: usize, reader: &mut Reader) -> u64 {
        let Some(slot) = page.get(at) else {
            return page.moved;
        };
        let Reader {
            newest,
            in_memory,
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
        *same_in_memory = *plain && last.token != 0 && last.in_memory == *in_memory;
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
        reader.plans.clear();
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

    /// The times are those of the series before.
    fn read_values(
        &self,
        list: &[Arc<Segment>],
        reader: &mut Reader,
        buffer: &mut SampleBuffer,
        work: &mut Work,
    ) -> Result<(), Error> {
        let last = &reader.last;
        buffer.set_named_times(last.token, &last.times);
        let values = buffer.values_mut();
        let mut skips = last.skips.iter().copied();
        for part in reader.parts.iter_mut().take(reader.used) {
            let mut skip = skips.next().unwrap_or(0);
            if let Some(file) = self.file(list, part.place) {
                let kept = (&mut *work, &mut part.kept);
                file.read_floats(kept, (&part.list, part.range), &mut skip, values)?;
            }
        }
        let skip = skips.next().unwrap_or(0);
        values.extend_from_slice(reader.newest.values.get(skip..).unwrap_or(&[]));
        values.truncate(last.times.len());
        Ok(())
    }

    /// Gathers everything, and notes the times if the next series may have them too.
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
            plans,
            in_memory,
            plain,
            same_in_memory,
            last,
        } = reader;
        piece.clear();
        for part in parts.iter_mut().take(*used) {
            if let Some(file) = self.file(list, part.place) {
                let from = piece.times.len();
                let kept = (&mut *work, &mut part.kept);
                file.read_list(kept, (part.series, &part.list), part.range, piece)?;
                part.skip = if *plain {
                    piece.leave_out(from, part.range.min)
                } else {
                    0
                };
            }
        }
        if *same_in_memory {
            newest.times.clone_from(&last.newest);
        }
        last.token = 0;
        if *plain {
            last.newest.clone_from(&newest.times);
            let skip = newest.leave_out(0, self.range.min);
            last.skips.clear();
            last.skips.extend(parts.iter().take(*used).map(|part| part.skip));
            last.skips.push(skip);
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
            last.plans.clone_from(plans);
            last.in_memory.clone_from(in_memory);
            piece.times.truncate(end);
            piece.values.truncate(end);
            std::mem::swap(&mut last.times, &mut piece.times);
            last.token = new_number();
            buffer.set_named_times(last.token, &last.times);
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
            kept.reader.last = LastTimes::default();
        }
        kept
    }
}

impl Reader {
    /// Whether the series has the times of the one before.
    fn has_last_times(&self) -> bool {
        let last = &self.last;
        self.plain && last.token != 0 && last.plans == self.plans && last.in_memory == self.in_memory
    }

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
        self.plans.push((file.key(), plan));
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
