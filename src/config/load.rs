//! Reading configuration files: text to a checked [`Config`], paths joined, job files read.

use super::decode::{Decoder, Environment, jobs_file, root};
use super::error::{ConfigError, Fatal, join_directory, read_text};
use super::yaml::{Node, parse};
use super::{Config, HttpClientConfig, ScrapeConfig, ServiceDiscovery, TlsConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A configuration and what should be said about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Sentences to log once: what is missing and what is not acted on.
    pub warnings: Vec<String>,
}

/// Reads the file at `path` and the job files that it names.
///
/// # Errors
/// In Prometheus's words, with help of our own: when a file cannot be read, is not YAML or does not hold.
pub fn load_file(path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Loaded, ConfigError> {
    let text = read_text(path)?;
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut loaded = load(&text, directory, env)
        .map_err(|e| e.context(format_args!("parsing YAML file {}: ", path.display())))?;
    for job in &mut loaded.config.scrape_configs {
        place_rules(Arc::make_mut(job), path);
    }
    Ok(loaded)
}

/// Notes in which file the rules of a job are written.
fn place_rules(job: &mut ScrapeConfig, path: &Path) {
    let file: Arc<str> = path.display().to_string().into();
    for rule in job
        .relabel_configs
        .iter_mut()
        .chain(&mut job.metric_relabel_configs)
    {
        rule.place.file = Arc::clone(&file);
    }
}

/// Reads a configuration from text; relative paths in it start at `directory`.
///
/// # Errors
/// As [`load_file`], without the file's name in front.
pub fn load(
    text: &str,
    directory: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Loaded, ConfigError> {
    let mut environment = Environment {
        lookup: env,
        missing: Vec::new(),
    };
    let mut config = decode(text, |node, d| root(node, &mut environment, d))?;
    let mut warnings: Vec<String> = environment
        .missing
        .iter()
        .map(|name| {
            format!(
                "external_labels use the environment variable {name}, which is not set: it counts as empty"
            )
        })
        .collect();
    join_paths(&mut config, directory);
    config.scrape_configs_from_files = read_job_files(&config)?;
    warnings.extend(super::support::unsupported(&config));
    Ok(Loaded { config, warnings })
}

/// Parses and decodes; type errors are reported together, a failed check alone.
pub(super) fn decode<T>(
    text: &str,
    read: impl FnOnce(Option<&Node>, &mut Decoder) -> Result<T, Fatal>,
) -> Result<T, ConfigError> {
    let node = parse(text).map_err(|e| {
        ConfigError::new(e.to_string()).with_help(format!("see line {}, column {}", e.at.line, e.at.column))
    })?;
    let mut decoder = Decoder::default();
    let value = read(node.as_ref(), &mut decoder).map_err(Fatal::into_error)?;
    decoder.into_error().map_or(Ok(value), Err)
}

fn read_job_files(config: &Config) -> Result<Vec<Arc<ScrapeConfig>>, ConfigError> {
    let mut found: Vec<Arc<ScrapeConfig>> = Vec::new();
    let mut origins: Vec<String> = vec!["main config file".to_owned(); config.scrape_configs.len()];
    for pattern in &config.scrape_config_files {
        for path in glob_paths(pattern).map_err(|e| {
            ConfigError::new(format!(
                "error retrieving scrape config files for {pattern:?}: {e}"
            ))
        })? {
            let shown = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
            let named = |e: ConfigError| e.context(format_args!("{:?}: ", shown.display().to_string()));
            let text = read_text(&path).map_err(named)?;
            let jobs = decode(&text, |node, d| jobs_file(node, &config.global, d)).map_err(named)?;
            for job in jobs {
                let known = config.scrape_configs.iter().chain(&found);
                if let Some((_, origin)) = known
                    .zip(&origins)
                    .find(|(other, _)| other.job_name == job.job_name)
                {
                    return Err(named(ConfigError::new(format!(
                        "found multiple scrape configs with job name {:?}, first found in {origin}",
                        job.job_name
                    ))));
                }
                let mut job = Arc::unwrap_or_clone(job);
                place_rules(&mut job, &path);
                join_job(&mut job, path.parent().unwrap_or(Path::new(".")));
                found.push(Arc::new(job));
                origins.push(format!("{:?}", shown.display().to_string()));
            }
        }
    }
    Ok(found)
}

/// The files that a path with a glob in its last segment names, sorted; a missing file is none.
pub(crate) fn glob_paths(pattern: &str) -> Result<Vec<PathBuf>, String> {
    let paths = glob::glob(pattern).map_err(|e| format!("syntax error in pattern: {}", e.msg))?;
    let mut found: Vec<PathBuf> = paths.filter_map(Result::ok).collect();
    found.sort();
    Ok(found)
}

fn join_paths(config: &mut Config, directory: &Path) {
    join_directory(directory, &mut config.global.query_log_file);
    join_directory(directory, &mut config.global.scrape_failure_log_file);
    for path in config
        .rule_files
        .iter_mut()
        .chain(&mut config.scrape_config_files)
    {
        join_directory(directory, path);
    }
    for manager in &mut config.alerting.alertmanagers {
        join_client(&mut manager.http_client, directory);
        join_discovery(&mut manager.service_discovery, directory);
    }
    if let Some(tracing) = &mut config.tracing {
        join_tls(&mut tracing.tls, directory);
    }
    for job in &mut config.scrape_configs {
        join_job(Arc::make_mut(job), directory);
    }
    for endpoint in &mut config.remote_write {
        join_client(&mut endpoint.http_client, directory);
    }
    for endpoint in &mut config.remote_read {
        join_client(&mut endpoint.http_client, directory);
    }
}

fn join_job(job: &mut ScrapeConfig, directory: &Path) {
    join_directory(directory, &mut job.scrape_failure_log_file);
    join_client(&mut job.http_client, directory);
    join_discovery(&mut job.service_discovery, directory);
}

fn join_discovery(sd: &mut ServiceDiscovery, directory: &Path) {
    for path in sd.file.iter_mut().flat_map(|config| &mut config.files) {
        join_directory(directory, path);
    }
    for config in &mut sd.http {
        join_client(&mut config.http_client, directory);
    }
    for config in &mut sd.kubernetes {
        join_directory(directory, &mut config.kubeconfig_file);
        join_client(&mut config.http_client, directory);
    }
}

fn join_client(client: &mut HttpClientConfig, directory: &Path) {
    join_tls(&mut client.tls, directory);
    if let Some(auth) = &mut client.basic_auth {
        join_directory(directory, &mut auth.username_file);
        join_directory(directory, &mut auth.password_file);
    }
    if let Some(auth) = &mut client.authorization {
        join_directory(directory, &mut auth.credentials_file);
    }
    if let Some(oauth2) = &mut client.oauth2 {
        join_directory(directory, &mut oauth2.client_secret_file);
        join_tls(&mut oauth2.tls, directory);
    }
    for path in client
        .http_headers
        .iter_mut()
        .flat_map(|(_, values)| &mut values.files)
    {
        join_directory(directory, path);
    }
}

fn join_tls(tls: &mut TlsConfig, directory: &Path) {
    join_directory(directory, &mut tls.ca_file);
    join_directory(directory, &mut tls.cert_file);
    join_directory(directory, &mut tls.key_file);
}
