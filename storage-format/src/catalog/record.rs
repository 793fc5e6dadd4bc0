//! Records of the catalog: series that came and series that went. Layout: spec/catalog.md.

use crate::bytes::Reader;
use crate::error::{Error, Result};
use crate::series::SeriesTable;
use crate::varint;

const ADDED: u8 = 1;
const REMOVED: u8 = 2;
const END: u8 = 3;

/// One entry of a catalog log or snapshot.
#[derive(Debug, Clone, PartialEq)]
pub enum Record<'a> {
    /// Series that exist from here on.
    Added(SeriesTable<'a>),
    /// Ids of series that exist no longer.
    Removed(Vec<u32>),
    /// The last record of a snapshot.
    End(SnapshotEnd),
}

/// What closes a snapshot: without it, or with another count, something of it was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotEnd {
    /// How many series the snapshot holds.
    pub series: u64,
    /// The lowest id that was never given to a series.
    pub next_id: u64,
    /// The last commit whose series are in the snapshot.
    pub commit: u64,
}

impl<'a> Record<'a> {
    /// Appends the record.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Added(series) => {
                out.push(ADDED);
                series.encode(out);
            }
            Self::Removed(ids) => {
                out.push(REMOVED);
                varint::put(out, ids.len() as u64);
                let mut next = 0_i64;
                for id in ids {
                    varint::put_signed(out, i64::from(*id) - next);
                    next = i64::from(*id) + 1;
                }
            }
            Self::End(end) => {
                out.push(END);
                for number in [end.series, end.next_id, end.commit] {
                    varint::put(out, number);
                }
            }
        }
    }

    /// Reads the payload of a frame; strings stay in it.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a kind that a newer version wrote, [`Error::Corrupt`] or
    /// [`Error::Truncated`] where the bytes do not hold a record.
    pub fn decode(payload: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(payload, "catalog record");
        let record = match reader.u8()? {
            ADDED => Self::Added(SeriesTable::decode(&mut reader)?),
            REMOVED => Self::Removed(decode_ids(&mut reader)?),
            END => Self::End(SnapshotEnd {
                series: reader.varint()?,
                next_id: reader.varint()?,
                commit: reader.varint()?,
            }),
            kind => {
                return Err(
                    Reader::new(payload, "catalog record").unsupported(u64::from(END), u64::from(kind))
                );
            }
        };
        reader.finish()?;
        Ok(record)
    }
}

fn decode_ids(reader: &mut Reader<'_>) -> Result<Vec<u32>, Error> {
    let count = reader.count(1)?;
    let mut ids = Vec::with_capacity(count);
    let mut next = 0_i64;
    for _ in 0..count {
        let step = reader.signed()?;
        let id = next.checked_add(step).and_then(|id| u32::try_from(id).ok());
        let id = id.ok_or_else(|| reader.corrupt("a series id of 32 bits", step as u64))?;
        ids.push(id);
        next = i64::from(id) + 1;
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn records_come_back(ids: Vec<u32>, numbers: (u64, u64, u64), label in ".{0,9}") {
            let mut series = SeriesTable::new();
            for id in &ids {
                series.push(*id, [("__name__", label.as_str())]);
            }
            let end = SnapshotEnd { series: numbers.0, next_id: numbers.1, commit: numbers.2 };
            for record in [Record::Added(series), Record::Removed(ids), Record::End(end)] {
                let mut bytes = Vec::new();
                record.encode(&mut bytes);
                prop_assert_eq!(Record::decode(&bytes), Ok(record));
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, kind in 0..4_u8) {
            let _ = Record::decode(&[&[kind], &bytes[..]].concat());
        }
    }
}
