//! Sending a request and what the answer means.
//!
//! Source of the meaning: the remote write specifications 1.0 and 2.0.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::header::{
    CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT,
};
use hyper::{Method, Uri};

use super::batch::{Counts, Message};
use crate::client::{ClientOptions, HttpClient, Outgoing};
use crate::config::HttpClientConfig;

/// Bytes of an answer that are looked at, for the log.
const ANSWER_BYTES: usize = 1_024;

const VERSION: HeaderName = HeaderName::from_static("x-prometheus-remote-write-version");
const ATTEMPT: HeaderName = HeaderName::from_static("retry-attempt");
const WRITTEN: [HeaderName; 3] = [
    HeaderName::from_static("x-prometheus-remote-write-samples-written"),
    HeaderName::from_static("x-prometheus-remote-write-histograms-written"),
    HeaderName::from_static("x-prometheus-remote-write-exemplars-written"),
];

/// What came back.
#[derive(Debug, Clone, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// How long to wait before the next attempt, if the server says so.
    pub(super) retry_after: Option<Duration>,
    /// What the server says it has written; version 2.0 only.
    pub(super) written: Option<Counts>,
    /// The first line of the body.
    pub(super) text: String,
}

/// Posts packed requests; the error says why there is no answer.
pub(super) trait Post: Send + Sync + 'static {
    fn post(
        &self,
        packed: Bytes,
        message: Message,
        attempt: u32,
    ) -> impl Future<Output = Result<Answer, String>> + Send;
}

/// What to do after an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was taken, or as much of it as the counts say.
    Taken(Option<Counts>),
    /// Try again, after a pause that the server may have named.
    Again(Option<Duration>, String),
    /// It will never be taken, but for what the counts say.
    Refused(u16, Counts, String),
}

/// What an attempt means.
pub(super) fn judge(result: Result<Answer, String>, retry_on_429: bool) -> Verdict {
    let answer = match result {
        Ok(answer) => answer,
        Err(error) => return Verdict::Again(None, error),
    };
    let text = || format!("server returned HTTP status {}: {}", answer.status, answer.text);
    match answer.status {
        200..=299 => Verdict::Taken(answer.written),
        429 if retry_on_429 => Verdict::Again(answer.retry_after, text()),
        500..=599 => Verdict::Again(answer.retry_after, text()),
        status => Verdict::Refused(status, answer.written.unwrap_or_default(), text()),
    }
}

/// Posts over HTTP.
#[derive(Debug)]
pub(super) struct HttpPost {
    client: HttpClient,
    uri: Uri,
    headers: HeaderMap,
    timeout: Duration,
}

impl HttpPost {
    /// # Errors
    /// What of the settings cannot be used.
    pub(super) fn new(
        url: &str,
        http: &HttpClientConfig,
        headers: &[(String, String)],
        timeout: Duration,
        user_agent: &str,
    ) -> Result<Self, String> {
        let uri = url.parse::<Uri>().map_err(|e| format!("url {url:?}: {e}"))?;
        let mut all = HeaderMap::new();
        let value =
            |text: &str| HeaderValue::from_str(text).map_err(|e| format!("header value {text:?}: {e}"));
        for (name, text) in headers {
            let name =
                HeaderName::from_bytes(name.as_bytes()).map_err(|e| format!("header {name:?}: {e}"))?;
            all.insert(name, value(text)?);
        }
        all.insert(USER_AGENT, value(user_agent)?);
        all.insert(CONTENT_ENCODING, HeaderValue::from_static("snappy"));
        Ok(Self {
            client: HttpClient::new(http, ClientOptions::default())?,
            uri,
            headers: all,
            timeout,
        })
    }

    async fn ask(&self, out: Outgoing) -> Result<Answer, String> {
        let response = self.client.send(out).await?;
        let status = response.status().as_u16();
        let text_of = |name: &HeaderName| response.headers().get(name).and_then(|v| v.to_str().ok());
        let retry_after = text_of(&RETRY_AFTER).and_then(|v| v.trim().parse().ok());
        let number = |name: &HeaderName| text_of(name).and_then(|v| v.trim().parse::<usize>().ok());
        let [samples, histograms, exemplars] = WRITTEN.each_ref().map(number);
        let told = samples.is_some() || histograms.is_some() || exemplars.is_some();
        let written = told.then(|| Counts {
            samples: samples.unwrap_or(0),
            histograms: histograms.unwrap_or(0),
            exemplars: exemplars.unwrap_or(0),
        });
        // The body is read so that the connection can be used again; of a long one it is given up.
        let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await;
        let body = body.map(|b| b.to_bytes()).unwrap_or_default();
        let text = String::from_utf8_lossy(&body);
        Ok(Answer {
            status,
            retry_after: retry_after.map(Duration::from_secs),
            written,
            text: text.lines().next().unwrap_or_default().to_owned(),
        })
    }
}

impl Post for HttpPost {
    async fn post(&self, packed: Bytes, message: Message, attempt: u32) -> Result<Answer, String> {
        let mut headers = self.headers.clone();
        let (content_type, version) = match message {
            Message::V1 => ("application/x-protobuf", "0.1.0"),
            Message::V2 => (
                "application/x-protobuf;proto=io.prometheus.write.v2.Request",
                "2.0.0",
            ),
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(VERSION, HeaderValue::from_static(version));
        if attempt > 0 {
            headers.insert(ATTEMPT, HeaderValue::from(attempt));
        }
        let out = Outgoing {
            method: Method::POST,
            uri: self.uri.clone(),
            headers,
            body: packed,
        };
        match tokio::time::timeout(self.timeout, self.ask(out)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(format!("Post {:?}: {error}", self.uri.to_string())),
            Err(_) => Err(format!(
                "Post {:?}: context deadline exceeded",
                self.uri.to_string()
            )),
        }
    }
}
