//! All jobs: takes configurations and discovered targets, keeps what has not changed running.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Weak};

use narthex_tsdb::Db;
use parking_lot::Mutex;
use tokio::runtime::Handle;

use super::candidate::JobStock;
use super::fetch::{Fetch, HttpFetcher};
use super::metrics::ScrapeMetrics;
use super::pool::{Pool, Surroundings};
use super::schedule::fnv64a;
use super::settings::ScrapeOptions;
use super::status::{PoolStatus, TargetMetadata};
use crate::clock::Clock;
use crate::config::{Config, TargetGroup};
use crate::telemetry::metrics::{Gather, Kind, Registry};

/// Scrapes the targets of all jobs. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct ScrapeManager {
    jobs: Arc<Jobs<HttpFetcher>>,
}

impl fmt::Debug for ScrapeManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScrapeManager").finish_non_exhaustive()
    }
}

impl ScrapeManager {
    /// A manager without jobs. Loops will run on the runtime that this is called in.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn new(db: Db, clock: Clock, options: ScrapeOptions, registry: &Registry) -> Self {
        let for_fetchers = options.clone();
        let jobs = Arc::new(Jobs {
            pools: Mutex::default(),
            around: Surroundings {
                db,
                clock,
                options,
                metrics: ScrapeMetrics::new(registry),
                runtime: Handle::current(),
                make_fetcher: Box::new(move |config| HttpFetcher::new(config, &for_fetchers).map(Arc::new)),
            },
        });
        let weak = Arc::downgrade(&jobs);
        registry.on_gather(move |gather| gather_metadata(&weak, gather));
        Self { jobs }
    }

    /// Takes over a configuration: jobs that are new start without targets, jobs that are gone end, jobs that have
    /// changed go on with their targets, all others do not notice.
    pub fn apply_config(&self, config: &Config) {
        self.jobs.apply_config(config);
    }

    /// Says which groups of targets a job has now, all of them. A job that is not configured has none.
    /// What is in the same allocation as before counts as unchanged.
    pub fn apply_targets(&self, job: &str, groups: &[Arc<TargetGroup>]) {
        self.jobs.apply_targets(job, groups);
    }

    /// Names of all jobs, sorted.
    #[must_use]
    pub fn pools(&self) -> Vec<String> {
        self.jobs.pools.lock().active.keys().cloned().collect()
    }

    /// All jobs with their targets, sorted by name.
    #[must_use]
    pub fn status(&self) -> Vec<PoolStatus> {
        self.jobs.pools.lock().active.values().map(Pool::status).collect()
    }

    /// All jobs with everything that was found for them, sorted by name.
    #[must_use]
    pub fn stock(&self) -> Vec<JobStock> {
        self.jobs.pools.lock().active.values().map(Pool::stock).collect()
    }

    /// What all targets say about their metrics.
    #[must_use]
    pub fn metadata(&self) -> Vec<TargetMetadata> {
        self.jobs
            .pools
            .lock()
            .active
            .values()
            .flat_map(Pool::metadata)
            .collect()
    }

    /// Stops all loops and returns once they have ended. No series is marked as ended.
    pub async fn stop(&self) {
        self.jobs.stop().await;
    }
}

fn gather_metadata(jobs: &Weak<Jobs<HttpFetcher>>, gather: &mut Gather) {
    let Some(jobs) = jobs.upgrade() else {
        return;
    };
    for (job, pool) in &jobs.pools.lock().active {
        let (families, bytes) = pool.metadata_size();
        gather.number(
            Kind::Gauge,
            "prometheus_target_metadata_cache_entries",
            "Metric families whose metadata is remembered.",
            &[("scrape_job", job)],
            families as f64,
        );
        gather.number(
            Kind::Gauge,
            "prometheus_target_metadata_cache_bytes",
            "Bytes of the metadata that is remembered.",
            &[("scrape_job", job)],
            bytes as f64,
        );
    }
}

/// The pools of all jobs, whatever fetches their pages.
struct Jobs<F> {
    pools: Mutex<Pools<F>>,
    around: Surroundings<F>,
}

struct Pools<F> {
    active: BTreeMap<String, Pool<F>>,
    /// Pools of jobs that are gone, until the series of their targets have ended.
    ending: Vec<Pool<F>>,
}

impl<F> Default for Pools<F> {
    fn default() -> Self {
        Self {
            active: BTreeMap::new(),
            ending: Vec::new(),
        }
    }
}

impl<F: Fetch> Jobs<F> {
    fn apply_config(&self, config: &Config) {
        let host = self.around.options.host_name.as_bytes();
        let external = config.global.external_labels.to_string();
        let seed = fnv64a([host, external.as_bytes()]);
        let mut pools = self.pools.lock();
        pools.ending.retain_mut(Pool::is_ending);
        let gone: Vec<String> = pools
            .active
            .keys()
            .filter(|job| config.job(job).is_none())
            .cloned()
            .collect();
        for mut pool in gone
            .iter()
            .filter_map(|job| pools.active.remove(job))
            .collect::<Vec<_>>()
        {
            pool.vanish();
            pools.ending.push(pool);
        }
        for job in config.jobs() {
            match pools.active.get_mut(&job.job_name) {
                // Equal, but perhaps its rules stand in other lines now.
                Some(pool) if *pool.config == **job => pool.config = Arc::clone(job),
                Some(pool) => pool.reload(Arc::clone(job), seed, &self.around),
                None => {
                    let pool = Pool::new(Arc::clone(job), seed, &self.around);
                    pools.active.insert(job.job_name.clone(), pool);
                }
            }
        }
    }

    fn apply_targets(&self, job: &str, groups: &[Arc<TargetGroup>]) {
        if let Some(pool) = self.pools.lock().active.get_mut(job) {
            pool.sync(groups, &self.around);
        }
    }

    async fn stop(&self) {
        let tasks: Vec<_> = {
            let mut pools = self.pools.lock();
            let Pools { active, ending } = &mut *pools;
            active
                .values_mut()
                .chain(ending.iter_mut())
                .flat_map(Pool::stop)
                .collect()
        };
        for task in tasks {
            // A loop that panicked has ended as well.
            let _ = task.await;
        }
    }
}
