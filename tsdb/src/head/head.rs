//! The head: all series with their newest samples.
//!
//! Locks, in the order in which they are taken: list of pages, pages in ascending order, index, columns.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};

use narthex_model::Labels;
use parking_lot::RwLock;

use super::columns::Columns;
use super::commits::Commits;
use super::counters::Counters;
use super::exemplars::Exemplars;
use super::index::Index;
use super::page::Page;
use super::reference::SeriesRef;
use crate::error::Error;

/// All series with their newest samples.
#[derive(Debug)]
pub(crate) struct Head {
    epoch: NonZeroU32,
    pub(crate) index: RwLock<Index>,
    pages: RwLock<Vec<Arc<RwLock<Page>>>>,
    pub(crate) columns: Columns,
    pub(crate) commits: Commits,
    pub(crate) counters: Counters,
    pub(crate) exemplars: Exemplars,
    known_below: AtomicU32,
    moved: AtomicU64,
    newest: AtomicI64,
    oldest: AtomicI64,
}

impl Head {
    /// An empty head whose references are told from those of others by `epoch`, and whose commits go on after `last`.
    pub(crate) fn new(epoch: NonZeroU32, last: u64) -> Self {
        Self {
            epoch,
            index: RwLock::default(),
            pages: RwLock::default(),
            columns: Columns::default(),
            commits: Commits::after(last),
            counters: Counters::default(),
            exemplars: Exemplars::default(),
            known_below: AtomicU32::new(0),
            moved: AtomicU64::new(0),
            newest: AtomicI64::new(i64::MIN),
            oldest: AtomicI64::new(i64::MAX),
        }
    }

    /// The same head with room for exemplars.
    pub(crate) fn with_exemplars(mut self, capacity: usize) -> Self {
        self.exemplars = Exemplars::new(capacity);
        self
    }

    /// The series with these labels, registered if it is new.
    pub(crate) fn resolve(&self, labels: &Labels) -> Result<SeriesRef, Error> {
        let found = self.index.read().find(labels);
        let id = match found {
            Some(id) => id,
            None => {
                let mut index = self.index.write();
                match index.find(labels) {
                    Some(id) => id,
                    None => {
                        self.counters.series_created.add(1);
                        index.add(labels)?
                    }
                }
            }
        };
        Ok(SeriesRef {
            epoch: self.epoch,
            id,
        })
    }

    /// The id behind a reference that this head gave out.
    pub(crate) fn id(&self, series: SeriesRef) -> Option<u32> {
        // An id is given once while the store is open; of one that has left its page says so.
        if series.epoch == self.epoch {
            Some(series.id)
        } else {
            None
        }
    }

    /// The page of a number, created if it is new.
    pub(crate) fn page(&self, number: u32) -> Arc<RwLock<Page>> {
        if let Some(page) = self.existing_page(number) {
            return page;
        }
        let mut pages = self.pages.write();
        while pages.len() <= number as usize {
            pages.push(Arc::new(RwLock::new(Page::after(self.moved()))));
        }
        Arc::clone(&pages[number as usize])
    }

    /// The page of a number, if it has ever been written.
    pub(crate) fn existing_page(&self, number: u32) -> Option<Arc<RwLock<Page>>> {
        self.pages.read().get(number as usize).cloned()
    }

    /// All pages.
    pub(crate) fn pages(&self) -> Vec<Arc<RwLock<Page>>> {
        self.pages.read().clone()
    }

    /// What new pages begin with: see [`Page::moved`].
    pub(crate) fn moved(&self) -> u64 {
        self.moved.load(Ordering::Acquire)
    }

    /// Says that the samples in segments below a number are in no new page.
    pub(crate) fn set_moved(&self, number: u64) {
        self.moved.store(number, Ordering::Release);
    }

    /// Series with lower ids stand in a file.
    pub(crate) fn known_below(&self) -> u32 {
        self.known_below.load(Ordering::Acquire)
    }

    /// Says that all series registered so far stand in a file.
    pub(crate) fn set_known_below(&self, id: u32) {
        self.known_below.fetch_max(id, Ordering::AcqRel);
    }

    /// Notes times of samples.
    pub(crate) fn note_times(&self, oldest: i64, newest: i64) {
        self.oldest.fetch_min(oldest, Ordering::Relaxed);
        self.newest.fetch_max(newest, Ordering::Relaxed);
    }

    /// Notes the time of a sample in a file.
    pub(crate) fn note_newest(&self, newest: i64) {
        self.newest.fetch_max(newest, Ordering::Relaxed);
    }

    /// Time of the newest sample.
    pub(crate) fn newest(&self) -> Option<i64> {
        Some(self.newest.load(Ordering::Relaxed)).filter(|t| *t != i64::MIN)
    }

    /// Time of the oldest sample added since the store was opened.
    pub(crate) fn oldest(&self) -> Option<i64> {
        Some(self.oldest.load(Ordering::Relaxed)).filter(|t| *t != i64::MAX)
    }
}
