//! Runs the discovery of every job and hands out what was found: changes at once, many changes together.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::header::HeaderValue;
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::Instant;

use super::kubernetes::{Environment, KubernetesObject, Patience, Surroundings, View, Watches};
use super::metrics::{Metrics, NAME};
use super::provider::{Around, Provider, Section};
use crate::client::USER_AGENT;
use crate::clock::Clock;
use crate::config::{Config, TargetGroup};
use crate::telemetry::metrics::Registry;

/// How long changes are collected before they are handed out.
const SETTLE: Duration = Duration::from_millis(20);

/// Least time between two hand-outs.
const SPACING: Duration = Duration::from_millis(100);

/// The groups of one job. As long as nothing has changed it is the same allocation, and so is each group.
pub type JobGroups = Arc<[Arc<TargetGroup>]>;

/// The groups of every job, by its name.
pub type Found = Arc<BTreeMap<String, JobGroups>>;

/// What discovery takes from the process that it runs in.
#[derive(Clone)]
pub struct DiscoveryOptions {
    /// Most time between a change and its hand-out, where changes follow each other.
    pub interval: Duration,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// Where a pod finds its token, its namespace and the cluster's certificates.
    pub service_account: PathBuf,
    /// Reads an environment variable.
    pub environment: Environment,
    /// How long Kubernetes is waited for.
    pub patience: Patience,
}

impl fmt::Debug for DiscoveryOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiscoveryOptions")
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}

impl Default for DiscoveryOptions {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(5),
            user_agent: USER_AGENT.to_owned(),
            service_account: PathBuf::from("/var/run/secrets/kubernetes.io/serviceaccount"),
            environment: Arc::new(|name| std::env::var(name).ok()),
            patience: Patience::default(),
        }
    }
}

/// Finds targets for the jobs of a configuration. Clones are the same manager.
#[derive(Debug, Clone)]
pub struct DiscoveryManager {
    orders: mpsc::Sender<Order>,
    found: watch::Receiver<Found>,
    views: Arc<Mutex<Vec<View>>>,
}

/// The jobs to find targets for, and whom to tell that they are taken up.
type Order = (Vec<(String, Vec<Section>)>, oneshot::Sender<()>);

impl DiscoveryManager {
    /// Starts discovery with no jobs.
    #[must_use]
    pub fn start(
        clock: Clock,
        registry: &Registry,
        options: &DiscoveryOptions,
    ) -> (Self, tokio::task::JoinHandle<()>) {
        let (orders, inbox) = mpsc::channel(1);
        let (sender, found) = watch::channel(Found::default());
        let views = Arc::new(Mutex::new(Vec::new()));
        let metrics = Metrics::new(registry);
        let surroundings = Surroundings {
            user_agent: options.user_agent.clone(),
            service_account: options.service_account.clone(),
            environment: Arc::clone(&options.environment),
            patience: options.patience,
        };
        let runner = Runner {
            jobs: BTreeMap::new(),
            providers: Vec::new(),
            found: sender,
            views: Arc::clone(&views),
            around: Around {
                watches: Watches::new(surroundings, metrics.clone(), clock.clone()),
                metrics,
                clock,
                wake: Arc::new(Notify::new()),
                user_agent: HeaderValue::from_str(&options.user_agent)
                    .unwrap_or(HeaderValue::from_static("Prometheus")),
            },
            spacing: options.interval.min(SPACING),
        };
        let task = tokio::spawn(runner.run(inbox));
        (Self { orders, found, views }, task)
    }

    /// Finds targets for the jobs of `config` from now on. Returns once static lists and files were read; sections of
    /// discovery that were there before go on undisturbed.
    pub async fn apply(&self, config: &Config) {
        let jobs = config
            .jobs()
            .map(|job| (job.job_name.clone(), Section::of(&job.service_discovery)))
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

    /// What Kubernetes discovery knows about the objects of that name in that namespace (for nodes: ""), of whatever
    /// kind: one record for each kind and API server. Objects without any target are among them, with the reason.
    #[must_use]
    pub fn kubernetes_objects(&self, namespace: &str, name: &str) -> Vec<KubernetesObject> {
        KubernetesObject::find(&self.views.lock(), namespace, name)
    }

    /// As [`Self::kubernetes_objects`], for the pods with that IP.
    #[must_use]
    pub fn kubernetes_pods_at(&self, ip: &str) -> Vec<KubernetesObject> {
        KubernetesObject::find_address(&self.views.lock(), ip)
    }

    /// As [`Self::kubernetes_objects`], for the pods of that name in all namespaces.
    #[must_use]
    pub fn kubernetes_pods_named(&self, name: &str) -> Vec<KubernetesObject> {
        KubernetesObject::find_name(&self.views.lock(), name)
    }

    /// What Kubernetes discovery watches for each job, and how it goes.
    #[must_use]
    pub fn kubernetes_views(&self) -> Vec<View> {
        self.views.lock().clone()
    }
}

struct Runner {
    /// The places of each job's providers.
    jobs: BTreeMap<String, Vec<usize>>,
    providers: Vec<Provider>,
    found: watch::Sender<Found>,
    views: Arc<Mutex<Vec<View>>>,
    around: Around,
    spacing: Duration,
}

impl Runner {
    async fn run(mut self, mut inbox: mpsc::Receiver<Order>) {
        let wake = Arc::clone(&self.around.wake);
        let mut handed_out: Option<Instant> = None;
        let mut due: Option<Instant> = None;
        loop {
            let wait = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                order = inbox.recv() => {
                    let Some((jobs, done)) = order else { return };
                    self.take_up(jobs).await;
                    self.hand_out(true);
                    (handed_out, due) = (Some(Instant::now()), None);
                    // Nobody waits any more: that is fine.
                    let _ = done.send(());
                }
                () = wake.notified() => if due.is_none() {
                    let settled = Instant::now() + SETTLE;
                    let spaced = handed_out.map_or(settled, |at| at + self.spacing);
                    if spaced > settled {
                        self.around.metrics.delayed.inc();
                    }
                    due = Some(settled.max(spaced));
                },
                () = wait => {
                    self.hand_out(false);
                    (handed_out, due) = (Some(Instant::now()), None);
                }
            }
        }
    }

    /// Starts what is new, stops what is no longer asked for. What is shared is not disturbed.
    async fn take_up(&mut self, jobs: Vec<(String, Vec<Section>)>) {
        let mut before = std::mem::take(&mut self.providers);
        let mut failed = 0;
        for name in self
            .jobs
            .keys()
            .filter(|name| !jobs.iter().any(|(n, _)| n == *name))
        {
            self.around.metrics.targets.remove(&[NAME, name]);
        }
        self.jobs.clear();
        for (name, sections) in jobs {
            let mut places = Vec::new();
            for section in sections {
                if let Some(place) = self.providers.iter().position(|p| p.section == section) {
                    places.push(place);
                    continue;
                }
                let kept = before.iter().position(|provider| provider.section == section);
                let provider = match kept {
                    Some(at) => Ok(before.swap_remove(at)),
                    None => Provider::start(section, &name, &self.around),
                };
                match provider {
                    Ok(provider) => {
                        places.push(self.providers.len());
                        self.providers.push(provider);
                    }
                    Err(error) => {
                        failed += 1;
                        tracing::error!(
                            component = "discovery manager scrape",
                            config = name,
                            err = error,
                            "Cannot create service discovery"
                        );
                    }
                }
            }
            self.jobs.insert(name, places);
        }
        self.around.metrics.failed_configs.set(f64::from(failed));
        for provider in &mut self.providers {
            provider.has_begun().await;
        }
        *self.views.lock() = self.views();
    }

    fn views(&self) -> Vec<View> {
        let views = self.jobs.iter().flat_map(|(job, places)| {
            let discoverers = places
                .iter()
                .filter_map(|at| self.providers.get(*at)?.kubernetes.as_ref());
            discoverers.map(|discoverer| View::new(job, discoverer))
        });
        views.collect()
    }

    /// Hands out what has changed; `all` also where nothing has.
    fn hand_out(&self, all: bool) {
        let metrics = &self.around.metrics;
        let changed: Vec<bool> = self.providers.iter().map(|p| p.groups.take_changed()).collect();
        let updates: u64 = self.providers.iter().map(|p| p.groups.take_updates()).sum();
        metrics.received.add(updates as f64);
        if !all && !changed.contains(&true) {
            return;
        }
        let before = self.found.borrow().clone();
        let mut found = BTreeMap::new();
        for (name, places) in &self.jobs {
            let has_changed = places.iter().any(|at| changed.get(*at) == Some(&true));
            if let Some(same) = before.get(name).filter(|_| !all && !has_changed) {
                found.insert(name.clone(), Arc::clone(same));
                continue;
            }
            let providers = places.iter().filter_map(|at| self.providers.get(*at));
            let groups: JobGroups = providers.flat_map(|provider| provider.groups.all()).collect();
            let targets: usize = groups.iter().map(|group| group.targets.len()).sum();
            metrics.targets.with(&[NAME, name]).set(targets as f64);
            let same = before.get(name).filter(|before| are_same(before, &groups));
            found.insert(name.clone(), same.map_or(groups, Arc::clone));
        }
        metrics.updates.inc();
        self.found.send_replace(Arc::new(found));
    }
}

/// Whether these are the same groups in memory.
fn are_same(a: &[Arc<TargetGroup>], b: &[Arc<TargetGroup>]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(a, b))
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
        let (manager, _task) =
            DiscoveryManager::start(Clock::system(), &registry, &DiscoveryOptions::default());
        let files = "  file_sd_configs: [{files: ['*.yml']}]\n";
        let text = format!(
            "scrape_configs:\n- job_name: a\n  static_configs: [{{targets: ['s:1']}}]\n{files}- job_name: b\n\
             - job_name: c\n{files}"
        );
        manager.apply(&config(&text, folder.path())).await;
        let found = manager.found().borrow().clone();
        assert_eq!(found.len(), 3);
        assert!(found["b"].is_empty());
        let sources: Vec<_> = found["a"].iter().map(|g| g.source.as_str()).collect();
        assert_eq!(sources[0], "0");
        assert!(sources[1].ends_with("t.yml:0"), "{sources:?}");
        assert!(
            Arc::ptr_eq(&found["a"][1], &found["c"][0]),
            "equal sections are worked on once"
        );
        let text = format!("scrape_configs:\n- job_name: c\n{files}");
        manager.apply(&config(&text, folder.path())).await;
        let after = manager.found().borrow().clone();
        assert_eq!(after.keys().collect::<Vec<_>>(), ["c"]);
        assert!(
            Arc::ptr_eq(&after["c"][0], &found["c"][0]),
            "what stays is not disturbed"
        );
    }

    #[tokio::test]
    async fn a_job_keeps_its_allocation_until_its_groups_change() {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::new();
        let (manager, _task) =
            DiscoveryManager::start(Clock::system(), &registry, &DiscoveryOptions::default());
        let of = |targets: &str| {
            let text = format!(
                "scrape_configs:\n- job_name: a\n  static_configs: [{{targets: ['s:1']}}]\n- job_name: b\n  \
                 static_configs: [{{targets: ['s:2']}}, {{targets: [{targets}]}}]\n- job_name: c\n"
            );
            config(&text, folder.path())
        };
        manager.apply(&of("'s:3'")).await;
        let first = manager.found().borrow().clone();
        manager.apply(&of("'s:3'")).await;
        let second = manager.found().borrow().clone();
        for job in ["a", "b", "c"] {
            assert!(Arc::ptr_eq(&first[job], &second[job]), "{job} has not changed");
        }
        manager.apply(&of("'s:4'")).await;
        let third = manager.found().borrow().clone();
        assert!(Arc::ptr_eq(&second["a"], &third["a"]));
        assert!(!Arc::ptr_eq(&second["b"], &third["b"]));
        assert_eq!(third["b"].len(), 2);
    }
}
