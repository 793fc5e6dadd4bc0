//! Series of a selection: in memory and segments by id, in blocks by number, each once and in label order.

use std::collections::BTreeMap;
use std::sync::Arc;

use narthex_model::{Labels, TimeRange};
use rustc_hash::FxHashMap;

use crate::block::Block;
use crate::error::Error;
use crate::head::{Head, Index, order};

/// Places of one series in blocks: which of the blocks, and its number there.
pub(super) type Places = Vec<(u32, u32)>;

/// One series that was found.
#[derive(Debug, Default)]
pub(super) struct FoundSeries {
    /// Its id, if the head knows it.
    pub(super) id: Option<u32>,
    /// Its labels, if the head does not.
    labels: Option<Labels>,
    /// Where it lies in blocks, the oldest first.
    pub(super) places: Places,
}

impl FoundSeries {
    /// Its labels.
    pub(super) fn labels(&self, index: &Index) -> Labels {
        match (&self.labels, self.id) {
            (Some(labels), _) => labels.clone(),
            (None, Some(id)) => index.labels(id),
            (None, None) => Labels::empty(),
        }
    }
}

/// Series in label order, and the blocks that their places name.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) series: Vec<FoundSeries>,
    pub(super) blocks: Vec<Arc<Block>>,
}

impl Found {
    /// Joins the ids of series with what the blocks that reach into the range have; `find` says which series of a
    /// block are meant.
    pub(super) fn join(
        head: &Head,
        blocks: &[Arc<Block>],
        range: TimeRange,
        ids: Vec<u32>,
        find: impl Fn(&Block) -> Result<roaring::RoaringBitmap, Error>,
    ) -> Result<Self, Error> {
        let blocks: Vec<_> = blocks.iter().filter(|b| b.overlaps(range)).cloned().collect();
        let mut known: FxHashMap<u32, Places> = FxHashMap::default();
        let mut unknown: BTreeMap<Labels, Places> = BTreeMap::new();
        for (at, block) in blocks.iter().enumerate() {
            for number in find(block)? {
                let labels = block.labels(number)?;
                let id = head.index.read().find(&labels);
                let places = match id {
                    Some(id) => known.entry(id).or_default(),
                    None => unknown.entry(labels).or_default(),
                };
                places.push((at as u32, number));
            }
        }
        let mut all = ids;
        if !known.is_empty() {
            all.extend(known.keys().copied());
            all.sort_unstable();
            all.dedup();
        }
        let index = head.index.read();
        order::by_labels(&index, &mut all);
        let mut series = Vec::with_capacity(all.len() + unknown.len());
        let mut unknown = unknown.into_iter().peekable();
        for id in all {
            if unknown.peek().is_some() {
                let labels = index.labels(id);
                while let Some((labels, places)) = unknown.next_if(|(other, _)| *other < labels) {
                    series.push(only_in_blocks(labels, places));
                }
            }
            series.push(FoundSeries {
                id: Some(id),
                labels: None,
                places: known.remove(&id).unwrap_or_default(),
            });
        }
        series.extend(unknown.map(|(labels, places)| only_in_blocks(labels, places)));
        Ok(Self { series, blocks })
    }
}

const fn only_in_blocks(labels: Labels, places: Places) -> FoundSeries {
    FoundSeries {
        id: None,
        labels: Some(labels),
        places,
    }
}
