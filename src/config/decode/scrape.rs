//! `scrape_configs`: a job as written, then with what it inherits from `global`.

use super::decoder::{Decoder, is_null};
use super::fields::Fields;
use super::global::{escaping_scheme, limits, protocol, protocols, validation};
use super::http_client::http_client;
use super::relabel::{Rules, rules_of};
use super::sd::{check_static_targets, service_discovery};
use crate::config::error::Fatal;
use crate::config::yaml::{Node, Position};
use crate::config::{EscapingScheme, GlobalConfig, NameScheme, ScrapeConfig, ScrapeProtocol};
use narthex_model::Duration;

/// A job as written; what it may inherit is still open.
pub(crate) struct WrittenJob {
    pub(crate) job: ScrapeConfig,
    pub(crate) at: Position,
    timeout_at: Position,
    protocols: Option<Vec<ScrapeProtocol>>,
    validation: Option<NameScheme>,
    escaping: Option<EscapingScheme>,
    native: Option<bool>,
    classic: Option<bool>,
    convert: Option<bool>,
    extra: Option<bool>,
    relabel: Rules,
    metric_relabel: Rules,
}

/// The jobs of a list.
pub(crate) fn written_jobs(node: &Node, d: &mut Decoder) -> Result<Vec<WrittenJob>, Fatal> {
    let mut jobs = Vec::new();
    for item in d.items(node, "[]*config.ScrapeConfig").unwrap_or_default() {
        if is_null(item) {
            return Err(Fatal::new("empty or null scrape config section", item.at));
        }
        if let Some(job) = written_job(item, d)? {
            jobs.push(job);
        }
    }
    Ok(jobs)
}

fn written_job(node: &Node, d: &mut Decoder) -> Result<Option<WrittenJob>, Fatal> {
    let Some(mut f) = Fields::open(node, "config.ScrapeConfig", d) else {
        return Ok(None);
    };
    let mark = d.mark();
    let mut job = ScrapeConfig::new("");
    job.scrape_interval = Duration::ZERO;
    job.scrape_timeout = Duration::ZERO;
    f.text("job_name", &mut job.job_name, d);
    let place = format!(" for scrape config with job name {:?}", job.job_name);
    own_keys(&mut f, &mut job, d)?;
    let protocols = protocols(&mut f, &place, d)?;
    job.fallback_scrape_protocol = fallback(&mut f, &job.job_name, d)?;
    let native = f.boolean_opt("scrape_native_histograms", d);
    let classic = f.boolean_opt("always_scrape_classic_histograms", d);
    let convert = f.boolean_opt("convert_classic_histograms_to_nhcb", d);
    let validation = validation(&mut f, d)?;
    let text = "unknown scrape config name escaping method specified, must be one of";
    let escaping = escaping_scheme(&mut f, text, d)?;
    let extra = f.boolean_opt("extra_scrape_metrics", d);
    let relabel = rules_of(
        &mut f,
        "relabel_configs",
        "empty or null target relabeling rule in scrape config",
        d,
    )?;
    let empty = "empty or null metric relabeling rule in scrape config";
    let metric_relabel = rules_of(&mut f, "metric_relabel_configs", empty, d)?;
    let timeout_at = f.place("scrape_timeout");
    f.finish(d);
    if !d.failed_since(mark) {
        if job.job_name.is_empty() {
            return Err(
                Fatal::new("job_name is empty", node.at).hint("give the job that begins here a job_name")
            );
        }
        if relabel.is_empty() {
            check_static_targets(&job.service_discovery, node.at)?;
        }
    }
    Ok(Some(WrittenJob {
        job,
        at: node.at,
        timeout_at,
        protocols,
        validation,
        escaping,
        native,
        classic,
        convert,
        extra,
        relabel,
        metric_relabel,
    }))
}

/// The keys that no other key depends on.
fn own_keys(f: &mut Fields<'_>, job: &mut ScrapeConfig, d: &mut Decoder) -> Result<(), Fatal> {
    f.boolean("honor_labels", &mut job.honor_labels, d);
    f.boolean("honor_timestamps", &mut job.honor_timestamps, d);
    let staleness = "track_timestamps_staleness";
    f.boolean(staleness, &mut job.track_timestamps_staleness, d);
    if let Some(node) = f.section("params") {
        job.params = d.texts_map(node, "url.Values").unwrap_or_default();
    }
    f.duration("scrape_interval", &mut job.scrape_interval, d)?;
    f.duration("scrape_timeout", &mut job.scrape_timeout, d)?;
    f.text("scrape_failure_log_file", &mut job.scrape_failure_log_file, d);
    f.text("metrics_path", &mut job.metrics_path, d);
    f.text("scheme", &mut job.scheme, d);
    f.boolean("enable_compression", &mut job.enable_compression, d);
    limits(f, &mut job.limits, d)?;
    let buckets = "native_histogram_bucket_limit";
    f.unsigned(buckets, &mut job.native_histogram_bucket_limit, d);
    let factor = "native_histogram_min_bucket_factor";
    f.float(factor, &mut job.native_histogram_min_bucket_factor, d);
    http_client(f, &mut job.http_client, d)?;
    job.service_discovery = service_discovery(f, d)?;
    Ok(())
}

fn fallback(f: &mut Fields<'_>, job: &str, d: &mut Decoder) -> Result<Option<ScrapeProtocol>, Fatal> {
    let Some((node, name)) = f
        .section("fallback_scrape_protocol")
        .and_then(|node| Some((node, d.text(node)?)))
        .filter(|(_, name)| !name.is_empty())
    else {
        return Ok(None);
    };
    protocol(&name).map(Some).map_err(|error| {
        Fatal::new(
            format!("invalid fallback_scrape_protocol for scrape config with job name {job:?}: {error}"),
            node.at,
        )
    })
}

impl WrittenJob {
    /// The job with what it inherits, checked as a whole.
    pub(crate) fn inherit(self, global: &GlobalConfig) -> Result<ScrapeConfig, Fatal> {
        let mut job = self.job;
        if job.scrape_interval == Duration::ZERO {
            job.scrape_interval = global.scrape_interval;
        }
        if job.scrape_timeout > job.scrape_interval {
            let name = &job.job_name;
            return Err(Fatal::new(
                format!(
                    "scrape timeout greater than scrape interval for scrape config with job name {name:?}"
                ),
                self.timeout_at,
            )
            .hint(format!(
                "lower scrape_timeout to at most {} or raise scrape_interval",
                job.scrape_interval
            )));
        }
        if job.scrape_timeout == Duration::ZERO {
            job.scrape_timeout = global.scrape_timeout.min(job.scrape_interval);
        }
        let inherit = |own: &mut u64, global: u64| {
            if *own == 0 {
                *own = global;
            }
        };
        let (own, all) = (&mut job.limits, &global.limits);
        inherit(&mut own.body_size_limit, all.body_size_limit);
        inherit(&mut own.sample_limit, all.sample_limit);
        inherit(&mut own.target_limit, all.target_limit);
        inherit(&mut own.label_limit, all.label_limit);
        inherit(&mut own.label_name_length_limit, all.label_name_length_limit);
        inherit(&mut own.label_value_length_limit, all.label_value_length_limit);
        inherit(&mut own.keep_dropped_targets, all.keep_dropped_targets);
        if job.scrape_failure_log_file.is_empty() {
            global
                .scrape_failure_log_file
                .clone_into(&mut job.scrape_failure_log_file);
        }
        job.scrape_native_histograms = self.native.unwrap_or(global.scrape_native_histograms);
        job.always_scrape_classic_histograms =
            self.classic.unwrap_or(global.always_scrape_classic_histograms);
        job.convert_classic_histograms_to_nhcb =
            self.convert.unwrap_or(global.convert_classic_histograms_to_nhcb);
        job.extra_scrape_metrics = self.extra.unwrap_or(global.extra_scrape_metrics);
        let default = || match job.scrape_native_histograms {
            true => ScrapeProtocol::PROTO_FIRST.to_vec(),
            false => ScrapeProtocol::DEFAULT.to_vec(),
        };
        job.scrape_protocols = self
            .protocols
            .or_else(|| global.scrape_protocols.clone())
            .unwrap_or_else(default);
        let scheme = self.validation.unwrap_or(global.metric_name_validation_scheme);
        job.metric_name_validation_scheme = scheme;
        job.metric_name_escaping_scheme = escaping(global, self.validation, self.escaping);
        if job.metric_name_escaping_scheme == EscapingScheme::AllowUtf8 && scheme == NameScheme::Legacy {
            return Err(Fatal::new(
                "utf8 metric names requested but validation scheme is not set to UTF8",
                self.at,
            )
            .hint("set metric_name_escaping_scheme to underscores, dots or values, or the validation scheme to utf8"));
        }
        job.relabel_configs = self.relabel.check(scheme)?;
        job.metric_relabel_configs = self.metric_relabel.check(scheme)?;
        Ok(job)
    }
}

/// A job's own scheme, else what follows from its own validation scheme, else the global one.
fn escaping(
    global: &GlobalConfig,
    own_validation: Option<NameScheme>,
    own: Option<EscapingScheme>,
) -> EscapingScheme {
    let follows = |scheme| match scheme {
        NameScheme::Utf8 => EscapingScheme::AllowUtf8,
        NameScheme::Legacy => EscapingScheme::Underscores,
    };
    own.unwrap_or_else(|| match own_validation {
        Some(scheme) => follows(scheme),
        None => global
            .metric_name_escaping_scheme
            .unwrap_or_else(|| follows(global.metric_name_validation_scheme)),
    })
}
