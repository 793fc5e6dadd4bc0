//! Files made of frames, explained: logs, catalogs, tombstones.

use super::inspect::{Lines, header};
use narthex_format::bytes::Reader;
use narthex_format::frame::{FRAME_HEADER_LENGTH, Frames, Step};
use narthex_format::header::{FileKind, LENGTH};
use narthex_format::wal::{Batch, Record};
use narthex_format::{Error, SeriesTable, catalog, tombstones, wal};

/// Explains a file of the kind.
pub(super) fn explain(lines: &mut Lines<'_>, kind: &FileKind) {
    let file = lines.file();
    let id = header(lines, kind);
    let mut end = LENGTH;
    for step in Frames::new(file, id) {
        match step {
            Step::Frame { offset, payload } => {
                let at = offset as usize;
                frame_header(lines, at);
                let start = at + FRAME_HEADER_LENGTH;
                end = start + payload.len();
                if let Err(error) = explain_payload(lines, kind, payload, start) {
                    lines.fault(start, end, error.at(start as u64).to_string());
                }
            }
            Step::Lost(lost) => {
                let at = lost.offset as usize;
                end = at + lost.length as usize;
                let what = if lost.at_end {
                    " (to the end of the file)"
                } else {
                    ""
                };
                lines.fault(at, end, format!("{}{what}", lost.error));
            }
        }
    }
    if end < file.len() {
        lines.part(end, file.len(), "zeros set aside for what comes");
    }
}

fn frame_header(lines: &mut Lines<'_>, at: usize) {
    let bytes = lines.file().get(at..).unwrap_or_default();
    let mut reader = Reader::new(bytes, "frame");
    let mut word = || reader.u32().unwrap_or_default();
    let (_, length, payload, own) = (word(), word(), word(), word());
    lines.part(at, at + 4, "frame marker");
    lines.part(at + 4, at + 8, format!("payload of {length} bytes"));
    lines.part(
        at + 8,
        at + 12,
        format!("checksum of the payload {payload:08x}: right"),
    );
    lines.part(
        at + 12,
        at + 16,
        format!("checksum of this frame's header {own:08x}: right"),
    );
}

fn explain_payload(lines: &mut Lines<'_>, kind: &FileKind, payload: &[u8], at: usize) -> Result<(), Error> {
    if kind.magic == wal::segment::KIND.magic {
        return log_record(lines, payload, at);
    }
    if kind.magic == tombstones::KIND.magic {
        lines.part(at, at + payload.len(), "tombstones");
        let ranges = tombstones::decode_frame(payload)?;
        if ranges.is_empty() {
            lines.items(["end of a copy".to_owned()].into_iter());
        }
        lines.items(
            ranges
                .iter()
                .map(|t| format!("series {} deleted from {} to {}", t.id, t.from, t.to)),
        );
        return Ok(());
    }
    let record = catalog::Record::decode(payload)?;
    let end = at + payload.len();
    match record {
        catalog::Record::Added(table) => {
            lines.part(at, at + 1, "catalog record: series that came");
            lines.part(at + 1, end, format!("{} series", table.len()));
            series(lines, &table);
        }
        catalog::Record::Removed(ids) => {
            lines.part(at, at + 1, "catalog record: series that went");
            lines.part(at + 1, end, format!("{} ids", ids.len()));
            lines.items(ids.iter().map(|id| format!("series {id}")));
        }
        catalog::Record::End(found) => {
            lines.part(at, at + 1, "catalog record: the end of a snapshot");
            let text = format!(
                "{} series, next id {}, commit {}",
                found.series, found.next_id, found.commit
            );
            lines.part(at + 1, end, text);
        }
    }
    Ok(())
}

fn series(lines: &mut Lines<'_>, table: &SeriesTable<'_>) {
    lines.items(table.iter().map(|(id, labels)| {
        let labels: Vec<String> = labels.map(|(name, value)| format!("{name}={value:?}")).collect();
        format!("series {id}: {{{}}}", labels.join(", "))
    }));
}

fn log_record(lines: &mut Lines<'_>, payload: &[u8], at: usize) -> Result<(), Error> {
    let Record::Batch(batch) = Record::decode(payload)?;
    let mut reader = Reader::new(payload, "log record");
    let mut from = at;
    let mut next = |lines: &mut Lines<'_>, reader: &Reader<'_>, text: String| {
        let to = at + reader.offset() as usize;
        lines.part(from, to, text);
        from = to;
    };
    reader.u8()?;
    next(lines, &reader, "log record: a batch".to_owned());
    reader.varint()?;
    next(lines, &reader, format!("commit {}", batch.commit));
    reader.varint()?;
    let group = batch
        .group
        .map_or("no group".to_owned(), |group| format!("group {group}"));
    next(lines, &reader, group);
    reader.signed()?;
    next(lines, &reader, format!("time {} (Unix ms)", batch.time));
    while !reader.is_empty() {
        let section = reader.u8()?;
        next(
            lines,
            &reader,
            format!("section {section}: {}", section_name(section)),
        );
        let length = reader.u32()?;
        next(lines, &reader, format!("of {length} bytes"));
        reader.take(length as usize)?;
        next(lines, &reader, count(&batch, section));
        contents(lines, &batch, section);
    }
    Ok(())
}

const fn section_name(section: u8) -> &'static str {
    match section {
        1 => "new series",
        2 => "floats",
        3 => "integer histograms",
        4 => "float histograms",
        5 => "exemplars",
        6 => "metadata",
        7 => "tombstones",
        _ => "unknown",
    }
}

fn count(batch: &Batch<'_>, section: u8) -> String {
    let count = match section {
        1 => batch.series.len(),
        2 => batch.floats.len(),
        3 => batch.histograms.len(),
        4 => batch.float_histograms.len(),
        5 => batch.exemplars.len(),
        6 => batch.metadata.len(),
        _ => batch.tombstones.len(),
    };
    format!("{count} items")
}

fn contents(lines: &mut Lines<'_>, batch: &Batch<'_>, section: u8) {
    match section {
        1 => series(lines, &batch.series),
        2 => lines.items(
            batch
                .floats
                .iter()
                .map(|s| format!("series {} at {}: {}", s.id, s.time, s.value)),
        ),
        3 => lines.items(
            batch
                .histograms
                .iter()
                .map(|s| format!("series {} at {}", s.id, s.time)),
        ),
        4 => lines.items(
            batch
                .float_histograms
                .iter()
                .map(|s| format!("series {} at {}", s.id, s.time)),
        ),
        5 => lines.items(batch.exemplars.iter().map(|e| format!("{e:?}"))),
        6 => lines.items(batch.metadata.iter().map(|m| format!("{m:?}"))),
        _ => lines.items(batch.tombstones.iter().map(|t| format!("{t:?}"))),
    }
}
