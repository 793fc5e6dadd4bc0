//! A whole server as a store under test: queries go over a connection, answers come back as JSON.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use narthex::clock::Clock;
use narthex::config::Config;
use narthex::http::{App, AppParts, Version, WebFile, WebOptions, serve};
use narthex::query::{QueryLimits, QueryService};
use narthex::shutdown::{self, ShutdownTrigger};
use narthex::telemetry::metrics::Registry;
use narthex_model::{Labels, SeriesSource};
use narthex_promql::{Engine, QueryOutput};
use narthex_tsdb::OpenProgress;

use crate::json_answer;
use crate::script::Steps;
use crate::store::{Sample, Store};
use crate::tsdb_source::{Stage, TsdbSource};

/// What stands before the text of an error in a query.
const OF_THE_QUERY: &str = "invalid parameter \"query\": ";

/// A server over a database in memory; samples reach the database directly.
pub struct HttpSource {
    engine: Engine,
    runtime: tokio::runtime::Runtime,
    store: TsdbSource,
    running: Option<(u16, ShutdownTrigger)>,
}

impl HttpSource {
    /// A server with this engine, and nothing in its store.
    ///
    /// # Errors
    /// What the system or the database says.
    pub fn new(engine: Engine) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|e| e.to_string())?;
        let mut source = Self {
            engine,
            runtime,
            store: TsdbSource::new(Stage::Head)?,
            running: None,
        };
        source.start()?;
        Ok(source)
    }

    fn start(&mut self) -> Result<(), String> {
        let clock = Clock::manual(0);
        // Anybody may come in.
        let door = WebFile::open("", clock.clone()).map_err(|e| e.to_string())?;
        let registry = Registry::new();
        let limits = QueryLimits {
            cache_bytes: 0,
            max_concurrency: 20,
            timeout: Duration::from_secs(120),
        };
        let (trigger, stopping) = shutdown::channel();
        let app = App::new(AppParts {
            options: WebOptions::new().map_err(|e| e.to_string())?,
            version: Version::default(),
            flags: BTreeMap::new(),
            clock: clock.clone(),
            registry: Arc::clone(&registry),
            queries: QueryService::new(self.engine.clone(), limits, clock, &registry),
            replay: OpenProgress::new(),
            // Nobody asks for a reload.
            reload: tokio::sync::mpsc::channel(1).0,
            quit: trigger.clone(),
        });
        app.set_config(Arc::new(Config::default()), String::new());
        app.set_store(self.store.db()?.clone());
        let listening = tokio::net::TcpListener::bind("127.0.0.1:0");
        let listener = self.runtime.block_on(listening).map_err(|e| e.to_string())?;
        let port = listener.local_addr().map_err(|e| e.to_string())?.port();
        self.runtime
            .spawn(serve(vec![listener], app, Arc::new(door), stopping));
        self.running = Some((port, trigger));
        Ok(())
    }

    fn stop(&mut self) {
        if let Some((_, trigger)) = self.running.take() {
            trigger.stop();
        }
    }

    fn ask(&self, endpoint: &str, parameters: &[(&str, &str)]) -> Result<QueryOutput, String> {
        let (port, _) = self.running.as_ref().ok_or("the server does not run")?;
        let form: Vec<String> = parameters
            .iter()
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        let body = post(*port, endpoint, &form.join("&")).map_err(|e| format!("{endpoint}: {e}"))?;
        json_answer::read(&body).map_err(|error| error.trim_start_matches(OF_THE_QUERY).to_owned())
    }
}

impl Drop for HttpSource {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The body of the answer. A server of HTTP/1.0 closes the connection behind it.
fn post(port: u16, path: &str, form: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    write!(
        stream,
        "POST {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{form}",
        form.len()
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let body = head.map_or(answer.len(), |at| at + 4);
    Ok(answer.split_off(body))
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// Milliseconds as the API takes times and steps.
fn seconds(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let size = ms.unsigned_abs();
    format!("{sign}{}.{:03}", size / 1_000, size % 1_000)
}

impl Store for HttpSource {
    fn name(&self) -> &'static str {
        "http"
    }

    fn clear(&mut self) -> Result<(), String> {
        self.stop();
        self.store.clear()?;
        self.start()
    }

    fn append(&mut self, series: &[(Labels, Vec<Sample>)]) -> Result<(), String> {
        self.store.append(series)
    }

    fn source(&self) -> Box<dyn SeriesSource + '_> {
        self.store.source()
    }

    fn instant(&self, _: &Engine, query: &str, time: i64) -> Result<QueryOutput, String> {
        self.ask("/api/v1/query", &[("query", query), ("time", &seconds(time))])
    }

    fn range(&self, _: &Engine, query: &str, steps: Steps) -> Result<QueryOutput, String> {
        let parameters = [
            ("query", query),
            ("start", &seconds(steps.start)),
            ("end", &seconds(steps.end)),
            ("step", &seconds(steps.step)),
        ];
        self.ask("/api/v1/query_range", &parameters)
    }
}
