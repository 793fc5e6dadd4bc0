//! The whole file, and files that hold jobs alone.

use super::alerting::alerting;
use super::decoder::{Decoder, is_null};
use super::fields::Fields;
use super::global::{Environment, global, runtime};
use super::remote::{remote_read, remote_write};
use super::scrape::{WrittenJob, written_jobs};
use super::storage::{otlp, storage, tracing};
use crate::config::error::Fatal;
use crate::config::yaml::Node;
use crate::config::{Config, GlobalConfig, ScrapeConfig};
use std::sync::Arc;

/// The whole file; None stands for an empty one.
pub(crate) fn root(node: Option<&Node>, env: &mut Environment<'_>, d: &mut Decoder) -> Result<Config, Fatal> {
    let mut config = Config::default();
    let Some(node) = node.filter(|node| !is_null(node)) else {
        return Ok(config);
    };
    let Some(mut f) = Fields::open(node, "config.plain", d) else {
        return Ok(config);
    };
    let mark = d.mark();
    if let Some(node) = f.section("global") {
        config.global = global(node, env, d)?;
    }
    let scheme = config.global.metric_name_validation_scheme;
    if let Some(node) = f.section("runtime") {
        config.runtime = runtime(node, d);
    }
    if let Some(node) = f.section("alerting") {
        config.alerting = alerting(node, scheme, d)?;
    }
    f.texts("rule_files", &mut config.rule_files, d);
    f.texts("scrape_config_files", &mut config.scrape_config_files, d);
    let jobs = f
        .get("scrape_configs")
        .map_or_else(|| Ok(Vec::new()), |node| written_jobs(node, d))?;
    if let Some(node) = f.section("storage") {
        config.storage = storage(node, d)?;
    }
    if let Some(node) = f.section("tracing") {
        config.tracing = tracing(node, d)?;
    }
    if let Some(node) = f.get("remote_write") {
        config.remote_write = remote_write(node, scheme, d)?;
    }
    if let Some(node) = f.get("remote_read") {
        config.remote_read = remote_read(node, d)?;
    }
    if let Some(node) = f.section("otlp") {
        config.otlp = otlp(node, scheme, d)?;
    }
    let (rules_at, files_at) = (f.place("rule_files"), f.place("scrape_config_files"));
    f.finish(d);
    if d.failed_since(mark) {
        return Ok(config);
    }
    for (paths, kind, at) in [
        (&config.rule_files, "rule", rules_at),
        (&config.scrape_config_files, "scrape config", files_at),
    ] {
        if let Some(path) = paths.iter().find(|path| !is_glob_in_last_segment(path)) {
            return Err(Fatal::new(format!("invalid {kind} file path {path:?}"), at)
                .hint("a * may stand in the last segment of a path only"));
        }
    }
    config.scrape_configs = inherit(jobs, &config.global)?;
    Ok(config)
}

fn inherit(jobs: Vec<WrittenJob>, global: &GlobalConfig) -> Result<Vec<Arc<ScrapeConfig>>, Fatal> {
    let mut found: Vec<Arc<ScrapeConfig>> = Vec::with_capacity(jobs.len());
    for written in jobs {
        let at = written.at;
        let job = written.inherit(global)?;
        if found.iter().any(|other| other.job_name == job.job_name) {
            let text = format!("found multiple scrape configs with job name {:?}", job.job_name);
            return Err(Fatal::new(text, at).hint("rename the job that begins here"));
        }
        found.push(Arc::new(job));
    }
    Ok(found)
}

/// `^[^*]*(\*[^/]*)?$`
fn is_glob_in_last_segment(path: &str) -> bool {
    path.split_once('*').is_none_or(|(_, after)| !after.contains('/'))
}

/// A file of `scrape_config_files`.
pub(crate) fn jobs_file(
    node: Option<&Node>,
    global: &GlobalConfig,
    d: &mut Decoder,
) -> Result<Vec<Arc<ScrapeConfig>>, Fatal> {
    let Some(mut f) = node.and_then(|node| Fields::open(node, "config.ScrapeConfigs", d)) else {
        return Ok(Vec::new());
    };
    let mark = d.mark();
    let jobs = f
        .get("scrape_configs")
        .map_or_else(|| Ok(Vec::new()), |node| written_jobs(node, d))?;
    f.finish(d);
    if d.failed_since(mark) {
        Ok(Vec::new())
    } else {
        inherit(jobs, global)
    }
}
