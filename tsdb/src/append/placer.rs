//! Where the floats of one batch find their times: in the column of a scrape's group, in one that series share which are
//! pushed together, or with the series.

use narthex_format::wal;
use rustc_hash::FxHashMap;

use crate::head::{Columns, Next, Place, Slot};

/// Floats of one time in a batch from which on they get a column together.
const TOGETHER_MIN: usize = 8;

/// Finds places for the floats of one batch.
pub(super) struct Placer<'r> {
    columns: &'r Columns,
    record: &'r wal::Batch<'r>,
    /// The column of the batch's scrape group.
    group: Option<u32>,
    /// Column, time and position that were asked for last: neighbours mostly ask for the same.
    last: Option<(u32, i64, Option<u32>)>,
    /// The columns made for this batch, by time; `None` where too few floats have the time.
    made: FxHashMap<i64, Option<u32>>,
}

impl<'r> Placer<'r> {
    /// For a record of this process.
    pub(super) fn new(columns: &'r Columns, record: &'r wal::Batch<'r>) -> Self {
        Self::of_group(columns, record, record.group)
    }

    /// For a record whose group has this column here.
    pub(super) fn of_group(columns: &'r Columns, record: &'r wal::Batch<'r>, group: Option<u32>) -> Self {
        Self {
            columns,
            record,
            group,
            last: None,
            made: FxHashMap::default(),
        }
    }

    /// The place of a float that is newer than all of its series.
    pub(super) fn place(&mut self, slot: &Slot, time: i64) -> Place {
        if let Some(group) = self.group
            && time == self.record.time
        {
            return self.in_column(group, time).unwrap_or(Place::Own);
        }
        let known = match slot.next() {
            Next::Own => return Place::Own,
            // Times of their own do not belong among those of a scrape.
            Next::Column(group) if self.group == Some(group) => None,
            Next::Column(group) => self.in_column(group, time).filter(|place| slot.suits(*place)),
            Next::Any => None,
        };
        known.or_else(|| self.in_new_column(time)).unwrap_or(Place::Own)
    }

    fn in_column(&mut self, group: u32, time: i64) -> Option<Place> {
        let position = match self.last {
            Some((g, t, position)) if (g, t) == (group, time) => position,
            _ => self.columns.place(group, time),
        };
        self.last = Some((group, time, position));
        position.map(|position| Place::Shared { group, position })
    }

    /// A column for all series of the batch that have a float of this time and no column.
    fn in_new_column(&mut self, time: i64) -> Option<Place> {
        let group = match self.made.get(&time) {
            Some(group) => *group,
            None => {
                let together = self.record.floats.iter().filter(|f| f.time == time);
                let group = (together.take(TOGETHER_MIN).count() == TOGETHER_MIN).then(|| self.columns.add());
                self.made.insert(time, group);
                group
            }
        };
        self.in_column(group?, time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pushes floats of these series at these times as one batch each, and says where they were put.
    fn push(columns: &Columns, slots: &mut [Slot], batches: &[&[(usize, i64)]]) -> Vec<Vec<Place>> {
        let mut found = Vec::new();
        for batch in batches {
            let mut record = wal::Batch::default();
            for (id, time) in *batch {
                let (id, time) = (*id as u32, *time);
                record.floats.push(wal::Sample {
                    id,
                    time,
                    start: None,
                    value: 1.0,
                });
            }
            let mut placer = Placer::new(columns, &record);
            let mut places = Vec::new();
            for (at, time) in *batch {
                let place = placer.place(&slots[*at], *time);
                slots[*at].push(*time, 1.0, place);
                places.push(place);
            }
            found.push(places);
        }
        found
    }

    fn slots(count: usize) -> Vec<Slot> {
        std::iter::repeat_with(Slot::default).take(count).collect()
    }

    fn together(count: usize, time: i64) -> Vec<(usize, i64)> {
        (0..count).map(|at| (at, time)).collect()
    }

    #[test]
    fn series_that_are_pushed_together_share_their_times() {
        let columns = Columns::default();
        let mut slots = slots(20);
        for step in 0..40 {
            let batch = together(20, step * 15);
            let places = push(&columns, &mut slots, &[&batch[..10], &batch[10..]]);
            // Two batches met them first, so there are two columns, and later batches may be cut elsewhere.
            for (group, places) in places.iter().enumerate() {
                let shared = Place::Shared {
                    group: group as u32,
                    position: step as u32,
                };
                assert!(places.iter().all(|p| *p == shared), "{step} {places:?}");
            }
        }
        let batch = together(20, 900);
        let mixed: Vec<_> = batch.iter().rev().copied().collect();
        let places = push(&columns, &mut slots, &[&mixed]);
        assert!(places.iter().flatten().all(|p| *p != Place::Own));
    }

    #[test]
    fn few_series_and_times_that_nobody_shares_stay_with_the_series() {
        let columns = Columns::default();
        let mut slots = slots(9);
        let few = together(TOGETHER_MIN - 1, 5);
        assert!(
            push(&columns, &mut slots, &[&few])[0]
                .iter()
                .all(|p| *p == Place::Own)
        );
        // A run of times of their own is finished first.
        let all = together(9, 10);
        let places = &push(&columns, &mut slots, &[&all])[0];
        let own = places.iter().filter(|p| **p == Place::Own).count();
        assert_eq!(own, TOGETHER_MIN - 1);
        // Series that drift apart fill a column with times of others: soon they keep their own.
        let mut last = Vec::new();
        for time in 0..600 {
            last = push(&columns, &mut slots, &[&[(time as usize % 9, 1_000 + time)]]).concat();
        }
        assert_eq!(last, [Place::Own]);
        assert!(slots.iter().all(|s| s.chunk_count() < 60 / 8 + 3));
    }
}
