//! Getting a page from a target over HTTP, with bounded memory and the faults in Prometheus's words.

use std::future::Future;
use std::io::{self, Read as _, Write as _};
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

/// Packed bytes that are gathered and then unpacked in one go, which costs half; longer bodies are unpacked as they come.
const GATHERED_BYTES: usize = 1 << 20;

/// Takes a body frame by frame, unpacks it, and stops at the limit.
struct Sink {
    plain: Bounded,
    packed: Packed,
}

enum Packed {
    No,
    Gathered(Vec<u8>),
    Stream(Box<MultiGzDecoder<Bounded>>),
}

impl Sink {
    fn new(body: Vec<u8>, is_packed: bool, limit: Option<u64>) -> Self {
        Self {
            plain: Bounded {
                bytes: body,
                limit: limit.unwrap_or(BODY_BYTES_MAX),
                is_configured: limit.is_some(),
                is_over: false,
            },
            packed: if is_packed {
                Packed::Gathered(Vec::new())
            } else {
                Packed::No
            },
        }
    }

    async fn fill(mut self, mut incoming: Incoming) -> Result<Vec<u8>, FetchError> {
        while let Some(frame) = incoming.frame().await {
            let frame = frame.map_err(|e| FetchError::Failed(body_error(&e)))?;
            if let Some(data) = frame.data_ref() {
                self.take(data).map_err(|error| self.fault(&error))?;
            }
        }
        self.finish().map_err(|error| self.fault(&error))?;
        Ok(std::mem::take(&mut self.bounded().bytes))
    }

    fn take(&mut self, data: &[u8]) -> io::Result<()> {
        match &mut self.packed {
            Packed::No => self.plain.write_all(data),
            Packed::Gathered(packed) if packed.len() + data.len() <= GATHERED_BYTES => {
                packed.extend_from_slice(data);
                Ok(())
            }
            Packed::Gathered(packed) => {
                let packed = std::mem::take(packed);
                let stream = MultiGzDecoder::new(std::mem::take(&mut self.plain));
                self.packed = Packed::Stream(Box::new(stream));
                self.take(&packed)?;
                self.take(data)
            }
            Packed::Stream(stream) => stream.write_all(data),
        }
    }

    /// The body has ended.
    fn finish(&mut self) -> io::Result<()> {
        match &mut self.packed {
            Packed::No => Ok(()),
            Packed::Gathered(packed) => self.plain.unpack(packed),
            Packed::Stream(stream) => stream.try_finish(),
        }
    }

    fn bounded(&mut self) -> &mut Bounded {
        match &mut self.packed {
            Packed::Stream(stream) => stream.get_mut(),
            _ => &mut self.plain,
        }
    }

    fn fault(&mut self, error: &io::Error) -> FetchError {
        let bounded = self.bounded();
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

impl Bounded {
    /// Adds what `packed` holds.
    fn unpack(&mut self, packed: &[u8]) -> io::Result<()> {
        let unpacked = flate2::bufread::MultiGzDecoder::new(packed);
        unpacked.take(self.limit).read_to_end(&mut self.bytes)?;
        if self.bytes.len() as u64 >= self.limit {
            self.is_over = true;
            return Err(io::Error::other("too large"));
        }
        Ok(())
    }
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

    fn packed(bytes: &[u8], level: flate2::Compression) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_bomb_is_stopped_at_the_limit() {
        let bomb = packed(&vec![b'x'; 4 << 20], flate2::Compression::best());
        // A stored bomb is longer than what is gathered.
        let stored = packed(&vec![b'x'; 4 << 20], flate2::Compression::none());
        for bomb in [bomb, stored] {
            let mut sink = Sink::new(Vec::new(), true, Some(2 << 20));
            let error = bomb
                .chunks(10_000)
                .try_for_each(|data| sink.take(data))
                .and_then(|()| sink.finish())
                .unwrap_err();
            assert_eq!(
                sink.fault(&error),
                FetchError::TooLarge("body size limit exceeded".into())
            );
            assert!(sink.bounded().bytes.capacity() <= 4 << 20);
        }
    }

    #[test]
    fn packed_pages_come_back_whole_however_long_they_are() {
        let mut state = 1_u32;
        let noise = (0..3 << 20).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        let noise: Vec<u8> = noise.collect();
        for page in [&b"a 1\n"[..], &noise] {
            let two = [page, page]
                .map(|part| packed(part, flate2::Compression::fast()))
                .concat();
            let mut sink = Sink::new(Vec::new(), true, None);
            two.chunks(10_000).for_each(|data| sink.take(data).unwrap());
            sink.finish().unwrap();
            assert!(sink.bounded().bytes == [page, page].concat());
            // One byte is missing.
            let mut sink = Sink::new(Vec::new(), true, None);
            let (whole, _) = two.split_at(two.len() - 1);
            let error = whole
                .chunks(10_000)
                .try_for_each(|data| sink.take(data))
                .and_then(|()| sink.finish())
                .unwrap_err();
            let FetchError::Failed(fault) = sink.fault(&error) else {
                panic!("{error}");
            };
            assert!(two.len() > GATHERED_BYTES || fault == "unexpected EOF", "{fault}");
        }
    }
}
