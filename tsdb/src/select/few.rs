//! What takes next to nothing to find, told without finding it.

use std::sync::Arc;

use narthex_model::{MatchOp, Matcher, TimeRange};

use super::matching;
use super::snapshot::Snapshot;
use crate::block::Block;

/// Entries of lists that are few, in memory and all blocks together; and blocks that are.
const FEW: u64 = 4_000;
const FEW_BLOCKS: usize = 32;
/// Values of a label that are few, and series that have them, each of which may have to be looked at.
const FEW_VALUES: usize = 1_000;
const FEW_SERIES: u64 = 250_000;
/// How much of the newest a range may leave out.
const NEARLY_MS: i64 = 300_000;

impl Snapshot {
    /// Whether it is known, without looking for them, that it takes next to nothing to find the series that fulfil one of
    /// the sets of matchers and may have samples in `range`: all matchers name values, and the lists of series that have
    /// these are short, in memory and in all blocks together.
    #[must_use]
    pub fn finds_few(&self, sets: &[Vec<Matcher>], range: TimeRange) -> bool {
        let by_value = |m: &Matcher| m.op == MatchOp::Equal && !m.value.is_empty();
        let named = |set: &Vec<Matcher>| !set.is_empty() && set.iter().all(by_value);
        if sets.is_empty() || !sets.iter().all(named) {
            return false;
        }
        let blocks: Vec<Arc<Block>> = self.blocks(range).take(FEW_BLOCKS + 1).collect();
        let mut left = FEW;
        let mut fits = |count: u64| {
            let fits = count <= left;
            left = left.saturating_sub(count);
            fits
        };
        let mut is_short = |matcher: &Matcher| {
            let Matcher { name, value, .. } = matcher;
            let here = {
                let index = self.head.index.read();
                let pair = index.pair(name, value);
                pair.map_or(0, |pair| index.postings(pair).len())
            };
            let there = |block: &Arc<Block>| block.count_of(name, value).unwrap_or(u64::MAX);
            fits(here) && blocks.iter().all(|block| fits(there(block)))
        };
        blocks.len() <= FEW_BLOCKS && sets.iter().flatten().all(&mut is_short)
    }

    /// Whether it is known that it takes next to nothing to list all values of a label that have samples in `range`: they
    /// are few, and the range has nearly all that came since the store was opened, so that the first series of each tells.
    #[must_use]
    pub fn lists_few(&self, name: &str, range: TimeRange) -> bool {
        let came = self.head.oldest().zip(self.head.newest());
        let has = |(oldest, newest)| range.min <= oldest && newest <= range.max.saturating_add(NEARLY_MS);
        if !came.is_some_and(has) {
            return false;
        }
        let here = {
            let index = self.head.index.read();
            let pairs = index.name_number(name).map_or(&[][..], |n| index.pairs_named(n));
            let series = || pairs.iter().map(|pair| index.postings(*pair).len()).sum::<u64>();
            pairs.len() <= FEW_VALUES && series() <= FEW_SERIES
        };
        let blocks: Vec<Arc<Block>> = self.blocks(range).take(FEW_BLOCKS + 1).collect();
        let there = |block: &Arc<Block>| block.value_count(name).is_ok_and(|count| count <= FEW_VALUES);
        here && blocks.len() <= FEW_BLOCKS && blocks.iter().all(there)
    }

    /// Whether [`finds_few`](Self::finds_few), and in memory at most `most` series fulfil one of the sets of matchers.
    #[must_use]
    pub fn finds_at_most(&self, most: u64, sets: &[Vec<Matcher>], range: TimeRange) -> bool {
        self.finds_few(sets, range) && matching::find_any(&self.head.index.read(), sets).len() <= most
    }
}
