//! One HTTP request at a time, with faults in the words that Go uses.

use base64::Engine as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Method, Request, Uri};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Bytes that an answer may have.
const ANSWER_BYTES_MAX: usize = 1 << 30;

/// A server, and what every request to it carries.
pub(super) struct Server {
    base: String,
    credentials: Option<String>,
    headers: Vec<(String, String)>,
    timeout: Duration,
}

/// Status and body.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Bytes,
}

impl Server {
    /// The server at a URL, `http` where it names no scheme; headers as `Name=Value`.
    ///
    /// # Errors
    /// When a header has no value.
    pub(super) fn new(url: &str, headers: &[String], timeout: Duration) -> Result<Self, String> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let (credentials, host) = match rest
            .split_once('/')
            .map_or(rest, |(host, _)| host)
            .rsplit_once('@')
        {
            Some((user, _)) => (
                Some(user.to_owned()),
                rest.get(user.len() + 1..).unwrap_or_default(),
            ),
            None => (None, rest),
        };
        let pair = |header: &String| {
            let (name, value) = header
                .split_once(['=', ':'])
                .ok_or_else(|| format!("expected KEY=VALUE got '{header}'"))?;
            Ok((name.to_owned(), value.trim_start().to_owned()))
        };
        Ok(Self {
            base: format!("{scheme}://{}", host.trim_end_matches('/')),
            credentials,
            headers: headers.iter().map(pair).collect::<Result<_, String>>()?,
            timeout,
        })
    }

    /// The URL of a path.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Asks for a path, with a form if there is one.
    ///
    /// # Errors
    /// When no answer came.
    pub(super) fn ask(&self, method: &Method, path: &str, form: Option<&str>) -> Result<Answer, String> {
        let url = self.url(path);
        let verb = if *method == Method::POST { "Post" } else { "Get" };
        let fault = |text: String| format!("{verb} {url:?}: {text}");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| fault(e.to_string()))?;
        runtime.block_on(async {
            match tokio::time::timeout(self.timeout, self.send(method, &url, form)).await {
                Ok(answer) => answer.map_err(fault),
                Err(_) => Err(fault("context deadline exceeded".to_owned())),
            }
        })
    }

    async fn send(&self, method: &Method, url: &str, form: Option<&str>) -> Result<Answer, String> {
        let uri: Uri = url.parse().map_err(|e| format!("invalid URL: {e}"))?;
        let mut request = Request::builder().method(method).uri(&uri);
        if form.is_some() {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        if let Some(credentials) = &self.credentials {
            let encoded = base64::engine::general_purpose::STANDARD.encode(credentials);
            request = request.header(AUTHORIZATION, format!("Basic {encoded}"));
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let body = Full::new(Bytes::copy_from_slice(form.unwrap_or_default().as_bytes()));
        let request = request.body(body).map_err(|e| e.to_string())?;
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        let answer = if uri.scheme_str() == Some("https") {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let connector = HttpsConnectorBuilder::new()
                .with_provider_and_native_roots(provider)
                .map_err(|e| format!("tls: {e}"))?
                .https_or_http()
                .enable_http1()
                .wrap_connector(http);
            Client::builder(TokioExecutor::new())
                .build(connector)
                .request(request)
                .await
        } else {
            Client::builder(TokioExecutor::new())
                .build(http)
                .request(request)
                .await
        };
        let answer = answer.map_err(|e| reason(&e, &uri))?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|e| e.to_string())?.to_bytes();
        Ok(Answer { status, body })
    }
}

/// The innermost reason, as Go tells it.
fn reason(error: &(dyn StdError + 'static), uri: &Uri) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    let address = uri.authority().map_or("", hyper::http::uri::Authority::as_str);
    match inner.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => format!("dial tcp {address}: connect: connection refused"),
        _ => inner.to_string(),
    }
}

/// Names and values as a form.
pub(super) fn form(fields: &[(&str, String)]) -> String {
    let parts = fields
        .iter()
        .map(|(name, value)| format!("{}={}", escape(name), escape(value)));
    parts.collect::<Vec<_>>().join("&")
}

/// Text as part of a URL or form.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
