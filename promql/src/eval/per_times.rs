//! What follows from the times of a series, worked out once for all series that share them.
//!
//! Neighbours often are series of several targets in turns, each with times of its own that come back: what their times
//! say is kept for all threads, as far as there is room.

use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use narthex_model::TimesVersion;
use rustc_hash::FxHashMap;

use super::context::Context;
use super::guard::Held;
use super::steps::Steps;
use crate::error::QueryError;

/// What may be kept for one operator.
const KEPT_BYTES: usize = 16 << 20;
/// What is known of fewer steps is sooner found out than looked up.
const WORTH_STEPS: usize = 8;

/// What is known of times by their name.
pub(crate) struct PerTimes<'c, T> {
    kept: RwLock<Kept<'c, T>>,
    /// What one of them takes, and all that are kept.
    bytes: usize,
    room: usize,
    /// Whether there was no room for some: then nobody waits for others to find that out.
    full: AtomicBool,
}

struct Kept<'c, T> {
    by_name: FxHashMap<u64, Arc<T>>,
    held: Held<'c>,
}

/// What one thread has found out about the times of the series before.
#[derive(Debug, Default)]
pub(crate) struct LastTimes<T> {
    version: Option<TimesVersion>,
    known: Arc<T>,
}

impl<T> LastTimes<T> {
    /// What was found out.
    pub(crate) fn known(&self) -> &T {
        &self.known
    }
}

impl<'c, T: Default> PerTimes<'c, T> {
    /// Knows nothing yet; `step_bytes` is what the knowledge of one column of times takes for each step.
    pub(crate) fn new(cx: &'c Context<'_>, steps: &Steps, step_bytes: usize) -> Result<Self, QueryError> {
        let kept = Kept {
            by_name: FxHashMap::default(),
            held: cx.guard.hold_bytes(0)?,
        };
        Ok(Self {
            kept: RwLock::new(kept),
            bytes: steps.count * step_bytes,
            room: if steps.count < WORTH_STEPS { 0 } else { KEPT_BYTES },
            full: AtomicBool::new(false),
        })
    }

    /// Brings `last` to times of this version (`None`: nothing is known of them), with `find_out` if nobody has seen
    /// them yet.
    pub(crate) fn find(
        &self,
        version: Option<TimesVersion>,
        last: &mut LastTimes<T>,
        find_out: impl FnOnce(&mut T),
    ) {
        if version.is_some() && version == last.version {
            return;
        }
        last.version = version;
        let name = match version {
            Some(TimesVersion::Named(name)) if self.room > 0 => Some(name),
            _ => None,
        };
        if let Some(known) = name.and_then(|name| self.kept(name)) {
            last.known = known;
            return;
        }
        match Arc::get_mut(&mut last.known) {
            Some(known) => find_out(known),
            None => {
                let mut known = T::default();
                find_out(&mut known);
                last.known = Arc::new(known);
            }
        }
        if let Some(name) = name {
            self.keep(name, &last.known);
        }
    }

    fn kept(&self, name: u64) -> Option<Arc<T>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.by_name.get(&name).cloned()
    }

    /// Keeps what there is room for: those that come back in turns would drive each other out of any smaller room.
    fn keep(&self, name: u64, known: &Arc<T>) {
        if self.full.load(Ordering::Relaxed) {
            return;
        }
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        let Kept { by_name, held } = &mut *kept;
        if let Entry::Vacant(place) = by_name.entry(name) {
            if held.bytes() + self.bytes <= self.room && held.grow_if_allowed(self.bytes) {
                place.insert(Arc::clone(known));
            } else {
                self.full.store(true, Ordering::Relaxed);
            }
        }
    }
}
