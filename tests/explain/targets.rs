//! Fake targets with every fault that a target can have, one a path.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// An address at which nothing listens: its port was free a moment ago and is not handed out again so soon.
pub(super) fn silent_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Answers as the path says, for as long as the test lives.
pub(super) fn serve() -> SocketAddr {
    accept(answer)
}

/// The same over TLS, as `target.test`, signed by an authority of the test's.
pub(super) fn serve_tls() -> SocketAddr {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/scrape/tests/certificates");
    let chain = CertificateDer::pem_file_iter(format!("{folder}/server.pem")).unwrap();
    let chain = chain.collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(format!("{folder}/server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    accept(move |tcp| {
        let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        answer(StreamOwned::new(connection, tcp));
    })
}

/// Accepts, reads and never answers.
pub(super) fn serve_nothing() -> SocketAddr {
    accept(|mut tcp| {
        let mut sink = [0; 1024];
        while tcp.read(&mut sink).is_ok_and(|length| length > 0) {}
    })
}

/// Answers with something that is not HTTP.
pub(super) fn serve_noise() -> SocketAddr {
    accept(|mut tcp| {
        let mut sink = [0; 1024];
        let _ = tcp.read(&mut sink);
        let _ = tcp.write_all(b"220 mail.test ESMTP\r\n");
    })
}

fn accept(speak: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let speak = Arc::new(speak);
    std::thread::spawn(move || {
        for tcp in listener.incoming().flatten() {
            let _ = tcp.set_read_timeout(Some(Duration::from_secs(60)));
            let speak = Arc::clone(&speak);
            std::thread::spawn(move || speak(tcp));
        }
    });
    address
}

fn answer(mut stream: impl Read + Write) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            // A handshake, as from a client that expects TLS here.
            Ok(1) if head.is_empty() && !byte[0].is_ascii_alphabetic() => {
                let _ = stream.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\n");
                return;
            }
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1).unwrap_or_default();
    let text = "text/plain; version=0.0.4";
    let page = "# TYPE a gauge\na{x=\"1\"} 1\na{x=\"2\"} 2\na{x=\"3\"} 3\n";
    let (status, content_type, body) = match path {
        "/metrics" => ("200 OK", text, page),
        "/bad" => ("200 OK", text, "a 1\nb{x=\"1\" 2\n"),
        "/blank" => ("200 OK", "", page),
        "/html" => ("200 OK", "text/html", "<html></html>"),
        "/401" => ("401 Unauthorized", text, ""),
        "/403" => ("403 Forbidden", text, ""),
        "/500" => ("500 Internal Server Error", text, ""),
        "/cut" => {
            // Promises more than it sends.
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 99\r\n\r\na 1\n");
            return;
        }
        _ => ("404 Not Found", text, ""),
    };
    let kind = match content_type {
        "" => String::new(),
        kind => format!("Content-Type: {kind}\r\n"),
    };
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\n{kind}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.flush();
}
