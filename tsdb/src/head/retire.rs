//! Series that leave the index: first unfindable, then forgotten.

use roaring::RoaringBitmap;

use super::index::{ENTRIES, Index, NO_SERIES, entry, hash_of, spread};
use super::text::Span;

impl Index {
    /// Makes a series unfindable; its labels are still known.
    pub(crate) fn retire(&mut self, id: u32) {
        if !self.all.remove(id) {
            return;
        }
        self.order.take();
        let hash = spread(self.entry(id).hash);
        if let Ok(found) = self.series_by_labels.find_entry(hash, |other| *other == id) {
            found.remove();
        }
        let pairs = self.pairs_of(id).to_vec();
        for pair in pairs {
            let postings = &mut self.pairs[pair as usize].postings;
            postings.remove(id);
            if postings.len() == 0 {
                self.retire_pair(pair);
            }
        }
    }

    fn retire_pair(&mut self, pair: u32) {
        let (name, value) = self.pair_text(pair);
        let hash = hash_of((name, value));
        if let Ok(found) = self.pairs_by_text.find_entry(hash, |other| *other == pair) {
            found.remove();
        }
        let pairs = &mut self.names[self.pairs[pair as usize].name as usize].pairs;
        // Numbers rise but for those given again: what leaves is mostly found near its place.
        if let Some(at) = pairs.iter().position(|other| *other == pair) {
            pairs.remove(at);
        }
        self.retired_pairs.push(pair);
    }

    /// Takes the labels of retired series away, and frees the pairs retired so far.
    pub(crate) fn forget(&mut self, ids: &RoaringBitmap) {
        let retired = ids - &self.all;
        for id in &retired {
            self.unused += usize::from(self.entry(id).len);
            if self.contains(id) {
                self.set_entry(id, NO_SERIES);
            }
        }
        let mut pages: Vec<usize> = retired.iter().map(|id| id as usize / ENTRIES).collect();
        pages.dedup();
        for page in pages {
            let entries = self.series.get_mut(page);
            if let Some(entries) =
                entries.filter(|e| e.as_ref().is_some_and(|e| e.iter().all(|e| e.block == u32::MAX)))
            {
                *entries = None;
            }
        }
        for pair in std::mem::take(&mut self.retired_pairs) {
            self.texts.release(self.pairs[pair as usize].value);
            self.pairs[pair as usize].value = Span::EMPTY;
            self.free_pairs.push(pair);
        }
        self.compact();
    }

    /// Gives memory back once more than a quarter of it is unused.
    fn compact(&mut self) {
        let kept: usize = self.blocks.iter().map(Vec::len).sum();
        if self.unused * 4 > kept {
            let old = std::mem::take(&mut self.blocks);
            self.unused = 0;
            let live: Vec<u32> = self.known_ids().collect();
            for id in live {
                let before = self.entry(id);
                let start = usize::from(before.start);
                let pairs = &old[before.block as usize][start..start + usize::from(before.len)];
                if let Ok(entry) = self.keep_pairs(pairs, before.hash) {
                    self.set_entry(id, entry);
                }
            }
        }
        if self.texts.wants_compaction() {
            let old = std::mem::take(&mut self.texts);
            for pair in &mut self.pairs {
                // The same texts, and less of them: they fit.
                if let Some(span) = self.texts.push(old.get(pair.value)) {
                    pair.value = span;
                }
            }
            let (names, pairs, texts) = (&self.names, &self.pairs, &self.texts);
            self.pairs_by_text.shrink_to(0, |n| {
                let pair = &pairs[*n as usize];
                hash_of((&*names[pair.name as usize].text, texts.get(pair.value)))
            });
            let series = &self.series;
            self.series_by_labels
                .shrink_to(0, |id| spread(entry(series, *id).hash));
        }
    }

    /// Ids whose labels are known, retired ones included.
    fn known_ids(&self) -> impl Iterator<Item = u32> + '_ {
        let pages = self.series.iter().enumerate();
        pages.flat_map(|(page, entries)| {
            let entries = entries.iter().flat_map(|e| e.iter().enumerate());
            entries
                .filter(|(_, e)| e.block != u32::MAX)
                .map(move |(at, _)| (page * ENTRIES + at) as u32)
        })
    }
}

#[cfg(test)]
mod tests {
    use narthex_model::Labels;

    use super::*;

    #[test]
    fn what_leaves_is_not_found_stays_named_and_gives_its_memory_back() {
        let mut index = Index::default();
        let labels = |i: u32| {
            let (of_ten, own) = ((i / 10).to_string(), format!("value-{i}"));
            Labels::from_pairs([("__name__", "m"), ("own", &own), ("ten", &of_ten)])
        };
        let count = 2_000;
        let mut memory = Vec::new();
        for round in 0..20 {
            let first = round * count;
            for i in first..first + count {
                // Every other round the labels of the round before come back.
                assert_eq!(index.add(&labels(i % (2 * count))).unwrap(), i);
            }
            if round > 0 {
                let gone: RoaringBitmap = (first - count..first).collect();
                gone.iter().for_each(|id| index.retire(id));
                for id in first - count..first {
                    assert_eq!(index.find(&labels(id % (2 * count))), None);
                    assert_eq!(index.labels(id), labels(id % (2 * count)));
                }
                index.forget(&gone);
                assert!((first - count..first).all(|id| !index.contains(id)));
            }
            assert_eq!((index.all().len(), index.pair_count()), (2_000, 1 + 2_000 + 200));
            let m = index.pair("__name__", "m").unwrap();
            assert_eq!(index.postings(m).len(), 2_000);
            for id in first..first + count {
                assert_eq!(index.find(&labels(id % (2 * count))), Some(id));
                assert_eq!(index.labels(id), labels(id % (2 * count)));
            }
            assert_eq!(index.name("own").unwrap().pairs.len(), 2_000);
            memory.push(index.memory());
        }
        assert!(memory[19] < memory[3] * 11 / 10, "{memory:?}");
    }
}
