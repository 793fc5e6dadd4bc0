//! A value made of files, made anew when one of them has changed.

use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use parking_lot::Mutex;

/// What tells one state of a file from another; none while it is not there.
type Stamp = Option<(SystemTime, u64)>;

/// A value and the files that it was made of.
pub(super) struct Reloaded<T> {
    files: Vec<PathBuf>,
    make: Box<dyn Fn() -> Result<T, String> + Send + Sync>,
    made: Mutex<(Vec<Stamp>, T)>,
}

impl<T> fmt::Debug for Reloaded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloaded")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

impl<T: Clone> Reloaded<T> {
    /// Makes the value.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn new(
        files: Vec<PathBuf>,
        make: impl Fn() -> Result<T, String> + Send + Sync + 'static,
    ) -> Result<Self, String> {
        // Before the files are read: what changes meanwhile is seen next time.
        let stamps = stamps(&files);
        let made = Mutex::new((stamps, make()?));
        Ok(Self {
            files,
            make: Box::new(make),
            made,
        })
    }

    /// The value, as the files are now.
    ///
    /// # Errors
    /// When the files have changed and the value cannot be made of them; the next call tries again.
    pub(super) fn get(&self) -> Result<T, String> {
        if self.files.is_empty() {
            return Ok(self.made.lock().1.clone());
        }
        let now = stamps(&self.files);
        let mut made = self.made.lock();
        if made.0 != now {
            *made = (now, (self.make)()?);
        }
        Ok(made.1.clone())
    }
}

fn stamps(files: &[PathBuf]) -> Vec<Stamp> {
    files
        .iter()
        .map(|file| {
            let metadata = std::fs::metadata(file).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_makes_another_value_and_a_bad_one_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f");
        std::fs::write(&file, "1").unwrap();
        let read = file.clone();
        let value = Reloaded::new(vec![file.clone()], move || {
            let text = std::fs::read_to_string(&read).map_err(|e| e.to_string())?;
            text.parse::<u32>().map_err(|e| e.to_string())
        })
        .unwrap();
        assert_eq!(value.get(), Ok(1));
        std::fs::write(&file, "22").unwrap();
        assert_eq!(value.get(), Ok(22));
        std::fs::write(&file, "bad").unwrap();
        assert!(value.get().is_err() && value.get().is_err());
        std::fs::write(&file, "4444").unwrap();
        assert_eq!(value.get(), Ok(4444));
    }
}
