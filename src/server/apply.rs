//! Putting a configuration into force: the one path for the start, SIGHUP and `/-/reload`.

use super::options::Options;
use super::store::store_options;
use crate::config::{Config, ConfigSource, Loaded, RuleFile, load_rules};
use crate::discovery::{DiscoveryManager, Found, JobGroups};
use crate::http::App;
use crate::query::QueryService;
use crate::remote::RemoteManager;
use crate::scrape::ScrapeManager;
use narthex_promql::{Engine, EngineOptions, Features};
use narthex_tsdb::Options as StoreOptions;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::watch;

/// Everything that a configuration changes.
#[derive(Debug)]
pub(super) struct Subsystems {
    pub(super) app: Arc<App>,
    pub(super) queries: QueryService,
    pub(super) discovery: DiscoveryManager,
    pub(super) scrape: ScrapeManager,
    pub(super) remote: RemoteManager,
    /// What the store was opened with: only a restart can change it.
    pub(super) store: StoreOptions,
    /// Warnings that the log has already.
    pub(super) said: Mutex<BTreeSet<String>>,
}

/// The engine that the command line and the configuration ask for.
pub(super) fn engine(options: &Options, config: &Config) -> Engine {
    let has = |name: &str| options.has_feature(name);
    Engine::new(EngineOptions {
        lookback_delta_ms: options.lookback_delta.as_millis(),
        default_subquery_step_ms: config.global.evaluation_interval.as_millis(),
        max_samples: usize::try_from(options.query_max_samples).unwrap_or(usize::MAX),
        max_bytes: match usize::try_from(options.query_max_bytes) {
            Ok(0) | Err(_) => usize::MAX,
            Ok(bytes) => bytes,
        },
        parallelism: std::thread::available_parallelism().map_or(1, usize::from),
        features: Features {
            experimental_functions: has("promql-experimental-functions"),
            duration_expressions: has("promql-duration-expr"),
            extended_range_selectors: has("promql-extended-range-selectors"),
            binop_fill_modifiers: has("promql-binop-fill-modifiers"),
            delayed_name_removal: has("promql-delayed-name-removal"),
            start_timestamps: has("use-start-timestamps"),
            type_and_unit_labels: has("type-and-unit-labels"),
            ..Features::default()
        },
    })
}

/// Reads the configuration away from the async threads.
///
/// # Errors
/// What is wrong with it, with the file's name.
pub(super) async fn read(source: &ConfigSource) -> Result<Loaded, String> {
    let source = source.clone();
    match tokio::task::spawn_blocking(move || source.load()).await {
        Ok(Ok(loaded)) => Ok(loaded),
        Ok(Err(error)) => Err(error.to_string()),
        Err(panic) => Err(panic.to_string()),
    }
}

/// Puts `loaded` into force everywhere, also where one part of it fails.
///
/// # Errors
/// When a part failed; the log has the faults.
pub(super) async fn apply(
    loaded: Loaded,
    file: &str,
    options: &Options,
    to: &Subsystems,
) -> Result<(), String> {
    for warning in loaded.warnings {
        // Once is enough, however often the file is read.
        if to.said.lock().insert(warning.clone()) {
            tracing::warn!("{warning}");
        }
    }
    let config = Arc::new(loaded.config);
    let engine = engine(options, &config);
    let mut faults = match read_rules(&config, engine.options().features).await {
        Ok(mut files) => {
            for group in files.iter_mut().flat_map(|file| &mut file.groups) {
                group.interval.get_or_insert(config.global.evaluation_interval);
            }
            to.app.set_rules(files);
            Vec::new()
        }
        // The rules before stay.
        Err(faults) => faults,
    };
    faults.extend(to.remote.apply(&config).await.err().into_iter().flatten());
    for fault in &faults {
        tracing::error!(err = fault, "Failed to apply configuration");
    }
    to.queries.set_engine(engine);
    to.scrape.apply_config(&config);
    to.discovery.apply(&config).await;
    hand_over(&to.discovery.found(), &to.scrape, &Handed::new());
    let yaml = config.to_yaml();
    if faults.is_empty() {
        to.app.set_config(config, yaml);
        return Ok(());
    }
    to.app.set_config_in_part(config, yaml);
    Err(format!(
        "one or more errors occurred while applying the new configuration (--config.file={file:?}): {}",
        faults.join("; ")
    ))
}

/// The rule files, or their faults: none of their rules runs yet, but who reloads wants to know.
async fn read_rules(config: &Config, features: Features) -> Result<Vec<RuleFile>, Vec<String>> {
    if config.rule_files.is_empty() {
        return Ok(Vec::new());
    }
    let patterns = config.rule_files.clone();
    match tokio::task::spawn_blocking(move || load_rules(&patterns, &features)).await {
        Ok(Ok(files)) => Ok(files),
        Ok(Err(faults)) => Err(faults.iter().map(ToString::to_string).collect()),
        Err(panic) => Err(vec![panic.to_string()]),
    }
}

/// Reads the configuration again and puts it into force; what does not hold leaves the old one in force.
///
/// # Errors
/// In Prometheus's words, as `/-/reload` answers them.
pub(super) async fn reload(source: &ConfigSource, options: &Options, to: &Subsystems) -> Result<(), String> {
    let file = source.path.display().to_string();
    tracing::info!(filename = file, "Loading configuration file");
    match read(source).await {
        Ok(loaded) => {
            if store_options(options, &loaded.config) != to.store {
                tracing::warn!(
                    "Settings of the store (storage.tsdb) have changed: they take effect with the next start"
                );
            }
            apply(loaded, &file, options, to).await?;
            tracing::info!(filename = file, "Completed loading of configuration file");
            Ok(())
        }
        Err(error) => {
            to.app.set_config_failed();
            tracing::error!(
                err = error,
                "Error reloading config; the former one stays in force"
            );
            Err(format!(
                "couldn't load configuration (--config.file={file:?}): {error}"
            ))
        }
    }
}

/// Hands what discovery finds to the scrape jobs, for as long as there is discovery.
pub(super) async fn forward_targets(discovery: DiscoveryManager, scrape: ScrapeManager) {
    let mut found = discovery.found();
    drop(discovery);
    let mut handed = Handed::new();
    while found.changed().await.is_ok() {
        handed = hand_over(&found, &scrape, &handed);
    }
}

/// What was handed over for each job.
type Handed = BTreeMap<String, JobGroups>;

/// Hands over what is found of each job and was not handed over `before`; returns what is handed over now.
///
/// A reload and [`forward_targets`] do this at the same time. As long as a job's groups are borrowed, discovery
/// publishes no newer ones: whoever hands over last hands over the newest.
fn hand_over(found: &watch::Receiver<Found>, scrape: &ScrapeManager, before: &Handed) -> Handed {
    let jobs: Vec<String> = found.borrow().keys().cloned().collect();
    let mut handed = Handed::new();
    for job in jobs {
        if let Some(groups) = found.borrow().get(&job) {
            if before.get(&job).is_none_or(|before| !Arc::ptr_eq(before, groups)) {
                scrape.apply_targets(&job, groups);
            }
            handed.insert(job, Arc::clone(groups));
        }
    }
    handed
}
