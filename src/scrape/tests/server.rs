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
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// A target; it is gone when its runtime is.
pub(super) struct Server {
    pub(super) address: String,
    pub(super) requests: Arc<Mutex<Vec<(String, HeaderMap)>>>,
    pub(super) asked: Arc<Notify>,
}

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
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server {
        address: listener.local_addr().unwrap().to_string(),
        requests: Arc::default(),
        asked: Arc::default(),
    };
    let (requests, asked) = (Arc::clone(&server.requests), Arc::clone(&server.asked));
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let (requests, asked) = (Arc::clone(&requests), Arc::clone(&asked));
            let service = service_fn(move |request: Request<Incoming>| {
                let path = request.uri().path().to_owned();
                requests.lock().push((path.clone(), request.headers().clone()));
                asked.notify_one();
                async move { Ok::<_, Infallible>(answer(&path)) }
            });
            tokio::spawn(async move {
                let connection = hyper::server::conn::http1::Builder::new();
                // A client that goes away is no fault of this one.
                let _ = connection.serve_connection(TokioIo::new(tcp), service).await;
            });
        }
    });
    server
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
