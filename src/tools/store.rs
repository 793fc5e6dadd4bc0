//! Opening a store to read it, whether or not a server has it open.

use super::overlay::Overlay;
use narthex_format::filenames;
use narthex_model::{Matcher, TimeRange};
use narthex_tsdb::{Db, Options};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How often a store that changes meanwhile is read anew.
const ATTEMPTS: usize = 5;

/// Opens the store in `directory` without writing anything there.
///
/// # Errors
/// When there is no store or it cannot be read.
pub(super) fn open(directory: &str) -> Result<Db, String> {
    let path = Path::new(directory);
    let root = root(directory)?;
    let options = Options {
        retention_ms: 0,
        retention_bytes: 0,
        ..Options::default()
    };
    let mut failure = String::new();
    for _ in 0..ATTEMPTS {
        let before = names(&root);
        match Db::open_on(Arc::new(Overlay::default()), path, options.clone()) {
            // A server that sealed, merged or deleted meanwhile has moved samples from one file to another.
            Ok(db) if names(&root) == before => return Ok(db),
            Ok(_) => failure = "its server changes files faster than they can be read: try again".to_owned(),
            Err(error) => failure = error.to_string(),
        }
    }
    Err(format!("{directory}: {failure}"))
}

/// The folder of everything that is ours.
///
/// # Errors
/// When there is none.
pub(super) fn root(directory: &str) -> Result<PathBuf, String> {
    let root = Path::new(directory).join(filenames::ROOT);
    if root.is_dir() {
        return Ok(root);
    }
    Err(format!(
        "{directory} holds no narthex store: open {}: no such directory",
        root.display()
    ))
}

/// Names of the files that hold samples: they change when a server seals, merges, deletes or begins a new log file.
fn names(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in [filenames::HEAD, filenames::BLOCKS, filenames::WAL] {
        let entries = std::fs::read_dir(root.join(folder)).into_iter().flatten();
        found.extend(entries.filter_map(Result::ok).map(|entry| entry.path()));
    }
    found.sort();
    found
}

/// The sets of matchers of selectors; none where a selector takes everything.
///
/// # Errors
/// When one does not parse.
pub(super) fn matchers(selectors: &[String]) -> Result<Vec<Vec<Matcher>>, String> {
    let mut sets = Vec::new();
    for selector in selectors {
        let set = narthex_promql::parse_selector(selector).map_err(|error| error.to_string())?;
        if set.iter().all(|matcher| matcher.value == "(?s:.*)") {
            return Ok(Vec::new());
        }
        sets.push(set);
    }
    Ok(sets)
}

/// A range of times, both included.
pub(super) const fn range(min: i64, max: i64) -> TimeRange {
    TimeRange { min, max }
}
