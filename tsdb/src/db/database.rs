//! The handle of an open store.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32};
use std::{fmt, io};

use narthex_format::{SeriesTable, filenames};
use narthex_model::{Labels, Matcher};
use parking_lot::Mutex;

use super::progress::OpenProgress;
use super::stats::{ForeignFile, Stats};
use super::{foreign, recover};
use crate::append::Appender;
use crate::append::batch::Batch;
use crate::append::commit::Commit;
use crate::catalog::Catalog;
use crate::disk::{Disk, DiskLock, RealDisk};
use crate::error::Error;
use crate::head::{Commits, Head, SeriesRef};
use crate::options::Options;
use crate::select::cardinality::Cardinality;
use crate::select::snapshot::Snapshot;
use crate::wal::Wal;

/// Bytes of log that may be unsynced before an append syncs by itself: they are kept in memory until then.
const UNSYNCED_MAX: usize = 64 << 20;
/// Series written to the catalog at a time, while registering waits.
const CATALOG_SERIES: usize = 4_096;

static EPOCH: AtomicU32 = AtomicU32::new(1);

/// An open store. Cheap to clone; all clones are the same store, usable from any thread.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    options: Options,
    head: Arc<Head>,
    wal: Wal,
    catalog: Catalog,
    opened: Opened,
    closed: AtomicBool,
    /// When the log was synced last, by the clock of [`Db::tick`].
    synced_ms: AtomicI64,
    lock: Mutex<Option<Box<dyn DiskLock>>>,
}

/// What was found when the store was opened.
#[derive(Debug)]
struct Opened {
    damage: Vec<String>,
    foreign: Vec<ForeignFile>,
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
        let path = path.as_ref();
        let root = path.join(filenames::ROOT);
        let folder = root.join(filenames::WAL);
        disk.create_dir_all(&folder)
            .map_err(|e| Error::io("create", &folder, e))?;
        let lock_path = root.join(filenames::LOCK);
        let lock = disk.lock(&lock_path).map_err(|e| match e.kind() {
            io::ErrorKind::WouldBlock => Error::Locked {
                path: lock_path.clone(),
            },
            _ => Error::io("lock", &lock_path, e),
        })?;
        let foreign = foreign::find(&*disk, path);
        let catalog_folder = root.join(filenames::CATALOG);
        disk.create_dir_all(&catalog_folder)
            .map_err(|e| Error::io("create", &catalog_folder, e))?;
        let mut head = Head::new(EPOCH.fetch_add(1, Relaxed), 0);
        let mut loaded = recover::load_catalog(&*disk, &catalog_folder, &head)?;
        let mut recovered = recover::replay(&*disk, &folder, &head, progress)?;
        head.commits = Commits::after(recovered.commit);
        recovered.damage.append(&mut loaded.damage);
        let catalog = Catalog::new(Arc::clone(&disk), catalog_folder, loaded);
        let wal = Wal::new(
            disk,
            folder,
            options.wal_segment_bytes,
            recovered.next_segment,
            recovered.bytes,
        );
        let mut damage: Vec<String> = recovered.damage.iter().map(ToString::to_string).collect();
        if recovered.unknown > 0 {
            damage.push(format!(
                "{} samples belong to series whose names were lost",
                recovered.unknown
            ));
        }
        let inner = Inner {
            options,
            head: Arc::new(head),
            wal,
            catalog,
            opened: Opened { damage, foreign },
            closed: AtomicBool::new(false),
            synced_ms: AtomicI64::new(i64::MIN),
            lock: Mutex::new(Some(lock)),
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
        self.inner.open()?;
        self.inner.head.resolve(labels)
    }

    /// Commits a batch: decides which samples can be accepted, logs them, and makes them visible together.
    /// When this returns, the operating system has the batch and every later snapshot shows it. `now_ms` is the
    /// caller's clock in Unix milliseconds.
    ///
    /// # Errors
    /// When nothing of the batch was kept: refused as a whole ([`Error::Refused`]), the log could not be written, or
    /// the store is closed.
    pub fn append(&self, batch: &Batch, now_ms: i64) -> Result<Commit, Error> {
        self.inner.open()?;
        let Inner {
            head, wal, options, ..
        } = &*self.inner;
        let commit = Appender { head, wal, options }.append(batch, now_ms)?;
        if options.fsync_interval_ms == 0 || wal.unsynced_bytes() > UNSYNCED_MAX {
            wal.sync()?;
        }
        Ok(commit)
    }

    /// The store as of now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::new(Arc::clone(&self.inner.head))
    }

    /// What was chosen when the store was opened.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.inner.options
    }

    /// Figures about the store.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let Inner {
            head, wal, opened, ..
        } = &*self.inner;
        let mut stats = Stats {
            min_time: head.oldest(),
            max_time: head.newest(),
            lowest_time: head.oldest(),
            commit: head.commits.visible(),
            floats_appended: head.counters.floats.get(),
            histograms_appended: head.counters.histograms.get(),
            series_created: head.counters.series_created.get(),
            out_of_order: head.counters.out_of_order.get(),
            out_of_bounds: head.counters.out_of_bounds.get(),
            too_old: head.counters.too_old.get(),
            duplicates: head.counters.duplicates.get(),
            wal_corruptions: opened.damage.len() as u64,
            foreign: opened.foreign.clone(),
            damage: opened.damage.clone(),
            ..Stats::default()
        };
        let log = wal.stats();
        (stats.wal_bytes, stats.wal_segment) = (log.bytes, log.segment);
        (stats.wal_syncs, stats.wal_sync_failures) = (log.syncs, log.sync_failures);
        stats.wal_write_failures = log.write_failures;
        for page in head.pages() {
            let page = page.read();
            for slot in page.slots.iter().filter(|s| s.used) {
                stats.series += 1;
                stats.samples += slot.samples() as u64;
                stats.chunks += slot.chunk_count() as u64;
            }
            stats.head_bytes += page.memory() as u64;
        }
        let index = head.index.read();
        stats.label_pairs = index.pair_count() as u64;
        stats.head_bytes += (index.memory() + head.columns.memory()) as u64;
        stats
    }

    /// Which labels make the head large: the first `limit` of each list, over the series that fulfil all matchers.
    #[must_use]
    pub fn cardinality(&self, limit: usize, matchers: &[Matcher]) -> Cardinality {
        Cardinality::of(&self.inner.head.index.read(), limit, matchers)
    }

    /// Does what is due: fsyncs the log, seals, cleans up. To be called about once a second from a thread that may
    /// block; `now_ms` is the caller's clock in Unix milliseconds.
    ///
    /// # Errors
    /// The first of what went wrong; it is tried again with the next call.
    pub fn tick(&self, now_ms: i64) -> Result<(), Error> {
        let inner = &*self.inner;
        inner.write_catalog()?;
        let last = inner.synced_ms.load(Relaxed);
        // A clock that was set back must not stop the syncs.
        let due = now_ms < last || now_ms.saturating_sub(last) >= inner.options.fsync_interval_ms;
        if due && inner.wal.unsynced_bytes() > 0 {
            inner.synced_ms.store(now_ms, Relaxed);
            inner.sync()?;
        }
        Ok(())
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
        if self.inner.closed.swap(true, AcqRel) {
            return Ok(());
        }
        let result = self.inner.write_catalog().and_then(|()| self.inner.sync());
        *self.inner.lock.lock() = None;
        result
    }
}

impl Inner {
    fn open(&self) -> Result<(), Error> {
        if self.closed.load(Acquire) {
            Err(Error::Closed)
        } else {
            Ok(())
        }
    }

    fn sync(&self) -> Result<(), Error> {
        let wal = self.wal.sync();
        self.catalog.sync().and(wal)
    }

    /// Writes the names of new series to the catalog. The log has them too: one damaged record then costs no names.
    fn write_catalog(&self) -> Result<(), Error> {
        let missing = self.catalog.missing(self.head.index.read().all());
        let mut ids = missing.iter().peekable();
        while ids.peek().is_some() {
            let index = self.head.index.read();
            let mut table = SeriesTable::new();
            for id in ids.by_ref().take(CATALOG_SERIES) {
                table.push(id, index.pairs_of(id).iter().map(|pair| index.pair_text(*pair)));
            }
            self.catalog.add(table)?;
        }
        if self.catalog.wants_snapshot() {
            let index = self.head.index.read();
            let pairs = |id: u32| {
                index
                    .pairs_of(id)
                    .iter()
                    .map(|pair| index.pair_text(*pair))
                    .collect()
            };
            let all = index.all().iter().map(|id| (id, pairs(id)));
            self.catalog
                .snapshot(all, index.next_id(), self.head.commits.visible())?;
        }
        Ok(())
    }
}
