//! What a target says about its metric families: type, help and unit, remembered for some scrapes.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use narthex_tsdb::{MetadataKind, SeriesMetadata};
use rustc_hash::FxSeededState;

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

#[derive(Debug)]
struct Family {
    name: String,
    kind: MetricKind,
    help: String,
    unit: String,
    /// The scrape that saw it last; if that is [`MetadataCache::marked`], it was on every page since then.
    seen: u32,
}

/// A line about a family.
#[derive(Debug, Clone, Copy)]
struct Line {
    /// Of the whole line: the same hash is taken for the same line.
    hash: u32,
    family: u32,
}

/// The families of one target.
///
/// Pages say the same in the same order from scrape to scrape. As long as a page does, nothing but the hashes of its
/// lines is looked at.
#[derive(Debug, Default)]
pub(super) struct MetadataCache {
    families: Vec<Family>,
    /// Places of the families by name.
    index: HashTable<u32>,
    /// The lines of the last page.
    lines: Vec<Line>,
    /// How many lines of this page were seen.
    at: usize,
    /// This page says something else than the last one, or the last one was cut off.
    differs: bool,
    /// The scrape whose page `lines` are of.
    marked: u32,
    scrape: u32,
}

/// The hasher of lines and names, not to be foreseen by targets.
static HASHER: LazyLock<FxSeededState> =
    LazyLock::new(|| FxSeededState::with_seed(RandomState::new().hash_one(0) as usize));

impl MetadataCache {
    /// Begins a page.
    pub(super) fn begin_scrape(&mut self) {
        self.differs |= self.at > 0;
        self.at = 0;
    }

    pub(super) fn set_kind(&mut self, name: &str, kind: MetricKind) {
        self.update(name, (0, kind.word()), |family| family.kind = kind);
    }

    pub(super) fn set_help(&mut self, name: &str, help: &str) {
        self.update(name, (1, help), |family| replace(&mut family.help, help));
    }

    pub(super) fn set_unit(&mut self, name: &str, unit: &str) {
        self.update(name, (2, unit), |family| replace(&mut family.unit, unit));
    }

    fn update(&mut self, name: &str, what: (u8, &str), change: impl FnOnce(&mut Family)) {
        let hash = HASHER.hash_one((name, what)) as u32;
        let known = self.lines.get(self.at);
        if !self.differs && known.is_some_and(|line| line.hash == hash) {
            self.at += 1;
            return;
        }
        self.differs = true;
        let family = self.find(name);
        if let Some(family) = self.families.get_mut(family as usize) {
            change(family);
        }
        let line = Line { hash, family };
        match self.lines.get_mut(self.at) {
            Some(known) => *known = line,
            None => self.lines.push(line),
        }
        self.at += 1;
    }

    /// The place of a family, which is made if it is not there.
    fn find(&mut self, name: &str) -> u32 {
        let Self { families, index, .. } = self;
        let hash = HASHER.hash_one(name);
        let of = |at: u32| {
            families
                .get(at as usize)
                .map_or("", |family| family.name.as_str())
        };
        let entry = index.entry(hash, |at| of(*at) == name, |at| HASHER.hash_one(of(*at)));
        let entry = match entry {
            Entry::Occupied(known) => return *known.get(),
            Entry::Vacant(entry) => entry,
        };
        let at = families.len() as u32;
        entry.insert(at);
        families.push(Family {
            name: name.to_owned(),
            kind: MetricKind::default(),
            help: String::new(),
            unit: String::new(),
            seen: self.scrape,
        });
        at
    }

    /// A successful scrape is over: what was not seen for long is forgotten.
    pub(super) fn end_scrape(&mut self) {
        let (scrape, marked) = (self.scrape, self.marked);
        if self.differs || self.at != self.lines.len() {
            self.lines.truncate(self.at);
            for family in self.families.iter_mut().filter(|family| family.seen == marked) {
                family.seen = scrape.saturating_sub(1).max(marked);
            }
            for line in &self.lines {
                if let Some(family) = self.families.get_mut(line.family as usize) {
                    family.seen = scrape;
                }
            }
            self.marked = scrape;
        }
        let marked = self.marked;
        let is_old =
            |family: &Family| family.seen != marked && scrape.saturating_sub(family.seen) > SCRAPES_KEPT;
        if self.families.iter().any(is_old) {
            self.forget(is_old);
        }
        self.scrape = scrape.saturating_add(1);
        (self.at, self.differs) = (0, false);
    }

    /// Forgets families of which the last page said nothing.
    fn forget(&mut self, is_old: impl Fn(&Family) -> bool) {
        let mut moved = Vec::with_capacity(self.families.len());
        let mut kept = 0;
        for family in &self.families {
            moved.push(kept);
            kept += u32::from(!is_old(family));
        }
        self.families.retain(|family| !is_old(family));
        for line in &mut self.lines {
            line.family = moved.get(line.family as usize).copied().unwrap_or_default();
        }
        let Self { families, index, .. } = self;
        let hash = |at: u32| {
            HASHER.hash_one(
                families
                    .get(at as usize)
                    .map_or("", |family| family.name.as_str()),
            )
        };
        index.clear();
        for at in 0..families.len() as u32 {
            index.insert_unique(hash(at), at, |at| hash(*at));
        }
    }

    /// The families by name.
    pub(super) fn list(&self) -> Vec<MetricMetadata> {
        let families = self.families.iter().map(|family| MetricMetadata {
            metric: family.name.clone(),
            kind: family.kind,
            help: family.help.clone(),
            unit: family.unit.clone(),
        });
        let mut families: Vec<_> = families.collect();
        families.sort_unstable_by(|a, b| a.metric.cmp(&b.metric));
        families
    }

    /// How many families there are, and their bytes.
    pub(super) fn size(&self) -> (usize, usize) {
        let bytes = |family: &Family| family.name.len() + family.help.len() + family.unit.len();
        (self.families.len(), self.families.iter().map(bytes).sum())
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

    #[test]
    fn a_page_that_says_the_same_changes_nothing_and_a_cut_one_does_not_confuse() {
        let mut cache = MetadataCache::default();
        let page = |cache: &mut MetadataCache, families: &[(&str, &str)]| {
            cache.begin_scrape();
            for (name, help) in families {
                cache.set_help(name, help);
                cache.set_kind(name, MetricKind::Gauge);
            }
        };
        let helps = |cache: &MetadataCache| -> Vec<String> {
            let list = cache.list().into_iter();
            list.map(|m| format!("{} {} {}", m.metric, m.kind.word(), m.help))
                .collect()
        };
        for _ in 0..30 {
            page(&mut cache, &[("b", "1"), ("a", "2"), ("c", "3")]);
            cache.end_scrape();
        }
        assert_eq!(helps(&cache), ["a gauge 2", "b gauge 1", "c gauge 3"]);
        // Cut off after a change, then as before.
        page(&mut cache, &[("b", "4")]);
        page(&mut cache, &[("b", "1"), ("a", "2"), ("c", "3")]);
        cache.end_scrape();
        assert_eq!(helps(&cache), ["a gauge 2", "b gauge 1", "c gauge 3"]);
        // What stays in front is not forgotten with what is gone.
        for round in 0..30 {
            page(
                &mut cache,
                &[("b", "1"), ("d", if round % 7 == 0 { "x" } else { "y" })],
            );
            cache.end_scrape();
        }
        assert_eq!(helps(&cache), ["b gauge 1", "d gauge y"]);
        page(&mut cache, &[("d", "y"), ("b", "5")]);
        cache.end_scrape();
        assert_eq!(helps(&cache), ["b gauge 5", "d gauge y"]);
    }
}
