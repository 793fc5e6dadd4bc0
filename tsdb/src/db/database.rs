//! The handle of an open store.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use narthex_format::block::BlockMeta;
use narthex_model::{Labels, Matcher, TimeRange};

use super::import::BlockImport;
use super::inner::Inner;
use super::progress::OpenProgress;
use super::stats::{Intake, Stats};
use crate::append::Appender;
use crate::append::batch::Batch;
use crate::append::commit::Commit;
use crate::disk::{Disk, RealDisk};
use crate::error::Error;
use crate::head::SeriesRef;
use crate::options::Options;
use crate::select::cardinality::Cardinality;
use crate::select::snapshot::Snapshot;
use crate::tail::Tail;

/// Bytes of log that may be unsynced before an append syncs by itself: they are kept in memory until then.
const UNSYNCED_MAX: usize = 2 << 20;
/// An open store. Cheap to clone; all clones are the same store, usable from any thread.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db")
            .field("log", &self.inner.wal.folder())
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
        disk: Arc<dyn Disk>,
        path: impl AsRef<Path>,
        options: Options,
        progress: &OpenProgress,
    ) -> Result<Self, Error> {
        let inner = Inner::open(disk, path.as_ref(), options, progress)?;
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
        self.inner.check_open()?;
        self.inner.head.resolve(labels)
    }

    /// Commits a batch: decides which samples can be accepted, logs them, and makes them visible together.
    /// When this returns, the operating system has the batch and every later snapshot shows it. `now_ms` is the
    /// caller's clock in Unix milliseconds.
    ///
    /// # Errors
    /// When nothing of the batch was kept: refused as a whole ([`Error::Refused`]), the log could not be written, or
    /// the store is closed. With an fsync interval of 0 also when the batch was kept but could not be synced.
    pub fn append(&self, batch: &Batch, now_ms: i64) -> Result<Commit, Error> {
        self.inner.check_open()?;
        let Inner {
            head,
            wal,
            segments,
            options,
            ..
        } = &*self.inner;
        let commit = Appender {
            head,
            wal,
            segments,
            options,
        }
        .append(batch, now_ms)?;
        if options.fsync_interval_ms == 0 {
            wal.sync()?;
        } else if wal.unsynced_bytes() > UNSYNCED_MAX {
            // A failure is counted, and the next tick reports what is left of it.
            let _ = wal.sync();
        }
        self.inner.make_room();
        Ok(commit)
    }

    /// The store as of now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::new(Arc::clone(&self.inner.head), Arc::clone(&self.inner.segments))
    }

    /// Follows the log under a name (1 to 64 of `a-z`, `0-9`, `-`, `_`): from where the reader of that name stopped, also
    /// before a restart, or from now on if the name is new. One reader a name at a time.
    ///
    /// # Errors
    /// When the store is closed, the name is none, or its file could not be written.
    pub fn tail(&self, name: &str) -> Result<Tail, Error> {
        self.inner.check_open()?;
        let Inner { wal, head, .. } = &*self.inner;
        Tail::open(Arc::clone(wal), Arc::clone(head), name)
    }

    /// Names under which the log is followed, or was before a restart: log is kept for each of them.
    #[must_use]
    pub fn tails(&self) -> Vec<String> {
        self.inner.wal.cursor_names()
    }

    /// Forgets a reader of the log, and lets go of what was kept for it alone.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn forget_tail(&self, name: &str) -> Result<(), Error> {
        self.inner.wal.forget_cursor(name)
    }

    /// What was chosen when the store was opened.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.inner.options
    }

    /// What has come in since the store was opened.
    #[must_use]
    pub fn intake(&self) -> Intake {
        self.inner.intake()
    }

    /// Figures about the store.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.inner.stats()
    }

    /// Damage found after the first `count` places, each told once: the file, the offset, what was expected and what was
    /// found. What is sound is served, and [`SeriesSet::lost`](narthex_model::SeriesSet::lost) tells what an answer lacks.
    #[must_use]
    pub fn damage_since(&self, count: usize) -> Vec<String> {
        self.inner.segments.damages.since(count)
    }

    /// Which labels make the head large: the first `limit` of each list (0: all), over the series that fulfil one of the
    /// sets of matchers (all series if there is no set). With `focus` also the values of that label.
    #[must_use]
    pub fn cardinality(&self, limit: usize, sets: &[Vec<Matcher>], focus: Option<&str>) -> Cardinality {
        Cardinality::of(&self.inner.head.index.read(), limit, sets, focus)
    }

    /// Does what is due and quick: fsyncs the log, seals, removes what is old. To be called about once a second from a
    /// thread that may block; `now_ms` is the caller's clock in Unix milliseconds.
    ///
    /// # Errors
    /// The first of what went wrong; it is tried again with the next call.
    pub fn tick(&self, now_ms: i64) -> Result<(), Error> {
        self.inner.maintain(now_ms)
    }

    /// Does what is due and slow: cuts blocks from sealed segments, merges blocks. To be called now and then from another
    /// thread than [`tick`](Self::tick), which does not wait for it; nor does anything else.
    ///
    /// # Errors
    /// The first of what went wrong; it is tried again with the next call.
    pub fn compact(&self) -> Result<(), Error> {
        self.inner.compact()
    }

    /// Makes one block of everything that every reader sees, whatever its time: for stores that are complete, as after
    /// an import. `watch` is told now and then how many series have been merged, of how many.
    ///
    /// # Errors
    /// When the operating system refuses; nothing is lost then.
    pub fn compact_all(&self, watch: &dyn Fn(u64, u64)) -> Result<(), Error> {
        self.inner.compact_all(watch)
    }

    /// Deletes the samples in the range of the series that fulfil all matchers; what is appended later is not touched.
    /// When this returns no reader finds them any more and the deletion would survive a power loss. The space is freed as
    /// blocks are merged, or by [`clean_tombstones`](Self::clean_tombstones).
    ///
    /// # Errors
    /// When a file could not be read or written; other files may have lost what was to be deleted.
    pub fn delete(&self, matchers: &[Matcher], range: TimeRange) -> Result<(), Error> {
        self.inner.delete(matchers, range)
    }

    /// Makes a store in `path/snapshots/name`, where `path` is that of this one, which holds what this one holds now: all
    /// that readers see, or without `with_head` only the blocks. Files are linked, not copied. Returns where it lies.
    ///
    /// # Errors
    /// When the operating system refuses; nothing is left then.
    pub fn copy(&self, name: &str, with_head: bool) -> Result<PathBuf, Error> {
        self.inner.copy(name, with_head)
    }

    /// Begins a block of samples from elsewhere, from `start_ms` on and before `end_ms`. It may overlap what is there.
    ///
    /// # Errors
    /// When the store is closed or the operating system refuses.
    pub fn import_block(&self, start_ms: i64, end_ms: i64) -> Result<BlockImport<'_>, Error> {
        BlockImport::new(&self.inner, start_ms, end_ms)
    }

    /// Writes the blocks that something was deleted from anew, without it.
    ///
    /// # Errors
    /// When a block cannot be read or written; it stays as it is.
    pub fn clean_tombstones(&self) -> Result<(), Error> {
        self.inner.clean_tombstones()
    }

    /// What the blocks say about themselves, by their first millisecond.
    #[must_use]
    pub fn blocks(&self) -> Vec<BlockMeta> {
        self.inner.block_metas()
    }

    /// Seals everything that every reader sees into a segment now, whatever the time: what [`tick`](Self::tick) does
    /// when it is due.
    ///
    /// # Errors
    /// When the operating system refuses; what could not be sealed stays in memory and log.
    pub fn seal(&self) -> Result<(), Error> {
        self.inner.seal()
    }

    /// Returns once everything acknowledged so far would survive a power loss.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn sync(&self) -> Result<(), Error> {
        self.inner.sync()
    }

    /// Syncs and closes the store: appends fail from now on, snapshots already taken stay readable.
    ///
    /// # Errors
    /// When the operating system refuses to sync; the store is closed nevertheless.
    pub fn close(&self) -> Result<(), Error> {
        self.inner.close()
    }
}
