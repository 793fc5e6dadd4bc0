//! `tsdb verify`: every checksum of a store, and file and offset of what is damaged.

use super::arguments::Given;
use super::progress::Progress;
use super::store::root;
use super::streams::{DONE, FAILED, Streams};
use narthex_format::block::BlockMeta;
use narthex_format::cursor::Cursor;
use narthex_format::frame::{FRAME_HEADER_LENGTH, Frames, Step};
use narthex_format::header::FileKind;
use narthex_format::segment::{CHUNKS, ChunksFile, SEGMENT};
use narthex_format::{Error, catalog, filenames, index, tombstones, wal};
use std::io;
use std::path::{Path, PathBuf};

/// What checking found so far.
#[derive(Default)]
struct Found {
    files: u64,
    bytes: u64,
    damage: u64,
}

/// Runs the tool.
pub(super) fn run(given: &Given, streams: &mut Streams<'_>) -> io::Result<u8> {
    let root = match root(given.directory(0)) {
        Ok(root) => root,
        Err(fault) => {
            streams.complain(fault);
            return Ok(FAILED);
        }
    };
    let paths = files(&root);
    let length = |path: &PathBuf| std::fs::metadata(path).map_or(0, |m| m.len());
    let mut progress = Progress::new("bytes", paths.iter().map(length).sum());
    let newest = newest_log(&paths);
    let mut found = Found::default();
    for path in &paths {
        let file = match std::fs::read(path) {
            Ok(file) => file,
            // A running server has removed it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                found.damage += 1;
                streams.complain(format!("{}: {error}", path.display()));
                continue;
            }
        };
        found.files += 1;
        found.bytes += file.len() as u64;
        progress.step(file.len() as u64);
        let torn_end = (newest == Some(path)).then(|| torn_end(&file)).flatten();
        if let Some(offset) = torn_end {
            streams.say(format!(
                "{}: an unfinished record at byte {offset}: being written, or cut off by a crash; it was never acknowledged",
                path.display()
            ))?;
        }
        let sound = torn_end.and_then(|offset| file.get(..offset)).unwrap_or(&file);
        for fault in damage_of(path, sound, Depth::Everything) {
            found.damage += 1;
            streams.say(format!("{}: {fault}", path.display()))?;
        }
    }
    drop(progress);
    let Found { files, bytes, damage } = found;
    let verdict = if damage == 0 {
        "sound".to_owned()
    } else {
        format!("{damage} damaged places")
    };
    streams.say(format!("{files} files, {bytes} bytes: {verdict}"))?;
    Ok(if damage == 0 { DONE } else { FAILED })
}

/// How much of a store is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Everything but samples in sealed files: what opening a store looks at, which does not take long.
    AllButSamples,
    Everything,
}

/// The log's newest file: it may end in what is being written, or what a crash cut off.
pub(super) fn newest_log(paths: &[PathBuf]) -> Option<&PathBuf> {
    paths
        .iter()
        .rfind(|path| filenames::parse_wal_segment(&name(path)).is_some())
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// All files below a folder, by path.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
    {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files(&entry.path())),
            _ => found.push(entry.path()),
        }
    }
    found.sort();
    found
}

/// Where the last record of a log begins if it is not whole.
pub(super) fn torn_end(file: &[u8]) -> Option<usize> {
    let header = wal::segment::KIND.decode(file).ok()?;
    let last = Frames::new(file, header.id).last()?;
    match last {
        Step::Lost(lost) if lost.at_end => usize::try_from(lost.offset).ok(),
        _ => None,
    }
}

/// Everything that is wrong with a file, by its name and content: offset, what was expected, what was found.
pub(super) fn damage_of(path: &Path, file: &[u8], depth: Depth) -> Vec<String> {
    let name = name(path);
    let name = name
        .strip_suffix(filenames::COPY_SUFFIX)
        .map_or_else(|| name.clone(), str::to_owned);
    let text = |result: Result<(), Error>| result.err().map(|e| e.to_string()).into_iter().collect();
    let chunks = |kind| {
        let opened = ChunksFile::open(file, kind);
        match depth {
            Depth::AllButSamples => opened.map(drop),
            Depth::Everything => opened.and_then(|f| f.verify()),
        }
    };
    if let Some(named) = filenames::parse_wal_segment(&name).or_else(|| filenames::parse_wal_kept(&name)) {
        return frames(file, &wal::segment::KIND, Some(named), |payload| {
            wal::Record::decode(payload).map(drop)
        });
    }
    if let Some(named) = filenames::parse_catalog_log(&name) {
        return frames(file, &catalog::LOG, Some(named), catalog_record);
    }
    if let Some(named) = filenames::parse_catalog_snapshot(&name) {
        let mut found = frames(file, &catalog::SNAPSHOT, Some(named), catalog_record);
        let complete = catalog::read_snapshot(file, named.1, |_| {}).is_ok_and(|s| s.is_complete());
        if found.is_empty() && !complete {
            found.push("the snapshot is not complete: its end is missing".to_owned());
        }
        return found;
    }
    if filenames::parse_head_tombstones(&name).is_some() || name == filenames::BLOCK_TOMBSTONES {
        return frames(file, &tombstones::KIND, None, |payload| {
            tombstones::decode_frame(payload).map(drop)
        });
    }
    if filenames::parse_head_segment(&name).is_some() {
        return text(chunks(&SEGMENT));
    }
    match name.as_str() {
        filenames::BLOCK_CHUNKS => text(chunks(&CHUNKS)),
        filenames::BLOCK_INDEX => text(index::Index::open(file).and_then(|f| f.verify())),
        filenames::BLOCK_META => match BlockMeta::decode(file) {
            Ok(meta) => lengths(path, &meta),
            Err(error) => vec![error.to_string()],
        },
        _ if filenames::parse_cursor(&name).is_some() => text(Cursor::decode(file).map(drop)),
        _ => Vec::new(),
    }
}

fn catalog_record(payload: &[u8]) -> Result<(), Error> {
    catalog::Record::decode(payload).map(drop)
}

/// Whether the files of a block are there with their lengths.
fn lengths(path: &Path, meta: &BlockMeta) -> Vec<String> {
    let fault = |file: &narthex_format::block::BlockFile| {
        let found = std::fs::metadata(path.with_file_name(&file.name))
            .map(|m| m.len())
            .ok();
        let shown = found.map_or("no file".to_owned(), |bytes| format!("{bytes} bytes"));
        (found != Some(file.bytes))
            .then(|| format!("{}: {} bytes expected, {shown} found", file.name, file.bytes))
    };
    meta.files.iter().filter_map(fault).collect()
}

fn frames(
    file: &[u8],
    kind: &FileKind,
    named: Option<(u64, u64)>,
    decode: impl Fn(&[u8]) -> Result<(), Error>,
) -> Vec<String> {
    let mut found = Vec::new();
    let id = match kind.decode(file) {
        Ok(header) => {
            if named.is_some_and(|named| named != (header.number, header.id)) {
                found.push(format!(
                    "{} is corrupt at byte 12: its name and its header do not agree",
                    kind.what
                ));
            }
            header.id
        }
        Err(error) => {
            found.push(error.to_string());
            named.map_or(0, |(_, id)| id)
        }
    };
    for step in Frames::new(file, id) {
        match step {
            Step::Frame { offset, payload } => {
                if let Err(error) = decode(payload) {
                    found.push(error.at(offset + FRAME_HEADER_LENGTH as u64).to_string());
                }
            }
            Step::Lost(lost) => found.push(format!("{} ({} bytes lost)", lost.error, lost.length)),
        }
    }
    found
}
