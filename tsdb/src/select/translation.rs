//! Series of a block as the head would number their label pairs.
//!
//! A block numbers names and values its own way. Each pair is looked up by its text once; then series compare as
//! numbers do.

use narthex_format::index::{Index as BlockIndex, SERIES_BLOCK};
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
    /// Names of the shapes that occurred.
    shapes: FxHashMap<u32, Vec<u32>>,
    pairs: FxHashMap<(u32, u32), u32>,
    /// The series looked up last with their neighbours.
    group: usize,
    neighbours: Vec<Vec<u32>>,
}

impl<'t> Translation<'t> {
    pub(super) fn new(block: &'t Block, index: &'t Index) -> Self {
        Self {
            block,
            index,
            shapes: FxHashMap::default(),
            pairs: FxHashMap::default(),
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
            shapes,
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
            let names = match shapes.get(&entry.shape) {
                Some(names) => names,
                None => match there.shape(entry.shape) {
                    Ok(names) => &*shapes.entry(entry.shape).or_insert(names),
                    Err(error) => {
                        fault = Some(error);
                        return;
                    }
                },
            };
            for (name, value) in names.iter().zip(&entry.values) {
                let known = pairs.entry((*name, *value)).or_insert_with(|| {
                    look_up(there, index, *name, *value).unwrap_or_else(|error| {
                        fault = Some(error);
                        UNKNOWN
                    })
                });
                list.push(*known);
            }
        });
        read.and(fault.map_or(Ok(()), Err))
            .map_err(|e| block.index_fault(e))
    }
}

/// The head's number of a pair of a block.
fn look_up(there: &BlockIndex<'_>, index: &Index, name: u32, value: u32) -> narthex_format::Result<u32> {
    let text = there.names().get(name as usize)?;
    let value = there.values(name as usize)?.get(value as usize)?;
    Ok(index.pair(&text, &value).unwrap_or(UNKNOWN))
}
