//! Up to where everything that was read has been dealt with: records of the log and what is still open of each.

use std::collections::VecDeque;

use narthex_tsdb::LogPosition;
use parking_lot::Mutex;

/// Number of a record within its queue.
pub(super) type RecordNumber = u64;

/// Records that are not dealt with, in order.
#[derive(Debug)]
pub(super) struct Ledger(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Number of the first record in `open`.
    first: RecordNumber,
    open: VecDeque<Open>,
    /// Behind everything that has been dealt with.
    position: LogPosition,
}

#[derive(Debug)]
struct Open {
    items: usize,
    /// Behind the record.
    end: LogPosition,
}

impl Ledger {
    /// Nothing is open, and everything before `position` has been dealt with.
    pub(super) fn new(position: LogPosition) -> Self {
        Self(Mutex::new(State {
            first: 0,
            open: VecDeque::new(),
            position,
        }))
    }

    /// Enters a record that ends at `end`, with so many items to be dealt with.
    pub(super) fn enter(&self, items: usize, end: LogPosition) -> RecordNumber {
        let mut state = self.0.lock();
        if items == 0 {
            // However many records with nothing to send there are, they take no room.
            match state.open.back_mut() {
                Some(last) => last.end = end,
                None => state.position = end,
            }
            return state.first;
        }
        state.open.push_back(Open { items, end });
        state.first + state.open.len() as u64 - 1
    }

    /// One item of each of these records has been dealt with.
    pub(super) fn settle(&self, records: impl IntoIterator<Item = RecordNumber>) {
        let mut state = self.0.lock();
        for record in records {
            let at = record
                .checked_sub(state.first)
                .and_then(|at| usize::try_from(at).ok());
            if let Some(open) = at.and_then(|at| state.open.get_mut(at)) {
                open.items = open.items.saturating_sub(1);
            }
        }
        while state.open.front().is_some_and(|open| open.items == 0) {
            if let Some(done) = state.open.pop_front() {
                state.position = done.end;
                state.first += 1;
            }
        }
    }

    /// Behind everything that has been dealt with without a gap.
    pub(super) fn position(&self) -> LogPosition {
        self.0.lock().position
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use narthex_tsdb::disk::MemoryDisk;
    use narthex_tsdb::{Batch, Db, Options, TailStep};
    use std::sync::Arc;

    /// Positions behind each of some batches of a log.
    fn positions(count: usize) -> Vec<LogPosition> {
        let db = Db::open_on(Arc::new(MemoryDisk::new()), "data", Options::default()).unwrap();
        let mut tail = db.tail("t").unwrap();
        let mut found = vec![tail.position()];
        let labels = narthex_model::Labels::from_pairs([("__name__", "m")]);
        for time in 0..count as i64 {
            let mut batch = Batch::new(time);
            batch.push_float_labelled(&labels, time, 1.0);
            db.append(&batch, time).unwrap();
            assert!(matches!(tail.read(), Ok(TailStep::Batch(_))));
            found.push(tail.position());
        }
        found
    }

    #[test]
    fn the_position_moves_over_what_is_settled_without_a_gap() {
        let at = positions(5);
        let ledger = Ledger::new(at[0]);
        let first = ledger.enter(2, at[1]);
        let second = ledger.enter(1, at[2]);
        // Nothing to be sent stands behind what is open.
        ledger.enter(0, at[3]);
        assert_eq!(ledger.position(), at[0]);
        ledger.settle([second]);
        ledger.settle([first]);
        assert_eq!(ledger.position(), at[0]);
        ledger.settle([first]);
        assert_eq!(ledger.position(), at[3]);
        // With nothing open it moves at once.
        ledger.enter(0, at[4]);
        assert_eq!(ledger.position(), at[4]);
        let last = ledger.enter(1, at[5]);
        assert_eq!(ledger.position(), at[4]);
        ledger.settle([last, last, first]);
        assert_eq!(ledger.position(), at[5]);
    }
}
