//! Where recordings lie that are not part of the project, and how they are read.

use std::io::Read;
use std::path::{Path, PathBuf};

/// Where recordings lie that are not part of the project.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("NARTHEX_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
        PathBuf::from,
    );
    let path = root.join(path);
    if path.exists() {
        return Some(path);
    }
    println!("SKIPPED: {} is not here", path.display());
    None
}

/// The text of a file, unpacked if it is compressed.
pub(crate) fn read(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap();
    if path.extension().is_none_or(|e| e != "gz") {
        return String::from_utf8(bytes).unwrap();
    }
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes.as_slice())
        .read_to_string(&mut text)
        .unwrap();
    text
}
