//! The targets of one job: which are scraped, by which loops, and what becomes of them when something changes.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::append::Appender;
use super::candidate::JobStock;
use super::fetch::Fetch;
use super::r#loop::{Command, ForcedError, ScrapeLoop};
use super::metrics::ScrapeMetrics;
use super::settings::{AppendSettings, ScrapeOptions};
use super::status::{DroppedTarget, PoolStatus, TargetMetadata};
use super::target::{Built, Target, from_group};
use crate::clock::Clock;
use crate::config::{ScrapeConfig, TargetGroup};
use narthex_model::Labels;
use narthex_tsdb::Db;

/// Makes the fetcher of a job.
pub(super) type MakeFetcher<F> = dyn Fn(&ScrapeConfig) -> Result<Arc<F>, String> + Send + Sync;

/// What all pools share.
pub(super) struct Surroundings<F> {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) options: ScrapeOptions,
    pub(super) metrics: ScrapeMetrics,
    pub(super) runtime: Handle,
    pub(super) make_fetcher: Box<MakeFetcher<F>>,
}

/// A loop in its task.
struct Running {
    target: Arc<Target>,
    commands: watch::Sender<Command>,
    task: JoinHandle<Appender>,
}

/// One job.
pub(super) struct Pool<F> {
    pub(super) config: Arc<ScrapeConfig>,
    fetcher: Result<Arc<F>, String>,
    groups: Arc<Vec<TargetGroup>>,
    running: HashMap<u64, Running>,
    /// Loops whose targets are gone and that wait to end their series.
    ending: Vec<Running>,
    dropped: Vec<Labels>,
    dropped_count: usize,
    forced_error: ForcedError,
    seed: u64,
}

impl<F: Fetch> Pool<F> {
    pub(super) fn new(config: Arc<ScrapeConfig>, seed: u64, around: &Surroundings<F>) -> Self {
        around.metrics.pools.inc();
        let fetcher = (around.make_fetcher)(&config);
        if let Err(error) = &fetcher {
            around.metrics.pools_failed.inc();
            tracing::error!(
                job = config.job_name,
                error,
                "the job's HTTP client cannot be set up"
            );
        }
        let limit = config.limits.target_limit;
        let limits = around.metrics.pool_target_limit.with(&[&config.job_name]);
        limits.set(limit as f64);
        Self {
            config,
            fetcher,
            groups: Arc::default(),
            running: HashMap::new(),
            ending: Vec::new(),
            dropped: Vec::new(),
            dropped_count: 0,
            forced_error: ForcedError::default(),
            seed,
        }
    }

    /// Takes over another configuration: every loop is replaced by one that goes on with what the former knew.
    pub(super) fn reload(&mut self, config: Arc<ScrapeConfig>, seed: u64, around: &Surroundings<F>) {
        around.metrics.pool_reloads.inc();
        if config.http_client != self.config.http_client
            || config.limits != self.config.limits
            || config.scrape_protocols != self.config.scrape_protocols
            || config.metric_name_escaping_scheme != self.config.metric_name_escaping_scheme
            || config.enable_compression != self.config.enable_compression
            || self.fetcher.is_err()
        {
            self.fetcher = (around.make_fetcher)(&config);
            if let Err(error) = &self.fetcher {
                around.metrics.pool_reloads_failed.inc();
                tracing::error!(
                    job = config.job_name,
                    error,
                    "the job's HTTP client cannot be set up"
                );
            }
        }
        let limits = around.metrics.pool_target_limit.with(&[&config.job_name]);
        limits.set(config.limits.target_limit as f64);
        self.config = config;
        self.seed = seed;
        let groups = Arc::clone(&self.groups);
        self.bring_in_line(groups, true, around);
    }

    /// Brings loops in line with what was discovered.
    pub(super) fn sync(&mut self, groups: Vec<TargetGroup>, around: &Surroundings<F>) {
        self.bring_in_line(Arc::new(groups), false, around);
    }

    fn bring_in_line(&mut self, groups: Arc<Vec<TargetGroup>>, replaces_all: bool, around: &Surroundings<F>) {
        let started = around.clock.monotonic();
        let job = self.config.job_name.clone();
        let found = self.build(&groups, around);
        self.groups = groups;
        self.force_limit(found.len(), around);
        self.ending.retain(|ending| !ending.task.is_finished());
        let mut former = std::mem::take(&mut self.running);
        for (hash, target) in found {
            let running = match former.remove(&hash) {
                Some(running) if !replaces_all && running.target.has_times_of(&target) => {
                    *running.target.discovered.lock() = target.discovered.into_inner();
                    running
                }
                Some(running) => {
                    target.inherit(&running.target);
                    self.start(Arc::new(target), Some(running), around)
                }
                None => self.start(Arc::new(target), None, around),
            };
            self.running.insert(hash, running);
        }
        for (_, gone) in former {
            gone.commands.send_replace(Command::Vanish);
            self.ending.push(gone);
        }
        around
            .metrics
            .pool_targets
            .with(&[&job])
            .set(self.running.len() as f64);
        around.metrics.pool_syncs.with(&[&job]).inc();
        // Exposed with 0 before the first failure.
        around.metrics.sync_failed.with(&[&job]);
        let length = around.clock.elapsed(started).as_secs_f64();
        around.metrics.sync_length.with(&[&job]).observe(length);
    }

    /// The targets that these groups make; what is dropped is remembered.
    fn build(&mut self, groups: &[TargetGroup], around: &Surroundings<F>) -> HashMap<u64, Target> {
        let job = &self.config.job_name;
        let mut found: HashMap<u64, Target> = HashMap::new();
        self.dropped.clear();
        self.dropped_count = 0;
        let remembered = match self.config.limits.keep_dropped_targets {
            0 => usize::MAX,
            limit => usize::try_from(limit).unwrap_or(usize::MAX),
        };
        for built in groups.iter().flat_map(|group| from_group(group, &self.config)) {
            match built {
                Ok(Built::Kept(target)) => {
                    found.entry(target.hash).or_insert(*target);
                }
                Ok(Built::Dropped(labels)) => {
                    self.dropped_count += 1;
                    if self.dropped.len() < remembered {
                        self.dropped.push(labels);
                    }
                }
                Err(error) => {
                    around.metrics.sync_failed.with(&[job]).inc();
                    tracing::error!(job, error, "creating target failed");
                }
            }
        }
        found
    }

    fn force_limit(&self, count: usize, around: &Surroundings<F>) {
        let limit = self.config.limits.target_limit;
        let is_over = limit > 0 && count as u64 > limit;
        if is_over {
            around.metrics.exceeded_target_limit.inc();
        }
        *self.forced_error.write() =
            is_over.then(|| format!("target_limit exceeded (number of targets: {count}, limit: {limit})"));
    }

    fn start(&self, target: Arc<Target>, former: Option<Running>, around: &Surroundings<F>) -> Running {
        let mut settings = AppendSettings::new(
            &self.config,
            &around.options,
            target.labels.clone(),
            target.timeout.as_seconds(),
        );
        settings.histograms = target.histograms;
        let mut scrape_loop = ScrapeLoop {
            appender: Appender::new(
                around.db.clone(),
                around.clock.clone(),
                around.metrics.clone(),
                settings,
                target.hash,
            ),
            target: Arc::clone(&target),
            fetcher: self.fetcher.clone(),
            clock: around.clock.clone(),
            metrics: around.metrics.clone(),
            forced_error: Arc::clone(&self.forced_error),
            fallback: self.config.fallback_scrape_protocol,
            seed: self.seed,
            tolerance_ms: around.options.timestamp_tolerance_ms,
            last_body_bytes: 0,
        };
        let (commands, receiver) = watch::channel(Command::Run);
        let task = around.runtime.spawn(async move {
            if let Some(former) = former {
                former.commands.send_replace(Command::HandOver);
                // A former loop that panicked has nothing to hand over.
                if let Ok(appender) = former.task.await {
                    scrape_loop.appender.inherit(appender);
                }
            }
            scrape_loop.run(receiver).await
        });
        Running {
            target,
            commands,
            task,
        }
    }

    /// The job is gone: all its targets are.
    pub(super) fn vanish(&mut self) {
        for (_, running) in self.running.drain() {
            running.commands.send_replace(Command::Vanish);
            self.ending.push(running);
        }
    }

    /// Whether loops of targets that are gone still wait to end their series.
    pub(super) fn is_ending(&mut self) -> bool {
        self.ending.retain(|ending| !ending.task.is_finished());
        !self.ending.is_empty()
    }

    /// Tells all loops to stop and hands out what to wait for.
    pub(super) fn stop(&mut self) -> Vec<JoinHandle<Appender>> {
        let all = self.running.drain().map(|(_, running)| running);
        let all: Vec<Running> = all.chain(self.ending.drain(..)).collect();
        all.into_iter()
            .map(|running| {
                running.commands.send_replace(Command::Stop);
                running.task
            })
            .collect()
    }

    pub(super) fn status(&self) -> PoolStatus {
        PoolStatus {
            name: self.config.job_name.clone(),
            active: self
                .running
                .values()
                .map(|running| running.target.status())
                .collect(),
            dropped: self
                .dropped
                .iter()
                .map(|labels| DroppedTarget {
                    discovered_labels: labels.clone(),
                })
                .collect(),
            dropped_count: self.dropped_count,
        }
    }

    /// What was found and what runs, for whoever wants to look into it.
    pub(super) fn stock(&self) -> JobStock {
        let running = self.running.iter();
        JobStock::new(
            Arc::clone(&self.config),
            Arc::clone(&self.groups),
            running
                .map(|(hash, running)| (*hash, Arc::clone(&running.target)))
                .collect(),
        )
    }

    pub(super) fn metadata(&self) -> impl Iterator<Item = TargetMetadata> {
        self.running.values().map(|running| TargetMetadata {
            labels: running.target.labels.clone(),
            metrics: running.target.metadata.lock().list(),
        })
    }

    /// Families that are remembered for all targets, and their bytes.
    pub(super) fn metadata_size(&self) -> (usize, usize) {
        self.running.values().fold((0, 0), |(families, bytes), running| {
            let (f, b) = running.target.metadata.lock().size();
            (families + f, bytes + b)
        })
    }
}
