//! The queues that the configuration asks for: started, left alone or stopped as it changes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use md5::{Digest as _, Md5};
use narthex_model::Labels;
use narthex_tsdb::{Db, SeriesMetadata};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::batch::Message;
use super::ledger::Ledger;
use super::metadata::{self, Declared, MetadataSettings, Source};
use super::metrics::{RemoteMetrics, register_intake};
use super::queue::Queue;
use super::reader::{Reader, Selection};
use super::send::{HttpPost, Post};
use super::series::Naming;
use super::shard::{ShardSettings, Shared};
use super::shards::ShardCount;
use crate::clock::Clock;
use crate::config::{Config, RemoteWriteConfig};
use crate::shutdown::{self, ShutdownTrigger};
use crate::telemetry::metrics::Registry;

/// What the names of our readers of the log begin with.
const READER: &str = "queue-";

/// A metric family as a target declares it: its name, and what is said about it.
pub type DeclaredFamily = (String, SeriesMetadata);

/// What the command line says about sending.
#[derive(Debug, Clone)]
pub struct RemoteOptions {
    /// How long sending may go on when it is time to stop.
    pub flush_deadline: Duration,
    /// What requests are signed with.
    pub user_agent: String,
}

/// Sends what is stored to the endpoints of `remote_write`.
pub struct RemoteManager {
    db: Db,
    clock: Clock,
    options: RemoteOptions,
    metrics: RemoteMetrics,
    source: Source,
    running: Mutex<BTreeMap<String, Running>>,
}

impl fmt::Debug for RemoteManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteManager").finish_non_exhaustive()
    }
}

/// A queue at work.
struct Running {
    config: RemoteWriteConfig,
    external: Labels,
    label: String,
    stop: ShutdownTrigger,
    tasks: Vec<JoinHandle<()>>,
}

/// Who a queue is, so that it goes on where it stopped when only its settings change: its name, or its URL and how
/// many nameless ones of the same URL stand before it.
fn identity(config: &RemoteWriteConfig, before: usize) -> String {
    let key = if config.name.is_empty() {
        format!("url {before} {}", config.url)
    } else {
        format!("name {}", config.name)
    };
    let digest: [u8; 16] = Md5::digest(key.as_bytes()).into();
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

impl RemoteManager {
    /// Nothing is sent yet. `declared` says what targets declare about metrics.
    pub fn new(
        db: Db,
        clock: Clock,
        options: RemoteOptions,
        registry: &Registry,
        declared: impl Fn() -> Vec<DeclaredFamily> + Send + Sync + 'static,
    ) -> Self {
        register_intake(registry, &db);
        Self {
            db,
            clock,
            options,
            metrics: RemoteMetrics::new(registry),
            source: Arc::new(declared),
            running: Mutex::default(),
        }
    }

    /// Brings the queues in line with the configuration. A queue whose settings have not changed is left alone.
    ///
    /// # Errors
    /// What keeps a queue from running, one sentence each; the others run.
    pub async fn apply(&self, config: &Config) -> Result<(), Vec<String>> {
        let external = &config.global.external_labels;
        let mut wanted: BTreeMap<String, &RemoteWriteConfig> = BTreeMap::new();
        let mut faults = Vec::new();
        for (at, one) in config.remote_write.iter().enumerate() {
            let before = config.remote_write.iter().take(at);
            if before.clone().any(|other| other == one) {
                faults.push(format!(
                    "duplicate remote write configs are not allowed, found duplicate for URL: {}",
                    one.url
                ));
                continue;
            }
            let alike = before.filter(|o| o.name.is_empty() && o.url == one.url).count();
            wanted.insert(identity(one, alike), one);
        }
        let mut running = self.running.lock().await;
        let gone: Vec<String> = running
            .iter()
            .filter(|(id, now)| {
                wanted
                    .get(*id)
                    .is_none_or(|config| **config != now.config || *external != now.external)
            })
            .map(|(id, _)| id.clone())
            .collect();
        for id in gone {
            if let Some(old) = running.remove(&id) {
                self.end(old).await;
            }
        }
        self.forget_others(&wanted.keys().cloned().collect()).await;
        for (id, config) in wanted {
            if running.contains_key(&id) {
                continue;
            }
            match self.start(&id, config, external).await {
                Ok(started) => drop(running.insert(id, started)),
                Err(fault) => faults.push(format!("remote_write {:?}: {fault}", config.url)),
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// Stops all queues; what they have not sent is sent after the next start.
    pub async fn stop(&self) {
        let running = std::mem::take(&mut *self.running.lock().await);
        for queue in running.values() {
            queue.stop.stop();
        }
        for queue in running.into_values() {
            self.end(queue).await;
        }
    }

    async fn end(&self, queue: Running) {
        queue.stop.stop();
        for task in queue.tasks {
            // A panic has been logged by the hook.
            let _ = task.await;
        }
        self.metrics.forget(&queue.label, &queue.config.url);
    }

    /// The log is not kept for queues that are not asked for any more.
    async fn forget_others(&self, wanted: &BTreeSet<String>) {
        for reader in self.db.tails() {
            let id = reader.strip_prefix(READER);
            if id.is_some_and(|id| !wanted.contains(id)) {
                let db = self.db.clone();
                let forgotten = tokio::task::spawn_blocking(move || db.forget_tail(&reader)).await;
                if let Ok(Err(error)) = forgotten {
                    tracing::warn!(%error, "The place of a former queue in the log could not be forgotten");
                }
            }
        }
    }

    async fn start(
        &self,
        id: &str,
        config: &RemoteWriteConfig,
        external: &Labels,
    ) -> Result<Running, String> {
        if let Some((kind, _)) = &config.cloud_auth {
            return Err(format!(
                "{kind} is not supported: use basic_auth, authorization or oauth2, or a proxy that signs the requests"
            ));
        }
        let post = HttpPost::new(
            &config.url,
            &config.http_client,
            &config.headers,
            config.remote_timeout.to_std(),
            &self.options.user_agent,
        )?;
        let label = if config.name.is_empty() {
            id.chars().take(6).collect()
        } else {
            config.name.clone()
        };
        let (db, reader) = (self.db.clone(), format!("{READER}{id}"));
        let tail = tokio::task::spawn_blocking(move || db.tail(&reader))
            .await
            .map_err(|panic| panic.to_string())?
            .map_err(|error| error.to_string())?;
        let metrics = self.metrics.of(&label, &config.url);
        let (stop, tasks) = self.run(config, external, tail, metrics, &label, post);
        Ok(Running {
            config: config.clone(),
            external: external.clone(),
            label,
            stop,
            tasks,
        })
    }

    /// Starts the tasks of a queue.
    pub(super) fn run<P: Post>(
        &self,
        config: &RemoteWriteConfig,
        external: &Labels,
        tail: narthex_tsdb::Tail,
        metrics: super::metrics::QueueMetrics,
        label: &str,
        post: P,
    ) -> (ShutdownTrigger, Vec<JoinHandle<()>>) {
        let message = match config.protobuf_message.as_str() {
            "io.prometheus.write.v2.Request" => Message::V2,
            _ => Message::V1,
        };
        let shared = Arc::new(Shared {
            post,
            settings: settings(config, message),
            ledger: Ledger::new(tail.position()),
            metrics,
            declared: Declared::default(),
            clock: self.clock.clone(),
            busy_nanos: AtomicU64::new(0),
            settled: AtomicU64::new(0),
            name: label.to_owned(),
        });
        let (stop, stopped) = shutdown::channel();
        let whole = |number: i64| usize::try_from(number).unwrap_or(0);
        let queue = &config.queue_config;
        let mark = tail.mark();
        let selection = Selection {
            message,
            // Version 2.0 always has both.
            exemplars: config.send_exemplars || message == Message::V2,
            histograms: config.send_native_histograms || message == Message::V2,
        };
        let naming = Naming::new(external.clone(), config.write_relabel_configs.clone());
        let reader = Reader::new(tail, naming, selection);
        let work = Queue {
            shared: Arc::clone(&shared),
            count: ShardCount::new(whole(queue.min_shards), whole(queue.max_shards)),
            capacity: whole(queue.capacity).clamp(1, 1 << 20),
            flush: self.options.flush_deadline,
            stop: stopped.clone(),
            mark,
            db: self.db.clone(),
        };
        let mut tasks = vec![tokio::spawn(work.run(reader))];
        let metadata = &config.metadata_config;
        if metadata.send {
            let settings = MetadataSettings {
                interval: metadata.send_interval.to_std(),
                batch: whole(metadata.max_samples_per_send),
            };
            let source = Arc::clone(&self.source);
            tasks.push(tokio::spawn(metadata::run(shared, settings, source, stopped)));
        }
        (stop, tasks)
    }
}

fn settings(config: &RemoteWriteConfig, message: Message) -> ShardSettings {
    let queue = &config.queue_config;
    ShardSettings {
        message,
        batch: usize::try_from(queue.max_samples_per_send)
            .unwrap_or(1)
            .clamp(1, 1 << 20),
        deadline: queue.batch_send_deadline.to_std(),
        // A pause of 0 would ask without end.
        backoff_min: queue.min_backoff.to_std().max(Duration::from_millis(1)),
        backoff_max: queue.max_backoff.to_std().max(Duration::from_millis(1)),
        retry_on_429: queue.retry_on_http_429,
        age_max_ms: queue.sample_age_limit.as_millis(),
        log_failures: config.failed_request_logging,
    }
}
