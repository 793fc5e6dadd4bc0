//! Keeps an informer in line with its API server: lists, watches on from there, and tries again after every fault.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::informer::Informer;
use super::lines::{Lines, whole};
use super::object::{Object, Read, read};
use super::patience::{Backoff, random};
use super::resource::key;
use super::server::{ApiServer, Fault, Status};
use super::wire::Headed;
use crate::discovery::metrics::Metrics;

/// Objects a page of a list has.
const PAGE_OBJECTS: &str = "500";

/// The annotation of the bookmark that ends a streaming list.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// A watch that ends sooner than this without having said anything counts as a fault.
const SHORT_WATCH: Duration = Duration::from_secs(1);

/// Keeps `informer` in line with `server`, for ever. Whatever fails, the objects that are known stay.
pub(super) async fn run(server: Arc<ApiServer>, informer: Arc<Informer>, metrics: Metrics) {
    let mut backoff = Backoff::new(&server.patience);
    let mut version = None;
    loop {
        let started = Instant::now();
        let mut session = Session {
            server: &server,
            informer: &informer,
            version: version.take(),
            has_heard: false,
        };
        let ended = session.run().await;
        let has_heard = session.has_heard;
        version = session.version;
        let is_well = has_heard || (ended.is_ok() && started.elapsed() >= SHORT_WATCH);
        if is_well {
            backoff.reset();
        }
        let mut wait = backoff.next();
        match ended {
            Ok(()) if is_well => continue,
            Ok(()) => {}
            Err(Fault::Gone) => {
                tracing::debug!(
                    resource = informer.scope.resource.name(),
                    "too old resource version: listing again"
                );
                version = None;
            }
            Err(Fault::NoStreaming(text)) => {
                tracing::info!(
                    component = "discovery manager scrape",
                    discovery = "kubernetes",
                    reason = text,
                    "The API server does not stream lists: they are fetched page by page"
                );
                server.set_lacks_streaming();
                version = None;
                continue;
            }
            Err(Fault::Failed(text, asked)) => {
                metrics.kubernetes.failures.inc();
                wait = wait.max(asked.unwrap_or_default().min(server.patience.answer));
                say(&informer, text);
            }
        }
        tokio::time::sleep(wait).await;
    }
}

/// Logs a fault, once as long as it stays the same.
fn say(informer: &Informer, text: String) {
    if informer.fault().as_ref() != Some(&text) {
        let scope = &informer.scope;
        tracing::error!(
            component = "discovery manager scrape",
            discovery = "kubernetes",
            resource = scope.resource.name(),
            namespace = scope.namespace,
            err = text,
            "Failed to watch; what is known stays, and the watch is tried again"
        );
    }
    informer.set_fault(Some(text));
}

/// From one connection to its end.
struct Session<'a> {
    server: &'a ApiServer,
    informer: &'a Informer,
    /// Where in the history to go on; none before a list.
    version: Option<String>,
    /// Whether the server had something to say.
    has_heard: bool,
}

/// Objects of a list that is not complete yet.
type Initial = Option<HashMap<String, Arc<Object>>>;

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(default)]
    metadata: PageMeta,
    #[serde(borrow, default)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct PageMeta {
    resource_version: String,
    r#continue: String,
}

impl Session<'_> {
    async fn run(&mut self) -> Result<(), Fault> {
        if self.version.is_none() && !self.server.streams() {
            self.list().await?;
        }
        let is_streaming = self.version.is_none();
        let (lines, length) = match self.open().await {
            // Only a streaming list may be asked for otherwise.
            Err(Fault::NoStreaming(text)) if !is_streaming => return Err(Fault::failed(text)),
            opened => opened?,
        };
        self.watch(lines, length, is_streaming.then(HashMap::new)).await
    }

    async fn list(&mut self) -> Result<(), Fault> {
        let mut all = HashMap::new();
        let mut token = String::new();
        loop {
            let path = self
                .informer
                .scope
                .path(&[("limit", PAGE_OBJECTS), ("continue", token.as_str())]);
            let answer = match self.server.get(&path).await {
                Err(Fault::NoStreaming(text)) => return Err(Fault::failed(text)),
                answer => answer?,
            };
            let body = whole(answer.into_body(), self.server.patience.answer).await;
            let body = body.map_err(Fault::failed)?;
            let page: Page<'_> = serde_json::from_slice(&body).map_err(unreadable)?;
            for item in page.items.unwrap_or_default() {
                let (key, read) = self.read(item.get())?;
                let object = self.informer.shared(&key, read.object);
                all.insert(key, object);
            }
            if page.metadata.r#continue.is_empty() {
                self.version = Some(page.metadata.resource_version);
                break;
            }
            token = page.metadata.r#continue;
        }
        self.informer.replace(all);
        self.is_well();
        Ok(())
    }

    async fn open(&self) -> Result<(Lines<Incoming>, Duration), Fault> {
        let patience = &self.server.patience;
        let length = if self.server.is_http1() {
            patience.watch_http1
        } else {
            patience.watch.mul_f64(1.0 + random())
        };
        let seconds = length.as_secs().max(1).to_string();
        let mut parameters = vec![
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("timeoutSeconds", seconds.as_str()),
        ];
        match &self.version {
            Some(version) => parameters.push(("resourceVersion", version)),
            None => parameters.extend([
                ("sendInitialEvents", "true"),
                ("resourceVersionMatch", "NotOlderThan"),
            ]),
        }
        let answer = self.server.get(&self.informer.scope.path(&parameters)).await?;
        Ok((Lines::new(answer.into_body()), length))
    }

    async fn watch(
        &mut self,
        mut lines: Lines<Incoming>,
        length: Duration,
        mut initial: Initial,
    ) -> Result<(), Fault> {
        let patience = self.server.patience;
        if initial.is_none() {
            // The server has taken up the watch where the last one ended.
            self.is_well();
        }
        // Over HTTP/2 pings find out whether the connection lives; here it is only about a server without a clock.
        let mut quiet = length + patience.answer;
        if self.server.is_http1() {
            quiet = patience.quiet_http1;
        }
        loop {
            let wait = if initial.is_some() {
                patience.streaming
            } else {
                quiet
            };
            let line = match tokio::time::timeout(wait, lines.next()).await {
                Err(_) if initial.is_some() => {
                    return Err(Fault::NoStreaming("the list did not come to its end".to_owned()));
                }
                // A watch that was asked for before it was known that the server speaks HTTP/1.1 is no fault.
                Err(_) if length > quiet => return Ok(()),
                Err(_) => return Err(Fault::failed("the connection has gone silent")),
                Ok(line) => line.map_err(Fault::failed)?,
            };
            match line {
                Some(line) => self.event(&line, &mut initial)?,
                None if initial.is_some() => return Err(Fault::failed("the list ended before its end")),
                None => return Ok(()),
            }
        }
    }

    fn event(&mut self, line: &[u8], initial: &mut Initial) -> Result<(), Fault> {
        let event: Event<'_> = serde_json::from_slice(line).map_err(unreadable)?;
        match &*event.kind {
            "ADDED" | "MODIFIED" => {
                let (key, read) = self.read(event.object.get())?;
                match initial {
                    Some(initial) => {
                        let object = self.informer.shared(&key, read.object);
                        initial.insert(key, object);
                    }
                    None => {
                        self.informer.set(key, Some(read.object));
                        self.version = Some(read.version);
                        self.heard();
                    }
                }
            }
            "DELETED" => {
                let (key, read) = self.read(event.object.get())?;
                match initial {
                    Some(initial) => drop(initial.remove(&key)),
                    None => {
                        self.informer.set(key, None);
                        self.version = Some(read.version);
                        self.heard();
                    }
                }
            }
            "BOOKMARK" => {
                let Headed { metadata } = serde_json::from_str(event.object.get()).map_err(unreadable)?;
                let is_end = metadata.annotations.get(INITIAL_EVENTS_END) == Some("true");
                if let Some(all) = initial.take_if(|_| is_end) {
                    self.informer.replace(all);
                }
                if initial.is_none() {
                    self.version = Some(metadata.resource_version);
                    self.heard();
                }
            }
            "ERROR" => {
                let status: Status = serde_json::from_str(event.object.get()).map_err(unreadable)?;
                return Err(match status.code {
                    410 => Fault::Gone,
                    // What older servers answer to a streaming list.
                    _ if initial.is_some() => Fault::NoStreaming(status.message),
                    _ => Fault::failed(status.message),
                });
            }
            // Kinds that there are not yet.
            _ => {}
        }
        Ok(())
    }

    fn read(&self, json: &str) -> Result<(String, Read), Fault> {
        let read = read(self.informer.scope.resource, json).map_err(unreadable)?;
        let meta = &read.object.meta;
        Ok((key(&meta.namespace, &meta.name), read))
    }

    /// The server has said something: it is well, and what it says is progress.
    fn heard(&mut self) {
        if !self.has_heard {
            self.is_well();
            self.has_heard = true;
        }
    }

    fn is_well(&self) {
        if self.informer.fault().is_some() {
            tracing::info!(
                component = "discovery manager scrape",
                discovery = "kubernetes",
                resource = self.informer.scope.resource.name(),
                namespace = self.informer.scope.namespace,
                "Watching again"
            );
            self.informer.set_fault(None);
        }
    }
}

fn unreadable(error: serde_json::Error) -> Fault {
    Fault::failed(format!("the API server's answer cannot be read: {error}"))
}
