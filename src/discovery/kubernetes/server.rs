//! An API server: requests with the credentials of the configuration, and what their failures mean.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::header::{ACCEPT, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Response, Version, body::Incoming};
use serde::Deserialize;

use super::access::Access;
use super::patience::Patience;
use crate::client::{ClientOptions, HttpClient, Outgoing, status_text};
use crate::clock::Clock;
use crate::discovery::metrics::Metrics;

/// Bytes of an error's body that are read.
const ERROR_BYTES_MAX: usize = 64 << 10;

/// Why a list or a watch ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// The place in the history is no longer there: list again.
    Gone,
    /// The server does not know streaming lists.
    NoStreaming(String),
    /// Anything else, and how long the server asks to be left alone.
    Failed(String, Option<Duration>),
}

impl Fault {
    pub(super) fn failed(text: impl Into<String>) -> Self {
        Self::Failed(text.into(), None)
    }
}

/// A `Status` as the API sends it instead of an object.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    pub(super) code: u16,
    pub(super) message: String,
}

/// An API server.
#[derive(Debug)]
pub(super) struct ApiServer {
    base: String,
    client: HttpClient,
    user_agent: HeaderValue,
    pub(super) patience: Patience,
    /// Whether connections speak HTTP/1.1, as far as is known.
    is_http1: AtomicBool,
    /// Whether it has refused streaming lists.
    lacks_streaming: AtomicBool,
    metrics: Metrics,
    clock: Clock,
}

impl ApiServer {
    /// # Errors
    /// What of the access cannot be used.
    pub(super) fn new(
        access: &Access,
        user_agent: HeaderValue,
        patience: Patience,
        metrics: Metrics,
        clock: Clock,
    ) -> Result<Self, String> {
        let options = ClientOptions {
            connect_timeout: Some(patience.connect),
            ping: Some((patience.ping_after, patience.ping_answer)),
        };
        Ok(Self {
            base: access.server.trim_end_matches('/').to_owned(),
            client: HttpClient::new(&access.client, options)?,
            user_agent,
            patience,
            is_http1: AtomicBool::new(false),
            lacks_streaming: AtomicBool::new(false),
            metrics,
            clock,
        })
    }

    pub(super) fn is_http1(&self) -> bool {
        self.is_http1.load(Ordering::Relaxed)
    }

    pub(super) fn streams(&self) -> bool {
        !self.lacks_streaming.load(Ordering::Relaxed)
    }

    /// From now on no streaming list is asked for.
    pub(super) fn set_lacks_streaming(&self) {
        self.lacks_streaming.store(true, Ordering::Relaxed);
    }

    /// Asks for `path` and waits for the beginning of the answer.
    ///
    /// # Errors
    /// When there is no answer, or none with status 200.
    pub(super) async fn get(&self, path: &str) -> Result<Response<Incoming>, Fault> {
        let uri = format!("{}{path}", self.base);
        let uri = uri.parse().map_err(|e| Fault::failed(format!("{uri}: {e}")))?;
        let mut request = Outgoing::get(uri);
        request
            .headers
            .insert(ACCEPT, HeaderValue::from_static("application/json"));
        request.headers.insert(USER_AGENT, self.user_agent.clone());
        let started = self.clock.monotonic();
        let answer = tokio::time::timeout(self.patience.answer, self.client.send(request)).await;
        let answer = answer.unwrap_or_else(|_| Err("timeout awaiting response headers".to_owned()));
        let length = self.clock.elapsed(started).as_secs_f64();
        self.metrics.kubernetes.request_length.observe(length);
        let code = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
        self.metrics.kubernetes.requests.with(&[&code.to_string()]).inc();
        let answer = answer.map_err(Fault::failed)?;
        self.is_http1
            .store(answer.version() < Version::HTTP_2, Ordering::Relaxed);
        if code == 200 {
            return Ok(answer);
        }
        Err(self.refusal(code, answer).await)
    }

    async fn refusal(&self, code: u16, answer: Response<Incoming>) -> Fault {
        let status = status_text(&answer);
        let wait = answer
            .headers()
            .get(RETRY_AFTER)
            .and_then(|v| v.to_str().ok()?.parse().ok());
        let body = Limited::new(answer.into_body(), ERROR_BYTES_MAX).collect();
        let body = tokio::time::timeout(self.patience.answer, body).await;
        let body = body
            .ok()
            .and_then(Result::ok)
            .map(http_body_util::Collected::to_bytes);
        let told: Status = body
            .and_then(|body| serde_json::from_slice(&body).ok())
            .unwrap_or_default();
        let text = if told.message.is_empty() {
            status
        } else {
            told.message
        };
        match code {
            410 => Fault::Gone,
            400 | 422 => Fault::NoStreaming(text),
            _ => Fault::Failed(text, wait.map(Duration::from_secs)),
        }
    }
}
