//! What a configuration asks for that narthex does not do yet, in sentences to log once.

use super::{Config, ScrapeConfig, ServiceDiscovery};

/// A sentence for each section that is accepted and not acted on.
pub(super) fn unsupported(config: &Config) -> Vec<String> {
    let mut sentences = Vec::new();
    for job in config.jobs() {
        for key in not_run(&job.service_discovery) {
            sentences.push(format!(
                "job {:?}: {key} is accepted, but this kind of discovery is not built yet: its targets are missing",
                job.job_name
            ));
        }
        for (key, effect) in not_scraped(job) {
            sentences.push(format!(
                "job {:?}: {key} is accepted, but not acted on yet: {effect}",
                job.job_name
            ));
        }
    }
    let mut ignored = |written: bool, section: &str, effect: &str| {
        if written {
            sentences.push(format!("{section} is accepted, but not acted on yet: {effect}"));
        }
    };
    ignored(
        !config.rule_files.is_empty(),
        "rule_files",
        "rules are checked and not evaluated",
    );
    ignored(
        !config.alerting.alertmanagers.is_empty(),
        "alerting",
        "no alerts are sent",
    );
    ignored(
        config
            .remote_write
            .iter()
            .any(|endpoint| endpoint.round_robin_dns),
        "remote_write: round_robin_dns",
        "connections go to the first address that answers",
    );
    ignored(
        !config.remote_read.is_empty(),
        "remote_read",
        "queries see local samples only",
    );
    ignored(config.tracing.is_some(), "tracing", "no traces are sent");
    ignored(
        !config.global.query_log_file.is_empty(),
        "global.query_log_file",
        "queries are not logged",
    );
    let tsdb = config.storage.tsdb.as_ref();
    ignored(
        tsdb.is_some_and(|t| t.stale_series_compaction_threshold > 0.0),
        "storage.tsdb.stale_series_compaction_threshold",
        "stale series leave memory on their own",
    );
    sentences
}

/// Keys of a job that scraping does not heed, with what that means.
fn not_scraped(job: &ScrapeConfig) -> impl Iterator<Item = (&'static str, &'static str)> {
    [(
        !job.scrape_failure_log_file.is_empty(),
        "scrape_failure_log_file",
        "failed scrapes are told by the targets' last error only",
    )]
    .into_iter()
    .filter(|(is_written, ..)| *is_written)
    .map(|(_, key, effect)| (key, effect))
}

/// Keys of discovery that is not run.
fn not_run(sd: &ServiceDiscovery) -> Vec<&str> {
    sd.other.iter().map(|other| other.key.as_str()).collect()
}
