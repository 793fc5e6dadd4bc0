//! The parts of an open store, and how they come together.

use std::io;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64};

use narthex_format::filenames;
use parking_lot::Mutex;

use super::progress::OpenProgress;
use super::stats::{ForeignFile, Intake, Stats};
use super::{foreign, recover};
use crate::block::Segments;
use crate::catalog::Catalog;
use crate::compact::Leaving;
use crate::disk::{Damage, Disk, DiskLock};
use crate::error::Error;
use crate::head::{Commits, Counter, Head};
use crate::options::Options;
use crate::wal::{Followed, Wal};

static EPOCH: AtomicU32 = AtomicU32::new(1);

/// What files are being written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reserved {
    Segment = 0,
    Block = 1,
}

/// The parts of an open store.
pub(super) struct Inner {
    /// The folder in which the store's own folder lies.
    pub(super) path: PathBuf,
    pub(super) options: Options,
    pub(super) head: Arc<Head>,
    pub(super) segments: Arc<Segments>,
    pub(super) wal: Arc<Wal>,
    pub(super) catalog: Catalog,
    /// When the log was synced last, by the clock of ticks.
    pub(super) synced_ms: AtomicI64,
    /// Segments of the log that became too old before every reader had come so far.
    pub(super) lost_segments: Counter,
    /// Series on their way out.
    pub(super) leaving: Mutex<Leaving>,
    /// Held while something seals or cleans up.
    pub(super) maintaining: Mutex<()>,
    /// Held while something works on blocks; taken before `maintaining`.
    pub(super) compacting: Mutex<()>,
    /// How many wait for that to end: it makes way for them.
    pub(super) waiting: AtomicU32,
    /// Bytes of files that are being written, by [`Reserved`].
    pub(super) reserved: [AtomicU64; 2],
    /// Samples that had been appended when the head was sealed last; those that were replayed lie before the first.
    pub(super) sealed_samples: AtomicU64,
    /// Bytes of the log when it was last looked whether there is room.
    pub(super) seen_log: AtomicU64,
    /// Damaged places in the log when it was opened.
    damaged_log: u64,
    foreign: Vec<ForeignFile>,
    closed: AtomicBool,
    lock: Mutex<Option<Box<dyn DiskLock>>>,
}

impl Inner {
    /// Reads the files and puts the parts together.
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        path: &Path,
        options: Options,
        progress: &OpenProgress,
    ) -> Result<Self, Error> {
        let root = path.join(filenames::ROOT);
        let folder = |name: &str| {
            let folder = root.join(name);
            disk.create_dir_all(&folder)
                .map_err(|e| Error::io("create", &folder, e))?;
            Ok(folder)
        };
        let wal_folder = folder(filenames::WAL)?;
        let catalog_folder = folder(filenames::CATALOG)?;
        let head_folder = folder(filenames::HEAD)?;
        let block_folder = folder(filenames::BLOCKS)?;
        let lock = lock(&*disk, &root)?;
        let foreign = foreign::find(&*disk, path);

        let epoch = NonZeroU32::new(EPOCH.fetch_add(1, Relaxed)).unwrap_or(NonZeroU32::MIN);
        let mut head = Head::new(epoch, 0).with_exemplars(options.max_exemplars);
        let loaded = recover::load_catalog(&*disk, &catalog_folder, &head)?;
        head.index.write().reserve(loaded.next_id);
        let (segments, lost) = Segments::open(Arc::clone(&disk), head_folder, block_folder)?;
        recover::sealed(&head, &segments);
        let mut recovered = recover::replay(
            &*disk,
            &wal_folder,
            &head,
            &segments,
            options.open_threads,
            progress,
        )?;
        let damaged_log = recovered.damage.len() as u64;
        recovered.damage.extend(recover::nameless(&head, &segments));
        head.set_known_below(head.index.read().next_id());
        head.commits = Commits::after(recovered.commit);

        let followed = Followed::load(&*disk, &wal_folder)?;
        let damaged = [&loaded.damage, &lost, &recovered.damage, &followed.damage];
        tell(&segments, damaged, recovered.unknown);
        let catalog = Catalog::new(Arc::clone(&disk), catalog_folder, loaded);
        let next = recovered.next_segment.max(followed.next_segment());
        let old = recovered.segments;
        let wal = Wal::new(disk, wal_folder, options.wal_segment_bytes, next, old).with_followed(followed);
        Ok(Self {
            path: path.to_owned(),
            options,
            head: Arc::new(head),
            segments: Arc::new(segments),
            wal: Arc::new(wal),
            catalog,
            synced_ms: AtomicI64::new(i64::MIN),
            lost_segments: Counter::default(),
            leaving: Mutex::default(),
            maintaining: Mutex::new(()),
            compacting: Mutex::new(()),
            waiting: AtomicU32::new(0),
            reserved: Default::default(),
            sealed_samples: AtomicU64::new(recovered.samples.wrapping_neg()),
            seen_log: AtomicU64::new(0),
            damaged_log,
            foreign,
            closed: AtomicBool::new(false),
            lock: Mutex::new(Some(lock)),
        })
    }

    /// Fails once the store is closed.
    pub(super) fn check_open(&self) -> Result<(), Error> {
        if self.closed.load(Acquire) {
            Err(Error::Closed)
        } else {
            Ok(())
        }
    }

    /// Syncs and lets go of the lock.
    pub(super) fn close(&self) -> Result<(), Error> {
        if self.closed.swap(true, AcqRel) {
            return Ok(());
        }
        let _blocks = self.interrupt_compacting();
        let _alone = self.maintaining.lock();
        let result = self.write_catalog().and_then(|()| self.sync());
        *self.lock.lock() = None;
        result
    }

    /// What has come in since the store was opened.
    pub(super) fn intake(&self) -> Intake {
        let Head {
            counters, exemplars, ..
        } = &*self.head;
        Intake {
            floats: counters.floats.get(),
            histograms: counters.histograms.get(),
            exemplars: exemplars.counters.kept.get(),
            newest: self.head.newest(),
        }
    }

    /// Figures about the store.
    pub(super) fn stats(&self) -> Stats {
        let Self { head, wal, .. } = self;
        let counters = &head.counters;
        let mut stats = Stats {
            max_time: head.newest(),
            commit: head.commits.visible(),
            floats_appended: counters.floats.get(),
            histograms_appended: counters.histograms.get(),
            series_created: counters.series_created.get(),
            series_removed: counters.series_removed.get(),
            out_of_order: counters.out_of_order.get(),
            out_of_bounds: counters.out_of_bounds.get(),
            too_old: counters.too_old.get(),
            duplicates: counters.duplicates.get(),
            seals: counters.seals.get(),
            seal_failures: counters.seal_failures.get(),
            expired_by_time: counters.expired_by_time.get(),
            expired_by_size: counters.expired_by_size.get(),
            oldest_pinned: head.commits.oldest(),
            wal_corruptions: self.damaged_log,
            head_segment_bytes: self.segments.bytes(),
            block_bytes: self.segments.blocks.bytes(),
            blocks: self.segments.blocks.list().len() as u64,
            foreign: self.foreign.clone(),
            damage: self.segments.damages.since(0),
            ..Stats::default()
        };
        let (exemplars, exemplar_series, exemplar_oldest) = head.exemplars.sizes();
        (stats.exemplars, stats.exemplar_series) = (exemplars as u64, exemplar_series as u64);
        stats.exemplar_oldest = exemplar_oldest;
        stats.exemplars_appended = head.exemplars.counters.kept.get();
        stats.exemplars_out_of_order = head.exemplars.counters.out_of_order.get();
        let log = wal.stats();
        (stats.wal_bytes, stats.wal_segment) = (log.bytes, log.segment);
        stats.wal_kept_bytes = log.kept_bytes;
        stats.wal_unread_commit = wal.oldest_unread();
        stats.wal_lost_segments = self.lost_segments.get();
        (stats.wal_syncs, stats.wal_sync_failures) = (log.syncs, log.sync_failures);
        stats.wal_write_failures = log.write_failures;
        let mut oldest = i64::MAX;
        for page in head.pages() {
            let page = page.read();
            for (_, slot) in page.iter().filter(|(_, s)| s.used) {
                stats.samples += slot.samples() as u64;
                stats.chunks += slot.chunk_count() as u64;
                oldest = oldest.min(slot.min_time);
            }
            stats.head_bytes += page.memory() as u64;
        }
        stats.min_time = Some(oldest).filter(|t| *t != i64::MAX).or(stats.max_time);
        let sealed = self.segments.summaries().iter().map(|s| s.time_min).min();
        stats.lowest_time = stats.min_time.into_iter().chain(sealed).min();
        let index = head.index.read();
        stats.series = index.all().len();
        stats.label_pairs = index.pair_count() as u64;
        stats.head_bytes += (index.memory() + head.columns.memory()) as u64;
        stats
    }
}

/// Tells what was lost.
fn tell(segments: &Segments, damaged: [&Vec<Damage>; 4], unknown: u64) {
    for damage in damaged.into_iter().flatten() {
        segments.damages.tell(damage.to_string());
    }
    if unknown > 0 {
        let text = format!("{unknown} samples belong to series whose names were lost");
        segments.damages.tell(text);
    }
}

fn lock(disk: &dyn Disk, root: &Path) -> Result<Box<dyn DiskLock>, Error> {
    let path = root.join(filenames::LOCK);
    disk.lock(&path).map_err(|e| match e.kind() {
        io::ErrorKind::WouldBlock => Error::Locked { path },
        _ => Error::io("lock", &path, e),
    })
}
