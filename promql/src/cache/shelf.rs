//! Where answers are kept: those that were asked for last, up to a number of bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::kept::Kept;
use crate::engine::{EngineOptions, RangeQuery};
use crate::features::Features;

/// Memory of an answer's place in the maps, in bytes, about.
const PLACE_BYTES: usize = 384;

/// What is asked, but for the times between which.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// As it was written: findings say where in it.
    text: String,
    step: i64,
    /// Where the steps lie: the first one's distance from a multiple of the step.
    phase: i64,
    lookback_ms: i64,
    default_subquery_step_ms: i64,
    features: Features,
}

impl Key {
    pub(super) fn of(options: &EngineOptions, query: &RangeQuery<'_>) -> Self {
        let lookback_ms = query.options.lookback_delta_ms;
        Self {
            text: query.text.to_owned(),
            step: query.step,
            phase: query.start.rem_euclid(query.step),
            lookback_ms: lookback_ms.unwrap_or(options.lookback_delta_ms),
            default_subquery_step_ms: options.default_subquery_step_ms,
            features: options.features,
        }
    }

    /// Memory of a place, beside what is kept there, in bytes, about.
    pub(super) const fn bytes(&self) -> usize {
        self.text.len() + PLACE_BYTES
    }
}

/// The answers.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    places: FxHashMap<Arc<Key>, Place>,
    /// By when they were used last.
    by_use: BTreeMap<u64, Arc<Key>>,
    bytes: usize,
    /// Counts what is taken and put.
    uses: u64,
    pub(super) evicted: u64,
}

#[derive(Debug)]
struct Place {
    kept: Arc<Kept>,
    bytes: usize,
    used: u64,
}

impl Shelf {
    pub(super) fn get(&mut self, key: &Key) -> Option<Arc<Kept>> {
        let place = self.places.get_mut(key)?;
        self.uses += 1;
        let key = self.by_use.remove(&place.used);
        place.used = self.uses;
        self.by_use.extend(key.map(|key| (self.uses, key)));
        Some(Arc::clone(&place.kept))
    }

    /// Puts an answer into its place, unless there is a later one, and makes room for it. Returns what had to go, to be
    /// dropped once others can reach the shelf.
    pub(super) fn put(&mut self, key: Key, kept: Arc<Kept>, most_bytes: usize) -> Vec<Arc<Kept>> {
        let is_later = |place: &Place| {
            let (there, new) = (place.kept.moment, kept.moment);
            there.life == new.life && there.addition > new.addition
        };
        let mut gone = Vec::new();
        if self.places.get(&key).is_some_and(is_later) {
            return gone;
        }
        gone.extend(self.remove(&key));
        self.uses += 1;
        let place = Place {
            bytes: kept.bytes() + key.bytes(),
            kept,
            used: self.uses,
        };
        self.bytes += place.bytes;
        let key = Arc::new(key);
        self.by_use.insert(self.uses, Arc::clone(&key));
        self.places.insert(key, place);
        while self.bytes > most_bytes
            && let Some((_, key)) = self.by_use.first_key_value()
        {
            let key = Arc::clone(key);
            gone.extend(self.remove(&key));
            self.evicted += 1;
        }
        gone
    }

    fn remove(&mut self, key: &Key) -> Option<Arc<Kept>> {
        let place = self.places.remove(key)?;
        self.by_use.remove(&place.used);
        self.bytes -= place.bytes;
        Some(place.kept)
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use narthex_model::Moment;

    use super::*;
    use crate::engine::QueryOptions;
    use crate::eval::Steps;

    fn key(text: &str) -> Key {
        let query = RangeQuery {
            text,
            start: -90_000,
            end: 0,
            step: 60_000,
            options: QueryOptions::default(),
        };
        Key::of(&EngineOptions::default(), &query)
    }

    fn kept(life: u64, addition: u64) -> Arc<Kept> {
        Arc::new(Kept {
            moment: Moment { life, addition },
            ahead_ms: 0,
            steps: Steps::instant(0),
            longest: 1,
            series: Vec::new(),
            annotations: Default::default(),
            mended: Vec::new(),
        })
    }

    #[test]
    fn what_was_asked_for_least_lately_goes_first() {
        let mut shelf = Shelf::default();
        let each = {
            shelf.put(key("a"), kept(1, 1), usize::MAX);
            shelf.bytes()
        };
        shelf.put(key("b"), kept(1, 1), usize::MAX);
        assert!(shelf.get(&key("a")).is_some());
        shelf.put(key("c"), kept(1, 1), 2 * each);
        let there = ["a", "b", "c"].map(|text| shelf.get(&key(text)).is_some());
        assert_eq!((there, shelf.len(), shelf.evicted), ([true, false, true], 2, 1));
        assert_eq!(shelf.bytes(), 2 * each);
        shelf.put(key("c"), kept(1, 2), 2 * each);
        assert_eq!((shelf.bytes(), shelf.evicted), (2 * each, 1), "in its own place");
    }

    #[test]
    fn an_answer_does_not_replace_a_later_one() {
        let mut shelf = Shelf::default();
        let moment = |shelf: &mut Shelf| shelf.get(&key("a")).unwrap().moment;
        for (life, addition) in [(1, 5), (1, 4)] {
            shelf.put(key("a"), kept(life, addition), usize::MAX);
        }
        assert_eq!(moment(&mut shelf), Moment { life: 1, addition: 5 });
        shelf.put(key("a"), kept(2, 1), usize::MAX);
        assert_eq!(
            moment(&mut shelf),
            Moment { life: 2, addition: 1 },
            "of another life"
        );
    }

    #[test]
    fn keys_tell_what_is_asked_apart() {
        assert_eq!(key("a"), key("a"));
        assert_ne!(key("a"), key("b"));
        let asked = |start: i64, step: i64, lookback_delta_ms: Option<i64>| {
            let options = QueryOptions {
                lookback_delta_ms,
                ..QueryOptions::default()
            };
            let query = RangeQuery {
                text: "a",
                start,
                end: start + 600_000,
                step,
                options,
            };
            Key::of(&EngineOptions::default(), &query)
        };
        assert_eq!(
            asked(-90_000, 60_000, None),
            asked(150_000, 60_000, Some(300_000))
        );
        for other in [
            asked(-90_001, 60_000, None),
            asked(-90_000, 30_000, None),
            asked(-90_000, 60_000, Some(1)),
        ] {
            assert_ne!(asked(-90_000, 60_000, None), other);
        }
    }
}
