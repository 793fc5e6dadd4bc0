//! From what discovery found to a target: relabelling, defaults, the URL, and the reasons why there is none.

use std::sync::Arc;

use narthex_model::labels::quoted;
use narthex_model::{Duration, Labels, LabelsBuilder};
use parking_lot::Mutex;

use super::metadata::MetadataCache;
use super::schedule::fnv64a;
use super::settings::job_histograms;
use super::status::{TargetState, TargetStatus};
use super::url;
use crate::config::{ScrapeConfig, TargetGroup};
use crate::exposition::ProtobufOptions;
use crate::relabel::process_builder;

const ADDRESS: &str = "__address__";
const INTERVAL: &str = "__scrape_interval__";
const TIMEOUT: &str = "__scrape_timeout__";
const NATIVE_HISTOGRAMS: &str = "__scrape_native_histograms__";
const CLASSIC_HISTOGRAMS: &str = "__always_scrape_classic_histograms__";
const CONVERT_HISTOGRAMS: &str = "__convert_classic_histograms_to_nhcb__";
const METRICS_PATH: &str = "__metrics_path__";
const SCHEME: &str = "__scheme__";
const PARAM_PREFIX: &str = "__param_";
const META_PREFIX: &str = "__meta_";
const INSTANCE: &str = "instance";

/// A place in a group: the labels before relabelling are made of it when somebody asks.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) group: Arc<TargetGroup>,
    pub(super) index: usize,
}

impl Origin {
    /// The labels before relabelling.
    pub(super) fn discovered(&self, config: &ScrapeConfig) -> Labels {
        match self.group.targets.get(self.index) {
            Some(target) => discovered(target, &self.group.labels, config).labels(),
            None => Labels::empty(),
        }
    }
}

/// Something to scrape.
#[derive(Debug)]
pub(super) struct Target {
    /// What it was made of; that may change while the target stays.
    pub(super) origin: Mutex<Origin>,
    /// Labels that samples get.
    pub(super) labels: Labels,
    pub(super) url: String,
    /// Same labels and same URL, same hash: such targets are scraped once.
    pub(super) hash: u64,
    pub(super) interval: Duration,
    pub(super) timeout: Duration,
    /// What the job wants, unless labels say otherwise.
    pub(super) histograms: ProtobufOptions,
    /// As the labels spell them.
    pub(super) interval_text: String,
    pub(super) timeout_text: String,
    pub(super) state: Mutex<TargetState>,
    pub(super) metadata: Mutex<MetadataCache>,
}

impl Target {
    /// Whether both are scraped as often and have as long to answer.
    pub(super) fn has_times_of(&self, other: &Self) -> bool {
        (self.interval, self.timeout) == (other.interval, other.timeout)
    }

    /// What there is to know about it now.
    pub(super) fn status(&self, config: &ScrapeConfig) -> TargetStatus {
        let state = self.state.lock().clone();
        TargetStatus {
            discovered_labels: self.origin.lock().discovered(config),
            labels: self.labels.clone(),
            scrape_url: self.url.clone(),
            health: state.health,
            last_error: state.last_error,
            last_scrape_ms: state.last_scrape_ms,
            last_duration_seconds: state.last_duration_seconds,
            scrape_interval: self.interval_text.clone(),
            scrape_timeout: self.timeout_text.clone(),
        }
    }

    /// Takes over what is known of the same target under another configuration.
    pub(super) fn inherit(&self, former: &Self) {
        *self.state.lock() = former.state.lock().clone();
        *self.metadata.lock() = std::mem::take(&mut *former.metadata.lock());
    }
}

/// What became of something that discovery found.
#[derive(Debug)]
pub(super) enum Built {
    Kept(Box<Target>),
    /// A rule dropped it, or left no label.
    Dropped,
}

/// The targets of a group, or why one of them cannot be scraped.
pub(super) fn from_group<'a>(
    group: &'a Arc<TargetGroup>,
    config: &'a ScrapeConfig,
) -> impl Iterator<Item = Result<Built, String>> + 'a {
    (0..group.targets.len()).map(move |index| {
        let origin = Origin {
            group: Arc::clone(group),
            index,
        };
        build(origin, config).map_err(|error| format!("instance {index} in group {}: {error}", group.source))
    })
}

/// What becomes of one thing that discovery found.
///
/// # Errors
/// Why it cannot be scraped.
pub(super) fn build(origin: Origin, config: &ScrapeConfig) -> Result<Built, String> {
    let Some(target) = origin.group.targets.get(origin.index) else {
        return Ok(Built::Dropped);
    };
    let mut labels = discovered(target, &origin.group.labels, config);
    if !process_builder(&mut labels, &config.relabel_configs) || labels.is_empty() {
        return Ok(Built::Dropped);
    }
    let address = labels.get(ADDRESS).ok_or("no address")?.to_owned();
    if address.contains('/') {
        return Err(format!("{} is not a valid hostname", quoted(&address)));
    }
    let (interval, interval_text) = duration(&labels, INTERVAL, "interval")?;
    let (timeout, timeout_text) = duration(&labels, TIMEOUT, "timeout")?;
    if timeout > interval {
        return Err(format!(
            "scrape timeout cannot be greater than scrape interval ({} > {})",
            quoted(&timeout_text),
            quoted(&interval_text)
        ));
    }
    let of_job = job_histograms(config);
    let histograms = ProtobufOptions {
        native: choice(&labels, NATIVE_HISTOGRAMS, of_job.native)?,
        always_classic: choice(&labels, CLASSIC_HISTOGRAMS, of_job.always_classic)?,
        convert_classic: choice(&labels, CONVERT_HISTOGRAMS, of_job.convert_classic)?,
    };
    labels.retain(|name, _| !name.starts_with(META_PREFIX));
    if labels.get(INSTANCE).is_none() {
        labels.set(INSTANCE, &address);
    }
    let url = target_url(&labels, &address, config);
    // How often it is scraped does not make a target another one.
    let identity = labels.labels().without(&[INTERVAL, TIMEOUT]);
    labels.retain(|name, _| !name.starts_with("__"));
    if labels.is_empty() {
        return Ok(Built::Dropped);
    }
    Ok(Built::Kept(Box::new(Target {
        origin: Mutex::new(origin),
        labels: labels.labels(),
        hash: fnv64a([identity.as_key().as_bytes(), b"\xff", url.as_bytes()]),
        url,
        interval,
        timeout,
        histograms,
        interval_text,
        timeout_text,
        state: Mutex::default(),
        metadata: Mutex::default(),
    })))
}

/// The target's labels, those of its group, and what the job adds where nothing is set.
fn discovered(target: &Labels, group: &Labels, config: &ScrapeConfig) -> LabelsBuilder {
    let mut labels = LabelsBuilder::from(group);
    for (name, value) in target {
        labels.set(name, value);
    }
    let mut default = |name: &str, value: &str| {
        if labels.get(name).is_none() {
            labels.set(name, value);
        }
    };
    default("job", &config.job_name);
    default(INTERVAL, &config.scrape_interval.to_string());
    default(TIMEOUT, &config.scrape_timeout.to_string());
    default(METRICS_PATH, &config.metrics_path);
    default(SCHEME, &config.scheme);
    for (name, values) in &config.params {
        if let Some(first) = values.first() {
            default(&format!("{PARAM_PREFIX}{name}"), first);
        }
    }
    labels
}

fn duration(labels: &LabelsBuilder, name: &str, what: &str) -> Result<(Duration, String), String> {
    let text = labels.get(name).unwrap_or_default().to_owned();
    let duration = Duration::parse(&text).map_err(|e| format!("error parsing scrape {what}: {e}"))?;
    if duration == Duration::ZERO {
        return Err(format!("scrape {what} cannot be 0"));
    }
    Ok((duration, text))
}

/// A choice that a label may make instead of the job. Its words are those of Go's `strconv.ParseBool`.
fn choice(labels: &LabelsBuilder, name: &str, otherwise: bool) -> Result<bool, String> {
    match labels.get(name) {
        None => Ok(otherwise),
        Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
        Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(false),
        Some(other) => Err(format!(
            "error parsing {name}: {} is neither true nor false",
            quoted(other)
        )),
    }
}

fn target_url(labels: &LabelsBuilder, address: &str, config: &ScrapeConfig) -> String {
    let mut params = config.params.clone();
    for (name, value) in labels.iter() {
        let Some(param) = name.strip_prefix(PARAM_PREFIX) else {
            continue;
        };
        match params.iter_mut().find(|(n, _)| n == param) {
            Some((_, values)) => match values.first_mut() {
                Some(first) => value.clone_into(first),
                None => values.push(value.to_owned()),
            },
            None => params.push((param.to_owned(), vec![value.to_owned()])),
        }
    }
    url::join(
        labels.get(SCHEME).unwrap_or_default(),
        address,
        labels.get(METRICS_PATH).unwrap_or_default(),
        &params,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{RelabelAction, RelabelConfig};

    fn config() -> ScrapeConfig {
        let mut config = ScrapeConfig::new("j");
        config.scrape_interval = Duration::from_millis(15_000);
        config.scrape_timeout = Duration::from_millis(10_000);
        config
    }

    fn rule(source: &str, regex: &str, target: &str, replacement: &str) -> RelabelConfig {
        let mut rule = RelabelConfig::with_action(RelabelAction::Replace).unwrap();
        rule.source_labels = vec![source.to_owned()];
        rule.regex = narthex_model::Pattern::new(regex).unwrap();
        rule.target_label = target.to_owned();
        rule.replacement = replacement.to_owned();
        rule
    }

    fn kept(labels: &[(&str, &str)], config: &ScrapeConfig) -> Target {
        match built(
            &Labels::from_pairs(labels.iter().copied()),
            &Labels::empty(),
            config,
        ) {
            Ok(Built::Kept(target)) => *target,
            other => panic!("{other:?}"),
        }
    }

    fn built(target: &Labels, group: &Labels, config: &ScrapeConfig) -> Result<Built, String> {
        let group = Arc::new(TargetGroup {
            source: "0".into(),
            targets: vec![target.clone()],
            labels: group.clone(),
        });
        from_group(&group, config).next().unwrap()
    }

    #[test]
    fn a_target_gets_defaults_and_loses_what_is_internal() {
        let mut config = config();
        config.params = vec![("p".into(), vec!["1".into(), "2".into()])];
        let group = Labels::from_pairs([("env", "group"), ("zone", "z")]);
        let own = Labels::from_pairs([
            ("__address__", "h:80"),
            ("env", "own"),
            ("__meta_x", "y"),
            ("__tmp", "t"),
        ]);
        let Ok(Built::Kept(target)) = built(&own, &group, &config) else {
            panic!("kept")
        };
        assert_eq!(
            target.labels.to_string(),
            r#"{env="own", instance="h:80", job="j", zone="z"}"#
        );
        assert_eq!(target.url, "http://h:80/metrics?p=1&p=2");
        assert_eq!(
            (target.interval_text.as_str(), target.timeout_text.as_str()),
            ("15s", "10s")
        );
        let discovered = target.origin.lock().discovered(&config).to_string();
        assert_eq!(
            discovered,
            r#"{__address__="h:80", __meta_x="y", __metrics_path__="/metrics", __param_p="1", __scheme__="http", __scrape_interval__="15s", __scrape_timeout__="10s", __tmp="t", env="own", job="j", zone="z"}"#
        );
    }

    #[test]
    fn rules_may_change_everything() {
        let mut config = config();
        config.relabel_configs = vec![
            rule("__address__", "(.*)", "__param_target", "$1"),
            rule("__param_target", "(.*)", "instance", "$1"),
            rule("job", ".*", "__address__", "exporter:9115"),
            rule("job", ".*", "__scheme__", "https"),
            rule("job", ".*", "__scrape_interval__", "1m"),
        ];
        let target = kept(&[("__address__", "db:1")], &config);
        assert_eq!(target.url, "https://exporter:9115/metrics?target=db%3A1");
        assert_eq!(target.labels.to_string(), r#"{instance="db:1", job="j"}"#);
        assert_eq!(target.interval, Duration::from_millis(60_000));
    }

    #[test]
    fn what_cannot_be_scraped_says_why() {
        for (source, value, error) in [
            ("__address__", "", "no address"),
            ("__address__", "a/b", r#""a/b" is not a valid hostname"#),
            ("__scrape_interval__", "0", "scrape interval cannot be 0"),
            ("__scrape_timeout__", "0s", "scrape timeout cannot be 0"),
            (
                "__scrape_timeout__",
                "20s",
                r#"scrape timeout cannot be greater than scrape interval ("20s" > "15s")"#,
            ),
            (
                "__scrape_interval__",
                "x",
                r#"error parsing scrape interval: not a valid duration string: "x""#,
            ),
        ] {
            let mut config = config();
            config.relabel_configs = vec![rule("job", ".*", source, value)];
            let labels = Labels::from_pairs([("__address__", "h:1")]);
            let got = built(&labels, &Labels::empty(), &config).unwrap_err();
            assert_eq!(got, format!("instance 0 in group 0: {error}"));
        }
    }

    #[test]
    fn rules_drop_targets_and_equal_ones_have_one_hash() {
        let mut config = config();
        let first = kept(&[("__address__", "h:1")], &config);
        assert_eq!(first.hash, kept(&[("__address__", "h:1")], &config).hash);
        assert_ne!(
            first.hash,
            kept(&[("__address__", "h:2"), ("instance", "h:1")], &config).hash
        );
        let mut drop = RelabelConfig::with_action(RelabelAction::Drop).unwrap();
        drop.source_labels = vec!["job".into()];
        config.relabel_configs = vec![drop];
        let labels = Labels::from_pairs([("__address__", "h:1")]);
        let dropped = built(&labels, &Labels::empty(), &config);
        assert!(matches!(dropped, Ok(Built::Dropped)), "{dropped:?}");
    }
}
