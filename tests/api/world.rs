//! A web side in this process, on a port of its own, over a small store whose content is known.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use narthex::clock::Clock;
use narthex::config::Config;
use narthex::http::{App, AppParts, Version, WebFile, WebOptions, serve};
use narthex::promql::{Engine, EngineOptions};
use narthex::query::{QueryLimits, QueryService};
use narthex::shutdown;
use narthex::telemetry::metrics::Registry;
use narthex_model::Labels;
use narthex_tsdb::{Batch, Db, OpenProgress, Options};

use crate::support::{Answer, request};

/// The time at which all of these servers stand, in seconds.
pub(super) const NOW: i64 = 1_700_000_000;

/// A running web side.
pub(super) struct Api {
    pub(super) port: u16,
    pub(super) app: Arc<App>,
    pub(super) store: Db,
    trigger: shutdown::ShutdownTrigger,
    folder: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

impl Api {
    /// A web side without a store yet.
    pub(super) fn starting(clock: Clock, change: impl FnOnce(&mut WebOptions)) -> Self {
        let door = WebFile::open("", clock.clone()).unwrap();
        Self::behind(door, clock, change)
    }

    /// A web side without a store yet, behind a door.
    pub(super) fn behind(door: WebFile, clock: Clock, change: impl FnOnce(&mut WebOptions)) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = Db::open(
            folder.path(),
            Options {
                max_exemplars: 100,
                ..Options::default()
            },
        )
        .unwrap();
        let mut options = WebOptions::new().unwrap();
        change(&mut options);
        let registry = Registry::new();
        let limits = QueryLimits {
            max_concurrency: 20,
            timeout: Duration::from_secs(120),
            cache_bytes: 1 << 20,
        };
        let engine = Engine::new(EngineOptions::default());
        let (trigger, stopping) = shutdown::channel();
        let (reload, mut reloads) = tokio::sync::mpsc::channel(1);
        runtime.spawn(async move {
            while let Some(answer) = reloads.recv().await {
                let answer: narthex::http::ReloadRequest = answer;
                let _ = answer.send(Err("parsing YAML file p.yml: no".into()));
            }
        });
        let app = App::new(AppParts {
            options,
            version: Version::default(),
            flags: BTreeMap::from([("query.timeout".to_owned(), "2m".to_owned())]),
            clock: clock.clone(),
            registry: Arc::clone(&registry),
            queries: QueryService::new(engine, limits, clock, &registry),
            replay: OpenProgress::new(),
            reload,
            quit: trigger.clone(),
        });
        app.set_config(Arc::new(Config::default()), "global: {}\n".into());
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let port = listener.local_addr().unwrap().port();
        runtime.spawn(serve(vec![listener], Arc::clone(&app), Arc::new(door), stopping));
        Self {
            port,
            app,
            store,
            trigger,
            folder,
            _runtime: runtime,
        }
    }

    /// A web side with an open, empty store.
    pub(super) fn empty(change: impl FnOnce(&mut WebOptions)) -> Self {
        let api = Self::starting(Clock::manual(NOW * 1000), change);
        api.app.set_store(api.store.clone());
        api
    }

    /// Where the store lies.
    pub(super) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Says that it is time to stop.
    pub(super) fn stop(&self) {
        self.trigger.stop();
    }

    /// Stores samples of one series: seconds before now, and value.
    pub(super) fn put(&self, labels: &[(&str, &str)], samples: &[(i64, f64)]) {
        let series = self
            .store
            .resolve(&Labels::from_pairs(labels.iter().copied()))
            .unwrap();
        for (before, value) in samples {
            let time = (NOW - before) * 1000;
            let mut batch = Batch::new(time);
            batch.push_float(series, time, *value);
            assert_eq!(self.store.append(&batch, time).unwrap().rejected, []);
        }
    }

    pub(super) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    pub(super) fn post_form(&self, path: &str, form: &str) -> Answer {
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        self.send("POST", path, &headers, form.as_bytes())
    }

    pub(super) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        request(self.port, method, path, headers, body).unwrap()
    }

    /// Body of a GET, which must have this status.
    pub(super) fn body(&self, status: u16, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        answer.text()
    }

    /// `data` of a success in its envelope.
    pub(super) fn data(&self, path: &str) -> String {
        let body = self.body(200, path);
        let data = body
            .strip_prefix(r#"{"status":"success","data":"#)
            .and_then(|rest| rest.strip_suffix('}'));
        data.unwrap_or_else(|| panic!("{path}: {body}")).to_owned()
    }

    /// Status, type and text of an error.
    pub(super) fn error(&self, path: &str) -> (u16, String, String) {
        let answer = self.get(path);
        let body = answer.json();
        assert_eq!(body["status"], "error", "{path}");
        let text = |key: &str| body[key].as_str().unwrap().to_owned();
        (answer.status, text("errorType"), text("error"))
    }
}

/// Percent-encodes a parameter's value.
pub(super) fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        })
        .collect()
}

/// One server for all tests that only read.
pub(super) fn world() -> &'static Api {
    static WORLD: OnceLock<Api> = OnceLock::new();
    WORLD.get_or_init(|| {
        let api = Api::empty(|_| {});
        let steady: Vec<(i64, f64)> = (0..=40)
            .rev()
            .map(|i| (i * 15, f64::from(600 - i as i32 * 15)))
            .collect();
        api.put(
            &[
                ("__name__", "http_requests_total"),
                ("job", "a"),
                ("Zone", "z<1>"),
            ],
            &steady,
        );
        api.put(
            &[("__name__", "up"), ("job", "a"), ("instance", "i&1")],
            &[(60, 1.0), (0, 1.0)],
        );
        api.put(
            &[("__name__", "up"), ("job", "b"), ("instance", "i2")],
            &[(60, 1.0), (0, 0.0)],
        );
        for (kind, value) in [
            ("plus", f64::INFINITY),
            ("minus", f64::NEG_INFINITY),
            ("nan", f64::NAN),
            ("zero", -0.0),
            ("small", 1e-7),
            ("large", 1e21),
            ("third", 1.0 / 3.0),
        ] {
            api.put(&[("__name__", "special"), ("kind", kind)], &[(0, value)]);
        }
        api.put(&[("__name__", "foo.bar"), ("my.label", "x/y")], &[(0, 7.0)]);
        api
    })
}
