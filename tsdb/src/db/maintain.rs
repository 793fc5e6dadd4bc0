//! What is due now and then: names into the catalog, syncs, sealing, retention.

use std::sync::atomic::Ordering::Relaxed;

use narthex_format::SeriesTable;

use super::inner::Inner;
use crate::compact::{Leaver, Sealer, expire, seal};
use crate::error::Error;

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
            results.push(self.seal_alone());
        }
        results.push(self.expire_log(now_ms));
        results.push(self.drop_series());
        if let Some(newest) = self.head.newest() {
            let expired = expire(&self.segments, &self.options, newest, self.wal.stats().bytes);
            results.push(expired.map(drop));
        }
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
        let log = self.wal.stats();
        if log.bytes - log.kept_bytes >= self.options.wal_unsealed_bytes {
            return true;
        }
        let sealed = self.segments.list().iter().map(|s| s.summary().time_max).max();
        let (Some(newest), Some(since)) = (self.head.newest(), sealed.or_else(|| self.head.oldest())) else {
            return false;
        };
        newest.saturating_sub(since) >= self.options.seal_interval_ms
    }

    pub(super) fn seal_alone(&self) -> Result<(), Error> {
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
        if seal(&sealer, &pin)? {
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
        let (all, next_id) = {
            let index = self.head.index.read();
            if !self.catalog.wants_snapshot(index.all().len()) {
                return Ok(());
            }
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
}
