//! Small files that are replaced as a whole.

use std::io;
use std::path::Path;

use narthex_format::filenames;

use super::{Disk, with_suffix};

/// Puts a file with these bytes in the place of one that may be there: after a crash one of both is there, and when this
/// returns the new one would survive a power loss.
pub(crate) fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = with_suffix(path, filenames::TEMPORARY_SUFFIX);
    // What an interrupted attempt left.
    let _ = disk.remove(&temporary);
    let file = disk.create(&temporary)?;
    let placed = file
        .append(bytes)
        .and_then(|()| file.sync())
        .and_then(|()| disk.rename(&temporary, path))
        .and_then(|()| disk.sync_dir(path.parent().unwrap_or(Path::new(""))));
    if placed.is_err() {
        let _ = disk.remove(&temporary);
    }
    placed
}
