//! What cannot be read: said so that a person finds the place.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use rustc_hash::FxHashSet;

/// Places that are told; what is beyond them does not make them better known.
const TOLD_MAX: usize = 10_000;

/// A part of a file that could not be read.
#[derive(Debug, Clone)]
pub(crate) struct Damage {
    pub(crate) path: PathBuf,
    pub(crate) length: u64,
    /// What was wrong, with the offset, what was expected and what was found.
    pub(crate) reason: String,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)?;
        if self.length > 0 {
            write!(f, " ({} bytes skipped)", self.length)?;
        }
        Ok(())
    }
}

/// All damage found so far, when the store was opened and since; each place is told once.
#[derive(Debug, Default)]
pub(crate) struct DamageList {
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    list: Vec<Arc<str>>,
    known: FxHashSet<Arc<str>>,
}

impl DamageList {
    /// Adds what was found, unless it was found before.
    pub(crate) fn tell(&self, text: impl Into<Arc<str>>) {
        let text = text.into();
        let Told { list, known } = &mut *self.told.lock();
        if list.len() < TOLD_MAX && known.insert(Arc::clone(&text)) {
            list.push(text);
        }
    }

    /// What was found after the first so many, in the order in which it was found.
    pub(crate) fn since(&self, count: usize) -> Vec<String> {
        let list = &self.told.lock().list;
        list.iter().skip(count).map(ToString::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_once_and_so_many_at_most() {
        let list = DamageList::default();
        for text in ["a", "b", "a", "c", "b"] {
            list.tell(text);
        }
        assert_eq!(
            (list.since(0), list.since(2)),
            (vec!["a".into(), "b".into(), "c".into()], vec!["c".into()])
        );
        (0..2 * TOLD_MAX).for_each(|n| list.tell(n.to_string()));
        assert_eq!(list.since(0).len(), TOLD_MAX);
    }
}
