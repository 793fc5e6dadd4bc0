//! A disk that fails on purpose: it crashes at any operation, fills up, refuses to sync, and shows what a crash leaves.
//!
//! Every operation that changes something has a number. After a crash all further operations fail, and an image gives
//! the disk that the next process would find.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Disk, DiskEntry, DiskFile, DiskLock, Mapped, MemoryDisk, key};

/// A disk that fails on purpose; clones share it.
#[derive(Debug, Clone, Default)]
pub struct FaultyDisk {
    state: Arc<Mutex<State>>,
}

/// What a power loss leaves of what was not synced, drawn from a seed.
#[derive(Debug, Clone, Copy)]
pub struct PowerLoss {
    /// Equal seeds leave equal images.
    pub seed: u64,
}

#[derive(Debug, Default)]
struct State {
    dirs: BTreeSet<PathBuf>,
    files: BTreeMap<PathBuf, Content>,
    /// Names as they would survive a power loss.
    durable_names: BTreeMap<PathBuf, Content>,
    /// Renames of folders that a power loss could undo.
    renamed_dirs: Vec<(PathBuf, PathBuf)>,
    operations: u64,
    crash_at: Option<u64>,
    crashed: bool,
    full: bool,
    failing_syncs: u32,
    peak_bytes: u64,
}

type Content = Arc<Mutex<Bytes>>;

#[derive(Debug, Default)]
struct Bytes {
    now: Vec<u8>,
    durable: Vec<u8>,
    /// What a failed sync dropped: a later sync does not write it.
    lost: Vec<Range<usize>>,
}

fn crashed() -> io::Error {
    io::Error::other("the disk has crashed")
}

fn missing(path: &Path) -> io::Error {
    io::Error::new(
        io::ErrorKind::NotFound,
        format!("{} does not exist", path.display()),
    )
}

impl State {
    /// Counts an operation: `Ok(true)` if it is the one that the crash interrupts.
    fn operate(&mut self) -> io::Result<bool> {
        if self.crashed {
            return Err(crashed());
        }
        let number = self.operations;
        self.operations += 1;
        self.crashed = self.crash_at == Some(number);
        Ok(self.crashed)
    }

    /// Counts an operation that a crash either prevents or lets happen.
    fn change(&mut self) -> io::Result<()> {
        if self.operate()? { Err(crashed()) } else { Ok(()) }
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if self.crashed {
            return Err(crashed());
        }
        let content = self.files.get(&key(path)).ok_or_else(|| missing(path))?;
        Ok(content.lock().now.clone())
    }
}

impl FaultyDisk {
    /// A sound disk without files.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many operations have changed something so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state.lock().operations
    }

    /// Crashes in the operation of this number: a write is torn, anything else does not happen.
    pub fn crash_at(&self, operation: u64) {
        self.state.lock().crash_at = Some(operation);
    }

    /// Whether writes fail because no space is left; half of a write still fits.
    pub fn set_full(&self, full: bool) {
        self.state.lock().full = full;
    }

    /// The most bytes that all files had together so far.
    #[must_use]
    pub fn peak_bytes(&self) -> u64 {
        self.state.lock().peak_bytes
    }

    /// Lets the next `count` syncs of files fail; what they should have written is lost on a power loss.
    pub fn fail_syncs(&self, count: u32) {
        self.state.lock().failing_syncs = count;
    }

    /// The disk after the process was killed: everything that was written is there.
    #[must_use]
    pub fn after_kill(&self) -> MemoryDisk {
        let state = self.state.lock();
        let files = state
            .files
            .iter()
            .map(|(path, content)| (path.clone(), content.lock().now.clone()));
        MemoryDisk::with_files(state.dirs.clone(), files)
    }

    /// The disk after the power was lost: synced content under synced names is there, everything else is there, or
    /// not, or in part.
    #[must_use]
    pub fn after_power_loss(&self, loss: PowerLoss) -> MemoryDisk {
        let state = self.state.lock();
        let mut draw = Draw(loss.seed | 1);
        let mut names = state.durable_names.clone();
        for path in state.files.keys().chain(state.durable_names.keys()) {
            let (now, durable) = (state.files.get(path), state.durable_names.get(path));
            let same = now.zip(durable).is_some_and(|(a, b)| Arc::ptr_eq(a, b));
            if !same && draw.below(2) == 0 {
                match now {
                    Some(content) => names.insert(path.clone(), Arc::clone(content)),
                    None => names.remove(path),
                };
            }
        }
        let files = names
            .iter()
            .map(|(path, content)| (path.clone(), draw.remains(&content.lock())));
        let files: Vec<_> = files.collect();
        MemoryDisk::with_files(state.dirs.clone(), files)
    }
}

/// Gives what lies in a folder the names it has after the folder was renamed.
fn move_names(names: &mut BTreeMap<PathBuf, Content>, from: &Path, to: &Path) {
    for (path, content) in std::mem::take(names) {
        let path = path.strip_prefix(from).map(|rest| to.join(rest)).unwrap_or(path);
        names.insert(path, content);
    }
}

/// A small generator of numbers that look random.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end.max(1)
    }

    fn remains(&mut self, bytes: &Bytes) -> Vec<u8> {
        let mut left = bytes.durable.clone();
        let grown = bytes.now.len().saturating_sub(left.len());
        if grown == 0 || !bytes.now.starts_with(&left) {
            return left;
        }
        let tail = &bytes.now[left.len()..];
        match self.below(4) {
            0 => {}
            1 => left.extend_from_slice(tail),
            2 => left.extend_from_slice(&tail[..self.below(grown as u64) as usize]),
            // The length was written, some of the pages were not.
            _ => left.extend(tail.chunks(512).flat_map(|page| {
                let written = self.below(2) == 0;
                page.iter().map(move |b| if written { *b } else { 0 })
            })),
        }
        left
    }
}

#[derive(Debug)]
struct FaultyFile {
    content: Content,
    state: Arc<Mutex<State>>,
}

impl DiskFile for FaultyFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state.lock();
        let torn = state.operate()?;
        let mut content = self.content.lock();
        if torn || state.full {
            content.now.extend_from_slice(&bytes[..bytes.len() / 2]);
            return Err(if torn {
                crashed()
            } else {
                io::ErrorKind::StorageFull.into()
            });
        }
        content.now.extend_from_slice(bytes);
        drop(content);
        let all: usize = state.files.values().map(|content| content.lock().now.len()).sum();
        state.peak_bytes = state.peak_bytes.max(all as u64);
        Ok(())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.state.lock().change()?;
        let mut content = self.content.lock();
        content.now.truncate(len as usize);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        state.change()?;
        let mut content = self.content.lock();
        if state.failing_syncs > 0 {
            state.failing_syncs -= 1;
            let lost = content.durable.len()..content.now.len();
            content.lost.push(lost);
            return Err(io::Error::other("the disk refuses to sync"));
        }
        let mut durable = content.now.clone();
        for range in &content.lost {
            let end = range.end.min(durable.len());
            durable[range.start.min(end)..end].fill(0);
        }
        content.durable = durable;
        Ok(())
    }
}

#[derive(Debug)]
struct NoLock;

impl DiskLock for NoLock {}

impl Disk for FaultyDisk {
    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.change()?;
        state.dirs.extend(key(path).ancestors().map(Path::to_owned));
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DiskEntry>> {
        if self.state.lock().crashed {
            return Err(crashed());
        }
        self.after_kill().list(path)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state.lock();
        if state.files.contains_key(&key(path)) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.change()?;
        let content = Content::default();
        state.files.insert(key(path), Arc::clone(&content));
        Ok(Arc::new(FaultyFile {
            content,
            state: Arc::clone(&self.state),
        }))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.state.lock().read(path)
    }

    fn map(&self, path: &Path) -> io::Result<Mapped> {
        Ok(Arc::new(self.read(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.change()?;
        let (from, to) = (key(from), key(to));
        if let Some(content) = state.files.remove(&from) {
            state.files.insert(to, content);
            return Ok(());
        }
        if !state.dirs.contains(&from) {
            return Err(missing(&from));
        }
        let moved = |path: &PathBuf| path.strip_prefix(&from).map(|rest| key(&to.join(rest)));
        state.dirs = state
            .dirs
            .iter()
            .map(|p| moved(p).unwrap_or_else(|_| p.clone()))
            .collect();
        move_names(&mut state.files, &from, &to);
        state.renamed_dirs.push((from, to));
        Ok(())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.change()?;
        let content = state
            .files
            .get(&key(from))
            .cloned()
            .ok_or_else(|| missing(from))?;
        state.files.insert(key(to), content);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.change()?;
        state
            .files
            .remove(&key(path))
            .map(drop)
            .ok_or_else(|| missing(path))
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.change()?;
        let path = key(path);
        state.dirs.retain(|p| !p.starts_with(&path));
        state.files.retain(|p, _| !p.starts_with(&path));
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.change()?;
        let path = key(path);
        let inside = |p: &PathBuf| p.parent() == Some(&path);
        let State {
            files,
            durable_names,
            renamed_dirs,
            ..
        } = &mut *state;
        for (from, to) in renamed_dirs.iter().filter(|(_, to)| inside(to)) {
            move_names(durable_names, from, to);
        }
        renamed_dirs.retain(|(_, to)| !inside(to));
        durable_names.retain(|p, _| !inside(p));
        let names = files.iter().filter(|(p, _)| inside(p));
        durable_names.extend(names.map(|(p, content)| (p.clone(), Arc::clone(content))));
        Ok(())
    }

    fn lock(&self, _: &Path) -> io::Result<Box<dyn DiskLock>> {
        if self.state.lock().crashed {
            Err(crashed())
        } else {
            Ok(Box::new(NoLock))
        }
    }
}
