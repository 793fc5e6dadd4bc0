//! Getting a page from a target over HTTP, with bounded memory and the faults in Prometheus's words.

use std::future::Future;
use std::io::{self, Write as _};
use std::time::Duration;

use flate2::write::MultiGzDecoder;
use http_body_util::BodyExt as _;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT,
};
use hyper::{StatusCode, body::Incoming};

use super::negotiate;
use super::settings::ScrapeOptions;
use crate::client::{ClientOptions, HttpClient, Outgoing, error_text, status_text};
use crate::config::ScrapeConfig;

/// Bytes that a page may have where `body_size_limit` says nothing; that setting may raise it.
const BODY_BYTES_MAX: u64 = 512 << 20;

const SCRAPE_TIMEOUT: HeaderName = HeaderName::from_static("x-prometheus-scrape-timeout-seconds");

/// Where and how long to ask.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub(super) url: String,
    pub(super) timeout: Duration,
}

/// A page that arrived.
#[derive(Debug, Clone, Default)]
pub(super) struct Fetched {
    pub(super) body: Vec<u8>,
    pub(super) content_type: String,
}

/// Why no page arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FetchError {
    /// It is too large.
    TooLarge(String),
    /// Anything else.
    Failed(String),
}

impl FetchError {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::TooLarge(text) | Self::Failed(text) => text,
        }
    }
}

/// Gets pages. `body` is where the page goes; its memory is used.
pub(super) trait Fetch: Send + Sync + 'static {
    fn fetch(&self, query: &Query, body: Vec<u8>)
    -> impl Future<Output = Result<Fetched, FetchError>> + Send;
}

/// Gets pages over HTTP for the targets of one job, whose connections it keeps.
#[derive(Debug)]
pub(super) struct HttpFetcher {
    client: HttpClient,
    accept: HeaderValue,
    accept_encoding: HeaderValue,
    user_agent: HeaderValue,
    body_limit: Option<u64>,
}

impl HttpFetcher {
    /// A fetcher for a job.
    ///
    /// # Errors
    /// What of the job's HTTP settings cannot be used.
    pub(super) fn new(config: &ScrapeConfig, options: &ScrapeOptions) -> Result<Self, String> {
        let client = HttpClient::new(&config.http_client, ClientOptions::default())?;
        let value = |text: &str| HeaderValue::from_str(text).map_err(|e| format!("{text:?}: {e}"));
        let limit = config.limits.body_size_limit;
        Ok(Self {
            client,
            accept: value(&negotiate::accept(
                &config.scrape_protocols,
                config.metric_name_escaping_scheme,
            ))?,
            accept_encoding: value(if config.enable_compression {
                "gzip"
            } else {
                "identity"
            })?,
            user_agent: value(&options.user_agent)?,
            body_limit: (limit > 0).then_some(limit),
        })
    }

    async fn get(&self, query: &Query, body: Vec<u8>) -> Result<Fetched, FetchError> {
        let started = |error: String| FetchError::Failed(format!("Get {:?}: {error}", query.url));
        let request = self.request(query).map_err(started)?;
        let response = match tokio::time::timeout(query.timeout, self.client.send(request)).await {
            Ok(response) => response.map_err(started)?,
            Err(_) => return Err(started("context deadline exceeded".to_owned())),
        };
        let status = response.status();
        if status != StatusCode::OK {
            return Err(FetchError::Failed(format!(
                "server returned HTTP status {}",
                status_text(&response)
            )));
        }
        let header = |name: &HeaderName| {
            let value = response.headers().get(name);
            value.map_or("", |v| v.to_str().unwrap_or("")).to_owned()
        };
        let content_type = header(&CONTENT_TYPE);
        let is_packed = header(&CONTENT_ENCODING).eq_ignore_ascii_case("gzip");
        let sink = Sink::new(body, is_packed, self.body_limit);
        let body = sink.fill(response.into_body()).await?;
        Ok(Fetched { body, content_type })
    }

    fn request(&self, query: &Query) -> Result<Outgoing, String> {
        let mut request = Outgoing::get(query.url.parse().map_err(|e| format!("{e}"))?);
        let headers = &mut request.headers;
        headers.insert(ACCEPT, self.accept.clone());
        headers.insert(ACCEPT_ENCODING, self.accept_encoding.clone());
        headers.insert(USER_AGENT, self.user_agent.clone());
        let seconds = HeaderValue::from_str(&query.timeout.as_secs_f64().to_string());
        headers.insert(SCRAPE_TIMEOUT, seconds.map_err(|e| e.to_string())?);
        Ok(request)
    }
}

impl Fetch for HttpFetcher {
    async fn fetch(&self, query: &Query, body: Vec<u8>) -> Result<Fetched, FetchError> {
        // Two limits with one length: the outer one covers the body as well.
        match tokio::time::timeout(query.timeout, self.get(query, body)).await {
            Ok(result) => result,
            Err(_) => Err(FetchError::Failed("context deadline exceeded".to_owned())),
        }
    }
}

/// Takes a body frame by frame, unpacks it, and stops at the limit.
struct Sink {
    plain: Bounded,
    packed: Option<MultiGzDecoder<Bounded>>,
}

impl Sink {
    fn new(body: Vec<u8>, is_packed: bool, limit: Option<u64>) -> Self {
        let bounded = Bounded {
            bytes: body,
            limit: limit.unwrap_or(BODY_BYTES_MAX),
            is_configured: limit.is_some(),
            is_over: false,
        };
        if is_packed {
            return Self {
                plain: Bounded::default(),
                packed: Some(MultiGzDecoder::new(bounded)),
            };
        }
        Self {
            plain: bounded,
            packed: None,
        }
    }

    async fn fill(mut self, mut incoming: Incoming) -> Result<Vec<u8>, FetchError> {
        while let Some(frame) = incoming.frame().await {
            let frame = frame.map_err(|e| FetchError::Failed(body_error(&e)))?;
            if let Some(data) = frame.data_ref() {
                let written = match &mut self.packed {
                    Some(packed) => packed.write_all(data),
                    None => self.plain.write_all(data),
                };
                if let Err(error) = written {
                    return Err(self.fault(&error));
                }
            }
        }
        let Some(mut packed) = self.packed.take() else {
            return Ok(self.plain.bytes);
        };
        if let Err(error) = packed.try_finish() {
            self.packed = Some(packed);
            return Err(self.fault(&error));
        }
        Ok(std::mem::take(&mut packed.get_mut().bytes))
    }

    fn fault(&self, error: &io::Error) -> FetchError {
        let bounded = self.packed.as_ref().map_or(&self.plain, MultiGzDecoder::get_ref);
        if bounded.is_over && bounded.is_configured {
            return FetchError::TooLarge("body size limit exceeded".to_owned());
        }
        if bounded.is_over {
            return FetchError::TooLarge(format!(
                "body size limit exceeded: the page has more than {} bytes; set body_size_limit to allow more",
                bounded.limit
            ));
        }
        FetchError::Failed(match error.kind() {
            io::ErrorKind::UnexpectedEof => "unexpected EOF".to_owned(),
            _ => format!("gzip: invalid data: {error}"),
        })
    }
}

fn body_error(error: &hyper::Error) -> String {
    if error.is_timeout() {
        return "context deadline exceeded".to_owned();
    }
    match error_text(error).as_str() {
        "EOF" => "unexpected EOF".to_owned(),
        text if text.contains("connection reset") => text.to_owned(),
        // A body that ends before its announced length.
        _ if error.is_body_write_aborted() || error.is_closed() => "unexpected EOF".to_owned(),
        text => text.to_owned(),
    }
}

/// Bytes up to a limit that they must stay below.
#[derive(Debug, Default)]
struct Bounded {
    bytes: Vec<u8>,
    limit: u64,
    is_configured: bool,
    is_over: bool,
}

impl io::Write for Bounded {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if (self.bytes.len() + data.len()) as u64 >= self.limit {
            self.is_over = true;
            return Err(io::Error::other("too large"));
        }
        self.bytes.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_is_stopped_at_the_limit() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&vec![b'x'; 4 << 20]).unwrap();
        let bomb = encoder.finish().unwrap();
        let mut sink = Sink::new(Vec::new(), true, Some(1 << 20));
        let error = sink.packed.as_mut().unwrap().write_all(&bomb).unwrap_err();
        assert_eq!(
            sink.fault(&error),
            FetchError::TooLarge("body size limit exceeded".into())
        );
        assert!(sink.packed.unwrap().get_ref().bytes.capacity() <= 2 << 20);
    }
}
