//! Series told apart by some of their labels only, before anybody needs the labels themselves.

use std::collections::HashMap;

use crate::labels::Labels;

/// Which labels are looked at.
#[derive(Debug, Clone, Copy)]
pub struct Projection<'p> {
    /// Names, in any order.
    pub names: &'p [&'p str],
    /// Whether all labels but those named are looked at, instead of only those.
    pub without: bool,
}

impl Projection<'_> {
    /// What is left of the labels.
    #[must_use]
    pub fn of(&self, labels: &Labels) -> Labels {
        match (self.without, self.names.is_empty()) {
            (false, true) => Labels::empty(),
            (false, false) => labels.keep(self.names),
            (true, true) => labels.clone(),
            (true, false) => labels.without(self.names),
        }
    }

    /// Groups series by what is left of their labels.
    pub fn group<'l>(&self, all: impl Iterator<Item = &'l Labels>) -> Grouping {
        let mut known: HashMap<Labels, u32> = HashMap::new();
        let mut grouping = Grouping::default();
        for labels in all {
            let next = grouping.first.len() as u32;
            let group = *known.entry(self.of(labels)).or_insert(next);
            grouping.add(group);
        }
        grouping
    }
}

/// Series that have the same labels as far as they are looked at; groups are numbered in the order of their first
/// series.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grouping {
    /// For each series its group.
    pub of: Vec<u32>,
    /// For each group the position of its first series.
    pub first: Vec<u32>,
}

impl Grouping {
    /// The next series is of this group, which may be the next one.
    pub fn add(&mut self, group: u32) {
        if group as usize == self.first.len() {
            self.first.push(self.of.len() as u32);
        }
        self.of.push(group);
    }
}
