//! Whether the configuration or a file that it names has changed, for `--config.auto-reload`.

use crate::config::{Config, ConfigSource, glob_paths};
use crate::http::App;
use md5::{Digest, Md5};
use narthex_model::Duration;
use std::path::Path;
use std::sync::Arc;
use tokio::time::Interval;

/// Looks for changes at an interval, or never.
#[derive(Debug)]
pub(super) struct FileWatch(Option<Watching>);

#[derive(Debug)]
struct Watching {
    interval: Interval,
    last: Option<[u8; 16]>,
}

impl FileWatch {
    /// A watch that takes the files as they are now for known.
    pub(super) async fn new(every: Option<Duration>, source: &ConfigSource, config: &Arc<Config>) -> Self {
        let Some(every) = every else { return Self(None) };
        let last = sum_up(source, config).await;
        let interval = tokio::time::interval(every.to_std());
        Self(Some(Watching { interval, last }))
    }

    /// Returns once a file has changed. To be asked again and again; stopping to wait loses nothing.
    pub(super) async fn changed(&mut self, source: &ConfigSource, app: &App) {
        let Some(watching) = &mut self.0 else {
            return std::future::pending().await;
        };
        loop {
            watching.interval.tick().await;
            let now = sum_up(source, &app.loaded().config).await;
            if now != watching.last {
                watching.last = now;
                return;
            }
        }
    }
}

async fn sum_up(source: &ConfigSource, config: &Arc<Config>) -> Option<[u8; 16]> {
    let (source, config) = (source.clone(), Arc::clone(config));
    tokio::task::spawn_blocking(move || checksum(&source, &config))
        .await
        .ok()
}

/// A sum over the contents of the configuration and the files that it names. Blocks. A file that cannot be read
/// counts as such: its return is a change too.
fn checksum(source: &ConfigSource, config: &Config) -> [u8; 16] {
    let mut sum = Md5::new();
    add(&mut sum, &source.path);
    for pattern in config.rule_files.iter().chain(&config.scrape_config_files) {
        for path in glob_paths(pattern).unwrap_or_default() {
            add(&mut sum, &path);
        }
    }
    sum.finalize().into()
}

fn add(sum: &mut Md5, path: &Path) {
    sum.update(path.to_string_lossy().as_bytes());
    match std::fs::read(path) {
        Ok(content) => {
            sum.update((content.len() as u64).to_le_bytes());
            sum.update(content);
        }
        Err(_) => sum.update([0xff]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_change_of_any_file_changes_the_sum() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("p.yml");
        let source = ConfigSource {
            path: file.clone(),
            named: true,
            own_address: String::new(),
            own_metrics_path: String::new(),
        };
        std::fs::write(&file, "rule_files: ['*.rules']\n").unwrap();
        let config = source.load().unwrap().config;
        let mut seen = vec![checksum(&source, &config)];
        assert_eq!(checksum(&source, &config), seen[0]);
        for (name, text) in [
            ("a.rules", ""),
            ("a.rules", "groups: []"),
            ("b.rules", ""),
            ("p.yml", ""),
        ] {
            std::fs::write(folder.path().join(name), text).unwrap();
            let sum = checksum(&source, &config);
            assert!(!seen.contains(&sum), "{name}: {text}");
            seen.push(sum);
        }
    }
}
