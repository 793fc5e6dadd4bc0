//! Targets on the loopback: one that answers as its path says, and raw ones.

use std::convert::Infallible;
use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

/// A target; it is gone when its runtime is.
pub(super) struct Server {
    pub(super) address: String,
    pub(super) requests: Requests,
    asked: Arc<Notify>,
}

impl Server {
    /// Returns once there have been this many requests for the path.
    pub(super) async fn has_been_asked(&self, path: &str, times: usize) {
        let count = || {
            self.requests
                .lock()
                .iter()
                .filter(|(asked, _)| asked == path)
                .count()
        };
        while count() < times {
            self.asked.notified().await;
        }
    }
}

type Requests = Arc<Mutex<Vec<(String, HeaderMap)>>>;

pub(super) const PAGE: &str = "# TYPE a gauge\na 1\nb{x=\"y\"} 2\n";

pub(super) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn answer(path: &str) -> Response<Full<Bytes>> {
    let plain = |body: Vec<u8>| {
        Response::builder()
            .header("content-type", "text/plain; version=0.0.4")
            .body(Full::new(Bytes::from(body)))
            .unwrap()
    };
    let mut response = plain(PAGE.into());
    match path {
        "/gzip" => {
            response = plain(gzip(PAGE.as_bytes()));
            response
                .headers_mut()
                .insert("content-encoding", "gzip".parse().unwrap());
        }
        "/badgzip" => {
            response
                .headers_mut()
                .insert("content-encoding", "gzip".parse().unwrap());
        }
        "/cutgzip" => {
            let whole = gzip(PAGE.as_bytes());
            response = plain(whole[..whole.len() - 12].to_vec());
            response
                .headers_mut()
                .insert("content-encoding", "gzip".parse().unwrap());
        }
        "/500" => *response.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR,
        "/204" => *response.status_mut() = hyper::StatusCode::NO_CONTENT,
        "/token" => response = plain(br#"{"access_token":"t0","expires_in":3600}"#.to_vec()),
        "/empty" => response = plain(Vec::new()),
        "/blank" => drop(response.headers_mut().remove("content-type")),
        "/html" => drop(
            response
                .headers_mut()
                .insert("content-type", "text/html".parse().unwrap()),
        ),
        "/open" => {
            response = plain(b"a 1\n# EOF\n".to_vec());
            let media = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            response
                .headers_mut()
                .insert("content-type", media.parse().unwrap());
        }
        "/redirect" => {
            *response.status_mut() = hyper::StatusCode::FOUND;
            response
                .headers_mut()
                .insert("location", "/metrics".parse().unwrap());
        }
        "/loop" => {
            *response.status_mut() = hyper::StatusCode::TEMPORARY_REDIRECT;
            response
                .headers_mut()
                .insert("location", "/loop".parse().unwrap());
        }
        "/long" => {
            let value = "x".repeat(3 << 20);
            response = plain(format!("a{{v=\"{value}\"}} 1\n").into_bytes());
        }
        _ => {}
    }
    response
}

/// Answers every request.
pub(super) async fn serve() -> Server {
    listen(None).await
}

/// Answers every request over TLS, as `target.test`.
pub(super) async fn serve_tls() -> Server {
    let chain = CertificateDer::pem_slice_iter(include_bytes!("certificates/server.pem"));
    let chain = chain.collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("certificates/server.key")).unwrap();
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
    listen(Some(TlsAcceptor::from(Arc::new(config)))).await
}

async fn listen(tls: Option<TlsAcceptor>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server {
        address: listener.local_addr().unwrap().to_string(),
        requests: Arc::default(),
        asked: Arc::default(),
    };
    let shared = (Arc::clone(&server.requests), Arc::clone(&server.asked));
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let (requests, asked) = shared.clone();
            let tls = tls.clone();
            tokio::spawn(async move {
                match tls {
                    None => speak(tcp, requests, asked).await,
                    Some(tls) => {
                        // A client that refuses the certificate is no fault of this one.
                        if let Ok(stream) = tls.accept(tcp).await {
                            speak(stream, requests, asked).await;
                        }
                    }
                }
            });
        }
    });
    server
}

async fn speak<S>(stream: S, requests: Requests, asked: Arc<Notify>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let path = request.uri().path().to_owned();
        requests.lock().push((path.clone(), request.headers().clone()));
        asked.notify_one();
        async move { Ok::<_, Infallible>(answer(&path)) }
    });
    let connection = hyper::server::conn::http1::Builder::new();
    // A client that goes away is no fault of this one.
    let _ = connection.serve_connection(TokioIo::new(stream), service).await;
}

/// Sends these bytes to everyone who asks, then closes, or keeps silent.
pub(super) async fn raw(bytes: &'static [u8], closes: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut tcp, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = tcp.read(&mut request).await;
            let _ = tcp.write_all(bytes).await;
            if closes {
                let _ = tcp.shutdown().await;
            } else {
                kept.push(tcp);
            }
        }
    });
    address
}
