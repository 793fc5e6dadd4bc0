//! Files mapped into memory: the only file of the workspace with unsafe code.
#![expect(
    unsafe_code,
    reason = "mapping a file cannot be made safe: see the one function"
)]

use std::fs::File;
use std::io;
use std::sync::Arc;

use memmap2::Mmap;

use super::Mapped;

/// Maps a whole file, which is not written any more.
pub(super) fn map_file(file: &File) -> io::Result<Mapped> {
    if file.metadata()?.len() == 0 {
        // An empty range cannot be mapped everywhere.
        return Ok(Arc::new([0_u8; 0]));
    }
    // SAFETY: the bytes must not change while they are borrowed. Only files that are complete are mapped; the store's
    // lock keeps other narthex processes away, and we only ever remove or rename such files, which leaves mappings
    // intact. Somebody else who truncates our files while we run can make reads fault: that is said in the README.
    let map = unsafe { Mmap::map(file)? };
    Ok(Arc::new(map))
}
