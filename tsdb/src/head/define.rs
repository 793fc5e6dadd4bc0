//! Many series at once into the index, as files name them.

use narthex_format::SeriesTable;

use super::index::{Index, entry, folded, hash_of, spread, with_pair};
use crate::error::Error;
use crate::postings::Runs;

/// What has been found out about a value of a [`SeriesTable`].
#[derive(Debug, Clone, Copy)]
struct Known {
    /// The name it had last, as a number of the table.
    name: u32,
    pair: u32,
    hash: u64,
    /// Where the series of the pair are gathered.
    gathered: u32,
}

impl Known {
    const NONE: Self = Self {
        name: u32::MAX,
        pair: 0,
        hash: 0,
        gathered: 0,
    };
}

/// Series that have been registered, and not yet added to those of their pairs: a pair gets many at a time.
#[derive(Debug, Default)]
struct Gathered {
    all: Runs,
    pairs: Vec<(u32, Runs)>,
}

impl Index {
    /// Registers the series that a file names under their ids, but for those that are known.
    pub(crate) fn define(&mut self, table: &SeriesTable<'_>) -> Result<(), Error> {
        let mut gathered = Gathered::default();
        let defined = self.define_into(&mut gathered, table);
        self.settle(&mut gathered);
        defined
    }

    fn define_into(&mut self, gathered: &mut Gathered, table: &SeriesTable<'_>) -> Result<(), Error> {
        // Neighbours share most of their pairs: each is looked up once for as long as its value has no other name.
        let mut known: Vec<Known> = Vec::new();
        let (mut pairs, mut places) = (Vec::new(), Vec::new());
        self.series_by_labels.reserve(table.len(), {
            let series = &self.series;
            |id| spread(entry(series, *id).hash)
        });
        for (id, texts) in table.iter() {
            if self.contains(id) {
                continue;
            }
            pairs.clear();
            places.clear();
            let mut hash = 0;
            for reference in texts.references() {
                let at = reference.1 as usize;
                if known.len() <= at {
                    known.resize(at + 1, Known::NONE);
                }
                if known[at].name != reference.0 {
                    let Some((name, value)) = texts.text(*reference) else {
                        continue;
                    };
                    let pair = self.intern(name, value)?;
                    known[at] = Known {
                        name: reference.0,
                        pair,
                        hash: hash_of((name, value)),
                        gathered: gathered.pairs.len() as u32,
                    };
                    gathered.pairs.push((pair, Runs::default()));
                }
                let found = known[at];
                hash = with_pair(hash, found.hash);
                pairs.push(found.pair);
                places.push(found.gathered);
            }
            let hash = folded(hash);
            // The same labels under another id would make two series of one. The series had left and came back: the
            // lower id has no samples outside of blocks.
            let same = |other: &u32| self.entry(*other).hash == hash && self.pairs_of(*other) == pairs;
            let other = self.series_by_labels.find(spread(hash), same).copied();
            if other.is_some_and(|newer| newer > id) {
                continue;
            }
            self.put_named(id, &pairs, hash)?;
            gathered.all.push(id);
            for place in &places {
                gathered.pairs[*place as usize].1.push(id);
            }
            if let Some(older) = other {
                self.settle(gathered);
                self.retire(older);
            }
        }
        Ok(())
    }

    /// Adds series to those of their pairs and to all.
    fn settle(&mut self, gathered: &mut Gathered) {
        gathered.all.drain_into(&mut self.all);
        for (pair, runs) in &mut gathered.pairs {
            self.pairs[*pair as usize].postings.extend(runs);
        }
    }
}

#[cfg(test)]
mod tests {
    use narthex_model::Labels;
    use roaring::RoaringBitmap;

    use super::*;

    fn labels(i: u32) -> Labels {
        let texts = [i % 2, i / 7, i].map(|v| v.to_string());
        let [odd, shared, own] = texts.each_ref();
        Labels::from_pairs([
            ("__name__", "m"),
            ("a", odd),
            ("b", shared),
            ("c", own),
            ("d", odd),
        ])
    }

    fn define(index: &mut Index, series: &[(u32, Labels)]) {
        let mut table = SeriesTable::new();
        for (id, labels) in series {
            table.push(*id, labels.iter());
        }
        index.define(&table).unwrap();
    }

    #[test]
    fn series_defined_together_are_as_if_added_one_by_one() {
        // In any order, some twice.
        let series: Vec<_> = (0..6_000)
            .map(|i| (i * 7_919) % 5_000)
            .map(|id| (id, labels(id)))
            .collect();
        let (mut together, mut single) = (Index::default(), Index::default());
        series.chunks(1_000).for_each(|part| define(&mut together, part));
        for (id, labels) in series.iter().take(5_000) {
            single.add_as(*id, labels).unwrap();
        }
        assert_eq!(together.all(), single.all());
        assert_eq!(
            (together.next_id(), together.pair_count()),
            (5_000, single.pair_count())
        );
        for (id, labels) in &series {
            assert_eq!(together.find(labels), Some(*id));
            assert_eq!(together.labels(*id), *labels);
            for (name, value) in labels {
                let ids = |index: &Index| index.postings(index.pair(name, value).unwrap()).to_bitmap();
                assert_eq!(ids(&together), ids(&single));
            }
        }
    }

    #[test]
    fn of_series_with_the_same_labels_the_higher_id_stays() {
        for order in [[3, 5, 9], [9, 5, 3], [5, 9, 3]] {
            let mut index = Index::default();
            let same: Vec<_> = order.iter().map(|id| (*id, labels(1))).collect();
            define(
                &mut index,
                &[&[(1, labels(0))], &same[..], &[(7, labels(8))]].concat(),
            );
            assert_eq!(index.all(), &RoaringBitmap::from_iter([1, 7, 9]));
            assert_eq!(index.find(&labels(1)), Some(9));
            let postings = |name, value| index.postings(index.pair(name, value).unwrap()).to_bitmap();
            assert_eq!(postings("__name__", "m"), RoaringBitmap::from_iter([1, 7, 9]));
            assert_eq!(postings("a", "1"), RoaringBitmap::from_iter([9]));
        }
    }
}
