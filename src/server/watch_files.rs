//! Whether the configuration or a file that it names has changed, for `--config.auto-reload`.

use crate::config::{Config, ConfigSource, glob_paths};
use crate::http::App;
use md5::{Digest, Md5};
use narthex_model::Duration;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Tells of changes of the files that are in force, looked for at an interval; of none if there is no interval.
///
/// `at_start` is the sum when the configuration was read first.
/// A task of its own, because a look takes a while and must not be given up halfway.
pub(super) fn changes(
    every: Option<Duration>,
    source: ConfigSource,
    app: Arc<App>,
    at_start: Option<[u8; 16]>,
) -> mpsc::Receiver<()> {
    let (sender, receiver) = mpsc::channel(1);
    let watch = async move {
        let Some(every) = every else {
            // The sender stays alive, so that the receiver waits for ever.
            return sender.closed().await;
        };
        let mut interval = tokio::time::interval(every.to_std());
        let mut last = at_start;
        loop {
            interval.tick().await;
            let now = sum_up(&source, &app.loaded().config).await;
            if now != last && sender.send(()).await.is_err() {
                return;
            }
            last = now;
        }
    };
    tokio::spawn(watch);
    receiver
}

async fn sum_up(source: &ConfigSource, config: &Arc<Config>) -> Option<[u8; 16]> {
    let (source, config) = (source.clone(), Arc::clone(config));
    tokio::task::spawn_blocking(move || checksum(&source, &config))
        .await
        .ok()
}

/// A sum over the contents of the configuration and the files that it names. Blocks. A file that cannot be read
/// counts as such: its return is a change too.
pub(super) fn checksum(source: &ConfigSource, config: &Config) -> [u8; 16] {
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
