//! What a target says about its metric families: type, help and unit, remembered for some scrapes.

use std::collections::BTreeMap;

use narthex_tsdb::{MetadataKind, SeriesMetadata};

use crate::exposition::MetricKind;

/// Scrapes for which a family is remembered after it was seen last.
const SCRAPES_KEPT: u32 = 10;

/// A metric family as its target describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricMetadata {
    /// Name of the family.
    pub metric: String,
    /// Its type.
    pub kind: MetricKind,
    /// Its help text.
    pub help: String,
    /// Its unit.
    pub unit: String,
}

impl From<MetricMetadata> for SeriesMetadata {
    fn from(from: MetricMetadata) -> Self {
        let kind = match from.kind {
            MetricKind::Counter => MetadataKind::Counter,
            MetricKind::Gauge => MetadataKind::Gauge,
            MetricKind::Histogram => MetadataKind::Histogram,
            MetricKind::GaugeHistogram => MetadataKind::GaugeHistogram,
            MetricKind::Summary => MetadataKind::Summary,
            MetricKind::Info => MetadataKind::Info,
            MetricKind::StateSet => MetadataKind::StateSet,
            MetricKind::Unknown => MetadataKind::Unknown,
        };
        Self {
            kind,
            unit: from.unit,
            help: from.help,
        }
    }
}

#[derive(Debug, Default)]
struct Entry {
    kind: MetricKind,
    help: String,
    unit: String,
    seen: u32,
}

/// The families of one target.
#[derive(Debug, Default)]
pub(super) struct MetadataCache {
    families: BTreeMap<String, Entry>,
    scrape: u32,
}

impl MetadataCache {
    pub(super) fn set_kind(&mut self, name: &str, kind: MetricKind) {
        self.update(name, |entry| entry.kind = kind);
    }

    pub(super) fn set_help(&mut self, name: &str, help: &str) {
        self.update(name, |entry| replace(&mut entry.help, help));
    }

    pub(super) fn set_unit(&mut self, name: &str, unit: &str) {
        self.update(name, |entry| replace(&mut entry.unit, unit));
    }

    fn update(&mut self, name: &str, change: impl FnOnce(&mut Entry)) {
        let scrape = self.scrape;
        if let Some(entry) = self.families.get_mut(name) {
            entry.seen = scrape;
            change(entry);
            return;
        }
        let mut entry = Entry {
            seen: scrape,
            ..Entry::default()
        };
        change(&mut entry);
        self.families.insert(name.to_owned(), entry);
    }

    /// A successful scrape is over: what was not seen for long is forgotten.
    pub(super) fn end_scrape(&mut self) {
        let scrape = self.scrape;
        self.families
            .retain(|_, entry| scrape.saturating_sub(entry.seen) <= SCRAPES_KEPT);
        self.scrape = scrape.saturating_add(1);
    }

    pub(super) fn list(&self) -> Vec<MetricMetadata> {
        let families = self.families.iter().map(|(name, entry)| MetricMetadata {
            metric: name.clone(),
            kind: entry.kind,
            help: entry.help.clone(),
            unit: entry.unit.clone(),
        });
        families.collect()
    }

    /// How many families there are, and their bytes.
    pub(super) fn size(&self) -> (usize, usize) {
        let bytes = self
            .families
            .iter()
            .map(|(n, e)| n.len() + e.help.len() + e.unit.len())
            .sum();
        (self.families.len(), bytes)
    }
}

fn replace(old: &mut String, new: &str) {
    if old != new {
        new.clone_into(old);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_forgotten_ten_scrapes_after_their_last_sight() {
        let mut cache = MetadataCache::default();
        cache.set_kind("a", MetricKind::Counter);
        cache.set_help("a", "old");
        cache.set_help("a", "new");
        cache.end_scrape();
        for _ in 0..10 {
            cache.set_unit("b_seconds", "seconds");
            cache.end_scrape();
        }
        let names: Vec<_> = cache.list().into_iter().map(|m| (m.metric, m.help)).collect();
        assert_eq!(
            names,
            [("a".into(), "new".into()), ("b_seconds".into(), String::new())]
        );
        assert_eq!(cache.size(), (2, 1 + 3 + 9 + 7));
        cache.end_scrape();
        assert_eq!(cache.size().0, 1);
    }
}
