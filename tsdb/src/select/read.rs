//! One series' samples, from segments and head, into a reader's buffer.

use std::cell::RefCell;

use narthex_model::{SampleBuffer, TimeRange};

use crate::block::{Piece, Segments};
use crate::error::Error;
use crate::head::{Head, Page, split};

thread_local! {
    /// What is being gathered: kept to save the allocations.
    static PIECES: RefCell<(Piece, Piece)> = RefCell::default();
}

/// Reads what a reader pinned to `pin` sees of a series inside `range`.
pub(super) fn read(
    head: &Head,
    segments: &Segments,
    id: u32,
    pin: u64,
    range: TimeRange,
    buffer: &mut SampleBuffer,
) -> Result<(), Error> {
    PIECES.with_borrow_mut(|(piece, newest)| {
        piece.clear();
        newest.clear();
        let (number, at) = split(id);
        // The page first, the list after: sealing adds to the list before pages let go.
        let moved = match head.existing_page(number) {
            None => head.moved(),
            Some(page) => {
                let page = page.read();
                read_page(head, &page, at, pin, range, newest);
                page.moved
            }
        };
        for segment in segments
            .list()
            .iter()
            .filter(|s| s.number < moved && s.overlaps(range))
        {
            segment.read(id, piece)?;
        }
        piece.append(newest);
        piece.fill(range, buffer);
        Ok(())
    })
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
        let histograms = rare
            .histograms
            .iter()
            .filter(|h| h.commit <= pin && range.contains(h.time));
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
