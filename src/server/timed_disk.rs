//! The real disk, with a watch on how long syncing the log takes.

use crate::clock::Clock;
use crate::telemetry::metrics::{Registry, Summary};
use narthex_format::filenames;
use narthex_tsdb::disk::{Disk, DiskEntry, DiskFile, DiskLock, Mapped, RealDisk};
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Passes everything on, and observes the syncs of log files.
pub(super) struct TimedDisk {
    disk: RealDisk,
    clock: Clock,
    syncs: Summary,
}

impl TimedDisk {
    pub(super) fn new(clock: Clock, registry: &Registry) -> Self {
        let syncs = registry.summary(
            "prometheus_tsdb_wal_fsync_duration_seconds",
            "Duration of write log fsync.",
            &[0.5, 0.9, 0.99],
        );
        Self {
            disk: RealDisk,
            clock,
            syncs,
        }
    }
}

impl fmt::Debug for TimedDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TimedDisk").field(&self.disk).finish()
    }
}

/// A log file.
struct TimedFile {
    file: Arc<dyn DiskFile>,
    clock: Clock,
    syncs: Summary,
}

impl fmt::Debug for TimedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TimedFile").field(&self.file).finish()
    }
}

impl DiskFile for TimedFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.file.append(bytes)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.file.truncate(len)
    }

    fn sync(&self) -> io::Result<()> {
        let begun = self.clock.monotonic();
        let synced = self.file.sync();
        self.syncs.observe(self.clock.elapsed(begun).as_secs_f64());
        synced
    }
}

impl Disk for TimedDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.disk.create(path)?;
        let name = path.file_name().and_then(|name| name.to_str());
        if name.and_then(filenames::parse_wal_segment).is_none() {
            return Ok(file);
        }
        Ok(Arc::new(TimedFile {
            file,
            clock: self.clock.clone(),
            syncs: self.syncs.clone(),
        }))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.disk.create_dir_all(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DiskEntry>> {
        self.disk.list(path)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.disk.read(path)
    }

    fn map(&self, path: &Path) -> io::Result<Mapped> {
        self.disk.map(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.disk.remove_dir_all(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.sync_dir(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn DiskLock>> {
        self.disk.lock(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::metrics::PointValue;

    #[test]
    fn syncs_of_log_files_are_timed_and_others_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::new();
        let disk = TimedDisk::new(Clock::system(), &registry);
        for name in [
            &filenames::wal_segment(3, 9),
            "other",
            &filenames::wal_segment(4, 9),
        ] {
            let file = disk.create(&folder.path().join(name)).unwrap();
            file.append(b"abc").unwrap();
            file.sync().unwrap();
            assert_eq!(disk.read(&folder.path().join(name)).unwrap(), b"abc");
        }
        let found = registry.gather();
        let family = found
            .iter()
            .find(|f| f.name.ends_with("fsync_duration_seconds"))
            .unwrap();
        assert!(matches!(
            family.points[0].value,
            PointValue::Summary { count: 2, .. }
        ));
    }
}
