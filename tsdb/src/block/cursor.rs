//! A block's series one after the other, in label order: what a merge reads.

use std::collections::VecDeque;

use narthex_format::index::SeriesEntry;
use narthex_model::Labels;

use super::piece::Piece;
use super::reader::Block;
use crate::error::Error;

/// Stands at a series of a block.
pub(crate) struct Cursor<'b> {
    block: &'b Block,
    /// The series stood at, and those that were read with it.
    ahead: VecDeque<(Labels, u32, SeriesEntry)>,
    next: u32,
    /// The entry whose labels were read last, and their texts.
    last: SeriesEntry,
    texts: Vec<(String, String)>,
}

impl<'b> Cursor<'b> {
    /// Stands at the first series of a block.
    pub(crate) fn new(block: &'b Block) -> Result<Self, Error> {
        let mut cursor = Self {
            block,
            ahead: VecDeque::new(),
            next: 0,
            last: SeriesEntry::default(),
            texts: Vec::new(),
        };
        cursor.fill()?;
        Ok(cursor)
    }

    fn fill(&mut self) -> Result<(), Error> {
        if !self.ahead.is_empty() || self.next >= self.block.series_count() {
            return Ok(());
        }
        let mut entries = Vec::new();
        let each = |_: u32, entry: &SeriesEntry| entries.push(entry.clone());
        self.block.series_from(self.next, each)?;
        for entry in entries {
            let number = self.next;
            self.next += 1;
            self.block.texts(&entry, &self.last, &mut self.texts)?;
            let texts = self.texts.iter();
            let labels = Labels::from_sorted(texts.map(|(name, value)| (name.as_str(), value.as_str())));
            self.last.clone_from(&entry);
            self.ahead.push_back((labels, number, entry));
        }
        Ok(())
    }

    /// The labels of the series; `None` behind the last one.
    pub(crate) fn labels(&self) -> Option<&Labels> {
        self.ahead.front().map(|(labels, ..)| labels)
    }

    /// Appends the samples of the series and steps to the next one.
    pub(crate) fn take(&mut self, piece: &mut Piece) -> Result<(), Error> {
        if let Some((_, number, entry)) = self.ahead.pop_front() {
            self.block.read_entry(number, &entry, piece)?;
        }
        self.fill()
    }
}
