//! The catalog's log: series in the order they came and went. Layout: spec/catalog.md.

use crate::error::Result;
use crate::frame::write_frame;
use crate::header::FileKind;

use super::record::Record;

/// What opens every catalog log; the header's number is the generation.
pub const LOG: FileKind = FileKind {
    what: "catalog log",
    magic: *b"NXCLOG\r\n",
    version: 1,
};

/// Appends the frame of `record` to `out`; `offset` is where its first byte will lie in the file with this
/// `id`. It is read back by [`crate::frame::Frames`] and [`Record::decode`].
///
/// # Errors
/// [`crate::Error::Invalid`] if the record exceeds a frame: write the series in several.
pub fn write_record(out: &mut Vec<u8>, id: u64, offset: u64, record: &Record<'_>) -> Result<()> {
    let mut payload = Vec::new();
    record.encode(&mut payload);
    write_frame(out, id, offset, &payload)
}
