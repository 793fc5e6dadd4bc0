//! What becomes of a series on its way out: external labels, relabelling, or nothing. Remembered while it is used.

use std::sync::Arc;

use narthex_model::{Labels, LabelsBuilder};
use rustc_hash::FxHashMap;

use crate::relabel::{RelabelConfig, process_builder};

/// Series of a generation.
const GENERATION: usize = 1 << 18;

/// How series are named towards one endpoint.
#[derive(Debug)]
pub(super) struct Naming {
    external: Labels,
    rules: Vec<RelabelConfig>,
}

impl Naming {
    pub(super) fn new(external: Labels, rules: Vec<RelabelConfig>) -> Self {
        Self { external, rules }
    }

    /// The labels to send; `None` if the series is dropped.
    pub(super) fn name(&self, labels: Labels) -> Option<Labels> {
        if self.external.is_empty() && self.rules.is_empty() {
            return Some(labels);
        }
        let mut builder = LabelsBuilder::from(&labels);
        for (name, value) in &self.external {
            if builder.get(name).is_none() {
                builder.set(name, value);
            }
        }
        let kept = process_builder(&mut builder, &self.rules);
        (kept && !builder.is_empty()).then(|| builder.labels())
    }
}

/// Names of the series that were used lately, by number. Two generations bound the memory.
#[derive(Debug, Default)]
pub(super) struct Named {
    young: FxHashMap<u32, Option<Arc<Labels>>>,
    old: FxHashMap<u32, Option<Arc<Labels>>>,
}

impl Named {
    /// The labels to send of a series, made by `name` if they are not remembered.
    pub(super) fn of(&mut self, series: u32, name: impl FnOnce() -> Option<Labels>) -> Option<Arc<Labels>> {
        if let Some(known) = self.young.get(&series) {
            return known.clone();
        }
        let known = match self.old.remove(&series) {
            Some(known) => known,
            None => name().map(Arc::new),
        };
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(series, known.clone());
        known
    }
}
