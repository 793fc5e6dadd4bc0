//! `tsdb inspect`: any file of the store explained byte by byte.

use super::arguments::Given;
use super::streams::{DONE, FAILED, Streams};
use super::tsdb_verify::files;
use super::{inspect_frames, inspect_sealed};
use narthex_format::block::BlockMeta;
use narthex_format::header::FileKind;
use narthex_format::segment::{CHUNKS, SEGMENT};
use narthex_format::{catalog, index, tombstones, wal};
use std::io;
use std::path::Path;

/// Bytes of a part that are shown; of a longer one the first.
const SHOWN: usize = 16;
/// Items of a list that are shown.
pub(super) const ITEMS: usize = 8;

/// The lines of an explanation.
#[derive(Default)]
pub(super) struct Lines<'a> {
    file: &'a [u8],
    text: String,
    pub(super) faults: usize,
}

impl<'a> Lines<'a> {
    /// An explanation of a file.
    pub(super) fn of(file: &'a [u8]) -> Self {
        Self {
            file,
            ..Self::default()
        }
    }

    /// The file.
    pub(super) const fn file(&self) -> &'a [u8] {
        self.file
    }

    /// What the bytes of `from..to` mean.
    pub(super) fn part(&mut self, from: usize, to: usize, meaning: impl AsRef<str>) {
        let bytes = self.file.get(from..to).unwrap_or_default();
        let mut hex: String = bytes
            .iter()
            .take(SHOWN)
            .map(|byte| format!("{byte:02x} "))
            .collect();
        if bytes.len() > SHOWN {
            hex.push_str(&format!("… {} bytes", bytes.len()));
        }
        self.text.push_str(&format!(
            "{from:>10}  {:<48}  {}\n",
            hex.trim_end(),
            meaning.as_ref()
        ));
    }

    /// A line about what was said last.
    pub(super) fn note(&mut self, text: impl AsRef<str>) {
        self.text
            .push_str(&format!("{:>10}  {:<48}    {}\n", "", "", text.as_ref()));
    }

    /// The first of many items.
    pub(super) fn items(&mut self, items: impl ExactSizeIterator<Item = String>) {
        let count = items.len();
        items.take(ITEMS).for_each(|item| self.note(item));
        if count > ITEMS {
            self.note(format!("… {} more", count - ITEMS));
        }
    }

    /// Bytes that are wrong.
    pub(super) fn fault(&mut self, from: usize, to: usize, text: impl AsRef<str>) {
        self.faults += 1;
        self.part(from, to, format!("DAMAGED: {}", text.as_ref()));
    }
}

/// Runs the tool.
pub(super) fn run(given: &Given, streams: &mut Streams<'_>) -> io::Result<u8> {
    let mut code = DONE;
    for path in given.args().iter().flat_map(|path| files_of(path)) {
        let (path, asked_for) = path;
        let file = match std::fs::read(&path) {
            Ok(file) => file,
            Err(error) => {
                streams.complain(format!("{path}: {error}"));
                code = FAILED;
                continue;
            }
        };
        let mut lines = Lines::of(&file);
        let Some(what) = explain(&mut lines) else {
            // What lies beside the files of a block is nobody's question.
            if !asked_for {
                continue;
            }
            streams.complain(format!(
                "{path}: no file of the narthex format: its first bytes are those of none"
            ));
            code = FAILED;
            continue;
        };
        streams.say(format!("{path}: {what}, {} bytes", file.len()))?;
        streams.out.write_all(lines.text.as_bytes())?;
        if lines.faults > 0 {
            code = FAILED;
        }
    }
    Ok(code)
}

/// A file, which was asked for by name, or all that lie in a folder, which were not.
fn files_of(path: &str) -> Vec<(String, bool)> {
    if !Path::new(path).is_dir() {
        return vec![(path.to_owned(), true)];
    }
    let inside = files(Path::new(path));
    inside
        .iter()
        .map(|file| (file.display().to_string(), false))
        .collect()
}

/// Explains the file; what it is, if it is ours.
fn explain(lines: &mut Lines<'_>) -> Option<&'static str> {
    let file = lines.file();
    let is = |kind: &FileKind| file.starts_with(&kind.magic);
    for kind in [
        &wal::segment::KIND,
        &catalog::LOG,
        &catalog::SNAPSHOT,
        &tombstones::KIND,
    ] {
        if is(kind) {
            inspect_frames::explain(lines, kind);
            return Some(kind.what);
        }
    }
    for kind in [&SEGMENT, &CHUNKS, &index::KIND] {
        if is(kind) {
            inspect_sealed::explain(lines, kind);
            return Some(kind.what);
        }
    }
    if !file.starts_with(b"{") {
        return None;
    }
    match BlockMeta::decode(file) {
        Ok(meta) => {
            let mut at = 0;
            for line in file.split_inclusive(|byte| *byte == b'\n') {
                lines.part(at, at + line.len(), String::from_utf8_lossy(line).trim_end());
                at += line.len();
            }
            lines.note(format!("block {}, {} files", meta.ulid, meta.files.len()));
        }
        Err(error) => lines.fault(0, file.len(), error.to_string()),
    }
    Some("block meta.json")
}

/// The header that all files but meta.json begin with; its id.
pub(super) fn header(lines: &mut Lines<'_>, kind: &FileKind) -> u64 {
    let word = |from: usize, to: usize| {
        let bytes = lines.file().get(from..to).unwrap_or_default();
        bytes
            .iter()
            .rev()
            .fold(0_u64, |all, byte| all << 8 | u64::from(*byte))
    };
    let (version, flags) = (word(8, 10), word(10, 12));
    let (number, id, checksum) = (word(12, 20), word(20, 28), word(28, 32));
    lines.part(0, 8, format!("magic: {}", kind.what));
    lines.part(8, 10, format!("version {version}"));
    lines.part(10, 12, format!("flags {flags:#x}"));
    lines.part(12, 20, format!("number {number}"));
    lines.part(20, 28, format!("id {id:016x}"));
    match kind.decode(lines.file()) {
        Ok(_) => lines.part(28, 32, format!("checksum of the header {checksum:08x}: right")),
        Err(error) => lines.fault(28, 32, error.to_string()),
    }
    id
}
