//! One series' samples in memory: the newest values raw, older ones in small chunks, rare things aside.
//!
//! Invariants:
//! - floats in chunks and ring ascend in time; what came late lies in [`Rare::late`], histograms in
//!   [`Rare::histograms`];
//! - all ring values have the same source of times: one group's column, or the slot's own list;
//! - `last_time` is the newest in-order time of any kind, with the bits of its float in `last_bits`.

use narthex_model::{HistogramValue, TimeRange};

use super::chunk::{self, Times};
use super::columns::Columns;

/// Raw values kept per series.
pub(crate) const RING: usize = 16;
/// Positions that a ring of shared times may span.
pub(super) const SPAN_MAX: u32 = 64;
/// Small chunks that are merged into one.
const MERGE: u8 = 8;
/// The group of values that keep their own times.
pub(super) const OWN: u32 = u32::MAX;

/// Where the time of an in-order float is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// At a position of a group's column.
    Shared { group: u32, position: u32 },
    /// With the series.
    Own,
}

/// Where a series' next float would best find its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// With the series, as those before it.
    Own,
    /// In the column of those before it.
    Column(u32),
    /// In any column: nothing is begun.
    Any,
}

/// A float that came after a newer one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Late {
    pub(crate) time: i64,
    pub(crate) commit: u64,
    pub(crate) value: f64,
}

/// A native histogram.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TimedHistogram {
    pub(crate) time: i64,
    pub(crate) commit: u64,
    pub(crate) value: HistogramValue,
}

/// What most series do not have.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Rare {
    /// In the order in which they came.
    pub(crate) late: Vec<Late>,
    /// Sorted by time, no time twice.
    pub(crate) histograms: Vec<TimedHistogram>,
    /// The newest histogram, above those that a batch being decided would put in its place.
    pub(super) lasts: Vec<HistogramValue>,
    /// From which sample time on which start time holds, sorted by sample time.
    pub(crate) starts: Vec<(i64, i64)>,
    /// Ranges, first and last time, in which floats in order have been deleted. None reaches beyond the newest sample of
    /// its time, so it hides nothing that came later.
    pub(super) deleted: Vec<(i64, i64)>,
}

/// One series' samples.
#[derive(Debug)]
pub(crate) struct Slot {
    /// Newest in-order time.
    pub(crate) last_time: i64,
    /// Bits of the float at `last_time`.
    pub(crate) last_bits: u64,
    /// Oldest time of all.
    pub(crate) min_time: i64,
    pub(super) ring: [f64; RING],
    pub(super) own_times: Option<Box<[i64; RING]>>,
    /// Which positions from `start` on the ring holds.
    pub(super) mask: u64,
    pub(super) start: u32,
    pub(super) group: u32,
    /// Floats in `sealed`.
    pub(super) sealed_count: u32,
    /// Where the small chunks that are not merged yet begin in `sealed`.
    pub(super) tail: u32,
    pub(super) tail_chunks: u8,
    pub(super) ring_len: u8,
    /// Whether there is a sample.
    pub(crate) used: bool,
    /// Whether the newest in-order sample is a histogram: the last of [`Rare::histograms`].
    pub(crate) last_is_histogram: bool,
    /// Whether the log knows the labels.
    pub(crate) logged: bool,
    pub(super) sealed: Vec<u8>,
    pub(crate) rare: Option<Box<Rare>>,
}

impl Default for Slot {
    fn default() -> Self {
        Self {
            last_time: i64::MIN,
            last_bits: 0,
            min_time: i64::MAX,
            ring: [0.0; RING],
            own_times: None,
            mask: 0,
            start: 0,
            group: OWN,
            sealed_count: 0,
            tail: 0,
            tail_chunks: 0,
            ring_len: 0,
            used: false,
            last_is_histogram: false,
            logged: false,
            sealed: Vec::new(),
            rare: None,
        }
    }
}

impl Slot {
    /// Makes a float the newest sample; it is kept by [`push`](Self::push).
    pub(crate) fn set_last_float(&mut self, time: i64, value: f64) {
        (self.used, self.last_is_histogram) = (true, false);
        (self.last_time, self.last_bits) = (time, value.to_bits());
    }

    /// Makes a histogram the newest sample; it is kept by [`push_histogram`](Self::push_histogram).
    pub(crate) fn set_last_histogram(&mut self, time: i64, value: &HistogramValue) {
        (self.used, self.last_is_histogram) = (true, true);
        self.last_time = time;
        self.rare.get_or_insert_default().lasts.push(value.clone());
    }

    /// Takes back the last [`set_last_histogram`](Self::set_last_histogram).
    pub(crate) fn unset_last_histogram(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.lasts.pop();
        }
    }

    /// The newest in-order histogram.
    pub(crate) fn last_histogram(&self) -> Option<&HistogramValue> {
        self.rare.as_ref()?.lasts.last()
    }

    /// Where the next float would best find its time. A run of times of their own is finished before a column is
    /// looked for again: changing back and forth would make a chunk of every sample.
    pub(crate) fn next(&self) -> Next {
        match self.group {
            OWN if self.ring_len > 0 && usize::from(self.ring_len) < RING => Next::Own,
            OWN => Next::Any,
            group => Next::Column(group),
        }
    }

    /// Whether a place in the column that the series uses does not end its run early: a column of many more times than
    /// the series has would make small chunks.
    pub(crate) fn suits(&self, place: Place) -> bool {
        let Place::Shared { position, .. } = place else {
            return true;
        };
        let far = position.wrapping_sub(self.start) >= SPAN_MAX;
        !far || self.ring_len == 0 || usize::from(self.ring_len) >= RING / 2
    }

    /// Adds a float that is newer than all floats in order.
    pub(crate) fn push(&mut self, time: i64, value: f64, place: Place) {
        match place {
            Place::Shared { group, position } => self.make_room_shared(group, position),
            Place::Own => self.make_room_own(),
        }
        let at = usize::from(self.ring_len);
        if let (Place::Own, Some(times)) = (place, &mut self.own_times) {
            times[at] = time;
        }
        self.ring[at] = value;
        self.ring_len += 1;
        self.min_time = self.min_time.min(time);
    }

    fn make_room_shared(&mut self, group: u32, position: u32) {
        let same = self.group == group && position.wrapping_sub(self.start) < SPAN_MAX;
        if self.ring_len > 0 && (!same || usize::from(self.ring_len) == RING) {
            self.seal_ring();
        }
        if self.ring_len == 0 {
            (self.group, self.start, self.mask) = (group, position, 0);
            self.own_times = None;
        }
        self.mask |= 1 << (position - self.start);
    }

    fn make_room_own(&mut self) {
        if self.ring_len > 0 && (self.group != OWN || usize::from(self.ring_len) == RING) {
            self.seal_ring();
        }
        self.group = OWN;
        if self.own_times.is_none() {
            self.own_times = Some(Box::new([0; RING]));
        }
    }

    /// Adds a float that is older than the newest sample; a time that is there already keeps its value: of several the
    /// first counts when they are read or sealed. Sorting them in here would cost a backfill the square of its length.
    pub(crate) fn push_late(&mut self, late: Late) {
        self.rare.get_or_insert_default().late.push(late);
        self.min_time = self.min_time.min(late.time);
    }

    /// Adds a histogram, in order or late; a time that is there already keeps its value.
    pub(crate) fn push_histogram(&mut self, histogram: TimedHistogram) -> bool {
        let time = histogram.time;
        let list = &mut self.rare.get_or_insert_default().histograms;
        let Err(at) = list.binary_search_by_key(&time, |h| h.time) else {
            return false;
        };
        list.insert(at, histogram);
        if let Some(rare) = &mut self.rare {
            let older = rare.lasts.len().saturating_sub(1);
            rare.lasts.drain(..older);
        }
        self.min_time = self.min_time.min(time);
        true
    }

    /// Says since when the sample at `time` has been counted (0: not known).
    #[inline]
    pub(crate) fn set_start(&mut self, time: i64, start: i64) {
        if start != 0 || self.rare.as_ref().is_some_and(|r| !r.starts.is_empty()) {
            self.begin_start(time, start);
        }
    }

    fn begin_start(&mut self, time: i64, start: i64) {
        let starts = &mut self.rare.get_or_insert_default().starts;
        let at = starts.partition_point(|(t, _)| *t <= time);
        if at == 0 || starts[at - 1].1 != start {
            starts.insert(at, (time, start));
        }
    }

    /// Deletes the samples between two times, both included.
    pub(crate) fn delete(&mut self, from: i64, to: i64) {
        let to = to.min(self.last_time);
        if !self.used || from > to {
            return;
        }
        let rare = self.rare.get_or_insert_default();
        let inside = |time: i64| from <= time && time <= to;
        rare.late.retain(|l| !inside(l.time));
        rare.histograms.retain(|h| !inside(h.time));
        rare.deleted.push((from, to));
    }

    /// Whether a delete between two times would find something here: samples, or the newest one, which decides about the
    /// next even where a file has it.
    pub(crate) fn would_delete(&self, from: i64, to: i64) -> bool {
        let holds = self.min_time <= to && from <= self.last_time;
        self.used && (holds || from <= self.last_time && self.last_time <= to)
    }

    /// Whether floats in order have been deleted.
    pub(crate) fn has_deleted(&self) -> bool {
        self.rare.as_ref().is_some_and(|r| !r.deleted.is_empty())
    }

    /// Whether the newest sample has been deleted: another one may take its time.
    pub(crate) fn last_is_deleted(&self) -> bool {
        let time = self.last_time;
        let inside = |(from, to): &(i64, i64)| *from <= time && time <= *to;
        self.rare.as_ref().is_some_and(|r| r.deleted.iter().any(inside))
    }

    /// Forgets what was deleted once a file has the rest; that the newest sample was deleted stays known.
    pub(super) fn forget_deleted(&mut self) {
        let (last, empty) = (self.last_time, self.floats() == 0);
        if let Some(rare) = &mut self.rare {
            rare.deleted.retain(|(_, to)| !empty || *to >= last);
        }
    }

    fn seal_ring(&mut self) {
        let values = &self.ring[..usize::from(self.ring_len)];
        if self.group == OWN {
            if let Some(times) = &self.own_times {
                chunk::put_own(&mut self.sealed, &times[..values.len()], values);
            }
        } else {
            let mut positions = [0; RING];
            let set = (0..SPAN_MAX).filter(|i| self.mask >> i & 1 == 1);
            for (position, i) in positions.iter_mut().zip(set) {
                *position = self.start + i;
            }
            chunk::put_shared(&mut self.sealed, self.group, &positions[..values.len()], values);
        }
        self.sealed_count += u32::from(self.ring_len);
        (self.ring_len, self.mask) = (0, 0);
        self.tail_chunks += 1;
        if self.tail_chunks == MERGE {
            self.merge_tail();
        }
    }

    /// Makes one chunk of the small ones at the end, if they have the same source of times.
    fn merge_tail(&mut self) {
        let tail = self.sealed.get(self.tail as usize..).unwrap_or(&[]);
        let (mut values, mut times, mut positions) = (Vec::new(), Vec::new(), Vec::new());
        let mut group = None;
        let mut alike = true;
        for chunk in chunk::chunks(tail) {
            let this = match chunk.times {
                Times::Own(_) => OWN,
                Times::Shared { group, .. } => group,
            };
            alike &= *group.get_or_insert(this) == this;
            chunk.values(&mut values);
            match chunk.times {
                Times::Own(_) => chunk.times(&[], &mut times),
                Times::Shared { .. } => chunk.positions(&mut positions),
            }
        }
        if let (true, Some(group)) = (alike, group) {
            self.sealed.truncate(self.tail as usize);
            match group {
                OWN => chunk::put_own(&mut self.sealed, &times, &values),
                group => chunk::put_shared(&mut self.sealed, group, &positions, &values),
            }
            self.sealed.shrink_to_fit();
        }
        self.tail = self.sealed.len() as u32;
        self.tail_chunks = 0;
    }

    /// How many floats there are in order.
    pub(crate) fn floats(&self) -> usize {
        self.sealed_count as usize + usize::from(self.ring_len)
    }

    /// How many samples there are.
    pub(crate) fn samples(&self) -> usize {
        self.floats()
            + self
                .rare
                .as_ref()
                .map_or(0, |r| r.late.len() + r.histograms.len())
    }

    /// How many chunks there are, the open one included.
    pub(crate) fn chunk_count(&self) -> usize {
        chunk::chunks(&self.sealed).count() + usize::from(self.ring_len > 0)
    }

    /// Whether samples may lie in `range`.
    pub(crate) fn overlaps(&self, range: TimeRange) -> bool {
        self.used && self.min_time <= range.max && self.last_time >= range.min
    }

    /// Appends times and values of the first `count` in-order floats, leaving out chunks that lie outside `range`;
    /// floats outside it that share a chunk with others may be among them.
    pub(crate) fn read(
        &self,
        columns: &Columns,
        range: TimeRange,
        count: usize,
        times: &mut Vec<i64>,
        values: &mut Vec<f64>,
    ) {
        let before = times.len();
        let (mut seen, mut inside) = (0, false);
        for chunk in chunk::chunks(&self.sealed) {
            if seen >= count {
                break;
            }
            let from = times.len();
            match chunk.times {
                Times::Own(_) => chunk.times(&[], times),
                Times::Shared { group, start, .. } => {
                    columns.with(group, |column| chunk.times(column.from(start), times));
                }
            }
            seen += chunk.count;
            let fresh = times.get(from..).unwrap_or(&[]);
            inside = fresh.first().is_some_and(|t| *t <= range.max)
                && fresh.last().is_some_and(|t| *t >= range.min);
            if inside {
                chunk.values(values);
            } else {
                times.truncate(from);
            }
        }
        let excess = seen.saturating_sub(count);
        if excess > 0 && inside {
            let keep = times.len().saturating_sub(excess);
            times.truncate(keep);
            values.truncate(keep);
        }
        let open = count.saturating_sub(seen).min(usize::from(self.ring_len));
        self.read_ring(columns, open, times);
        values.extend_from_slice(&self.ring[..open]);
        if let Some(rare) = self.rare.as_ref().filter(|r| !r.deleted.is_empty()) {
            leave_out(&rare.deleted, before, times, values);
        }
    }

    fn read_ring(&self, columns: &Columns, count: usize, times: &mut Vec<i64>) {
        if self.group == OWN {
            times.extend(self.own_times.iter().flat_map(|t| &t[..count]));
            return;
        }
        columns.with(self.group, |column| {
            let shared = column.from(self.start).iter().enumerate();
            let set = shared.filter(|(i, _)| *i < SPAN_MAX as usize && self.mask >> i & 1 == 1);
            times.extend(set.map(|(_, time)| *time).take(count));
        });
    }

    /// Bytes of memory.
    pub(crate) fn memory(&self) -> usize {
        let rare = self.rare.as_ref().map_or(0, |r| {
            size_of::<Rare>()
                + r.late.capacity() * size_of::<Late>()
                + r.histograms.capacity() * (size_of::<TimedHistogram>() + 256)
                + r.starts.capacity() * 16
        });
        let own = if self.own_times.is_some() { RING * 8 } else { 0 };
        size_of::<Self>() + self.sealed.capacity() + own + rare
    }
}

/// Takes out the samples from a position on whose times lie in one of the ranges.
fn leave_out(ranges: &[(i64, i64)], from: usize, times: &mut Vec<i64>, values: &mut Vec<f64>) {
    let is_deleted = |time: i64| ranges.iter().any(|(from, to)| *from <= time && time <= *to);
    let mut kept = from;
    for at in from..times.len().min(values.len()) {
        if !is_deleted(times[at]) {
            times.swap(kept, at);
            values.swap(kept, at);
            kept += 1;
        }
    }
    times.truncate(kept);
    values.truncate(kept);
}
