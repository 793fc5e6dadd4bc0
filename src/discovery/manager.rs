//! Runs the discovery of every job and hands out what was found, at most once in an interval.

use super::file::{FileDiscovery, LOOK_INTERVAL};
use crate::clock::Clock;
use crate::config::{Config, ServiceDiscovery, TargetGroup};
use crate::telemetry::metrics::{Counter, Counters, Gauges, Registry};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// The groups of one job. As long as nothing has changed it is the same allocation, and so is each group.
pub type JobGroups = Arc<[Arc<TargetGroup>]>;

/// The groups of every job, by its name.
pub type Found = Arc<BTreeMap<String, JobGroups>>;

/// Finds targets for the jobs of a configuration. Clones are the same manager.
#[derive(Debug, Clone)]
pub struct DiscoveryManager {
    orders: mpsc::Sender<Order>,
    found: watch::Receiver<Found>,
}

/// The jobs to find targets for, and whom to tell that they are taken up.
type Order = (Vec<(String, ServiceDiscovery)>, oneshot::Sender<()>);

impl DiscoveryManager {
    /// Starts discovery with no jobs. Changes are handed out at once, then at most once in `interval`.
    #[must_use]
    pub fn start(
        clock: Clock,
        registry: &Registry,
        interval: Duration,
    ) -> (Self, tokio::task::JoinHandle<()>) {
        let (orders, inbox) = mpsc::channel(1);
        let (sender, found) = watch::channel(Found::default());
        let runner = Runner {
            jobs: BTreeMap::new(),
            found: sender,
            metrics: Metrics::new(registry),
            clock,
            interval,
        };
        let task = tokio::spawn(runner.run(inbox));
        (Self { orders, found }, task)
    }

    /// Finds targets for the jobs of `config` from now on. Returns once static lists and files were read; jobs whose
    /// discovery is unchanged go on undisturbed.
    pub async fn apply(&self, config: &Config) {
        let jobs = config
            .jobs()
            .map(|job| (job.job_name.clone(), job.service_discovery.clone()))
            .collect();
        let (done, wait) = oneshot::channel();
        if self.orders.send((jobs, done)).await.is_ok() {
            // An error means that the server is stopping.
            let _ = wait.await;
        }
    }

    /// What was found, as it changes.
    #[must_use]
    pub fn found(&self) -> watch::Receiver<Found> {
        self.found.clone()
    }
}

struct Metrics {
    targets: Gauges,
    updates: Counters,
    faults: Counter,
}

impl Metrics {
    fn new(registry: &Registry) -> Self {
        Self {
            targets: registry.gauges(
                "prometheus_sd_discovered_targets",
                "Targets that discovery has found at present.",
                &["name", "config"],
            ),
            updates: registry.counters(
                "prometheus_sd_updates_total",
                "How often found targets were handed out.",
                &["name"],
            ),
            faults: registry.counter(
                "prometheus_sd_file_read_errors_total",
                "Target files that could not be read.",
            ),
        }
    }
}

struct Job {
    discovery: ServiceDiscovery,
    files: Vec<FileDiscovery>,
}

struct Runner {
    jobs: BTreeMap<String, Job>,
    found: watch::Sender<Found>,
    metrics: Metrics,
    clock: Clock,
    interval: Duration,
}

impl Runner {
    async fn run(mut self, mut inbox: mpsc::Receiver<Order>) {
        let mut changed = false;
        let mut handed_out = None;
        loop {
            let wait = LOOK_INTERVAL.min(self.interval.max(Duration::from_millis(100)));
            let order = tokio::time::timeout(wait, inbox.recv()).await;
            match order {
                Ok(None) => return,
                Ok(Some((jobs, done))) => {
                    self.take_up(jobs);
                    self.look(Duration::ZERO).await;
                    self.hand_out();
                    (changed, handed_out) = (false, Some(self.clock.monotonic()));
                    // Nobody waits any more: that is fine.
                    let _ = done.send(());
                }
                Err(_) => {
                    changed |= self.look(wait).await;
                    let due = handed_out.is_none_or(|at| self.clock.elapsed(at) >= self.interval);
                    if changed && due {
                        self.hand_out();
                        (changed, handed_out) = (false, Some(self.clock.monotonic()));
                    }
                }
            }
        }
    }

    fn take_up(&mut self, jobs: Vec<(String, ServiceDiscovery)>) {
        let mut before = std::mem::take(&mut self.jobs);
        for (name, discovery) in jobs {
            let job = before
                .remove(&name)
                .filter(|job| job.discovery == discovery)
                .unwrap_or_else(|| Job {
                    files: discovery.file.iter().cloned().map(FileDiscovery::new).collect(),
                    discovery,
                });
            self.jobs.insert(name, job);
        }
        for name in before.keys() {
            self.metrics.targets.remove(&["scrape", name]);
        }
    }

    /// Looks at all files away from the async threads. True if something may have changed.
    async fn look(&mut self, elapsed: Duration) -> bool {
        if self.jobs.values().all(|job| job.files.is_empty()) {
            return false;
        }
        let mut jobs = std::mem::take(&mut self.jobs);
        let looked = tokio::task::spawn_blocking(move || {
            let mut changed = false;
            let mut faults = Vec::new();
            for (name, job) in &mut jobs {
                for files in &mut job.files {
                    let look = files.look(elapsed);
                    changed |= look.changed;
                    faults.extend(look.faults.into_iter().map(|fault| (name.clone(), fault)));
                }
            }
            (jobs, changed, faults)
        });
        // The hook has logged the panic; without its jobs discovery finds nothing until the next reload.
        let Ok((jobs, changed, faults)) = looked.await else {
            return false;
        };
        self.jobs = jobs;
        for (job, fault) in faults {
            self.metrics.faults.inc();
            tracing::error!(
                component = "discovery manager scrape",
                discovery = "file",
                config = job,
                err = fault,
                "Error reading file; its former targets stay"
            );
        }
        changed
    }

    fn hand_out(&self) {
        let mut found: BTreeMap<String, JobGroups> = BTreeMap::new();
        for (name, job) in &self.jobs {
            let mut groups = job.discovery.static_configs.clone();
            for (index, group) in groups.iter_mut().enumerate() {
                group.source = format!("static/{index}");
            }
            for (index, files) in job.files.iter().enumerate() {
                groups.extend(files.groups().into_iter().map(|mut group| {
                    group.source = format!("file/{index}/{}", group.source);
                    group
                }));
            }
            let targets: usize = groups.iter().map(|group| group.targets.len()).sum();
            self.metrics.targets.with(&["scrape", name]).set(targets as f64);
            found.insert(name.clone(), groups.into_iter().map(Arc::new).collect());
        }
        self.metrics.updates.with(&["scrape"]).inc();
        self.found.send_replace(Arc::new(found));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load;
    use std::path::Path;

    fn config(text: &str, folder: &Path) -> Config {
        load(text, folder, &|_| None).unwrap().config
    }

    #[tokio::test]
    async fn jobs_get_their_groups_and_reloads_are_applied() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("t.yml"), "- targets: [f:1, f:2]\n").unwrap();
        let registry = Registry::new();
        let (manager, _task) = DiscoveryManager::start(Clock::system(), &registry, Duration::from_secs(5));
        let text = "scrape_configs:\n- job_name: a\n  static_configs: [{targets: ['s:1']}]\n  \
                    file_sd_configs: [{files: ['*.yml']}]\n- job_name: b\n";
        manager.apply(&config(text, folder.path())).await;
        let found = manager.found().borrow().clone();
        assert_eq!(found.len(), 2);
        assert!(found["b"].is_empty());
        let sources: Vec<_> = found["a"].iter().map(|g| g.source.as_str()).collect();
        assert_eq!(sources[0], "static/0");
        assert!(
            sources[1].starts_with("file/0/") && sources[1].ends_with("t.yml:0"),
            "{sources:?}"
        );
        manager
            .apply(&config("scrape_configs: [{job_name: c}]", folder.path()))
            .await;
        assert_eq!(manager.found().borrow().keys().collect::<Vec<_>>(), ["c"]);
    }
}
