//! Sealed files explained: segments, chunks and indexes, section by section.

use super::inspect::{ITEMS, Lines, header};
use narthex_format::Error;
use narthex_format::bytes::Reader;
use narthex_format::chunk::times::TimeDecoder;
use narthex_format::header::{FileKind, LENGTH};
use narthex_format::index::{self, Index};
use narthex_format::sections::{ENTRY_LENGTH, Sections, TRAILER_LENGTH};
use narthex_format::segment::ChunksFile;

/// One entry of the footer.
struct Entry {
    kind: u32,
    checksum: u32,
    offset: usize,
    length: usize,
}

/// Explains a file of the kind.
pub(super) fn explain(lines: &mut Lines<'_>, kind: &FileKind) {
    let file = lines.file();
    header(lines, kind);
    let sections = match Sections::open(file, kind) {
        Ok(sections) => sections,
        Err(error) => {
            lines.fault(LENGTH, file.len(), error.to_string());
            return;
        }
    };
    let trailer = file.len().saturating_sub(TRAILER_LENGTH);
    let entries = entries(file, trailer).unwrap_or_default();
    let is_index = kind.magic == index::KIND.magic;
    for entry in &entries {
        let (from, to) = (entry.offset, entry.offset + entry.length);
        let name = section_name(is_index, entry.kind);
        match sections.verified(entry.kind) {
            Ok(_) => lines.part(from, to, format!("section {}: {name}", entry.kind)),
            Err(error) => lines.fault(from, to, format!("section {}: {name}: {error}", entry.kind)),
        }
        let told = if is_index {
            index_section(lines, entry.kind)
        } else {
            chunk_section(lines, kind, entry.kind)
        };
        if let Err(error) = told {
            lines.note(format!("cannot be read: {error}"));
        }
    }
    let mut at = trailer.saturating_sub(entries.len() * ENTRY_LENGTH);
    for entry in &entries {
        let name = section_name(is_index, entry.kind);
        lines.part(at, at + 4, format!("footer: section {}, {name}", entry.kind));
        lines.part(at + 4, at + 8, format!("its checksum {:08x}", entry.checksum));
        lines.part(at + 8, at + 16, format!("it begins at byte {}", entry.offset));
        lines.part(at + 16, at + 24, format!("it has {} bytes", entry.length));
        at += ENTRY_LENGTH;
    }
    lines.part(trailer, trailer + 4, format!("{} sections", entries.len()));
    lines.part(trailer + 4, trailer + 8, "checksum of the footer: right");
    lines.part(trailer + 8, trailer + 16, format!("{} bytes in all", file.len()));
    lines.part(trailer + 16, trailer + 24, "end magic");
}

fn entries(file: &[u8], trailer: usize) -> Result<Vec<Entry>, Error> {
    let count = Reader::new(file.get(trailer..).unwrap_or_default(), "file footer").u32()? as usize;
    let start = trailer.saturating_sub(count * ENTRY_LENGTH);
    let mut reader = Reader::new(file.get(start..trailer).unwrap_or_default(), "file footer");
    let mut found = Vec::new();
    while !reader.is_empty() {
        found.push(Entry {
            kind: reader.u32()?,
            checksum: reader.u32()?,
            offset: reader.u64()? as usize,
            length: reader.u64()? as usize,
        });
    }
    Ok(found)
}

const fn section_name(is_index: bool, kind: u32) -> &'static str {
    match (is_index, kind) {
        (false, 1) => "groups of chunks, compressed",
        (false, 2) => "group table",
        (false, 3) => "columns of times",
        (false, 4) => "plans, the shapes of chunks",
        (false, 5 | 9) => "directory, series ids to chunks",
        (false, 6) => "exemplars",
        (false, 7) => "metadata",
        (_, 8) => "summary",
        (true, 1) => "label names",
        (true, 2) => "label values",
        (true, 3) => "postings, series per label value",
        (true, 4) => "shapes, sets of label names",
        (true, 5) => "series",
        (true, 6) => "summary",
        _ => "unknown",
    }
}

fn chunk_section(lines: &mut Lines<'_>, kind: &FileKind, section: u32) -> Result<(), Error> {
    let file = ChunksFile::open(lines.file(), kind)?;
    match section {
        1 | 2 => {
            let groups = file.groups();
            for number in 0..groups.len().min(ITEMS) {
                let group = groups.group(number)?;
                let (from, to) = (group.position, group.position + group.length as u64);
                lines.note(format!("group {number}: uncompressed bytes {from} to {to}"));
            }
            more(lines, groups.len());
        }
        3 => {
            let columns = file.columns();
            let mut times = Vec::new();
            for number in 0..columns.len().min(ITEMS) {
                times.clear();
                columns.read(number as u32, &mut TimeDecoder::default(), &mut times)?;
                let (first, last) = (times.first(), times.last());
                let (first, last) = (first.copied().unwrap_or(0), last.copied().unwrap_or(0));
                lines.note(format!(
                    "column {number}: {} times, {first} to {last}",
                    times.len()
                ));
            }
            more(lines, columns.len());
        }
        4 => {
            let plans = file.plans();
            for number in 0..plans.len().min(ITEMS) {
                for shape in plans.get(number as u32)? {
                    lines.note(format!(
                        "plan {number}: {:?}, {} samples, times {:?}",
                        shape.kind, shape.count, shape.times
                    ));
                }
            }
            more(lines, plans.len());
        }
        6 => lines.items(file.exemplars()?.iter().map(|exemplar| format!("{exemplar:?}"))),
        7 => lines.items(file.metadata()?.iter().map(|metadata| format!("{metadata:?}"))),
        8 => {
            let s = file.summary();
            lines.note(format!("times {} to {} (Unix ms)", s.time_min, s.time_max));
            lines.note(format!(
                "{} series, {} chunks, {} samples",
                s.series, s.chunks, s.samples
            ));
            lines.note(format!(
                "holds commits up to {}; a restart reads log segment {} from byte {} on",
                s.commit, s.log_segment, s.log_offset
            ));
        }
        _ => lines.note(format!("{} series", file.summary().series)),
    }
    Ok(())
}

fn more(lines: &mut Lines<'_>, count: usize) {
    if count > ITEMS {
        lines.note(format!("… {} more", count - ITEMS));
    }
}

fn index_section(lines: &mut Lines<'_>, section: u32) -> Result<(), Error> {
    let index = Index::open(lines.file())?;
    let names = index.names();
    match section {
        1..=3 => {
            for at in 0..names.len().min(ITEMS) {
                let (name, values) = (names.get(at)?, index.values(at)?);
                let mut text = format!("{name}: {} values", values.len());
                if section == 3 && !values.is_empty() {
                    text = format!(
                        "{name}={:?}: {} series",
                        values.get(0)?,
                        index.postings_count(at, 0)?
                    );
                }
                lines.note(text);
            }
            more(lines, names.len());
        }
        5 => {
            let count = index.series_count() as usize;
            for number in 0..count.min(ITEMS) {
                let entry = index.series(number as u32)?;
                let labels = index.labels(&entry)?;
                let labels: Vec<String> = labels.iter().map(|(n, v)| format!("{n}={v:?}")).collect();
                lines.note(format!("series {number}: {{{}}}", labels.join(", ")));
            }
            more(lines, count);
        }
        _ => lines.note(format!("{} series", index.series_count())),
    }
    Ok(())
}
