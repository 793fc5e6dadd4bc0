//! Connections to servers: names, addresses and proxies, with faults in the words that Go uses.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tower::Service;

use super::resolve::Resolver;
use crate::config::{ProxyConfig, Secret};

/// Bytes that a proxy's answer to CONNECT may have.
const PROXY_ANSWER_BYTES_MAX: usize = 16 * 1024;

/// A connection could not be made; the text is that of Go's error.
#[derive(Debug)]
pub(super) struct DialError(String);

impl DialError {
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DialError {}

/// Makes TCP connections, through a proxy if there is one.
#[derive(Debug, Clone)]
pub(super) struct Dialer(Arc<Ways>);

#[derive(Debug)]
struct Ways {
    proxy: Proxy,
    resolver: Resolver,
}

#[derive(Debug, Default)]
struct Proxy {
    http: Option<Uri>,
    https: Option<Uri>,
    exempt: Vec<String>,
    headers: Vec<(String, Vec<Secret>)>,
}

impl Dialer {
    /// A dialer for these settings; `environment` reads environment variables.
    ///
    /// # Errors
    /// When the proxy's URL is none.
    pub(super) fn new(
        config: &ProxyConfig,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let parse = |url: &str| match url {
            "" => Ok(None),
            url => url
                .parse::<Uri>()
                .map(Some)
                .map_err(|e| format!("invalid proxy URL {url:?}: {e}")),
        };
        let variable = |name: &str| {
            let lower = name.to_ascii_lowercase();
            environment(name)
                .or_else(|| environment(&lower))
                .unwrap_or_default()
        };
        let (http, https, exempt) = if config.proxy_from_environment {
            (
                variable("HTTP_PROXY"),
                variable("HTTPS_PROXY"),
                variable("NO_PROXY"),
            )
        } else {
            let url = config.proxy_url.clone();
            (url.clone(), url, config.no_proxy.clone())
        };
        let proxy = Proxy {
            http: parse(&http)?,
            https: parse(&https)?,
            exempt: exempt
                .split(',')
                .map(|host| host.trim().to_owned())
                .filter(|host| !host.is_empty())
                .collect(),
            headers: config.proxy_connect_header.clone(),
        };
        let resolver = Resolver::default();
        Ok(Self(Arc::new(Ways { proxy, resolver })))
    }
}

impl Proxy {
    fn of(&self, uri: &Uri) -> Option<&Uri> {
        let host = uri.host().unwrap_or_default();
        let is_exempt = self.exempt.iter().any(|exempt| {
            let suffix = exempt.trim_start_matches('.');
            exempt == "*" || host == suffix || host.strip_suffix(suffix).is_some_and(|h| h.ends_with('.'))
        });
        if is_exempt {
            return None;
        }
        if is_https(uri) {
            self.https.as_ref()
        } else {
            self.http.as_ref()
        }
    }
}

fn is_https(uri: &Uri) -> bool {
    uri.scheme_str() == Some("https")
}

impl Service<Uri> for Dialer {
    type Response = Stream;
    type Error = DialError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, DialError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let ways = Arc::clone(&self.0);
        Box::pin(async move { dial(&ways, &uri).await })
    }
}

async fn dial(Ways { proxy, resolver }: &Ways, uri: &Uri) -> Result<Stream, DialError> {
    let Some(via) = proxy.of(uri) else {
        return Ok(Stream {
            io: TokioIo::new(connect(resolver, uri).await?),
            is_proxied: false,
        });
    };
    let mut tcp = connect(resolver, via)
        .await
        .map_err(|e| DialError(format!("proxyconnect tcp: {e}")))?;
    let is_tunnel = is_https(uri);
    if is_tunnel {
        tunnel(&mut tcp, uri, &proxy.headers).await?;
    }
    Ok(Stream {
        io: TokioIo::new(tcp),
        is_proxied: !is_tunnel,
    })
}

async fn connect(resolver: &Resolver, uri: &Uri) -> Result<TcpStream, DialError> {
    let host = uri.host().unwrap_or_default();
    let host = host
        .strip_prefix('[')
        .and_then(|h| h.strip_suffix(']'))
        .unwrap_or(host);
    let port = uri.port_u16().unwrap_or(if is_https(uri) { 443 } else { 80 });
    let addresses = resolver.addresses(host).await;
    let addresses = addresses.map_err(|why| DialError(format!("dial tcp: lookup {host}: {why}")))?;
    let mut first_error = None;
    for ip in addresses {
        let address = SocketAddr::new(ip, port);
        match TcpStream::connect(address).await {
            Ok(tcp) => {
                // Without it small requests may wait for an acknowledgement; a socket that refuses works as well.
                let _ = tcp.set_nodelay(true);
                return Ok(tcp);
            }
            Err(error) => {
                first_error.get_or_insert_with(|| connect_error(address, &error));
            }
        }
    }
    Err(first_error.unwrap_or_else(|| DialError(format!("dial tcp: lookup {host}: no such host"))))
}

fn connect_error(address: SocketAddr, error: &io::Error) -> DialError {
    let reason = match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset => "connection reset by peer".to_owned(),
        io::ErrorKind::HostUnreachable => "no route to host".to_owned(),
        io::ErrorKind::NetworkUnreachable => "network is unreachable".to_owned(),
        io::ErrorKind::TimedOut => "connection timed out".to_owned(),
        _ => error.to_string(),
    };
    DialError(format!("dial tcp {address}: connect: {reason}"))
}

/// Asks the proxy to connect to the target.
async fn tunnel(tcp: &mut TcpStream, uri: &Uri, headers: &[(String, Vec<Secret>)]) -> Result<(), DialError> {
    let host = uri.host().unwrap_or_default();
    let authority = format!("{host}:{}", uri.port_u16().unwrap_or(443));
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
    for (name, values) in headers {
        for value in values {
            request.push_str(&format!("{name}: {}\r\n", value.expose()));
        }
    }
    request.push_str("\r\n");
    let failed = |error: io::Error| DialError(format!("proxyconnect tcp: {error}"));
    tcp.write_all(request.as_bytes()).await.map_err(failed)?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        // Byte by byte: what follows the answer belongs to the target.
        let byte = tcp.read_u8().await.map_err(failed)?;
        answer.push(byte);
        if answer.len() > PROXY_ANSWER_BYTES_MAX {
            return Err(DialError(
                "proxyconnect tcp: the answer to CONNECT is too long".to_owned(),
            ));
        }
    }
    let status =
        String::from_utf8_lossy(answer.split(|b| *b == b'\r').next().unwrap_or_default()).into_owned();
    match status.split_once(' ') {
        Some((_, status)) if status.starts_with("200") => Ok(()),
        Some((_, status)) => Err(DialError(
            status
                .split_once(' ')
                .map_or(status, |(_, reason)| reason)
                .to_owned(),
        )),
        None => Err(DialError(
            "proxyconnect tcp: malformed answer to CONNECT".to_owned(),
        )),
    }
}

/// A connection that knows whether requests go to a proxy.
#[derive(Debug)]
pub(super) struct Stream {
    io: TokioIo<TcpStream>,
    is_proxied: bool,
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.is_proxied)
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
