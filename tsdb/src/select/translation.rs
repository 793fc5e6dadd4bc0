//! Series of a block as the head would number their label pairs.
//!
//! A block numbers names and values its own way. Each pair is looked up by its text once; then series compare as
//! numbers do.

use std::collections::hash_map::Entry;

use narthex_format::index::{Cursor, Index as BlockIndex, SERIES_BLOCK, SeriesEntry};
use rustc_hash::FxHashMap;

use crate::block::Block;
use crate::error::Error;
use crate::head::Index;

/// A pair that the head does not know.
const UNKNOWN: u32 = u32::MAX;

/// Looks up series of one block.
pub(super) struct Translation<'t> {
    block: &'t Block,
    index: &'t Index,
    pairs: Pairs<'t>,
    /// The series looked up last with their neighbours.
    group: usize,
    neighbours: Vec<Vec<u32>>,
}

/// Pairs that occurred.
#[derive(Default)]
struct Pairs<'t> {
    /// Names of the shapes that occurred.
    shapes: FxHashMap<u32, Vec<u32>>,
    names: FxHashMap<u32, Name<'t>>,
    /// By number of name and value.
    pairs: FxHashMap<(u32, u32), u32>,
}

/// A label name of a block, and its values: those of neighbours mostly follow each other.
struct Name<'t> {
    text: String,
    values: Cursor<'t>,
}

impl<'t> Translation<'t> {
    pub(super) fn new(block: &'t Block, index: &'t Index) -> Self {
        Self {
            block,
            index,
            pairs: Pairs::default(),
            group: usize::MAX,
            neighbours: Vec::new(),
        }
    }

    /// Numbers of a series' pairs in the order of their names; those that the head does not know are equal to none.
    pub(super) fn pairs(&mut self, number: u32) -> Result<&[u32], Error> {
        let group = number as usize / SERIES_BLOCK;
        if self.group != group {
            self.group = usize::MAX;
            self.read(group)?;
            self.group = group;
        }
        let pairs = self.neighbours.get(number as usize % SERIES_BLOCK);
        Ok(pairs.map_or(&[], Vec::as_slice))
    }

    fn read(&mut self, group: usize) -> Result<(), Error> {
        let Self {
            block,
            index,
            pairs,
            neighbours,
            ..
        } = self;
        let there = block.index();
        let mut count = 0;
        let mut fault = None;
        let read = there.block(group, |_, entry| {
            if neighbours.len() == count {
                neighbours.push(Vec::new());
            }
            let Some(list) = neighbours.get_mut(count) else {
                return;
            };
            count += 1;
            list.clear();
            if let Err(error) = pairs.read((there, index), entry, list) {
                fault = Some(error);
            }
        });
        read.and(fault.map_or(Ok(()), Err))
            .map_err(|e| block.index_fault(e))
    }
}

impl<'t> Pairs<'t> {
    /// Appends the head's numbers of the pairs of a series.
    fn read(
        &mut self,
        (there, index): (&BlockIndex<'t>, &Index),
        entry: &SeriesEntry,
        list: &mut Vec<u32>,
    ) -> narthex_format::Result<()> {
        let Self { shapes, names, pairs } = self;
        let shape = match shapes.entry(entry.shape) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(there.shape(entry.shape)?),
        };
        for (name, value) in shape.iter().zip(&entry.values) {
            let pair = match pairs.entry((*name, *value)) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(new) => {
                    let name = match names.entry(*name) {
                        Entry::Occupied(known) => known.into_mut(),
                        Entry::Vacant(new) => new.insert(Name::new(there, *name)?),
                    };
                    let value = name.values.get(*value as usize)?;
                    *new.insert(index.pair(&name.text, value).unwrap_or(UNKNOWN))
                }
            };
            list.push(pair);
        }
        Ok(())
    }
}

impl<'t> Name<'t> {
    fn new(there: &BlockIndex<'t>, number: u32) -> narthex_format::Result<Self> {
        Ok(Self {
            text: there.names().get(number as usize)?,
            values: there.values(number as usize)?.cursor(),
        })
    }
}
