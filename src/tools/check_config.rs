//! `check config`: configuration files, and the files that they name.

use super::arguments::Given;
use super::check_rules::{Found, check as check_rules, warn_of_unknown_linters};
use super::streams::Streams;
use crate::config::{Config, TlsConfig, glob_paths, load_file, read_target_file, read_text};
use std::io;
use std::path::Path;

/// Runs the tool.
pub(super) fn run(given: &Given, streams: &mut Streams<'_>) -> io::Result<u8> {
    warn_of_unknown_linters(given, streams)?;
    let mut found = Found::default();
    for path in given.args() {
        streams.say(format!("Checking {path}"))?;
        let mut rule_files = Vec::new();
        let mut warnings = Warnings::default();
        let checked = check(path, given.is_on("syntax-only"), &mut warnings);
        for warning in &warnings.missing {
            streams.say(format!("  WARNING: {warning}"))?;
        }
        for warning in &warnings.ours {
            streams.complain(format!("  WARNING: {warning}"));
        }
        match checked {
            Err(fault) => {
                streams.complain(format!("  FAILED: {fault}"));
                found.fault();
            }
            Ok(files) => {
                if !files.is_empty() {
                    streams.say(format!("  SUCCESS: {} rule files found", files.len()))?;
                }
                streams.say(format!(" SUCCESS: {path} is valid prometheus config file syntax"))?;
                rule_files = files;
            }
        }
        streams.say("")?;
        found = found.and(check_rules(&rule_files, given, streams)?);
    }
    Ok(found.code(given))
}

/// What is no fault and should be known.
#[derive(Default)]
struct Warnings {
    /// Files that are not there: on the output, as promtool has it.
    missing: Vec<String>,
    /// What narthex does not do: beside the output, which stays promtool's.
    ours: Vec<String>,
}

/// The rule files that a sound configuration names.
fn check(path: &str, syntax_only: bool, warnings: &mut Warnings) -> Result<Vec<String>, String> {
    let loaded = load_file(Path::new(path), &|name| std::env::var(name).ok()).map_err(|e| e.to_string())?;
    warnings.ours = loaded.warnings;
    if syntax_only {
        return Ok(Vec::new());
    }
    let rule_files = rule_files(&loaded.config)?;
    for job in loaded.config.jobs() {
        if let Some(authorization) = &job.http_client.authorization {
            let file = &authorization.credentials_file;
            exists(file).map_err(|e| {
                format!("error checking authorization credentials or bearer token file {file:?}: {e}")
            })?;
        }
        tls(&job.http_client.tls)?;
        for pattern in job.service_discovery.file.iter().flat_map(|sd| &sd.files) {
            let paths = glob_paths(pattern)?;
            if paths.is_empty() {
                warnings.missing.push(format!(
                    "file {pattern:?} for file_sd in scrape job {:?} does not exist",
                    job.job_name
                ));
            }
            for path in paths {
                let read = read_text(&path).and_then(|text| read_target_file(&path.to_string_lossy(), &text));
                read.map_err(|e| format!("checking SD file {pattern:?}: {e}"))?;
            }
        }
    }
    Ok(rule_files)
}

fn rule_files(config: &Config) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for pattern in &config.rule_files {
        let paths = glob_paths(pattern)?;
        if paths.is_empty() && !pattern.contains('*') {
            return Err(format!("{pattern:?} does not point to an existing file"));
        }
        found.extend(paths.iter().map(|path| path.to_string_lossy().into_owned()));
    }
    Ok(found)
}

fn tls(config: &TlsConfig) -> Result<(), String> {
    for (what, file) in [("cert", &config.cert_file), ("key", &config.key_file)] {
        exists(file).map_err(|e| format!("error checking client {what} file {file:?}: {e}"))?;
    }
    Ok(())
}

/// Whether a file is there; one that is not named is.
fn exists(path: &str) -> Result<(), String> {
    if path.is_empty() || Path::new(path).exists() {
        return Ok(());
    }
    Err(format!("stat {path}: no such file or directory"))
}
