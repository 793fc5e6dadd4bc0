//! The listener behind a web configuration file: TLS, clients' certificates, HTTP/2, users, headers, and changes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use narthex::clock::Clock;
use narthex::http::WebFile;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

use super::world::{Api, NOW};

fn certificates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/certificates")
}

struct Setting {
    api: Api,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

fn with_tls(more: &str) -> String {
    let folder = certificates();
    format!(
        "tls_server_config:\n  cert_file: {0}/server.pem\n  key_file: {0}/server.key\n{more}",
        folder.display()
    )
}

fn serve(text: &str) -> Setting {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("web.yml");
    std::fs::write(&file, text).unwrap();
    let clock = Clock::manual(NOW * 1000);
    let door = WebFile::open(&file.to_string_lossy(), clock.clone()).unwrap();
    let api = Api::behind(door, clock, |_| {});
    api.app.set_store(api.store.clone());
    Setting {
        api,
        file,
        _folder: folder,
    }
}

/// What a client shows and speaks.
#[derive(Clone, Copy, Default)]
struct Client {
    certificate: Option<&'static str>,
    http2: bool,
    old: bool,
}

impl Client {
    fn config(self) -> ClientConfig {
        let folder = certificates();
        let chain = |name: &str| {
            let path = folder.join(format!("{name}.pem"));
            CertificateDer::pem_file_iter(path)
                .unwrap()
                .collect::<Result<Vec<_>, _>>()
                .unwrap()
        };
        let mut roots = RootCertStore::empty();
        roots.add(chain("ca").remove(0)).unwrap();
        let versions: &[_] = if self.old {
            &[&rustls::version::TLS12]
        } else {
            &[&rustls::version::TLS13]
        };
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match self.certificate {
            Some(name) => {
                let key = PrivateKeyDer::from_pem_file(folder.join(format!("{name}.key"))).unwrap();
                builder.with_client_auth_cert(chain(name), key).unwrap()
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = if self.http2 {
            vec![b"h2".to_vec(), b"http/1.1".to_vec()]
        } else {
            vec![b"http/1.1".to_vec()]
        };
        config
    }

    /// Protocol, status and body of a GET; an error where there is no answer.
    fn get(self, port: u16, path: &str) -> Result<(String, u16, String), String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let asked = async {
            let text = |e: &dyn std::fmt::Display| e.to_string();
            let stream = tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .map_err(|e| text(&e))?;
            let connector = tokio_rustls::TlsConnector::from(Arc::new(self.config()));
            let name = ServerName::try_from("localhost").unwrap();
            let stream = connector.connect(name, stream).await.map_err(|e| text(&e))?;
            let spoken = stream.get_ref().1.alpn_protocol().unwrap_or_default().to_vec();
            let request = hyper::Request::get(format!("https://localhost{path}"))
                .header("host", "localhost")
                .body(Empty::<Bytes>::new())
                .unwrap();
            let io = TokioIo::new(stream);
            let answer = if spoken == b"h2" {
                let (mut send, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
                    .await
                    .map_err(|e| text(&e))?;
                tokio::spawn(connection);
                send.send_request(request).await.map_err(|e| text(&e))?
            } else {
                let (mut send, connection) = hyper::client::conn::http1::handshake(io)
                    .await
                    .map_err(|e| text(&e))?;
                tokio::spawn(connection);
                send.send_request(request).await.map_err(|e| text(&e))?
            };
            let status = answer.status().as_u16();
            let body = answer
                .into_body()
                .collect()
                .await
                .map_err(|e| text(&e))?
                .to_bytes();
            Ok((
                String::from_utf8(spoken).unwrap(),
                status,
                String::from_utf8(body.to_vec()).unwrap(),
            ))
        };
        runtime.block_on(asked)
    }
}

#[test]
fn tls_with_http1_and_http2() {
    let both = serve(&with_tls(""));
    let one = serve(&with_tls("http_server_config: {http2: false}\n"));
    for (setting, http2, old, spoken) in [
        (&both, true, false, "h2"),
        (&both, false, false, "http/1.1"),
        (&both, true, true, "h2"),
        (&one, true, false, "http/1.1"),
    ] {
        let client = Client {
            http2,
            old,
            ..Client::default()
        };
        let (protocol, status, body) = client
            .get(setting.api.port, "/api/v1/query?query=1&time=4")
            .unwrap();
        assert_eq!((protocol.as_str(), status), (spoken, 200));
        assert_eq!(
            body,
            r#"{"status":"success","data":{"resultType":"scalar","result":[4,"1"]}}"#
        );
    }
    let plain = both.api.get("/-/healthy");
    assert_eq!(
        (plain.status, plain.text().as_str()),
        (400, "Client sent an HTTP request to an HTTPS server.\n")
    );
    let only_13 = serve(&with_tls("  min_version: TLS13\n"));
    let old = Client {
        old: true,
        ..Client::default()
    };
    assert!(old.get(only_13.api.port, "/-/healthy").is_err());
    assert!(Client::default().get(only_13.api.port, "/-/healthy").is_ok());
}

#[test]
fn clients_certificates() {
    let ca = format!("  client_ca_file: {}/ca.pem\n", certificates().display());
    let (none, known, stranger) = (None, Some("client"), Some("unknown"));
    let table: [(&str, &str, &[Option<&'static str>]); 8] = [
        ("RequestClientCert", "", &[none, known, stranger]),
        ("RequireAnyClientCert", "", &[known, stranger]),
        ("RequireClientCert", "", &[known, stranger]),
        ("VerifyClientCertIfGiven", &ca, &[none, known]),
        ("RequireAndVerifyClientCert", &ca, &[known]),
        (
            "RequireAndVerifyClientCert",
            &format!("{ca}  client_allowed_sans: [x, client.example]\n"),
            &[known],
        ),
        (
            "RequireAnyClientCert",
            "  client_allowed_sans: ['spiffe://x/y', 10.0.0.8]\n",
            &[known],
        ),
        (
            "RequireAndVerifyClientCert",
            &format!("{ca}  client_allowed_sans: [other.example]\n"),
            &[],
        ),
    ];
    for (kind, more, admitted) in table {
        let setting = serve(&with_tls(&format!("  client_auth_type: {kind}\n{more}")));
        for certificate in [none, known, stranger] {
            for old in [false, true] {
                let client = Client {
                    certificate,
                    old,
                    ..Client::default()
                };
                let answer = client.get(setting.api.port, "/-/healthy");
                assert_eq!(
                    answer.is_ok(),
                    admitted.contains(&certificate),
                    "{kind} {more} {certificate:?}: {answer:?}"
                );
            }
        }
    }
}

fn basic(pair: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

#[test]
fn users_and_headers() {
    // With the least cost, so that the test is quick.
    let hash = bcrypt::hash_with_salt("right", 4, *b"0123456789abcdef")
        .unwrap()
        .to_string();
    let setting = serve(&format!(
        "basic_auth_users: {{anna: '{hash}'}}\nhttp_server_config:\n  headers: {{X-Frame-Options: deny, Strict-Transport-Security: max-age=1}}\n"
    ));
    for (header, status) in [
        (None, 401),
        (Some(basic("anna:right")), 200),
        (Some(basic("anna:wrong")), 401),
        (Some(basic("berta:right")), 401),
        (Some(basic("anna:right")), 200),
        (Some(basic("anna:wrong")), 401),
        (Some("Bearer x".into()), 401),
    ] {
        let headers: Vec<(&str, &str)> = header.iter().map(|h| ("Authorization", h.as_str())).collect();
        for path in ["/api/v1/query?query=1", "/metrics", "/-/healthy", "/nope"] {
            let answer = setting.api.send("GET", path, &headers, b"");
            let want = if status == 200 && path == "/nope" {
                404
            } else {
                status
            };
            assert_eq!(answer.status, want, "{path} {header:?}");
            assert_eq!(answer.header("x-frame-options"), Some("deny"));
            assert_eq!(answer.header("strict-transport-security"), Some("max-age=1"));
            if status == 401 {
                assert_eq!(answer.text(), "Unauthorized\n");
                assert_eq!(answer.header("www-authenticate"), Some("Basic"));
            }
        }
    }
}

#[test]
fn the_file_is_read_again_when_it_changes() {
    let setting = serve(&with_tls(""));
    let port = setting.api.port;
    assert_eq!(Client::default().get(port, "/-/healthy").unwrap().1, 200);
    std::fs::write(
        &setting.file,
        with_tls("  client_auth_type: RequireAnyClientCert\n"),
    )
    .unwrap();
    assert!(Client::default().get(port, "/-/healthy").is_err());
    std::fs::write(&setting.file, "nonsense: 1").unwrap();
    assert!(
        Client::default().get(port, "/-/healthy").is_err(),
        "nobody is let in by mistake"
    );
    std::fs::write(&setting.file, with_tls("")).unwrap();
    assert_eq!(Client::default().get(port, "/-/healthy").unwrap().1, 200);
    let plain = serve("http_server_config: {headers: {X-Frame-Options: deny}}");
    assert_eq!(plain.api.get("/-/healthy").status, 200);
    std::fs::write(&plain.file, "basic_auth_users: {a: b}").unwrap();
    let broken = plain.api.get("/-/healthy");
    assert_eq!(
        (broken.status, broken.text().as_str()),
        (500, "Internal Server Error\n")
    );
}

#[test]
fn too_many_requests() {
    let setting = serve("rate_limit: {burst: 2, interval: 1s}");
    let statuses: Vec<u16> = (0..3).map(|_| setting.api.get("/-/healthy").status).collect();
    assert_eq!(statuses, [200, 200, 429]);
}

#[test]
fn faults_are_told_before_the_start() {
    let folder = certificates().display().to_string();
    let pair = format!("cert_file: {folder}/server.pem, key_file: {folder}/server.key");
    for (tls, want) in [
        ("key_file: x".to_owned(), "missing one of cert or cert_file".to_owned()),
        ("cert_file: x".into(), "missing one of key or key_file".into()),
        (
            "cert_file: /none, key_file: x".into(),
            "failed to load X509KeyPair: open /none: no such file or directory".into(),
        ),
        (
            format!("cert_file: {folder}/server.pem, key_file: {folder}/client.key"),
            "failed to load X509KeyPair: tls: private key does not match public key".into(),
        ),
        (
            format!("cert_file: {folder}/server.key, key_file: {folder}/server.key"),
            "failed to load X509KeyPair: tls: failed to find any PEM data in certificate input".into(),
        ),
        (
            format!("{pair}, client_auth_type: x"),
            "Invalid ClientAuth: x".into(),
        ),
        (
            format!("{pair}, client_ca_file: {folder}/ca.pem"),
            "Client CA's have been configured without a Client Auth Policy".into(),
        ),
        (
            format!("{pair}, client_auth_type: RequireAnyClientCert, client_ca_file: /none"),
            "open /none: no such file or directory".into(),
        ),
        (
            format!("{pair}, cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]"),
            "http2: TLSConfig.CipherSuites is missing an HTTP/2-required AES_128_GCM_SHA256 cipher (need at least one of \
             TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 or TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)"
                .into(),
        ),
        (
            format!("{pair}, max_version: TLS11, min_version: TLS10"),
            "no TLS version from TLS10 to TLS11 can be spoken: allow TLS12 or TLS13".into(),
        ),
    ] {
        let temporary = tempfile::tempdir().unwrap();
        let file = temporary.path().join("web.yml");
        std::fs::write(&file, format!("tls_server_config: {{{tls}}}\n")).unwrap();
        let fault = WebFile::open(&file.to_string_lossy(), Clock::system()).unwrap_err();
        assert_eq!(fault.lines().next(), Some(want.as_str()), "{tls}");
    }
}
