//! What every request can reach: options, clock, store, queries, configuration, and the words to the server.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use narthex_tsdb::{Db, OpenProgress};
use parking_lot::RwLock;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::api::alertmanagers::found;
use super::figures::HttpMetrics;
use super::notifications::{Notifications, RELOAD_FAILED, STARTING};
use super::options::WebOptions;
use super::read::ReadService;
use super::version::Version;
use super::write::WriteReceiver;
use crate::clock::Clock;
use crate::config::{Config, RuleFile};
use crate::discovery::DiscoveryManager;
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
    pub(crate) notifications: Notifications,
    pub(crate) started_nanos: i128,
    store: OnceLock<Db>,
    scrape: OnceLock<ScrapeManager>,
    discovery: OnceLock<DiscoveryManager>,
    loaded: RwLock<Loaded>,
    rules: LoadedRules,
}

/// The rule files that are loaded.
pub(crate) type LoadedRules = Arc<RwLock<Arc<Vec<RuleFile>>>>;

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
        let metadata_labels = parts.options.features.iter().any(|f| f == "type-and-unit-labels");
        let write = WriteReceiver::new(&parts.registry, metadata_labels);
        let read = ReadService::new(&parts.registry, parts.options.remote_read);
        super::figures::register_process(&parts.registry, &parts.clock);
        super::figures::register_build(&parts.registry, &parts.version);
        let rules = LoadedRules::default();
        let capacity = parts.flags.get("alertmanager.notification-queue-capacity");
        let capacity = capacity.and_then(|text| text.parse().ok()).unwrap_or(10_000.0);
        super::figures::register_rules(&parts.registry, &rules, capacity);
        let notifications = Notifications::new(parts.clock.clone(), parts.options.max_listeners);
        notifications.begin(STARTING);
        Arc::new(Self {
            notifications,
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
            discovery: OnceLock::new(),
            loaded: RwLock::default(),
            rules,
        })
    }

    /// The store is open: from now on the API answers. Says so once; a second store is not taken.
    pub fn set_store(&self, store: Db) {
        super::figures::register_store(&self.registry, &store);
        if self.store.set(store).is_ok() {
            self.metrics.ready.set(1.0);
            self.notifications.end(STARTING);
        }
    }

    /// Scraping goes on: its targets can be shown. A second manager is not taken.
    pub fn set_scrape(&self, scrape: ScrapeManager) {
        // The first one stays.
        let _ = self.scrape.set(scrape);
    }

    /// Discovery goes on: what it knows can be asked for. A second manager is not taken.
    pub fn set_discovery(&self, discovery: DiscoveryManager) {
        // The first one stays.
        let _ = self.discovery.set(discovery);
    }

    /// A configuration is in force from now on; `yaml` is how `status/config` shows it.
    pub fn set_config(&self, config: Arc<Config>, yaml: String) {
        let now = self.clock.now_ms();
        self.metrics.set_alertmanagers(&found(&config).0);
        *self.loaded.write() = Loaded {
            config,
            yaml: yaml.into(),
            loaded_at: now,
            failed: false,
        };
        self.notifications.end(RELOAD_FAILED);
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
        self.notifications.begin(RELOAD_FAILED);
        self.metrics.config_success.set(0.0);
    }

    /// These rule files are loaded from now on.
    pub fn set_rules(&self, files: Vec<RuleFile>) {
        *self.rules.write() = Arc::new(files);
    }

    /// The rule files that are loaded.
    pub(crate) fn rules(&self) -> Arc<Vec<RuleFile>> {
        Arc::clone(&self.rules.read())
    }

    /// Whether a feature is on (`--enable-feature`).
    pub(crate) fn has(&self, feature: &str) -> bool {
        self.options.features.iter().any(|name| name == feature)
    }

    /// The store, once it is open.
    pub(crate) fn store(&self) -> Option<&Db> {
        self.store.get()
    }

    /// What scrapes, once it does.
    pub(crate) fn scrape(&self) -> Option<&ScrapeManager> {
        self.scrape.get()
    }

    /// What finds targets, once it does.
    pub(crate) fn discovery(&self) -> Option<&DiscoveryManager> {
        self.discovery.get()
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
