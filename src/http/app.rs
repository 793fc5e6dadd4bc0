//! What every request can reach: options, clock, store, queries, configuration, and the words to the server.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use narthex_tsdb::{Db, OpenProgress};
use parking_lot::RwLock;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::options::WebOptions;
use super::own_metrics::HttpMetrics;
use super::read::ReadService;
use super::version::Version;
use super::write::WriteReceiver;
use crate::clock::Clock;
use crate::config::Config;
use crate::query::QueryService;
use crate::scrape::ScrapeManager;
use crate::shutdown::{Shutdown, ShutdownTrigger};
use crate::telemetry::metrics::Registry;

/// A wish to reload the configuration; the answer is `Ok` or what went wrong.
pub type ReloadRequest = oneshot::Sender<Result<(), String>>;

/// What the server hands over when it starts the web side.
#[derive(Debug)]
pub struct AppParts {
    /// What the command line says.
    pub options: WebOptions,
    /// What the API calls this server.
    pub version: Version,
    /// Every flag with its value as text, hidden ones too.
    pub flags: BTreeMap<String, String>,
    /// Tells the time.
    pub clock: Clock,
    /// The server's own metrics.
    pub registry: Arc<Registry>,
    /// Answers queries.
    pub queries: QueryService,
    /// How far the store has come in opening.
    pub replay: OpenProgress,
    /// Takes wishes to reload.
    pub reload: mpsc::Sender<ReloadRequest>,
    /// Takes the wish to stop.
    pub quit: ShutdownTrigger,
}

/// What every request can reach. The listener opens with it before the store is open.
#[derive(Debug)]
pub struct App {
    pub(crate) options: WebOptions,
    pub(crate) version: Version,
    pub(crate) flags: BTreeMap<String, String>,
    pub(crate) clock: Clock,
    pub(crate) registry: Arc<Registry>,
    pub(crate) queries: QueryService,
    pub(crate) replay: OpenProgress,
    pub(crate) reload: mpsc::Sender<ReloadRequest>,
    pub(crate) quit: ShutdownTrigger,
    pub(crate) stopping: Shutdown,
    pub(crate) metrics: HttpMetrics,
    pub(crate) write: WriteReceiver,
    pub(crate) read: ReadService,
    pub(crate) bodies: Arc<Semaphore>,
    pub(crate) started_nanos: i128,
    store: OnceLock<Db>,
    scrape: OnceLock<ScrapeManager>,
    loaded: RwLock<Loaded>,
}

/// The configuration that is in force, and how the last reload went.
#[derive(Debug, Clone, Default)]
pub(crate) struct Loaded {
    pub(crate) config: Arc<Config>,
    pub(crate) yaml: Arc<str>,
    /// Unix milliseconds of the last successful load.
    pub(crate) loaded_at: i64,
    /// Whether the last attempt to load failed.
    pub(crate) failed: bool,
}

impl App {
    /// The web side of a server that has no store yet.
    #[must_use]
    pub fn new(parts: AppParts) -> Arc<Self> {
        let metrics = HttpMetrics::new(&parts.registry);
        let write = WriteReceiver::new(&parts.registry);
        let read = ReadService::new(&parts.registry, parts.options.remote_read);
        super::own_metrics::register_process(&parts.registry, &parts.clock);
        super::own_metrics::register_build(&parts.registry, &parts.version);
        Arc::new(Self {
            started_nanos: parts.clock.now_nanos(),
            stopping: parts.quit.listener(),
            options: parts.options,
            version: parts.version,
            flags: parts.flags,
            clock: parts.clock,
            queries: parts.queries,
            registry: parts.registry,
            replay: parts.replay,
            reload: parts.reload,
            quit: parts.quit,
            metrics,
            write,
            read,
            bodies: super::call::body_budget(),
            store: OnceLock::new(),
            scrape: OnceLock::new(),
            loaded: RwLock::default(),
        })
    }

    /// The store is open: from now on the API answers. Says so once; a second store is not taken.
    pub fn set_store(&self, store: Db) {
        super::own_metrics::register_store(&self.registry, &store);
        if self.store.set(store).is_ok() {
            self.metrics.ready.set(1.0);
        }
    }

    /// Scraping goes on: its targets can be shown. A second manager is not taken.
    pub fn set_scrape(&self, scrape: ScrapeManager) {
        // The first one stays.
        let _ = self.scrape.set(scrape);
    }

    /// A configuration is in force from now on; `yaml` is how `status/config` shows it.
    pub fn set_config(&self, config: Arc<Config>, yaml: String) {
        let now = self.clock.now_ms();
        *self.loaded.write() = Loaded {
            config,
            yaml: yaml.into(),
            loaded_at: now,
            failed: false,
        };
        self.metrics.config_success.set(1.0);
        self.metrics.config_time.set(now as f64 / 1000.0);
    }

    /// A configuration is in force from now on, but a part of it could not be applied: the reload counts as failed.
    pub fn set_config_in_part(&self, config: Arc<Config>, yaml: String) {
        {
            let mut loaded = self.loaded.write();
            loaded.config = config;
            loaded.yaml = yaml.into();
        }
        self.set_config_failed();
    }

    /// A reload failed: the configuration before it stays in force.
    pub fn set_config_failed(&self) {
        self.loaded.write().failed = true;
        self.metrics.config_success.set(0.0);
    }

    /// The store, once it is open.
    pub(crate) fn store(&self) -> Option<&Db> {
        self.store.get()
    }

    /// What scrapes, once it does.
    pub(crate) fn scrape(&self) -> Option<&ScrapeManager> {
        self.scrape.get()
    }

    /// The configuration in force.
    pub(crate) fn loaded(&self) -> Loaded {
        self.loaded.read().clone()
    }

    /// Whether the server can answer: the store is open and nobody said to stop.
    pub(crate) fn is_ready(&self) -> bool {
        self.store.get().is_some() && !self.stopping.is_stopped()
    }
}
