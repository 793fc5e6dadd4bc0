//! An HTTP client as `prometheus.yml` describes it: credentials for every request, redirects, renewed TLS files.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, LOCATION};
use hyper::{Method, Request, Response, Uri, body::Incoming};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::dial::Dialer;
use super::fault::error_text;
use super::oauth2::TokenSource;
use super::patient::Patient;
use super::reload::Reloaded;
use super::{auth, tls};
use crate::config::HttpClientConfig;

/// Redirects that are followed, as in Go.
const REDIRECTS_MAX: usize = 10;

/// How long an idle connection is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// What `prometheus.yml` does not say about a client.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ClientOptions {
    /// How long to make a connection and shake hands; none leaves it to the request's own limit.
    pub(crate) connect_timeout: Option<Duration>,
    /// After how long without a byte an HTTP/2 connection is pinged, and how long the answer may take.
    pub(crate) ping: Option<(Duration, Duration)>,
}

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Outgoing {
    /// A GET without headers.
    pub(crate) fn get(uri: Uri) -> Self {
        Self {
            method: Method::GET,
            uri,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }
}

type Connections = Client<Patient<HttpsConnector<Dialer>>, Full<Bytes>>;

/// Sends requests over connections that it keeps.
#[derive(Debug)]
pub(crate) struct HttpClient {
    connections: Reloaded<Connections>,
    config: HttpClientConfig,
    tokens: Option<TokenSource>,
}

impl HttpClient {
    /// A client for these settings.
    ///
    /// # Errors
    /// What of the settings cannot be used.
    pub(crate) fn new(config: &HttpClientConfig, options: ClientOptions) -> Result<Self, String> {
        let tokens = config.oauth2.as_ref().map(TokenSource::new).transpose()?;
        let (files, of) = (tls::files(&config.tls), config.clone());
        Ok(Self {
            connections: Reloaded::new(files, move || connections(&of, options))?,
            config: config.clone(),
            tokens,
        })
    }

    /// Sends a request, and those that redirects ask for. There is no time limit: it is the caller's.
    ///
    /// # Errors
    /// Why there is no answer, in Go's words.
    pub(crate) async fn send(&self, mut out: Outgoing) -> Result<Response<Incoming>, String> {
        let host = out.uri.authority().cloned();
        for _ in 0..=REDIRECTS_MAX {
            let is_same_host = out.uri.authority() == host.as_ref();
            let request = self.request(&out, is_same_host).await?;
            let connections = self.connections.get()?;
            let response = connections.request(request).await.map_err(|e| error_text(&e))?;
            let status = response.status().as_u16();
            let location = response.headers().get(LOCATION);
            let is_redirect = matches!(status, 301 | 302 | 303 | 307 | 308);
            let Some(location) = location.filter(|_| is_redirect && self.config.follow_redirects) else {
                return Ok(response);
            };
            let location = location.to_str().unwrap_or_default().to_owned();
            out.uri = resolve(&out.uri, &location)
                .ok_or_else(|| format!("failed to parse Location header {location:?}"))?;
            if status <= 303 && out.method != Method::HEAD && out.method != Method::GET {
                out.method = Method::GET;
                out.body = Bytes::new();
                out.headers.remove(CONTENT_TYPE);
                out.headers.remove(CONTENT_LENGTH);
            }
        }
        Err(format!("stopped after {REDIRECTS_MAX} redirects"))
    }

    async fn request(&self, out: &Outgoing, with_credentials: bool) -> Result<Request<Full<Bytes>>, String> {
        let mut request = Request::new(Full::new(out.body.clone()));
        *request.method_mut() = out.method.clone();
        *request.uri_mut() = out.uri.clone();
        let headers = request.headers_mut();
        headers.clone_from(&out.headers);
        auth::add(&self.config, with_credentials, headers)?;
        if let Some(tokens) = self.tokens.as_ref().filter(|_| with_credentials) {
            tokens.add(headers).await?;
        }
        Ok(request)
    }
}

fn connections(config: &HttpClientConfig, options: ClientOptions) -> Result<Connections, String> {
    let dialer = Dialer::new(&config.proxy, |name| std::env::var(name).ok())?;
    let mut builder = HttpsConnectorBuilder::new()
        .with_tls_config(tls::client(&config.tls)?)
        .https_or_http();
    if !config.tls.server_name.is_empty() {
        let name = config.tls.server_name.clone().try_into();
        let name = name.map_err(|_| format!("invalid server_name {:?}", config.tls.server_name))?;
        builder = builder.with_server_name_resolver(FixedServerNameResolver::new(name));
    }
    let connector = if config.enable_http2 {
        builder.enable_http1().enable_http2().wrap_connector(dialer)
    } else {
        builder.enable_http1().wrap_connector(dialer)
    };
    let mut client = Client::builder(TokioExecutor::new());
    client
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT);
    if let Some((after, answer)) = options.ping {
        client
            .http2_keep_alive_interval(after)
            .http2_keep_alive_timeout(answer)
            .http2_keep_alive_while_idle(true);
    }
    Ok(client.build(Patient::new(connector, options.connect_timeout)))
}

/// `500 Internal Server Error`, with the reason that the server sent if it is one of its own.
pub(crate) fn status_text(response: &Response<Incoming>) -> String {
    let status = response.status();
    let own = response.extensions().get::<hyper::ext::ReasonPhrase>();
    let reason = match own {
        Some(own) => String::from_utf8_lossy(own.as_bytes()).into_owned(),
        None => status.canonical_reason().unwrap_or_default().to_owned(),
    };
    format!("{} {reason}", status.as_str())
}

/// The URL that a `Location` header means.
fn resolve(base: &Uri, location: &str) -> Option<Uri> {
    if location.contains("://") {
        return location.parse().ok();
    }
    let (scheme, authority) = (base.scheme_str()?, base.authority()?);
    if let Some(rest) = location.strip_prefix("//") {
        return format!("{scheme}://{rest}").parse().ok();
    }
    let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
    let path = match location {
        location if location.starts_with('/') => location.to_owned(),
        location if location.starts_with('?') => format!("{}{location}", base.path()),
        location => format!("{folder}/{location}"),
    };
    format!("{scheme}://{authority}{path}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_are_resolved_against_where_they_came_from() {
        let base: Uri = "http://h:1/a/b?c=d".parse().unwrap();
        for (location, url) in [
            ("https://x/y", "https://x/y"),
            ("//x/y", "http://x/y"),
            ("/y", "http://h:1/y"),
            ("y?z", "http://h:1/a/y?z"),
            ("?z", "http://h:1/a/b?z"),
        ] {
            assert_eq!(resolve(&base, location).unwrap().to_string(), url);
        }
    }
}
