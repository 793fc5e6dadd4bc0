//! One series' samples, from blocks, segments and head, into a reader's buffer.

use std::cell::RefCell;
use std::sync::Arc;

use narthex_model::{SampleBuffer, TimeRange};

use super::found::FoundSeries;
use crate::block::{Block, Piece, Segments};
use crate::error::Error;
use crate::head::{Head, Page, split};

thread_local! {
    /// What is being gathered: kept to save the allocations.
    static PIECES: RefCell<(Piece, Piece)> = RefCell::default();
}

/// What one reader reads from.
pub(super) struct Reading<'r> {
    pub(super) head: &'r Head,
    pub(super) segments: &'r Segments,
    /// The blocks that places name.
    pub(super) blocks: &'r [Arc<Block>],
    /// The commit that the reader is pinned to.
    pub(super) pin: u64,
    pub(super) range: TimeRange,
}

impl Reading<'_> {
    /// Reads what the reader sees of a series inside the range.
    pub(super) fn read(&self, series: &FoundSeries, buffer: &mut SampleBuffer) -> Result<(), Error> {
        PIECES.with_borrow_mut(|(piece, newest)| {
            piece.clear();
            newest.clear();
            for (block, number) in &series.places {
                if let Some(block) = self.blocks.get(*block as usize) {
                    block.read(*number, piece)?;
                }
            }
            if let Some(id) = series.id {
                self.read_sealed(id, piece, newest)?;
            }
            piece.append(newest);
            piece.tell_resets();
            piece.fill(self.range, buffer);
            Ok(())
        })
    }

    fn read_sealed(&self, id: u32, piece: &mut Piece, newest: &mut Piece) -> Result<(), Error> {
        let Self { head, range, .. } = *self;
        let (number, at) = split(id);
        // The page first, the list after: sealing adds to the list before pages let go.
        let moved = match head.existing_page(number) {
            None => head.moved(),
            Some(page) => {
                let page = page.read();
                read_page(head, &page, at, self.pin, range, newest);
                page.moved
            }
        };
        let list = self.segments.list();
        for segment in list.iter().filter(|s| s.number < moved && s.overlaps(range)) {
            segment.read(id, piece)?;
        }
        Ok(())
    }
}

fn read_page(head: &Head, page: &Page, at: usize, pin: u64, range: TimeRange, piece: &mut Piece) {
    let Some(slot) = page.slots.get(at) else {
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
