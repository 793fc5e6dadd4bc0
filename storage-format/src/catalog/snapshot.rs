//! The catalog's snapshot: all series of a moment, in frames that are lost one by one if at all.
//! Layout: spec/catalog.md.

use crate::error::{Error, Result};
use crate::frame::{FRAME_HEADER_LENGTH, Frames, Lost, Step};
use crate::header::{FileHeader, FileKind};
use crate::series::SeriesTable;

use super::log::write_record;
use super::record::{Record, SnapshotEnd};

/// What opens every catalog snapshot; the header's number is the generation.
pub const SNAPSHOT: FileKind = FileKind {
    what: "catalog snapshot",
    magic: *b"NXCSNAP\n",
    version: 1,
};

/// Series in one frame: enough that shared strings are stored seldom, few enough to lose.
const FRAME_SERIES: usize = 4_096;

/// Writes a snapshot piece by piece.
#[derive(Debug)]
pub struct SnapshotWriter<'a> {
    header: FileHeader,
    offset: u64,
    series: u64,
    table: SeriesTable<'a>,
}

impl<'a> SnapshotWriter<'a> {
    /// Appends the header of the snapshot of `generation` to `out`; `id` is a random number.
    #[must_use]
    pub fn new(generation: u64, id: u64, out: &mut Vec<u8>) -> Self {
        let header = FileHeader {
            number: generation,
            id,
        };
        let bytes = SNAPSHOT.encode(header);
        out.extend_from_slice(&bytes);
        Self {
            header,
            offset: bytes.len() as u64,
            series: 0,
            table: SeriesTable::new(),
        }
    }

    /// Adds a series; now and then bytes are appended to `out`, which the caller may drain at any time.
    ///
    /// # Errors
    /// [`Error::Invalid`] if labels exceed what a frame holds.
    pub fn push(
        &mut self,
        id: u32,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        self.table.push(id, labels);
        self.series += 1;
        if self.table.len() < FRAME_SERIES {
            Ok(())
        } else {
            self.flush(out)
        }
    }

    /// Adds a list of series as a frame of its own.
    ///
    /// # Errors
    /// As [`SnapshotWriter::push`].
    pub fn push_table(&mut self, table: SeriesTable<'_>, out: &mut Vec<u8>) -> Result<()> {
        self.series += table.len() as u64;
        self.write(&Record::Added(table), out)
    }

    /// Appends what is left: `next_id` and `commit` as in [`SnapshotEnd`].
    ///
    /// # Errors
    /// As [`SnapshotWriter::push`].
    pub fn finish(mut self, next_id: u64, commit: u64, out: &mut Vec<u8>) -> Result<()> {
        if !self.table.is_empty() {
            self.flush(out)?;
        }
        let end = SnapshotEnd {
            series: self.series,
            next_id,
            commit,
        };
        self.write(&Record::End(end), out)
    }

    fn flush(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let table = std::mem::take(&mut self.table);
        self.write(&Record::Added(table), out)
    }

    fn write(&mut self, record: &Record<'_>, out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        write_record(out, self.header.id, self.offset, record)?;
        self.offset += (out.len() - start) as u64;
        Ok(())
    }
}

/// What was found in a snapshot beside its series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotSummary {
    /// What is wrong with the header, if anything: the file name had to serve in its place.
    pub header: Option<Error>,
    /// Series handed out.
    pub series: u64,
    /// The last record; `None` if it is missing.
    pub end: Option<SnapshotEnd>,
    /// Ranges that could not be read.
    pub lost: Vec<Lost>,
}

impl SnapshotSummary {
    /// Whether nothing is missing.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.header.is_none() && self.lost.is_empty() && self.end.is_some_and(|end| end.series == self.series)
    }
}

/// Hands every list of series in the snapshot `file` to `each`; `id` is that of its name. Damage is stepped
/// over and told.
///
/// # Errors
/// [`Error::Unsupported`] for a file or a record of a newer version. Whether the rest is worth using is the caller's choice: see [`SnapshotSummary::is_complete`].
pub fn read_snapshot<'a>(
    file: &'a [u8],
    id: u64,
    mut each: impl FnMut(SeriesTable<'a>),
) -> Result<SnapshotSummary> {
    let header = match SNAPSHOT.decode(file) {
        Ok(header) if header.id == id => None,
        Ok(header) => Some(Error::corrupt(SNAPSHOT.what, 0, id, header.id)),
        Err(error @ Error::Unsupported { .. }) => return Err(error),
        Err(error) => Some(error),
    };
    let mut summary = SnapshotSummary {
        header,
        series: 0,
        end: None,
        lost: Vec::new(),
    };
    for step in Frames::new(file, id) {
        let (offset, payload) = match step {
            Step::Frame { offset, payload } => (offset, payload),
            Step::Lost(lost) => {
                summary.lost.push(lost);
                continue;
            }
        };
        match Record::decode(payload) {
            Ok(Record::Added(series)) => {
                summary.series += series.len() as u64;
                each(series);
            }
            Ok(Record::End(end)) => summary.end = Some(end),
            Ok(Record::Removed(_)) => {}
            Err(error @ Error::Unsupported { .. }) => {
                return Err(error.at(offset + FRAME_HEADER_LENGTH as u64));
            }
            Err(error) => {
                let length = payload.len() as u64;
                summary.lost.push(Lost {
                    offset,
                    length,
                    at_end: false,
                    error,
                });
            }
        }
    }
    Ok(summary)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(names: &[String]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut writer = SnapshotWriter::new(3, 77, &mut out);
        for (id, name) in names.iter().enumerate() {
            writer
                .push(
                    id as u32,
                    [("__name__", name.as_str()), ("job", "node")],
                    &mut out,
                )
                .unwrap();
        }
        writer.finish(names.len() as u64, 9, &mut out).unwrap();
        out
    }

    #[test]
    fn all_series_come_back() {
        let names: Vec<_> = (0..10_000).map(|i| format!("metric_{i}")).collect();
        let file = snapshot(&names);
        let mut read = Vec::new();
        let summary = read_snapshot(&file, 77, |table| {
            read.extend(
                table
                    .iter()
                    .map(|(_, mut labels)| labels.next().unwrap().1.to_owned()),
            );
        });
        let summary = summary.unwrap();
        assert!(summary.is_complete());
        assert_eq!(
            summary.end,
            Some(SnapshotEnd {
                series: 10_000,
                next_id: 10_000,
                commit: 9
            })
        );
        assert_eq!(read, names);
    }

    #[test]
    fn damage_costs_one_frame_and_is_told() {
        let names: Vec<_> = (0..10_000).map(|i| format!("metric_{i}")).collect();
        let mut file = snapshot(&names);
        let middle = file.len() / 2;
        file[middle] ^= 1;
        let summary = read_snapshot(&file, 77, |_| {}).unwrap();
        assert_eq!(summary.series, 10_000 - FRAME_SERIES as u64);
        assert_eq!(summary.lost.len(), 1);
        assert!(!summary.is_complete());
        file[9] ^= 1;
        assert_eq!(read_snapshot(&file, 77, |_| {}).unwrap().series, summary.series);
        file.truncate(middle);
        assert!(!read_snapshot(&file, 77, |_| {}).unwrap().is_complete());
    }
}
