//! A copy of the store beside itself: hard links to the files that never change, and the names of all series.

use std::path::{Path, PathBuf};

use narthex_format::filenames;

use super::inner::Inner;
use crate::error::Error;

impl Inner {
    /// Makes a store in `path/snapshots/name` that holds what this one holds now: all of it, or only its blocks.
    pub(super) fn copy(&self, name: &str, with_head: bool) -> Result<PathBuf, Error> {
        let _blocks = self.interrupt_compacting();
        let _alone = self.maintaining.lock();
        self.check_open()?;
        if with_head {
            self.seal_alone()?;
        }
        let snapshots = self.path.join(filenames::SNAPSHOTS);
        let path = snapshots.join(name);
        let temporary = snapshots.join(format!("{name}{}", filenames::TEMPORARY_SUFFIX));
        let disk = self.segments.disk();
        let placed = self
            .link_all(&temporary.join(filenames::ROOT), with_head)
            .and_then(|()| {
                let placed = disk
                    .rename(&temporary, &path)
                    .and_then(|()| disk.sync_dir(&snapshots));
                placed.map_err(|e| Error::io("rename to", &path, e))
            });
        if let Err(error) = placed {
            let _ = disk.remove_dir_all(&temporary);
            return Err(error);
        }
        Ok(path)
    }

    fn link_all(&self, root: &Path, with_head: bool) -> Result<(), Error> {
        let blocks = root.join(filenames::BLOCKS);
        self.create(&blocks)?;
        for block in self.segments.blocks.list().iter() {
            let to = blocks.join(block.folder.file_name().unwrap_or_default());
            self.create(&to)?;
            self.link_folder(&block.folder, &to, |_| true)?;
        }
        self.sync_folder(&blocks)?;
        if with_head {
            self.snapshot_catalog()?;
            for (name, folder) in [
                (filenames::HEAD, &self.segments.folder),
                (filenames::CATALOG, &self.catalog_folder()),
            ] {
                let to = root.join(name);
                self.create(&to)?;
                let is_log = |name: &str| filenames::parse_catalog_log(name).is_some();
                self.link_folder(folder, &to, |name| !is_log(name))?;
            }
            let to = root.join(filenames::WAL);
            self.create(&to)?;
            for file in self.wal.end_segment()? {
                self.link(&file, &to)?;
            }
            self.sync_folder(&to)?;
        }
        self.sync_folder(root)
    }

    /// Links the files of a folder that are whole and wanted.
    fn link_folder(&self, from: &Path, to: &Path, wanted: impl Fn(&str) -> bool) -> Result<(), Error> {
        let entries = self.segments.disk().list(from);
        let entries = entries.map_err(|e| Error::io("list", from, e))?;
        let unfinished = |name: &str| {
            name.ends_with(filenames::TEMPORARY_SUFFIX) || name.ends_with(filenames::QUARANTINE_SUFFIX)
        };
        for entry in entries.iter().filter(|e| !e.is_dir) {
            if !unfinished(&entry.name) && wanted(&entry.name) {
                self.link(&from.join(&entry.name), to)?;
            }
        }
        self.sync_folder(to)
    }

    fn link(&self, file: &Path, folder: &Path) -> Result<(), Error> {
        let to = folder.join(file.file_name().unwrap_or_default());
        let linked = self.segments.disk().link(file, &to);
        linked.map_err(|e| Error::io("link to", &to, e))
    }

    fn create(&self, folder: &Path) -> Result<(), Error> {
        let created = self.segments.disk().create_dir_all(folder);
        created.map_err(|e| Error::io("create", folder, e))
    }

    fn sync_folder(&self, folder: &Path) -> Result<(), Error> {
        let synced = self.segments.disk().sync_dir(folder);
        synced.map_err(|e| Error::io("sync", folder, e))
    }

    fn catalog_folder(&self) -> PathBuf {
        self.path.join(filenames::ROOT).join(filenames::CATALOG)
    }
}
