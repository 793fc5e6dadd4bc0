//! Targets from files: read again when a file changes, appears or goes, and every refresh interval anyway.
//!
//! Changes are found by looking at the files every few seconds, not by watches of the operating system: that works on
//! every file system, and for files that are swapped by a link, as Kubernetes does.

use crate::config::{FileSdConfig, TargetGroup, glob_paths, read_target_file, read_text};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How often files are looked at.
pub(super) const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// What tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    size: u64,
}

/// The files of one section and what they last said.
#[derive(Debug)]
pub(super) struct FileDiscovery {
    config: FileSdConfig,
    files: BTreeMap<PathBuf, Known>,
    since_refresh: Duration,
}

#[derive(Debug)]
struct Known {
    stamp: Option<Stamp>,
    /// Kept while the file cannot be read.
    groups: Vec<TargetGroup>,
    /// The last complaint, so that it is not repeated at every look.
    fault: Option<String>,
}

/// What a look at the files brought.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Look {
    /// Whether groups may have changed.
    pub(super) changed: bool,
    /// New complaints: file and fault.
    pub(super) faults: Vec<String>,
    /// Files that were read, with the Unix seconds of their last change.
    pub(super) modified: Vec<(String, f64)>,
    /// Files that are no longer there.
    pub(super) gone: Vec<String>,
}

impl FileDiscovery {
    pub(super) fn new(config: FileSdConfig) -> Self {
        Self {
            config,
            files: BTreeMap::new(),
            since_refresh: Duration::ZERO,
        }
    }

    /// All groups, by file.
    pub(super) fn groups(&self) -> Vec<TargetGroup> {
        self.files
            .values()
            .flat_map(|known| known.groups.iter().cloned())
            .collect()
    }

    /// Looks at the files, `elapsed` after the last look, and reads those that changed. Blocks.
    pub(super) fn look(&mut self, elapsed: Duration) -> Look {
        self.since_refresh += elapsed;
        let refresh = self.since_refresh >= self.config.refresh_interval.to_std();
        if refresh {
            self.since_refresh = Duration::ZERO;
        }
        let mut look = Look::default();
        let present = self.present(&mut look);
        self.files.retain(|path, _| {
            let stays = present.contains_key(path);
            if !stays {
                look.changed = true;
                look.gone.push(path.to_string_lossy().into_owned());
            }
            stays
        });
        for (path, stamp) in present {
            let known = self.files.entry(path.clone()).or_insert(Known {
                stamp: None,
                groups: Vec::new(),
                fault: None,
            });
            if known.stamp == Some(stamp) && !refresh {
                continue;
            }
            known.stamp = Some(stamp);
            let since = stamp.modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            if let Some(since) = since {
                let file = path.to_string_lossy().into_owned();
                look.modified.push((file, since.as_secs_f64()));
            }
            match read(&path) {
                Ok(groups) => {
                    look.changed |= known.groups != groups;
                    known.groups = groups;
                    known.fault = None;
                }
                Err(fault) => {
                    if known.fault.as_ref() != Some(&fault) {
                        look.faults.push(format!("{}: {fault}", path.display()));
                    }
                    known.fault = Some(fault);
                }
            }
        }
        look
    }

    fn present(&self, look: &mut Look) -> BTreeMap<PathBuf, Stamp> {
        let mut present = BTreeMap::new();
        for pattern in &self.config.files {
            match glob_paths(pattern) {
                Ok(paths) => present.extend(paths.into_iter().filter_map(|path| {
                    let stamp = stamp(&path)?;
                    Some((path, stamp))
                })),
                Err(fault) => look.faults.push(format!("{pattern}: {fault}")),
            }
        }
        present
    }
}

/// None if the file is not there (any more).
fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    Some(Stamp {
        modified: metadata.modified().ok(),
        size: metadata.len(),
    })
}

fn read(path: &Path) -> Result<Vec<TargetGroup>, String> {
    let text = read_text(path).map_err(|e| e.to_string())?;
    read_target_file(&path.to_string_lossy(), &text).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use narthex_model::Duration as Interval;

    fn addresses(files: &FileDiscovery) -> Vec<String> {
        let groups = files.groups();
        groups
            .iter()
            .flat_map(|g| &g.targets)
            .map(|t| t.get("__address__").unwrap().to_owned())
            .collect()
    }

    #[test]
    fn files_come_change_break_and_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let mut files = FileDiscovery::new(FileSdConfig {
            files: vec![path("*.json").to_string_lossy().into_owned()],
            refresh_interval: Interval::from_millis(300_000),
        });
        let second = Duration::from_secs(1);
        assert_eq!(files.look(second), Look::default());
        std::fs::write(path("a.json"), r#"[{"targets": ["a:1"]}]"#).unwrap();
        std::fs::write(path("b.json"), r#"[{"targets": ["b:1"]}]"#).unwrap();
        std::fs::write(path("c.yml"), "- targets: [c:1]\n").unwrap();
        assert!(files.look(second).changed);
        assert_eq!(addresses(&files), ["a:1", "b:1"]);
        assert_eq!(files.look(second), Look::default(), "nothing has changed");

        std::fs::write(path("a.json"), r#"[{"targets": ["a:1", "a:2"]"#).unwrap();
        let broken = files.look(second);
        assert!(
            !broken.changed && broken.faults[0].contains("a.json: EOF"),
            "{broken:?}"
        );
        assert_eq!(addresses(&files), ["a:1", "b:1"], "the old groups stay");
        std::fs::write(path("a.json"), r#"[{"targets": ["a:1", "a:2", "a:3"]}]"#).unwrap();
        assert!(files.look(second).changed);
        assert_eq!(addresses(&files).len(), 4);

        std::fs::remove_file(path("a.json")).unwrap();
        assert!(files.look(second).changed);
        assert_eq!(addresses(&files), ["b:1"]);
    }
}
