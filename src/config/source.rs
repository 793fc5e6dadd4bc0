//! Where the configuration comes from: a file, or the text that is built in.

use super::error::ConfigError;
use super::load::{Loaded, load, load_file};
use std::path::{Path, PathBuf};

const ALONE: &str = include_str!("default/alone.yml");
const KUBERNETES: &str = include_str!("default/kubernetes.yml");
/// The token that every pod has unless its service account says otherwise.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// Where the configuration comes from. Asked anew at every reload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigSource {
    /// The file.
    pub path: PathBuf,
    /// Whether the file was named; if not and it is not there, the built-in text is used.
    pub named: bool,
    /// Where this server scrapes itself under the built-in text, `host:port`.
    pub own_address: String,
    /// The path of its own metrics.
    pub own_metrics_path: String,
}

impl ConfigSource {
    /// Reads and checks the configuration.
    ///
    /// # Errors
    /// When it cannot be used; a named file that is missing is an error.
    pub fn load(&self) -> Result<Loaded, ConfigError> {
        let env = |name: &str| std::env::var(name).ok();
        if self.is_built_in() {
            load(&self.built_in(), Path::new("."), &env).map_err(|e| e.context("built-in configuration: "))
        } else {
            load_file(&self.path, &env)
        }
    }

    /// Whether the built-in text is used now.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        !self.named && !self.path.exists()
    }

    /// The built-in text that fits this machine.
    #[must_use]
    pub fn built_in(&self) -> String {
        let text = if in_cluster() { KUBERNETES } else { ALONE };
        let path = match self.own_metrics_path.as_str() {
            "/metrics" => String::new(),
            path => format!("    metrics_path: {path:?}\n"),
        };
        text.replace("localhost:9090", &self.own_address).replacen(
            "  - job_name: narthex\n",
            &format!("  - job_name: narthex\n{path}"),
            1,
        )
    }
}

fn in_cluster() -> bool {
    std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() && Path::new(SERVICE_ACCOUNT).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_texts_hold() {
        for text in [ALONE, KUBERNETES] {
            let loaded = load(text, Path::new("."), &|_| None).unwrap();
            assert!(loaded.config.job("narthex").is_some());
        }
    }

    #[test]
    fn a_named_file_must_be_there_and_an_unnamed_need_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut source = ConfigSource {
            path: folder.path().join("prometheus.yml"),
            named: false,
            own_address: "localhost:1234".into(),
            own_metrics_path: "/p/metrics".into(),
        };
        let config = source.load().unwrap().config;
        let job = config.job("narthex").unwrap();
        assert_eq!(
            job.service_discovery.static_configs[0].targets[0].get("__address__"),
            Some("localhost:1234")
        );
        assert_eq!(job.metrics_path, "/p/metrics");
        source.named = true;
        let error = source.load().unwrap_err().to_string();
        assert!(
            error.starts_with("open ") && error.ends_with("no such file or directory"),
            "{error}"
        );
        std::fs::write(&source.path, "globall: {}\n").unwrap();
        source.named = false;
        let error = source.load().unwrap_err();
        assert!(error.message().starts_with(&format!(
            "parsing YAML file {}: yaml: unmarshal",
            source.path.display()
        )));
    }
}
