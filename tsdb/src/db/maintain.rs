//! What is due now and then: names into the catalog, syncs, sealing, retention.

use std::sync::atomic::Ordering::Relaxed;

use narthex_format::SeriesTable;

use super::inner::{Inner, Reserved};
use crate::compact::{Expired, Leaver, Sealer, expire, seal, spare};
use crate::error::Error;

/// Part of the largest size of the store that the unsealed log may take.
const UNSEALED_PART: u64 = 8;
/// Part of it at which whoever appends seals too, and so waits: the log must not grow faster than it is sealed.
const UNSEALED_PART_MOST: u64 = 4;
/// Log that is not worth a segment of its own, however small the store may be.
const SEALED_MIN: u64 = 64 << 10;
/// Part of what is kept free by which the log grows between two looks.
const GROWN_PART: u64 = 4;
/// Samples for each series in memory by which the log may be longer: sealing costs about as much for each series as for
/// each of so many samples, and a restart may take longer with more series.
const UNSEALED_PER_SERIES: u64 = 14;
/// Series written to the catalog at a time, while registering waits.
const CATALOG_SERIES: usize = 4_096;

impl Inner {
    /// Does what is due at `now_ms`.
    pub(super) fn maintain(&self, now_ms: i64) -> Result<(), Error> {
        let Some(alone) = self.maintaining.try_lock() else {
            return Ok(());
        };
        self.check_open()?;
        // A step that fails must not keep the others from running: on a full disk it is expiring that helps.
        let mut results = vec![self.write_catalog()];
        let last = self.synced_ms.load(Relaxed);
        // A clock that was set back must not stop the syncs.
        let due = now_ms < last || now_ms.saturating_sub(last) >= self.options.fsync_interval_ms;
        if due && self.wal.unsynced_bytes() > 0 {
            self.synced_ms.store(now_ms, Relaxed);
            results.push(self.sync());
        }
        if self.wants_sealing() {
            let sealed = self.seal_alone();
            self.head.counters.seal_failures.add(u64::from(sealed.is_err()));
            results.push(sealed);
        }
        results.push(self.expire_log(now_ms));
        results.push(self.drop_series());
        results.push(self.expire());
        drop(alone);
        results.into_iter().collect()
    }

    /// Lets go of log that a reader has not come to for too long, or that takes more than half of the store's size.
    fn expire_log(&self, now_ms: i64) -> Result<(), Error> {
        let bytes = match self.options.retention_bytes {
            0 => u64::MAX,
            bytes => bytes / 2,
        };
        let lost = self.wal.expire_kept(now_ms, self.options.wal_kept_ms, bytes)?;
        self.lost_segments.add(lost as u64);
        Ok(())
    }

    /// Removes what is too old or too much, as if what is being written were there already.
    pub(super) fn expire(&self) -> Result<(), Error> {
        let Some(newest) = self.head.newest() else {
            return Ok(());
        };
        let others = match self.options.retention_bytes {
            // Nobody asks: the catalog's bytes are those that its folder lists.
            0 => 0,
            _ => {
                let reserved: u64 = self.reserved.iter().map(|bytes| bytes.load(Relaxed)).sum();
                self.wal.stats().bytes + self.catalog.bytes() + reserved
            }
        };
        let expired = expire(&self.segments, &self.options, newest, others);
        if !matches!(
            expired,
            Ok(Expired {
                by_time: 0,
                by_size: 0
            })
        ) {
            self.head.commits.changes.begin_life();
        }
        let expired = expired?;
        self.head.counters.expired_by_time.add(expired.by_time);
        self.head.counters.expired_by_size.add(expired.by_size);
        Ok(())
    }

    /// Keeps a store that may only be so large from growing past it between two calls of [`maintain`](Self::maintain).
    pub(super) fn make_room(&self) {
        let most = self.options.retention_bytes;
        if most == 0 {
            return;
        }
        let log = self.wal.stats();
        let seen = self.seen_log.load(Relaxed);
        // It shrinks when it has been sealed.
        if log.bytes >= seen && log.bytes - seen < spare(most) / GROWN_PART {
            return;
        }
        self.seen_log.store(log.bytes, Relaxed);
        // What fails here comes up again where it is due.
        if log.bytes - log.kept_bytes >= (most / UNSEALED_PART_MOST).max(SEALED_MIN) {
            drop(self.seal());
        }
        drop(self.expire());
    }

    /// Makes room for a file of so many bytes that is about to be written, if the store may only be so large; 0 once it
    /// is written.
    pub(super) fn reserve(&self, what: Reserved, bytes: u64) -> Result<(), Error> {
        self.reserved[what as usize].store(bytes, Relaxed);
        if bytes > 0 && self.options.retention_bytes > 0 {
            self.expire()?;
        }
        Ok(())
    }

    /// Syncs catalog and log.
    pub(super) fn sync(&self) -> Result<(), Error> {
        let wal = self.wal.sync();
        self.catalog.sync().and(wal)
    }

    /// Seals what can be sealed.
    pub(super) fn seal(&self) -> Result<(), Error> {
        let _alone = self.maintaining.lock();
        self.check_open()?;
        self.seal_alone()
    }

    fn wants_sealing(&self) -> bool {
        // A store that may not be large must not wait until the log alone fills it.
        let part = match self.options.retention_bytes {
            0 => u64::MAX,
            most => most / UNSEALED_PART,
        };
        let log = self.wal.stats();
        if log.bytes - log.kept_bytes >= self.options.wal_unsealed_bytes.min(part) {
            return true;
        }
        let unsealed = self.appended().wrapping_sub(self.sealed_samples.load(Relaxed));
        let series = self.head.index.read().all().len();
        if unsealed >= self.options.wal_unsealed_samples + series * UNSEALED_PER_SERIES {
            return true;
        }
        let sealed = self.segments.list().iter().map(|s| s.summary().time_max).max();
        let (Some(newest), Some(since)) = (self.head.newest(), sealed.or_else(|| self.head.oldest())) else {
            return false;
        };
        newest.saturating_sub(since) >= self.options.seal_interval_ms
    }

    /// Samples that have been appended since the store was opened.
    fn appended(&self) -> u64 {
        self.head.counters.floats.get() + self.head.counters.histograms.get()
    }

    pub(super) fn seal_alone(&self) -> Result<(), Error> {
        let appended = self.appended();
        // The log that names the series is about to go, up to this commit: a series that is registered and written to
        // from here on stays in it.
        let pin = self.head.commits.pin_oldest();
        self.write_catalog()?;
        self.catalog.sync()?;
        // Sealing takes its time, and nobody else syncs meanwhile. Failures are counted and come up again.
        let pause = || drop(self.wal.sync());
        let sealer = Sealer {
            head: &self.head,
            segments: &self.segments,
            pause: &pause,
        };
        let log = self.wal.stats();
        self.reserve(Reserved::Segment, log.bytes - log.kept_bytes)?;
        let sealed = seal(&sealer, &pin);
        self.reserve(Reserved::Segment, 0)?;
        if sealed? {
            self.head.counters.seals.add(1);
            self.sealed_samples.store(appended, Relaxed);
            self.wal.forget(pin.number())?;
        }
        Ok(())
    }

    /// Writes the names of new series to the catalog. The log has them too: one damaged record then costs no names.
    pub(super) fn write_catalog(&self) -> Result<(), Error> {
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
        if self.catalog.wants_snapshot(self.head.index.read().all().len()) {
            self.snapshot_catalog()?;
        }
        Ok(())
    }

    /// Lets series go whose samples are all in blocks.
    fn drop_series(&self) -> Result<(), Error> {
        let leaver = Leaver {
            head: &self.head,
            segments: &self.segments,
            options: &self.options,
        };
        // Readers of the log ask for names of what they have not dealt with.
        let oldest = [self.wal.oldest_commit(), self.wal.oldest_unread()];
        let oldest = oldest.into_iter().flatten().min();
        let left = leaver.step(&mut self.leaving.lock(), oldest)?;
        self.head.counters.series_removed.add(left);
        Ok(())
    }

    /// Puts the names of all series into one file, in the place of all others.
    pub(super) fn snapshot_catalog(&self) -> Result<(), Error> {
        let (all, next_id) = {
            let index = self.head.index.read();
            (index.all().clone(), index.next_id())
        };
        let end = (next_id, self.head.commits.visible());
        self.catalog.snapshot(&all, end, |ids, take| {
            // Registering waits for a part of the series only.
            let index = self.head.index.read();
            let mut table = SeriesTable::new();
            for id in ids {
                table.push(*id, index.pairs_of(*id).iter().map(|pair| index.pair_text(*pair)));
            }
            take(table);
        })
    }
}
