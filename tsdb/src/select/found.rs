//! Series of a selection: in memory and segments by id, in blocks by number, each once and in label order.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use narthex_model::{Labels, TimeRange};
use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use super::translation::Translation;
use crate::block::{Block, Segment};
use crate::error::Error;
use crate::head::{Head, Index, order};

/// No id, no number in a block.
const NONE: u32 = u32::MAX;

/// Series in label order, and where they lie.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Their ids, or [`NONE`] for those that the head does not know.
    ids: Vec<u32>,
    /// Labels of those by their place.
    strangers: FxHashMap<u32, Labels>,
    /// The blocks that reach into the range, the oldest first.
    pub(super) blocks: Vec<Arc<Block>>,
    /// The newest time that one of them has a sample of.
    pub(super) newest_in_blocks: Option<i64>,
    /// Of each block the number of each series there, or [`NONE`]; empty if it has none of them.
    numbers: Vec<Vec<u32>>,
    /// The segments.
    pub(super) segments: Arc<Vec<Arc<Segment>>>,
    /// What has left the head with a segment below this is in `segments` or `blocks`.
    pub(super) through: u64,
    /// Segments of which the oldest samples are in blocks, and up to where.
    in_blocks: Vec<(u64, i64)>,
}

/// What is joined.
pub(super) struct Sources<'s> {
    pub(super) head: &'s Head,
    pub(super) segments: Arc<Vec<Arc<Segment>>>,
    pub(super) through: u64,
    pub(super) blocks: Vec<Arc<Block>>,
    /// Series of the head that fulfil the matchers.
    pub(super) matching: RoaringBitmap,
    /// Those of them that may have samples in the range, in memory or segments.
    pub(super) present: RoaringBitmap,
    pub(super) range: TimeRange,
}

impl Found {
    /// Joins the series of the head with what the blocks have; `find` says which series of a block fulfil the
    /// matchers.
    pub(super) fn join(
        sources: Sources<'_>,
        find: impl Fn(&Block) -> Result<RoaringBitmap, Error>,
    ) -> Result<Self, Error> {
        let Sources {
            head,
            segments,
            through,
            mut blocks,
            matching,
            present,
            range,
        } = sources;
        let in_blocks = segments
            .iter()
            .filter_map(|s| Some((s.number, in_blocks_until(&blocks, s)?)));
        let in_blocks = in_blocks.collect();
        blocks.retain(|b| b.overlaps(range));
        // Series that only blocks have may be known to the head too.
        let candidates = if blocks.is_empty() { &present } else { &matching };
        let index = head.index.read();
        // Those that have left since they were found are only in blocks now, and found there.
        let mut ids: Vec<u32> = (candidates & index.all()).iter().collect();
        order::by_labels(&index, &mut ids);
        let mut places = vec![Vec::new(); blocks.len()];
        let mut unknown: BTreeMap<Labels, Vec<(u32, u32)>> = BTreeMap::new();
        for (at, (block, places)) in blocks.iter().zip(&mut places).enumerate() {
            let known = Known {
                index: &index,
                ids: &ids,
            };
            for (number, labels) in known.place(block, &find(block)?, places)? {
                unknown.entry(labels).or_default().push((at as u32, number));
            }
        }
        let found = Self {
            ids,
            strangers: FxHashMap::default(),
            newest_in_blocks: blocks.iter().map(|b| b.summary().time_max).max(),
            blocks,
            numbers: places,
            segments,
            through,
            in_blocks,
        };
        if found.blocks.is_empty() {
            return Ok(found);
        }
        Ok(found.with_strangers(&index, &present, unknown))
    }

    /// Adds the series that only blocks know, and leaves out those that nothing has samples of.
    fn with_strangers(
        mut self,
        index: &Index,
        present: &RoaringBitmap,
        unknown: BTreeMap<Labels, Vec<(u32, u32)>>,
    ) -> Self {
        let has = |at: usize| {
            self.numbers
                .iter()
                .any(|n| n.get(at).is_some_and(|number| *number != NONE))
        };
        let kept: Vec<usize> = (0..self.ids.len())
            .filter(|at| self.ids.get(*at).is_some_and(|id| present.contains(*id)) || has(*at))
            .collect();
        if unknown.is_empty() && kept.len() == self.ids.len() {
            return self;
        }
        let count = kept.len() + unknown.len();
        let mut ids = Vec::with_capacity(count);
        let mut numbers: Vec<Vec<u32>> = vec![Vec::with_capacity(count); self.numbers.len()];
        let mut strangers = FxHashMap::default();
        let mut unknown = unknown.into_iter().peekable();
        let mut add_unknown =
            |labels: Labels, places: Vec<(u32, u32)>, ids: &mut Vec<u32>, numbers: &mut Vec<Vec<u32>>| {
                strangers.insert(ids.len() as u32, labels);
                ids.push(NONE);
                numbers.iter_mut().for_each(|n| n.push(NONE));
                for (block, number) in places {
                    if let Some(last) = numbers.get_mut(block as usize).and_then(|n| n.last_mut()) {
                        *last = number;
                    }
                }
            };
        for at in kept {
            let id = self.ids.get(at).copied().unwrap_or(NONE);
            while let Some((labels, places)) =
                unknown.next_if(|(labels, _)| compare(index, id, labels) == Ordering::Greater)
            {
                add_unknown(labels, places, &mut ids, &mut numbers);
            }
            ids.push(id);
            for (to, from) in numbers.iter_mut().zip(&self.numbers) {
                to.push(from.get(at).copied().unwrap_or(NONE));
            }
        }
        for (labels, places) in unknown {
            add_unknown(labels, places, &mut ids, &mut numbers);
        }
        (self.ids, self.numbers, self.strangers) = (ids, numbers, strangers);
        self
    }

    /// Up to where samples of a segment are in blocks too.
    pub(super) fn in_blocks_until(&self, segment: u64) -> i64 {
        let known = self.in_blocks.iter().find(|(number, _)| *number == segment);
        known.map_or(i64::MIN, |(_, until)| *until)
    }

    /// How many series there are.
    pub(super) const fn len(&self) -> usize {
        self.ids.len()
    }

    /// The id of the series at a place, if the head knows it.
    pub(super) fn id(&self, at: usize) -> Option<u32> {
        self.ids.get(at).copied().filter(|id| *id != NONE)
    }

    /// Labels of all others.
    pub(super) fn strangers(&self) -> impl Iterator<Item = &Labels> {
        self.strangers.values()
    }

    /// The labels of the series at a place.
    pub(super) fn labels(&self, at: usize, index: &Index) -> Labels {
        match self.id(at) {
            Some(id) => index.labels(id),
            None => self.strangers.get(&(at as u32)).cloned().unwrap_or_default(),
        }
    }

    /// Blocks that have the series at a place, with its number there.
    pub(super) fn places(&self, at: usize) -> impl Iterator<Item = (usize, u32)> {
        self.numbers
            .iter()
            .enumerate()
            .filter_map(move |(block, numbers)| {
                let number = numbers.get(at).copied()?;
                (number != NONE).then_some((block, number))
            })
    }
}

/// Up to where all samples of a segment have been cut into blocks; they are cut from the oldest on.
fn in_blocks_until(blocks: &[Arc<Block>], segment: &Segment) -> Option<i64> {
    let oldest = segment.summary().time_min;
    let mut until = oldest;
    let spans = || blocks.iter().flat_map(|block| block.spans());
    while let Some(span) = spans().find(|span| span.has(segment.number, until, until.saturating_add(1))) {
        until = span.times.1;
    }
    (until > oldest).then_some(until)
}

/// Series of the head in label order.
struct Known<'k> {
    index: &'k Index,
    ids: &'k [u32],
}

impl Known<'_> {
    /// Puts the number of each series in a block into `places`, and returns the series that are only there. Both sides
    /// are in label order, so one walk finds all.
    fn place(
        &self,
        block: &Block,
        numbers: &RoaringBitmap,
        places: &mut Vec<u32>,
    ) -> Result<Vec<(u32, Labels)>, Error> {
        let mut only_there = Vec::new();
        if numbers.is_empty() {
            return Ok(only_there);
        }
        places.resize(self.ids.len(), NONE);
        let mut translation = Translation::new(block, self.index);
        let mut at = 0;
        for number in numbers {
            let pairs = translation.pairs(number)?;
            let mut labels = None;
            loop {
                let Some(id) = self.ids.get(at) else {
                    only_there.push((number, labels.map_or_else(|| block.labels(number), Ok)?));
                    break;
                };
                if self.index.pairs_of(*id) == pairs {
                    if let Some(place) = places.get_mut(at) {
                        *place = number;
                    }
                    at += 1;
                    break;
                }
                let known = match labels {
                    Some(labels) => labels,
                    None => block.labels(number)?,
                };
                let order = compare(self.index, *id, &known);
                if order == Ordering::Greater {
                    only_there.push((number, known));
                    break;
                }
                labels = Some(known);
                at += 1;
            }
        }
        Ok(only_there)
    }
}

/// How the labels of a series of the head compare to others.
fn compare(index: &Index, id: u32, labels: &Labels) -> Ordering {
    let pairs = index.pairs_of(id).iter();
    pairs.map(|pair| index.pair_text(*pair)).cmp(labels.iter())
}
