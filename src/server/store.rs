//! Opening the store away from the async threads, and doing what is due in it.

use super::addresses::retention;
use super::options::Options;
use super::timed_disk::TimedDisk;
use crate::clock::Clock;
use crate::config::Config;
use crate::telemetry::metrics::{Counter, Histogram, Registry};
use narthex_tsdb::{Db, Error as StoreError, OpenProgress, Options as StoreOptions};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Exemplars that are kept where the configuration does not say. Source: Prometheus `config/config.go`.
const DEFAULT_EXEMPLARS: i64 = 100_000;

/// What the store has to know of command line and configuration. The configuration's retention wins.
pub(super) fn store_options(options: &Options, config: &Config) -> StoreOptions {
    let (time, size) = retention(options.retention);
    let mut store = StoreOptions {
        fsync_interval_ms: options.fsync_interval.as_millis(),
        wal_kept_ms: options.log_kept.as_millis(),
        retention_ms: time.as_millis(),
        retention_bytes: size,
        open_threads: std::thread::available_parallelism().map_or(1, usize::from),
        ..StoreOptions::default()
    };
    if options.has_feature("exemplar-storage") {
        let most = config.storage.max_exemplars.unwrap_or(DEFAULT_EXEMPLARS);
        store.max_exemplars = usize::try_from(most).unwrap_or(0);
    }
    if let Some(tsdb) = &config.storage.tsdb {
        store.out_of_order_window_ms = tsdb.out_of_order_time_window.as_millis();
        if let Some(retention) = &tsdb.retention {
            store.retention_ms = retention.time.map_or(store.retention_ms, |time| time.as_millis());
            store.retention_bytes = retention.size.unwrap_or(store.retention_bytes);
        }
    }
    store
}

/// Opens the store on a blocking thread.
///
/// # Errors
/// In Prometheus's words: `opening storage failed: …`.
pub(super) async fn open(
    disk: TimedDisk,
    path: PathBuf,
    options: StoreOptions,
    progress: OpenProgress,
) -> Result<Db, String> {
    let opening =
        tokio::task::spawn_blocking(move || Db::open_watched(Arc::new(disk), path, options, &progress));
    match opening.await {
        Ok(Ok(db)) => Ok(db),
        Ok(Err(error @ StoreError::Locked { .. })) => Err(format!(
            "opening storage failed: lock DB directory: resource temporarily unavailable ({error})"
        )),
        Ok(Err(error)) => Err(format!("opening storage failed: {error}")),
        Err(panic) => Err(format!("opening storage failed: {panic}")),
    }
}

/// How often to look whether blocks are to be cut or merged.
const COMPACT_EVERY: Duration = Duration::from_secs(5);

/// Does what is due in the store, on threads of its own: what is quick about once a second, what is slow beside it.
#[derive(Debug)]
pub(super) struct Keeper {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Keeper {
    pub(super) fn start(db: Db, clock: Clock, every: Duration, registry: &Registry) -> std::io::Result<Self> {
        let compactions = Compactions::new(registry);
        let stop = Arc::new(AtomicBool::new(false));
        let every = every.clamp(Duration::from_millis(50), Duration::from_secs(1));
        let (compacting, watch) = (db.clone(), clock.clone());
        let mut told = tell_damage(&db, 0);
        let threads = vec![
            repeat("store-keeper", &stop, every, move || {
                told = tell_damage(&db, told);
                db.tick(clock.now_ms())
            })?,
            repeat("store-compactor", &stop, COMPACT_EVERY, move || {
                compactions.count(&compacting, &watch)
            })?,
        ];
        Ok(Self { stop, threads })
    }

    /// Whether a thread has ended by itself, which it must not.
    pub(super) fn has_ended(&self) -> bool {
        self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Stops the threads; they end at their next step.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.iter().for_each(|thread| thread.thread().unpark());
    }

    /// Waits until the threads have ended. Blocks.
    pub(super) fn join(self) {
        for thread in self.threads {
            // The hook has logged a panic.
            let _ = thread.join();
        }
    }
}

/// Figures of compactions.
struct Compactions {
    made: Counter,
    triggered: Counter,
    failed: Counter,
    duration: Histogram,
}

impl Compactions {
    fn new(registry: &Registry) -> Self {
        const BOUNDS: [f64; 14] = [
            1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0, 8192.0,
        ];
        let counter = |name: &str, help: &str| registry.counter(&format!("prometheus_tsdb_{name}"), help);
        Self {
            made: counter(
                "compactions_total",
                "Total number of compactions that were executed: blocks cut or merged.",
            ),
            triggered: counter(
                "compactions_triggered_total",
                "Total number of times that it was looked whether blocks are to be cut or merged.",
            ),
            failed: counter(
                "compactions_failed_total",
                "Total number of compactions that failed.",
            ),
            duration: registry.histogram(
                "prometheus_tsdb_compaction_duration_seconds",
                "Duration of compaction runs.",
                &BOUNDS,
            ),
        }
    }

    /// Compacts, and counts the blocks that are new afterwards.
    fn count(&self, db: &Db, clock: &Clock) -> Result<(), StoreError> {
        let ids = || {
            db.blocks()
                .into_iter()
                .map(|block| block.ulid)
                .collect::<BTreeSet<_>>()
        };
        let (before, begun) = (ids(), clock.monotonic());
        let done = db.compact();
        let made = ids().difference(&before).count();
        self.triggered.inc();
        if made > 0 {
            self.made.add(made as f64);
            self.duration.observe(clock.elapsed(begun).as_secs_f64());
        }
        if done
            .as_ref()
            .is_err_and(|error| !matches!(error, StoreError::Closed))
        {
            self.failed.inc();
        }
        done
    }
}

/// Logs the damage that was found after the first so many places; how many there are now.
fn tell_damage(db: &Db, told: usize) -> usize {
    let found = db.damage_since(told);
    for damage in &found {
        tracing::warn!(damage, "Damage in the store; what is sound is served");
    }
    told + found.len()
}

/// Calls `work` again and again on a thread of its own; says once when it begins to fail.
fn repeat(
    name: &str,
    stop: &Arc<AtomicBool>,
    every: Duration,
    mut work: impl FnMut() -> Result<(), StoreError> + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    let stop = Arc::clone(stop);
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        let mut failing = false;
        while !stop.load(Ordering::Relaxed) {
            std::thread::park_timeout(every);
            match work() {
                Ok(()) => failing = false,
                // The server is stopping.
                Err(StoreError::Closed) => return,
                Err(error) if !failing => {
                    failing = true;
                    tracing::error!(err = %error, "Maintenance of the store failed; it is tried again");
                }
                Err(_) => {}
            }
        }
    })
}
