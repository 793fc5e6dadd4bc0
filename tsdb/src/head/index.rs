//! Which series there are: labels as numbers of label pairs, and the series of each pair.
//!
//! A label pair `name="value"` is kept once, with the ids of its series; a series is the sorted list of its pairs.
//! Ids of series are never given twice while the store is open. A series leaves in two steps: [`Index::retire`] makes it
//! unfindable, and [`Index::forget`] takes its labels away, once nobody can ask for them any more; then numbers of pairs
//! that no series has may be given to others.

use std::hash::{BuildHasher, Hash};
use std::sync::OnceLock;

use hashbrown::HashTable;
use narthex_model::Labels;
use roaring::RoaringBitmap;
use rustc_hash::FxBuildHasher;

use super::order::LabelOrder;
use super::page::PAGE;
use super::text::{Span, TextArena};
use crate::error::Error;
use crate::postings::Postings;

/// Pair numbers in one block of the arena.
const BLOCK: usize = 1 << 14;
/// Series whose entries are allocated together.
pub(super) const ENTRIES: usize = PAGE;

/// A label pair.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(super) name: u32,
    pub(super) value: Span,
    /// Its series.
    pub(crate) postings: Postings,
}

/// A label name.
#[derive(Debug)]
pub(crate) struct Name {
    pub(super) text: Box<str>,
    /// Pairs with this name, in order of creation.
    pub(crate) pairs: Vec<u32>,
}

/// Where the pairs of a series lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) hash: u32,
    pub(super) block: u32,
    pub(super) start: u16,
    pub(super) len: u16,
}

pub(super) const NO_SERIES: Entry = Entry {
    hash: 0,
    block: u32::MAX,
    start: 0,
    len: 0,
};

/// All series of the head.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(super) texts: TextArena,
    pub(super) names: Vec<Name>,
    names_by_text: HashTable<u32>,
    pub(super) pairs: Vec<Pair>,
    pub(super) pairs_by_text: HashTable<u32>,
    /// Pairs that have no series: unfindable, and free once what they were is forgotten.
    pub(super) retired_pairs: Vec<u32>,
    pub(super) free_pairs: Vec<u32>,
    pub(super) blocks: Vec<Vec<u32>>,
    /// Numbers in `blocks` that no series needs.
    pub(super) unused: usize,
    pub(super) series: Vec<Option<Box<[Entry; ENTRIES]>>>,
    next_id: u32,
    pub(super) series_by_labels: HashTable<u32>,
    pub(super) all: RoaringBitmap,
    /// Kept until a series is added or leaves.
    pub(super) order: OnceLock<LabelOrder>,
}

pub(super) fn hash_of(value: impl Hash) -> u64 {
    FxBuildHasher.hash_one(value)
}

/// 32 bits of hash are kept per series; tables want 64.
pub(super) fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The hash of a series whose pairs so far gave `hash`, with a pair more.
pub(super) fn with_pair(hash: u64, pair: u64) -> u64 {
    (hash.rotate_left(23) ^ pair).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

pub(super) fn folded(hash: u64) -> u32 {
    (hash ^ (hash >> 32)) as u32
}

fn series_hash(labels: &Labels) -> u32 {
    folded(labels.iter().fold(0, |hash, pair| with_pair(hash, hash_of(pair))))
}

impl Index {
    /// The series with these labels.
    pub(crate) fn find(&self, labels: &Labels) -> Option<u32> {
        let hash = series_hash(labels);
        let same = |id: &u32| self.entry(*id).hash == hash && self.same_labels(*id, labels);
        self.series_by_labels.find(spread(hash), same).copied()
    }

    pub(super) fn entry(&self, id: u32) -> Entry {
        entry(&self.series, id)
    }

    fn same_labels(&self, id: u32, labels: &Labels) -> bool {
        self.pairs_of(id)
            .iter()
            .map(|pair| self.pair_text(*pair))
            .eq(labels.iter())
    }

    /// Registers a series that [`find`](Self::find) does not know, under the next free id.
    pub(crate) fn add(&mut self, labels: &Labels) -> Result<u32, Error> {
        let id = self.next_id;
        if id == u32::MAX {
            return Err(limit("series"));
        }
        self.add_as(id, labels)?;
        Ok(id)
    }

    /// Registers a series under an id that is known from the files.
    pub(crate) fn add_as(&mut self, id: u32, labels: &Labels) -> Result<(), Error> {
        let mut pairs = Vec::with_capacity(16);
        for (name, value) in labels {
            let pair = self.intern(name, value)?;
            pairs.push(pair);
        }
        self.put(id, &pairs, series_hash(labels))
    }

    fn put(&mut self, id: u32, pairs: &[u32], hash: u32) -> Result<(), Error> {
        self.put_named(id, pairs, hash)?;
        for pair in pairs {
            self.pairs[*pair as usize].postings.insert(id);
        }
        self.all.insert(id);
        Ok(())
    }

    /// As [`put`](Self::put), but the series is not among those of its pairs nor among all.
    pub(super) fn put_named(&mut self, id: u32, pairs: &[u32], hash: u32) -> Result<(), Error> {
        let kept = self.keep_pairs(pairs, hash)?;
        self.set_entry(id, kept);
        let series = &self.series;
        self.series_by_labels
            .insert_unique(spread(kept.hash), id, |id| spread(entry(series, *id).hash));
        self.order.take();
        self.next_id = self.next_id.max(id.saturating_add(1));
        Ok(())
    }

    pub(super) fn set_entry(&mut self, id: u32, entry: Entry) {
        let (page, at) = (id as usize / ENTRIES, id as usize % ENTRIES);
        if self.series.len() <= page {
            self.series.resize_with(page + 1, || None);
        }
        self.series[page].get_or_insert_with(|| Box::new([NO_SERIES; ENTRIES]))[at] = entry;
    }

    /// The number of a pair, which is created if it is new.
    pub(super) fn intern(&mut self, name: &str, value: &str) -> Result<u32, Error> {
        if let Some(pair) = self.pair(name, value) {
            return Ok(pair);
        }
        let name = match self.name_number(name) {
            Some(number) => number,
            None => self.add_name(name)?,
        };
        let next = u32::try_from(self.pairs.len()).map_err(|_| limit("label pairs"))?;
        let span = self
            .texts
            .push(value)
            .ok_or_else(|| limit("bytes of label values"))?;
        let pair = Pair {
            name,
            value: span,
            postings: Postings::none(),
        };
        let number = match self.free_pairs.pop() {
            Some(free) => {
                self.pairs[free as usize] = pair;
                free
            }
            None => {
                self.pairs.push(pair);
                next
            }
        };
        self.names[name as usize].pairs.push(number);
        let (names, pairs, texts) = (&self.names, &self.pairs, &self.texts);
        let hasher = |n: &u32| {
            let pair = &pairs[*n as usize];
            hash_of((&*names[pair.name as usize].text, texts.get(pair.value)))
        };
        let hash = hasher(&number);
        self.pairs_by_text.insert_unique(hash, number, hasher);
        Ok(number)
    }

    fn add_name(&mut self, name: &str) -> Result<u32, Error> {
        let number = u32::try_from(self.names.len()).map_err(|_| limit("label names"))?;
        self.names.push(Name {
            text: name.into(),
            pairs: Vec::new(),
        });
        let names = &self.names;
        self.names_by_text
            .insert_unique(hash_of(name), number, |n| hash_of(&*names[*n as usize].text));
        Ok(number)
    }

    pub(super) fn keep_pairs(&mut self, pairs: &[u32], hash: u32) -> Result<Entry, Error> {
        let len = u16::try_from(pairs.len())
            .ok()
            .filter(|n| usize::from(*n) <= BLOCK)
            .ok_or_else(|| limit("labels in one series"))?;
        if self.blocks.last().is_none_or(|b| b.len() + pairs.len() > BLOCK) {
            self.blocks.push(Vec::with_capacity(BLOCK));
        }
        let number = self.blocks.len() - 1;
        let start = self.blocks[number].len() as u16;
        self.blocks[number].extend_from_slice(pairs);
        Ok(Entry {
            hash,
            block: number as u32,
            start,
            len,
        })
    }

    /// The number of a label name.
    pub(crate) fn name_number(&self, name: &str) -> Option<u32> {
        self.names_by_text
            .find(hash_of(name), |n| &*self.names[*n as usize].text == name)
            .copied()
    }

    /// Everything about a label name.
    pub(crate) fn name(&self, name: &str) -> Option<&Name> {
        self.name_number(name).map(|n| &self.names[n as usize])
    }

    /// The pairs of a label name, in order of creation.
    pub(crate) fn pairs_named(&self, name: u32) -> &[u32] {
        self.names.get(name as usize).map_or(&[], |n| &n.pairs)
    }

    /// The pairs of a label name with those that have no series any more and that who found one before may still meet.
    pub(crate) fn pairs_ever_named(&self, name: u32) -> impl Iterator<Item = u32> {
        let retired = self.retired_pairs.iter().copied();
        let retired = retired.filter(move |pair| self.name_of(*pair) == name);
        self.pairs_named(name).iter().copied().chain(retired)
    }

    /// All label names with their pairs.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, &Name)> {
        self.names.iter().map(|n| (&*n.text, n))
    }

    /// The number of a label pair.
    pub(crate) fn pair(&self, name: &str, value: &str) -> Option<u32> {
        let same = |n: &u32| self.pair_text(*n) == (name, value);
        self.pairs_by_text.find(hash_of((name, value)), same).copied()
    }

    /// Name and value of a pair.
    pub(crate) fn pair_text(&self, pair: u32) -> (&str, &str) {
        let pair = &self.pairs[pair as usize];
        (&self.names[pair.name as usize].text, self.texts.get(pair.value))
    }

    /// Value of a pair.
    pub(crate) fn value(&self, pair: u32) -> &str {
        self.texts.get(self.pairs[pair as usize].value)
    }

    /// Number of a pair's name: equal numbers, equal names.
    pub(crate) fn name_of(&self, pair: u32) -> u32 {
        self.pairs[pair as usize].name
    }

    /// The series of a pair.
    pub(crate) fn postings(&self, pair: u32) -> &Postings {
        &self.pairs[pair as usize].postings
    }

    /// The pairs of a series, sorted by the texts of their names; none for an unknown id.
    pub(crate) fn pairs_of(&self, id: u32) -> &[u32] {
        let e = self.entry(id);
        let start = usize::from(e.start);
        self.blocks
            .get(e.block as usize)
            .and_then(|block| block.get(start..start + usize::from(e.len)))
            .unwrap_or(&[])
    }

    /// The labels of a series; none for an unknown id.
    pub(crate) fn labels(&self, id: u32) -> Labels {
        Labels::from_sorted(self.pairs_of(id).iter().map(|pair| self.pair_text(*pair)))
    }

    /// The pair of a series that has the name of the given number.
    pub(crate) fn pair_named(&self, id: u32, name: u32) -> Option<u32> {
        self.pairs_of(id)
            .iter()
            .copied()
            .find(|pair| self.name_of(*pair) == name)
    }

    /// The order of all series, if it is known or may be found out now.
    pub(super) fn label_order(&self, find_out: bool) -> Option<&LabelOrder> {
        if find_out {
            Some(self.order.get_or_init(|| LabelOrder::new(self)))
        } else {
            self.order.get()
        }
    }

    /// All series.
    pub(crate) const fn all(&self) -> &RoaringBitmap {
        &self.all
    }

    /// Whether there is a series of this id.
    pub(crate) fn contains(&self, id: u32) -> bool {
        self.entry(id).block != u32::MAX
    }

    /// Whether there are series at all these places of a page.
    pub(crate) fn contains_all(&self, page: u32, mut places: impl Iterator<Item = usize>) -> bool {
        let entries = self
            .series
            .get(page as usize)
            .and_then(|entries| entries.as_ref());
        entries.is_some_and(|entries| places.all(|at| entries.get(at).is_some_and(|e| e.block != u32::MAX)))
    }

    /// How many series there are from one id to another.
    pub(crate) fn count_between(&self, first: u32, last: u32) -> usize {
        self.all.range_cardinality(first..=last) as usize
    }

    /// Keeps the ids below `next` from being given to new series: files have samples under them.
    pub(crate) fn reserve(&mut self, next: u32) {
        self.next_id = self.next_id.max(next);
    }

    /// One above the highest id ever given.
    pub(crate) const fn next_id(&self) -> u32 {
        self.next_id
    }

    /// One above the highest number of a pair.
    pub(crate) const fn pair_limit(&self) -> usize {
        self.pairs.len()
    }

    /// How many different pairs there are.
    pub(crate) fn pair_count(&self) -> usize {
        self.pairs_by_text.len()
    }

    /// Bytes of memory, estimated.
    pub(crate) fn memory(&self) -> usize {
        let tables = self.pairs_by_text.capacity() * 5 + self.series_by_labels.capacity() * 5;
        let pairs: usize = self
            .pairs
            .iter()
            .map(|p| size_of::<Pair>() + p.postings.memory())
            .sum();
        tables
            + pairs
            + self.texts.bytes()
            + self.blocks.len() * BLOCK * size_of::<u32>()
            + self.series.iter().flatten().count() * size_of::<[Entry; ENTRIES]>()
            + self.series.capacity() * size_of::<usize>()
    }

    /// Bytes of a pair's value.
    pub(crate) fn value_len(&self, pair: u32) -> usize {
        self.pairs[pair as usize].value.len()
    }
}

pub(super) fn entry(series: &[Option<Box<[Entry; ENTRIES]>>], id: u32) -> Entry {
    let (page, at) = (id as usize / ENTRIES, id as usize % ENTRIES);
    series
        .get(page)
        .and_then(|entries| Some(entries.as_ref()?[at]))
        .unwrap_or(NO_SERIES)
}

fn limit(what: &'static str) -> Error {
    Error::Limit {
        what,
        limit: u64::from(u32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_found_by_labels_and_pairs() {
        let mut index = Index::default();
        let labels = |i: u32| {
            Labels::from_pairs([
                ("__name__", "m"),
                ("i", &i.to_string()),
                ("odd", &(i % 2).to_string()),
            ])
        };
        for i in 0..5_000 {
            assert_eq!(index.find(&labels(i)), None);
            assert_eq!(index.add(&labels(i)).unwrap(), i);
        }
        for i in 0..5_000 {
            assert_eq!(index.find(&labels(i)), Some(i));
            assert_eq!(index.labels(i), labels(i));
        }
        let odd = index.pair("odd", "1").unwrap();
        assert_eq!(index.postings(odd).len(), 2_500);
        assert_eq!(index.pair_count(), 1 + 5_000 + 2);
        assert_eq!(index.find(&Labels::empty()), None);
        assert_eq!(index.add(&Labels::empty()).unwrap(), 5_000);
        assert_eq!(index.find(&Labels::empty()), Some(5_000));
    }
}
