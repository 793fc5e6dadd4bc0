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
use super::target::{Built, Origin, Target, from_group};
use crate::clock::Clock;
use crate::config::{ScrapeConfig, TargetGroup};
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

/// A group and what became of it: as long as the same group is discovered, nothing of it is built again.
struct BuiltGroup {
    group: Arc<TargetGroup>,
    /// Targets to scrape, with their places in the group.
    kept: Vec<(usize, Arc<Target>)>,
    /// Places of those that rules dropped.
    dropped: Vec<usize>,
}

/// One job.
pub(super) struct Pool<F> {
    pub(super) config: Arc<ScrapeConfig>,
    fetcher: Result<Arc<F>, String>,
    groups: Vec<BuiltGroup>,
    running: HashMap<u64, Running>,
    /// Loops whose targets are gone and that wait to end their series.
    ending: Vec<Running>,
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
            groups: Vec::new(),
            running: HashMap::new(),
            ending: Vec::new(),
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
        let groups: Vec<_> = self.groups.drain(..).map(|built| built.group).collect();
        self.bring_in_line(&groups, true, around);
    }

    /// Brings loops in line with what was discovered: all groups of the job. Only groups that are new in memory are
    /// looked into.
    pub(super) fn sync(&mut self, groups: &[Arc<TargetGroup>], around: &Surroundings<F>) {
        self.bring_in_line(groups, false, around);
    }

    fn bring_in_line(&mut self, groups: &[Arc<TargetGroup>], replaces_all: bool, around: &Surroundings<F>) {
        let started = around.clock.monotonic();
        let job = self.config.job_name.clone();
        self.build(groups, around);
        // Of targets that are the same the last one counts.
        let mut found: HashMap<u64, (usize, usize)> = HashMap::new();
        for (at, group) in self.groups.iter().enumerate() {
            for (slot, (_, target)) in group.kept.iter().enumerate() {
                found.insert(target.hash, (at, slot));
            }
        }
        self.force_limit(found.len(), around);
        self.ending.retain(|ending| !ending.task.is_finished());
        let mut former = std::mem::take(&mut self.running);
        for (hash, (at, slot)) in found {
            let group = &mut self.groups[at];
            let (index, target) = &mut group.kept[slot];
            let running = match former.remove(&hash) {
                Some(running) if !replaces_all && running.target.has_times_of(target) => {
                    *target = Arc::clone(&running.target);
                    *running.target.origin.lock() = Origin {
                        group: Arc::clone(&group.group),
                        index: *index,
                    };
                    running
                }
                former => {
                    let target = Arc::clone(target);
                    if let Some(former) = &former {
                        target.inherit(&former.target);
                    }
                    self.start(target, former, around)
                }
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

    /// Makes targets of the groups that are not known yet.
    fn build(&mut self, groups: &[Arc<TargetGroup>], around: &Surroundings<F>) {
        let former = self.groups.drain(..);
        let mut known: HashMap<_, _> = former.map(|built| (Arc::as_ptr(&built.group), built)).collect();
        for group in groups {
            let built = match known.remove(&Arc::as_ptr(group)) {
                Some(built) => built,
                None => self.build_group(group, around),
            };
            self.groups.push(built);
        }
    }

    fn build_group(&self, group: &Arc<TargetGroup>, around: &Surroundings<F>) -> BuiltGroup {
        let job = &self.config.job_name;
        let mut built = BuiltGroup {
            group: Arc::clone(group),
            kept: Vec::new(),
            dropped: Vec::new(),
        };
        for (index, target) in from_group(group, &self.config).enumerate() {
            match target {
                Ok(Built::Kept(target)) => built.kept.push((index, Arc::from(target))),
                Ok(Built::Dropped) => built.dropped.push(index),
                Err(error) => {
                    around.metrics.sync_failed.with(&[job]).inc();
                    tracing::error!(job, error, "creating target failed");
                }
            }
        }
        built
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
        let remembered = match self.config.limits.keep_dropped_targets {
            0 => usize::MAX,
            limit => usize::try_from(limit).unwrap_or(usize::MAX),
        };
        let dropped = self.groups.iter().flat_map(|built| {
            let origin = |index: &usize| Origin {
                group: Arc::clone(&built.group),
                index: *index,
            };
            built.dropped.iter().map(origin)
        });
        PoolStatus {
            name: self.config.job_name.clone(),
            active: self
                .running
                .values()
                .map(|running| running.target.status(&self.config))
                .collect(),
            dropped: dropped
                .take(remembered)
                .map(|origin| DroppedTarget {
                    discovered_labels: origin.discovered(&self.config),
                })
                .collect(),
            dropped_count: self.groups.iter().map(|built| built.dropped.len()).sum(),
        }
    }

    /// What was found and what runs, for whoever wants to look into it.
    pub(super) fn stock(&self) -> JobStock {
        let running = self.running.iter();
        JobStock::new(
            Arc::clone(&self.config),
            self.groups.iter().map(|built| Arc::clone(&built.group)).collect(),
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
