//! Numbers of commits: given out, published in order, pinned by readers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex};

use super::changes::Changes;

/// Which commits there are, which are visible, and which readers still look at old ones.
#[derive(Debug)]
pub(crate) struct Commits {
    next: AtomicU64,
    /// Every commit up to this one is applied.
    published: AtomicU64,
    applied: Mutex<BTreeSet<u64>>,
    advanced: Condvar,
    pub(crate) changes: Changes,
    pins: Arc<Mutex<BTreeMap<u64, usize>>>,
}

impl Commits {
    /// Goes on after the commit `last`.
    pub(crate) fn after(last: u64) -> Self {
        Self {
            next: AtomicU64::new(last + 1),
            published: AtomicU64::new(last),
            applied: Mutex::default(),
            advanced: Condvar::new(),
            changes: Changes::default(),
            pins: Arc::default(),
        }
    }

    /// A number for a new commit; each one must be [`publish`](Self::publish)ed, even if nothing comes of it.
    pub(crate) fn begin(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Makes a commit visible, whose oldest sample is of this time, and returns once it is: when all earlier ones are
    /// applied too.
    pub(crate) fn publish(&self, number: u64, oldest: Option<i64>) {
        // First, so that what is seen of it is told of it.
        if let Some(oldest) = oldest {
            self.changes.note(number, oldest);
        }
        let mut applied = self.applied.lock();
        applied.insert(number);
        let before = self.published.load(Ordering::Relaxed);
        let mut visible = before;
        while applied.remove(&(visible + 1)) {
            visible += 1;
        }
        if visible > before {
            self.published.store(visible, Ordering::Release);
            self.advanced.notify_all();
        }
        while self.published.load(Ordering::Relaxed) < number {
            self.advanced.wait(&mut applied);
        }
    }

    /// The newest visible commit.
    pub(crate) fn visible(&self) -> u64 {
        self.published.load(Ordering::Acquire)
    }

    /// Pins the newest visible commit for a reader.
    pub(crate) fn pin(&self) -> Pin {
        let mut pins = self.pins.lock();
        // Under the lock, so that `oldest` cannot pass between reading the number and pinning it.
        let number = self.visible();
        *pins.entry(number).or_default() += 1;
        Pin {
            number,
            pins: Arc::clone(&self.pins),
        }
    }

    /// Pins the oldest commit that a reader, present or future, can be pinned to.
    pub(crate) fn pin_oldest(&self) -> Pin {
        let mut pins = self.pins.lock();
        let number = pins.keys().next().copied().unwrap_or_else(|| self.visible());
        *pins.entry(number).or_default() += 1;
        Pin {
            number,
            pins: Arc::clone(&self.pins),
        }
    }

    /// Whether a reader is pinned to a commit up to this one.
    pub(crate) fn has_reader_up_to(&self, number: u64) -> bool {
        self.pins
            .lock()
            .keys()
            .next()
            .is_some_and(|pinned| *pinned <= number)
    }

    /// The oldest commit that a reader, present or future, can be pinned to.
    pub(crate) fn oldest(&self) -> u64 {
        let pins = self.pins.lock();
        pins.keys().next().copied().unwrap_or_else(|| self.visible())
    }
}

/// A reader's hold on a commit, until it is dropped.
#[derive(Debug)]
pub(crate) struct Pin {
    number: u64,
    pins: Arc<Mutex<BTreeMap<u64, usize>>>,
}

impl Pin {
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut pins = self.pins.lock();
        if let Some(count) = pins.get_mut(&self.number) {
            *count -= 1;
            if *count == 0 {
                pins.remove(&self.number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_show_in_order_and_pins_hold() {
        let commits = Commits::after(4);
        let (five, six) = (commits.begin(), commits.begin());
        let pin = commits.pin();
        std::thread::scope(|scope| {
            let late = scope.spawn(|| commits.publish(six, Some(60)));
            assert_eq!(commits.visible(), 4);
            commits.publish(five, Some(50));
            late.join().unwrap();
        });
        assert_eq!((commits.visible(), commits.oldest(), pin.number()), (6, 4, 4));
        let oldest = [4, 5, 6].map(|commit| commits.changes.oldest_after(commit));
        assert_eq!(oldest, [50, 50, i64::MAX], "about the same time");
        drop(pin);
        assert_eq!(commits.oldest(), 6);
    }
}
