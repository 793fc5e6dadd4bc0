//! What has changed since a commit: how old the oldest sample is that came after it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// Most entries that are kept; then the older half tells less exactly.
const MOST: usize = 4_096;
/// Entries within so many milliseconds of samples are one.
const TOGETHER_MS: i64 = 1_000;

/// Numbers of lives: no two stores of a process share one.
static LIVES: AtomicU64 = AtomicU64::new(1);

/// The oldest samples of recent commits.
#[derive(Debug)]
pub(crate) struct Changes {
    life: AtomicU64,
    /// Ascending in both parts: what came later and is older takes the place of what came before.
    recent: Mutex<VecDeque<Added>>,
}

/// Some commits in a row: the last of them, and the time of their oldest sample (or an older one).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Added {
    commit: u64,
    oldest: i64,
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            life: AtomicU64::new(new_life()),
            recent: Mutex::default(),
        }
    }
}

fn new_life() -> u64 {
    LIVES.fetch_add(1, Ordering::Relaxed)
}

impl Changes {
    /// Another number once something else than commits has changed what there is.
    pub(crate) fn life(&self) -> u64 {
        self.life.load(Ordering::Acquire)
    }

    /// Samples have gone, or have come past the commits; to be called when whoever begins to read now sees that.
    pub(crate) fn begin_life(&self) {
        self.life.store(new_life(), Ordering::Release);
    }

    /// Notes the oldest sample of a commit, before the commit is visible.
    pub(crate) fn note(&self, commit: u64, oldest: i64) {
        let mut recent = self.recent.lock();
        let behind = recent.iter().rev().take_while(|a| a.commit > commit).count();
        let mut at = recent.len() - behind;
        if recent.get(at).is_some_and(|later| later.oldest <= oldest) {
            return;
        }
        while at > 0 && recent.get(at - 1).is_some_and(|before| before.oldest >= oldest) {
            at -= 1;
            recent.remove(at);
        }
        let before = at.checked_sub(1).and_then(|before| recent.get_mut(before));
        match before {
            Some(before) if oldest.saturating_sub(before.oldest) < TOGETHER_MS => before.commit = commit,
            _ => recent.insert(at, Added { commit, oldest }),
        }
        if recent.len() > MOST {
            thin(&mut recent);
        }
    }

    /// The time of the oldest sample that came after a commit, or an older one; `i64::MAX` if none came.
    pub(crate) fn oldest_after(&self, commit: u64) -> i64 {
        let recent = self.recent.lock();
        let at = recent.partition_point(|added| added.commit <= commit);
        recent.get(at).map_or(i64::MAX, |added| added.oldest)
    }
}

/// Makes one of each two of the older half.
fn thin(recent: &mut VecDeque<Added>) {
    let older: Vec<Added> = recent.drain(..MOST / 2).collect();
    for pair in older.chunks(2).rev() {
        if let (Some(first), Some(last)) = (pair.first(), pair.last()) {
            recent.push_front(Added {
                commit: last.commit,
                oldest: first.oldest,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_late_sample_is_the_oldest_of_all_before_it() {
        let changes = Changes::default();
        for (commit, oldest) in [
            (1, 10_000),
            (2, 20_000),
            (3, 20_500),
            (4, 30_000),
            (5, 15_000),
            (6, 40_000),
        ] {
            changes.note(commit, oldest);
        }
        let after: Vec<i64> = (0..7).map(|commit| changes.oldest_after(commit)).collect();
        assert_eq!(after, [10_000, 15_000, 15_000, 15_000, 15_000, 40_000, i64::MAX]);
    }

    #[test]
    fn lives_are_told_apart() {
        let (one, other) = (Changes::default(), Changes::default());
        let before = one.life();
        one.begin_life();
        let lives = [before, one.life(), other.life()];
        assert!(lives[0] != lives[1] && lives[1] != lives[2] && lives[0] != lives[2]);
    }

    #[test]
    fn what_is_far_back_is_told_less_exactly_and_never_too_young() {
        let changes = Changes::default();
        let count = 10 * MOST as u64;
        for commit in 1..=count {
            changes.note(commit, commit as i64 * TOGETHER_MS);
        }
        assert!(changes.recent.lock().len() <= MOST);
        for commit in 0..count {
            let exact = (commit as i64 + 1) * TOGETHER_MS;
            let told = changes.oldest_after(commit);
            assert!(told <= exact, "{told} after {commit}");
            assert!(
                commit + (MOST as u64) / 2 < count || told == exact,
                "{told} after {commit}"
            );
        }
    }

    proptest! {
        #[test]
        fn never_younger_than_what_came(
            mut added in prop::collection::vec((1_u64..60, 0_i64..30_000), 0..60),
            asked in 0_u64..60,
        ) {
            added.sort_by_key(|(commit, _)| *commit);
            added.dedup_by_key(|(commit, _)| *commit);
            let exact = added.iter().filter(|(c, _)| *c > asked).map(|(_, t)| *t).min();
            // Commits are noted by several threads: neighbours may change places.
            for pair in added.chunks_mut(3) {
                pair.reverse();
            }
            let changes = Changes::default();
            for (commit, oldest) in &added {
                changes.note(*commit, *oldest);
            }
            let told = changes.oldest_after(asked);
            match exact {
                None => prop_assert_eq!(told, i64::MAX),
                Some(exact) => prop_assert!(told <= exact && told > exact - TOGETHER_MS, "{} for {}", told, exact),
            }
        }
    }
}
