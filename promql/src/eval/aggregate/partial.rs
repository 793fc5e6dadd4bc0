//! What a block of series comes to, group by group, before it is merged with what the blocks before have come to.

use fearless_simd::Level;
use rustc_hash::FxHashMap;

use super::fold::Merge;
use crate::error::QueryError;
use crate::eval::column::Column;
use crate::eval::guard::{Guard, Held};

/// Series of one group that follow each other.
pub(super) enum Piece<R> {
    /// One series.
    Lone(Lone),
    /// Several, folded.
    Row(R),
}

/// A series that is folded in its turn.
pub(super) struct Lone {
    pub(super) index: usize,
    pub(super) column: Column,
    /// Whether it may become part of a row.
    merges: bool,
}

/// What a block has of one group.
pub(super) struct Part<R> {
    pub(super) group: u32,
    /// Whether the metric's name has to go at the query's end.
    pub(super) drop_name: bool,
    /// In the order of the series.
    pub(super) pieces: Vec<Piece<R>>,
}

/// What a block of series comes to.
pub(super) struct Partial<'g, R> {
    guard: &'g Guard<'g>,
    /// What the processor can do at once.
    level: Level,
    steps: usize,
    places: FxHashMap<u32, usize>,
    /// Where the group of the series before is.
    last: usize,
    /// In the order of their first series.
    pub(super) groups: Vec<Part<R>>,
    held: Vec<Held<'g>>,
}

impl<'g, R: Merge> Partial<'g, R> {
    /// Nothing yet, of a query with so many steps.
    pub(super) fn new(guard: &'g Guard<'g>, steps: usize) -> Self {
        Self {
            guard,
            level: Level::new(),
            steps,
            places: FxHashMap::default(),
            last: 0,
            groups: Vec::new(),
            held: Vec::new(),
        }
    }

    /// Adds the column of the series at an index. Two of a group that follow each other become a row; one alone stays
    /// as it is, and so does what cannot be merged.
    pub(super) fn add(
        &mut self,
        group: u32,
        drop_name: bool,
        (index, column): (usize, Column),
    ) -> Result<(), QueryError> {
        let (guard, steps, merges) = (self.guard, self.steps, self.merges(&column));
        let part = self.part(group);
        part.drop_name |= drop_name;
        match part.pieces.last_mut() {
            Some(Piece::Row(row)) if merges => fold(row, &column),
            Some(Piece::Lone(before)) if merges && before.merges => {
                let room = guard.hold_bytes(steps * size_of::<R::Cell>())?;
                let mut row = R::new(steps);
                fold(&mut row, &before.column);
                fold(&mut row, &column);
                part.pieces.pop();
                part.pieces.push(Piece::Row(row));
                self.held.push(room);
            }
            _ => part.pieces.push(Piece::Lone(Lone {
                index,
                column,
                merges,
            })),
        }
        Ok(())
    }

    fn merges(&self, column: &Column) -> bool {
        let mut merges = !column.has_histograms();
        if merges {
            column.each_run(|_, floats| merges &= R::merges(self.level, floats));
        }
        merges
    }

    fn part(&mut self, group: u32) -> &mut Part<R> {
        if self.groups.get(self.last).is_none_or(|part| part.group != group) {
            let next = self.groups.len();
            self.last = *self.places.entry(group).or_insert(next);
            if self.last == next {
                self.groups.push(Part {
                    group,
                    drop_name: false,
                    pieces: Vec::new(),
                });
            }
        }
        &mut self.groups[self.last]
    }
}

fn fold<R: Merge>(row: &mut R, column: &Column) {
    column.each_run(|from, values| row.floats(from, values));
}
