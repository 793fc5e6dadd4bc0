//! From options to an exit code: start in order, serve, stop in order.

use super::addresses::{config_source, host_name, listen, look_at, retention, web_options};
use super::apply::{Subsystems, apply, engine, forward_targets, reload};
use super::file_limit;
use super::options::{Options, Retention};
use super::signals::{Signals, Wish};
use super::store::{Keeper, open, store_options};
use super::threads::threads;
use super::timed_disk::TimedDisk;
use super::watch_files::{changes, checksum};
use crate::client::USER_AGENT;
use crate::clock::Clock;
use crate::config::{ConfigSource, Loaded};
use crate::discovery::{DiscoveryManager, DiscoveryOptions};
use crate::http::{App, AppParts, ReloadRequest, Version, WebFile, WebOptions, serve};
use crate::query::{QueryLimits, QueryService};
use crate::remote::{RemoteManager, RemoteOptions};
use crate::scrape::{ScrapeManager, ScrapeOptions};
use crate::shutdown::{self, Shutdown, ShutdownTrigger};
use crate::telemetry::metrics::Registry;
use narthex_model::Duration;
use narthex_tsdb::{Db, OpenProgress};
use parking_lot::Mutex;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration as Wait;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// A failure that ends the process with code 1.
type Failure = String;

/// Runs the server until it is told to stop.
#[must_use]
pub fn run(mut options: Options, clock: Clock) -> ExitCode {
    for notice in &options.notices {
        match &notice.option {
            Some(option) => tracing::warn!(option, "{}", notice.text),
            None => tracing::warn!("{}", notice.text),
        }
    }
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        prometheus = Version::default().version,
        "Starting narthex"
    );
    file_limit::raise();
    let web = match web_options(&options) {
        Ok(web) => web,
        Err(error) => {
            tracing::error!(err = error, "Error in the command line");
            return ExitCode::from(2);
        }
    };
    show_derived(&mut options, &web);
    let source = config_source(&options);
    let loaded = match source.load() {
        Ok(loaded) => loaded,
        Err(error) => {
            let file = source.path.display().to_string();
            tracing::error!(file, err = %error, "Error loading config (--config.file={file})");
            return ExitCode::from(2);
        }
    };
    let tsdb = loaded.config.storage.tsdb.as_ref();
    if options.retention == Retention::default() && tsdb.is_none_or(|t| t.retention.is_none()) {
        tracing::info!(
            duration = "15d",
            "No time or size retention was set so using the default time retention"
        );
    }
    if source.is_built_in() {
        tracing::info!(
            "No configuration file: the built-in configuration is used (--print-default-config shows it)"
        );
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let ended = match (
        threads("narthex", cores),
        threads("narthex-scrape", cores.div_ceil(2)),
    ) {
        (Ok(runtime), Ok(scraping)) => {
            let place = scraping.handle().clone();
            let ended = runtime.block_on(live(options, clock, web, source, loaded, place));
            // What still blocks, as a query that has not noticed yet, must not keep the process alive.
            scraping.shutdown_background();
            runtime.shutdown_timeout(Wait::from_secs(1));
            ended
        }
        (Err(error), _) | (_, Err(error)) => Err(format!("threads could not be started: {error}")),
    };
    match ended {
        Ok(()) => {
            tracing::info!("See you next time!");
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(err = error, "The server ended");
            ExitCode::FAILURE
        }
    }
}

/// `status/flags` shows what was derived where nothing was given.
fn show_derived(options: &mut Options, web: &WebOptions) {
    /// Prometheus's longest block: a tenth of the retention, at most 31 days.
    const BLOCK_MS_MAX: i64 = 31 * 86_400_000;
    options
        .shown
        .insert("web.route-prefix".to_owned(), web.route_prefix.clone());
    if let Some(shown) = options.shown.get_mut("storage.tsdb.max-block-duration")
        && shown == "0s"
    {
        let (time, _) = retention(options.retention);
        let tenth = if time == Duration::ZERO {
            BLOCK_MS_MAX
        } else {
            time.as_millis() / 10
        };
        *shown = Duration::from_millis(tenth.min(BLOCK_MS_MAX)).to_string();
    }
}

/// What runs before the store is open.
struct Front {
    app: Arc<App>,
    queries: QueryService,
    registry: Arc<Registry>,
    replay: OpenProgress,
    reloads: mpsc::Receiver<ReloadRequest>,
    trigger: ShutdownTrigger,
    stopping: Shutdown,
    signals: Signals,
    serving: JoinHandle<()>,
    /// Checksum of the configuration's files when they were read, if their changes are looked for.
    files: Option<[u8; 16]>,
}

async fn live(
    options: Options,
    clock: Clock,
    web: WebOptions,
    source: ConfigSource,
    loaded: Loaded,
    scraping: Handle,
) -> Result<(), Failure> {
    let files = options.auto_reload.map(|_| checksum(&source, &loaded.config));
    let mut front = open_front(&options, &clock, web, &loaded, files).await?;
    let opened = open_store(&options, &clock, &loaded, &mut front).await;
    let db = match opened {
        Ok(Some(db)) => db,
        // Told to stop before the store was open.
        Ok(None) => return stop_front(front).await,
        Err(error) => {
            front.trigger.stop();
            return Err(error);
        }
    };
    let keeper = Keeper::start(
        db.clone(),
        clock.clone(),
        options.fsync_interval.to_std(),
        &front.registry,
    )
    .map_err(|e| format!("a thread could not be started: {e}"))?;
    let (discovery, discovering) =
        DiscoveryManager::start(clock.clone(), &front.registry, &discovery_options(&options));
    let scrape = scraper(&scraping, &db, &clock, &options, &front.registry);
    front.app.set_scrape(scrape.clone());
    front.app.set_discovery(discovery.clone());
    let remote = remote(&db, &clock, &options, &front.registry, &scrape);
    let forwarding = tokio::spawn(forward_targets(discovery.clone(), scrape.clone()));
    let subsystems = Subsystems {
        app: Arc::clone(&front.app),
        queries: front.queries.clone(),
        discovery,
        scrape,
        remote,
        store: db.options().clone(),
        said: Mutex::default(),
    };
    let file = source.path.display().to_string();
    let applied = apply(loaded, &file, &options, &subsystems).await;
    let workers = Workers {
        discovering,
        forwarding,
        keeper,
    };
    let ended = match applied {
        Ok(()) => {
            tracing::info!(filename = file, "Completed loading of configuration file");
            front.app.set_store(db.clone());
            tracing::info!("Server is ready to receive web requests.");
            watch(&mut front, &workers, &source, &options, &subsystems).await
        }
        Err(error) => Err(error),
    };
    let again = Signals::new().map_err(|e| format!("signals cannot be heard: {e}"))?;
    tokio::select! {
        () = stop(front, workers, subsystems, db) => ended,
        signal = second_stop(again) => Err(format!("a second signal ({signal}) ended the process at once")),
    }
}

/// Scrapes on threads of its own.
fn scraper(
    threads: &Handle,
    db: &Db,
    clock: &Clock,
    options: &Options,
    registry: &Registry,
) -> ScrapeManager {
    let _there = threads.enter();
    ScrapeManager::new(db.clone(), clock.clone(), scrape_options(options), registry)
}

/// The next signal to stop: whoever asks twice does not want to wait.
async fn second_stop(mut signals: Signals) -> &'static str {
    loop {
        if let Wish::Stop(signal) = signals.next().await {
            return signal;
        }
    }
}

/// Listens, with everything that a request can reach but the store.
async fn open_front(
    options: &Options,
    clock: &Clock,
    web: WebOptions,
    loaded: &Loaded,
    files: Option<[u8; 16]>,
) -> Result<Front, Failure> {
    let signals = Signals::new().map_err(|e| format!("signals cannot be heard: {e}"))?;
    let door = WebFile::open(&options.web_config_file, clock.clone())
        .map_err(|e| format!("Unable to validate web configuration file: {e}"))?;
    let listeners = listen(&options.listen)
        .await
        .map_err(|e| format!("unable to start web listener: {e}"))?;
    for listener in &listeners {
        tracing::info!(
            component = "web",
            address = listener.local_addr().map(|a| a.to_string()).unwrap_or_default(),
            "Listening on"
        );
    }
    let place = say_where(&listeners, &door, &web);
    let registry = Registry::new();
    let limits = QueryLimits {
        max_concurrency: usize::try_from(options.query_max_concurrency).unwrap_or(usize::MAX),
        timeout: options.query_timeout.to_std(),
        cache_bytes: usize::try_from(options.query_cache_bytes).unwrap_or(usize::MAX),
    };
    let queries = QueryService::new(engine(options, &loaded.config), limits, clock.clone(), &registry);
    let (trigger, stopping) = shutdown::channel();
    let (reload, reloads) = mpsc::channel(4);
    let version = Version::with_level(&options.api_level)?;
    let replay = OpenProgress::new();
    let app = App::new(AppParts {
        options: web,
        version,
        flags: options.shown.clone(),
        clock: clock.clone(),
        registry: Arc::clone(&registry),
        queries: queries.clone(),
        replay: replay.clone(),
        reload,
        quit: trigger.clone(),
    });
    let serving = tokio::spawn(serve(
        listeners,
        Arc::clone(&app),
        Arc::new(door),
        stopping.clone(),
    ));
    tracing::info!(url = place, "Look here");
    Ok(Front {
        app,
        queries,
        registry,
        replay,
        reloads,
        trigger,
        stopping,
        signals,
        serving,
        files,
    })
}

/// Says how the listeners speak, and returns where a person should look.
fn say_where(listeners: &[TcpListener], door: &WebFile, web: &WebOptions) -> String {
    let (tls, scheme) = if door.speaks_tls() {
        ("enabled", "https")
    } else {
        ("disabled", "http")
    };
    tracing::info!(component = "web", "TLS is {tls}.");
    let path = format!("{}/", web.route_prefix.trim_end_matches('/'));
    let first = listeners.first();
    first
        .map(|listener| look_at(listener, scheme, &path))
        .unwrap_or_default()
}

/// Opens the store while the listener already answers 503; None if told to stop meanwhile.
async fn open_store(
    options: &Options,
    clock: &Clock,
    loaded: &Loaded,
    front: &mut Front,
) -> Result<Option<Db>, Failure> {
    let begun = clock.monotonic();
    let path = options.storage_path.clone();
    let store = store_options(options, &loaded.config);
    let disk = TimedDisk::new(clock.clone(), &front.registry);
    let mut opening = std::pin::pin!(open(disk, path, store, front.replay.clone()));
    let db = loop {
        tokio::select! {
            opened = &mut opening => break opened?,
            wish = front.signals.next() => if let Wish::Stop(signal) = wish {
                tracing::warn!(signal, "Received an OS signal, exiting gracefully...");
                return Ok(None);
            },
            () = front.stopping.stopped() => return Ok(None),
        }
    };
    let replay = front.registry.gauge(
        "prometheus_tsdb_data_replay_duration_seconds",
        "Time taken to replay the data on disk.",
    );
    replay.set(clock.elapsed(begun).as_secs_f64());
    let stats = db.stats();
    if !stats.foreign.is_empty() {
        let files: Vec<String> = stats
            .foreign
            .iter()
            .map(|f| format!("{} ({})", f.path.display(), f.what))
            .collect();
        tracing::warn!(
            files = files.join(", "),
            "The data directory holds files of another server: they are left untouched and their data is not served. \
             To go back, start that server on this directory again"
        );
    }
    Ok(Some(db))
}

fn discovery_options(options: &Options) -> DiscoveryOptions {
    DiscoveryOptions {
        interval: options.discovery_reload_interval.to_std(),
        ..DiscoveryOptions::default()
    }
}

/// Sends what is stored on, with what the targets say about their metrics.
fn remote(
    db: &Db,
    clock: &Clock,
    options: &Options,
    registry: &Registry,
    scrape: &ScrapeManager,
) -> RemoteManager {
    let scrape = scrape.clone();
    let sending = RemoteOptions {
        flush_deadline: options.remote_flush_deadline.to_std(),
        user_agent: USER_AGENT.to_owned(),
    };
    let declared = move || {
        let targets = scrape.metadata().into_iter();
        let metrics = targets.flat_map(|target| target.metrics);
        metrics.map(|m| (m.metric.clone(), m.into())).collect()
    };
    RemoteManager::new(db.clone(), clock.clone(), sending, registry, declared)
}

fn scrape_options(options: &Options) -> ScrapeOptions {
    ScrapeOptions {
        timestamp_tolerance_ms: if options.adjust_timestamps {
            options.timestamp_tolerance.as_millis()
        } else {
            0
        },
        exemplars: options.has_feature("exemplar-storage"),
        start_times: options.has_feature("st-storage"),
        type_and_unit_labels: options.has_feature("type-and-unit-labels"),
        host_name: host_name(),
        ..ScrapeOptions::default()
    }
}

/// What runs beside the listener.
struct Workers {
    discovering: JoinHandle<()>,
    forwarding: JoinHandle<()>,
    keeper: Keeper,
}

impl Workers {
    /// The name of a worker that has ended by itself.
    fn ended(&self, serving: &JoinHandle<()>) -> Option<&'static str> {
        [
            (serving.is_finished(), "the listener"),
            (self.discovering.is_finished(), "discovery"),
            (self.forwarding.is_finished(), "the hand-over of targets"),
            (self.keeper.has_ended(), "maintenance of the store"),
        ]
        .into_iter()
        .find_map(|(ended, name)| ended.then_some(name))
    }
}

/// Waits for signals and wishes until it is time to stop.
async fn watch(
    front: &mut Front,
    workers: &Workers,
    source: &ConfigSource,
    options: &Options,
    subsystems: &Subsystems,
) -> Result<(), Failure> {
    let mut look = tokio::time::interval(Wait::from_secs(1));
    let app = Arc::clone(&front.app);
    let mut changes = changes(options.auto_reload, source.clone(), app, front.files);
    loop {
        tokio::select! {
            // In this order: the listener ends too once somebody has asked for the end, and not by itself.
            biased;
            () = front.stopping.stopped() => {
                tracing::warn!("Received termination request via web service, exiting gracefully...");
                return Ok(());
            }
            wish = front.signals.next() => match wish {
                Wish::Stop(signal) => {
                    tracing::warn!(signal, "Received an OS signal, exiting gracefully...");
                    return Ok(());
                }
                // The log has said what went wrong.
                Wish::Reload => drop(reload(source, options, subsystems).await),
            },
            Some(answer) = front.reloads.recv() => {
                let result = reload(source, options, subsystems).await;
                // The client may have gone away.
                let _ = answer.send(result);
            }
            Some(()) = changes.recv() => {
                tracing::info!("Configuration file change detected, reloading the configuration.");
                // The log has said what went wrong.
                drop(reload(source, options, subsystems).await);
            }
            _ = look.tick() => if let Some(name) = workers.ended(&front.serving) {
                return Err(format!("{name} ended by itself; the log says why"));
            },
        }
    }
}

/// Stops what was started, in the opposite order: first no new samples, then no new questions, then the store.
async fn stop(front: Front, workers: Workers, subsystems: Subsystems, db: Db) {
    front.trigger.stop();
    tracing::info!("Stopping scrape discovery manager...");
    workers.discovering.abort();
    workers.forwarding.abort();
    tracing::info!("Stopping scrape manager...");
    subsystems.scrape.stop().await;
    tracing::info!("Stopping remote storage...");
    subsystems.remote.stop().await;
    if let Err(error) = front.serving.await {
        tracing::error!(%error, "The listener did not end well");
    }
    let closing = tokio::task::spawn_blocking(move || {
        // Closing interrupts what is slow.
        workers.keeper.stop();
        let closed = db.close();
        workers.keeper.join();
        closed
    });
    match closing.await {
        Ok(Ok(())) => tracing::info!("Store closed"),
        Ok(Err(error)) => tracing::error!(err = %error, "The store did not close well"),
        Err(error) => tracing::error!(%error, "The store did not close well"),
    }
}

async fn stop_front(front: Front) -> Result<(), Failure> {
    front.trigger.stop();
    front.serving.await.map_err(|e| e.to_string())
}
