//! Where an API server is and how it is spoken to: as configured, as a pod is told, or as a kubeconfig file says.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::kubeconfig;
use crate::config::{Authorization, HttpClientConfig, KubernetesSdConfig, TlsConfig};

/// Reads environment variables.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What Kubernetes discovery takes from the process that it runs in.
#[derive(Clone)]
pub(in crate::discovery) struct Surroundings {
    pub(in crate::discovery) user_agent: String,
    /// Where a pod finds its token, its namespace and the cluster's certificates.
    pub(in crate::discovery) service_account: PathBuf,
    /// Reads an environment variable.
    pub(in crate::discovery) environment: Environment,
    pub(in crate::discovery) patience: super::patience::Patience,
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings")
            .field("service_account", &self.service_account)
            .finish_non_exhaustive()
    }
}

/// An API server and the client for it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Access {
    pub(super) server: String,
    pub(super) client: HttpClientConfig,
}

impl Access {
    /// The access that a section asks for.
    ///
    /// # Errors
    /// When there is none: outside a cluster, or with a file that cannot be used.
    pub(super) fn new(config: &KubernetesSdConfig, around: &Surroundings) -> Result<Self, String> {
        if !config.api_server.is_empty() {
            return Ok(Self {
                server: config.api_server.clone(),
                client: config.http_client.clone(),
            });
        }
        if !config.kubeconfig_file.is_empty() {
            return kubeconfig::access(Path::new(&config.kubeconfig_file));
        }
        Self::in_cluster(around)
    }

    fn in_cluster(around: &Surroundings) -> Result<Self, String> {
        let variable = |name| (around.environment)(name).filter(|value| !value.is_empty());
        let (Some(host), Some(port)) = (
            variable("KUBERNETES_SERVICE_HOST"),
            variable("KUBERNETES_SERVICE_PORT"),
        ) else {
            return Err(
                "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be \
                 defined: outside a cluster set api_server or kubeconfig_file"
                    .to_owned(),
            );
        };
        let file = |name: &str| around.service_account.join(name).to_string_lossy().into_owned();
        let token = file("token");
        std::fs::metadata(&token).map_err(|e| format!("unable to read {token}: {e}"))?;
        let host = if host.contains(':') {
            format!("[{host}]")
        } else {
            host
        };
        Ok(Self {
            server: format!("https://{host}:{port}"),
            client: HttpClientConfig {
                // Both files are read again when they change: tokens are renewed about every hour.
                authorization: Some(Authorization {
                    credentials_file: token,
                    ..Authorization::default()
                }),
                tls: TlsConfig {
                    ca_file: file("ca.crt"),
                    ..TlsConfig::default()
                },
                ..HttpClientConfig::default()
            },
        })
    }
}

/// The namespaces that a section asks for; an empty name stands for all.
///
/// # Errors
/// When this pod's own namespace is wanted and not to be found.
pub(super) fn namespaces(config: &KubernetesSdConfig, around: &Surroundings) -> Result<Vec<String>, String> {
    let wanted = &config.namespaces;
    let mut names = wanted.names.clone();
    if wanted.own_namespace {
        let file = around.service_account.join("namespace");
        let own = std::fs::read_to_string(&file)
            .map_err(|e| format!("could not determine the pod's namespace: {}: {e}", file.display()))?;
        names.push(own.trim().to_owned());
    }
    if names.is_empty() {
        names.push(String::new());
    }
    names.sort();
    names.dedup();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load;

    fn section(text: &str) -> KubernetesSdConfig {
        let text = format!("scrape_configs: [{{job_name: j, kubernetes_sd_configs: [{text}]}}]");
        let config = load(&text, Path::new("/"), &|_| None).unwrap().config;
        config.job("j").unwrap().service_discovery.kubernetes[0].clone()
    }

    fn around(folder: &Path) -> Surroundings {
        Surroundings {
            user_agent: "x".into(),
            service_account: folder.to_owned(),
            environment: Arc::new(|name| match name {
                "KUBERNETES_SERVICE_HOST" => Some("fd00::1".into()),
                "KUBERNETES_SERVICE_PORT" => Some("443".into()),
                _ => None,
            }),
            patience: super::super::patience::Patience::default(),
        }
    }

    #[test]
    fn a_pod_uses_its_service_account() {
        let folder = tempfile::tempdir().unwrap();
        let mut around = around(folder.path());
        let config = section("{role: pod, namespaces: {own_namespace: true, names: [b, a]}}");
        assert!(Access::new(&config, &around).unwrap_err().contains("token"));
        assert!(
            namespaces(&config, &around)
                .unwrap_err()
                .contains("could not determine")
        );
        std::fs::write(folder.path().join("token"), "t").unwrap();
        std::fs::write(folder.path().join("namespace"), "own\n").unwrap();
        let access = Access::new(&config, &around).unwrap();
        assert_eq!(access.server, "https://[fd00::1]:443");
        assert!(access.client.tls.ca_file.ends_with("ca.crt"));
        assert!(
            access
                .client
                .authorization
                .unwrap()
                .credentials_file
                .ends_with("token")
        );
        assert_eq!(namespaces(&config, &around).unwrap(), ["a", "b", "own"]);
        assert_eq!(namespaces(&section("{role: pod}"), &around).unwrap(), [""]);
        around.environment = Arc::new(|_| None);
        assert!(
            Access::new(&config, &around)
                .unwrap_err()
                .starts_with("unable to load in-cluster")
        );
    }

    #[test]
    fn a_configured_server_is_used_as_configured() {
        let config = section("{role: node, api_server: 'https://h:6443', basic_auth: {username: u}}");
        let access = Access::new(&config, &around(Path::new("/nonexistent"))).unwrap();
        assert_eq!(access.server, "https://h:6443");
        assert_eq!(access.client.basic_auth.unwrap().username, "u");
    }
}
