//! Targets over HTTP: what is asked, what is understood, and what each fault is called.

use std::sync::Arc;

use narthex_model::Labels;

use super::super::append::Appender;
use super::super::fetch::HttpFetcher;
use super::super::r#loop::{ForcedError, ScrapeLoop};
use super::super::settings::{AppendSettings, ScrapeOptions};
use super::super::status::Health;
use super::super::target::{Built, Target, from_group};
use super::server::{PAGE, raw, serve, serve_tls};
use super::{Store, counter, metrics, store};
use crate::clock::Clock;
use crate::config::{BasicAuth, OAuth2, ScrapeConfig, ScrapeProtocol, Secret, TargetGroup};
use crate::telemetry::metrics::Registry;

struct Scraped {
    store: Store,
    target: Arc<Target>,
    registry: Arc<Registry>,
}

impl Scraped {
    fn error(&self) -> String {
        self.target.state.lock().last_error.clone()
    }
}

/// One scrape of `http://address/path` by a job.
async fn scrape(address: &str, path: &str, change: impl FnOnce(&mut ScrapeConfig)) -> Scraped {
    let mut config = ScrapeConfig::new("j");
    config.metrics_path = path.to_owned();
    change(&mut config);
    let group = Arc::new(TargetGroup {
        source: "0".into(),
        targets: vec![Labels::from_pairs([("__address__", address)])],
        labels: Labels::empty(),
    });
    let Some(Ok(Built::Kept(target))) = from_group(&group, &config).next() else {
        panic!("a target")
    };
    let (store, target) = (store(), Arc::new(*target));
    let (registry, metrics) = metrics();
    let options = ScrapeOptions::default();
    let clock = Clock::system();
    let settings = AppendSettings::new(&config, &options, target.labels.clone(), 10.0);
    let appender = Appender::new(store.db.clone(), clock.clone(), metrics.clone(), settings, 1);
    let mut scrape_loop = ScrapeLoop {
        target: Arc::clone(&target),
        fetcher: HttpFetcher::new(&config, &options).map(Arc::new),
        appender,
        clock: clock.clone(),
        metrics,
        forced_error: ForcedError::default(),
        fallback: config.fallback_scrape_protocol,
        seed: 0,
        tolerance_ms: 0,
        last_body_bytes: 0,
    };
    scrape_loop.scrape(clock.now_ms()).await;
    Scraped {
        store,
        target,
        registry,
    }
}

#[tokio::test]
async fn requests_say_what_prometheus_says() {
    let server = serve().await;
    let done = scrape(&server.address, "/metrics", |config| {
        config.params = vec![("q".into(), vec!["a b".into()])];
        config.http_client.basic_auth = Some(BasicAuth {
            username: "u".into(),
            password: Secret::new("p"),
            ..BasicAuth::default()
        });
    })
    .await;
    assert_eq!(done.error(), "");
    let (path, headers) = server.requests.lock()[0].clone();
    assert_eq!(path, "/metrics");
    for (name, value) in [
        (
            "accept",
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        ),
        ("accept-encoding", "gzip"),
        ("user-agent", "Prometheus/3.12.0"),
        ("x-prometheus-scrape-timeout-seconds", "10"),
        ("authorization", "Basic dTpw"),
        ("host", server.address.as_str()),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    let state = done.target.state.lock();
    assert_eq!(state.health, Health::Up);
    assert!(state.last_scrape_ms.is_some() && state.last_duration_seconds > 0.0);
}

#[tokio::test]
async fn good_answers_are_stored() {
    let server = serve().await;
    for (path, series) in [
        ("/metrics", 2),
        ("/gzip", 2),
        ("/open", 1),
        ("/redirect", 2),
        ("/empty", 0),
        ("/long", 1),
    ] {
        let done = scrape(&server.address, path, |_| {}).await;
        assert_eq!(
            (done.error().as_str(), done.store.dump(false).len()),
            ("", series),
            "{path}"
        );
        assert!(done.store.report("up").ends_with(":1"), "{path}");
    }
    let done = scrape(&server.address, "/html", |config| {
        config.fallback_scrape_protocol = Some(ScrapeProtocol::PrometheusText0_0_4);
    })
    .await;
    assert_eq!(done.error(), "");
}

#[tokio::test]
async fn bad_answers_are_called_by_their_names() {
    let server = serve().await;
    for (path, error) in [
        ("/500", "server returned HTTP status 500 Internal Server Error"),
        ("/204", "server returned HTTP status 204 No Content"),
        (
            "/blank",
            "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol specified for target",
        ),
        (
            "/html",
            r#"received unsupported Content-Type "text/html" and no fallback_scrape_protocol specified for target"#,
        ),
        ("/badgzip", "gzip: invalid data: invalid gzip header"),
        ("/cutgzip", "unexpected EOF"),
    ] {
        let done = scrape(&server.address, path, |_| {}).await;
        assert_eq!(done.error(), error, "{path}");
        assert_eq!(done.target.state.lock().health, Health::Down);
        assert!(done.store.report("up").ends_with(":0"), "{path}");
    }
    let done = scrape(&server.address, "/loop", |_| {}).await;
    let url = format!("http://{}/loop", server.address);
    assert_eq!(done.error(), format!("Get \"{url}\": stopped after 10 redirects"));
    let done = scrape(&server.address, "/redirect", |config| {
        config.http_client.follow_redirects = false;
    })
    .await;
    assert_eq!(done.error(), "server returned HTTP status 302 Found");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_read_to_its_end() {
    let server = serve().await;
    for (path, limit, error) in [
        ("/metrics", PAGE.len() as u64 + 1, ""),
        ("/metrics", PAGE.len() as u64, "body size limit exceeded"),
        ("/gzip", PAGE.len() as u64, "body size limit exceeded"),
        ("/long", 1 << 20, "body size limit exceeded"),
    ] {
        let done = scrape(&server.address, path, |config| {
            config.limits.body_size_limit = limit;
            config.extra_scrape_metrics = true;
        })
        .await;
        assert_eq!(done.error(), error, "{path}");
        if !error.is_empty() {
            assert!(done.store.report("scrape_body_size_bytes").ends_with(":-1"));
            let name = "prometheus_target_scrapes_exceeded_body_size_limit_total";
            assert_eq!(counter(&done.registry, name), 1.0);
        }
    }
}

#[tokio::test]
async fn broken_connections_are_called_by_their_names() {
    let closed = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let cut = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 100\r\n\r\na 1\n";
    for (address, error) in [
        (
            closed.clone(),
            format!("Get \"http://{closed}/metrics\": dial tcp {closed}: connect: connection refused"),
        ),
        (raw(b"", true).await, "Get \"URL\": EOF".to_owned()),
        (raw(cut, true).await, "unexpected EOF".to_owned()),
    ] {
        let done = scrape(&address, "/metrics", |_| {}).await;
        assert_eq!(
            done.error(),
            error.replace("URL", &format!("http://{address}/metrics"))
        );
    }
    let garbage = raw(b"\x00\xffgarbage\r\n\r\n", true).await;
    let done = scrape(&garbage, "/metrics", |_| {}).await;
    let start = format!("Get \"http://{garbage}/metrics\": net/http: HTTP/1.x transport connection broken: ");
    assert!(done.error().starts_with(&start), "{}", done.error());
    let done = scrape("nosuchhost.invalid:80", "/metrics", |_| {}).await;
    assert_eq!(
        done.error(),
        "Get \"http://nosuchhost.invalid:80/metrics\": dial tcp: lookup nosuchhost.invalid: no such host"
    );
    let plain = serve().await;
    let done = scrape(&plain.address, "/metrics", |config| {
        config.scheme = "https".into()
    })
    .await;
    let url = format!("https://{}/metrics", plain.address);
    assert_eq!(
        done.error(),
        format!("Get \"{url}\": http: server gave HTTP response to HTTPS client")
    );
}

#[tokio::test]
async fn a_target_that_hangs_is_given_up() {
    let half = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 100\r\n\r\na 1\n";
    for (bytes, error) in [
        (&b""[..], "Get \"URL\": context deadline exceeded"),
        (&half[..], "context deadline exceeded"),
    ] {
        let address = raw(bytes, false).await;
        let done = scrape(&address, "/metrics", |config| {
            config.scrape_timeout = narthex_model::Duration::from_millis(50);
        })
        .await;
        assert_eq!(
            done.error(),
            error.replace("URL", &format!("http://{address}/metrics"))
        );
    }
}

#[tokio::test]
async fn certificates_are_checked_as_configured() {
    let server = serve_tls().await;
    let ca = include_str!("certificates/ca.pem");
    let unknown = "tls: failed to verify certificate: x509: certificate signed by unknown authority";
    for (trusted, name, skips, error) in [
        (ca, "target.test", false, ""),
        ("", "", true, ""),
        ("", "target.test", false, unknown),
        (ca, "", false, "tls: failed to verify certificate: x509: "),
    ] {
        let done = scrape(&server.address, "/metrics", |config| {
            config.scheme = "https".into();
            config.http_client.tls.ca = trusted.into();
            config.http_client.tls.server_name = name.into();
            config.http_client.tls.insecure_skip_verify = skips;
        })
        .await;
        let start = match error {
            "" => String::new(),
            error => format!("Get \"https://{}/metrics\": {error}", server.address),
        };
        let got = done.error();
        assert!(
            got.starts_with(&start) && got.is_empty() == start.is_empty(),
            "{got}"
        );
    }
    let done = scrape(&server.address, "/metrics", |config| {
        config.http_client.tls.ca_file = "/nonexistent".into();
    })
    .await;
    assert!(
        done.error()
            .starts_with("unable to load specified CA cert /nonexistent: "),
        "{}",
        done.error()
    );
}

#[tokio::test]
async fn a_proxy_is_asked_in_place_of_the_target() {
    let proxy = serve().await;
    let through = |exempt: &'static str| {
        let url = format!("http://{}", proxy.address);
        scrape("nowhere.invalid:1", "/metrics", move |config| {
            config.http_client.proxy.proxy_url = url;
            config.http_client.proxy.no_proxy = exempt.into();
        })
    };
    let done = through("").await;
    assert_eq!(done.error(), "");
    assert_eq!(proxy.requests.lock()[0].1["host"], "nowhere.invalid:1");
    let done = through("other.test, .invalid").await;
    assert!(done.error().ends_with("no such host"), "{}", done.error());
}

#[tokio::test]
async fn a_token_is_fetched_for_the_target_and_its_refusal_is_told() {
    let server = serve().await;
    let tokens = |path: &str| OAuth2 {
        client_id: "me".into(),
        client_secret: Secret::new("s"),
        token_url: format!("http://{}{path}", server.address),
        ..OAuth2::default()
    };
    let with = |oauth2: OAuth2| {
        scrape(&server.address, "/metrics", |config| {
            config.http_client.oauth2 = Some(oauth2);
        })
    };
    assert_eq!(with(tokens("/token")).await.error(), "");
    let asked = server.requests.lock().clone();
    assert_eq!((asked[0].0.as_str(), asked[1].0.as_str()), ("/token", "/metrics"));
    assert_eq!(asked[0].1["authorization"], "Basic bWU6cw==");
    assert_eq!(asked[1].1["authorization"], "Bearer t0");
    let refused = with(tokens("/500")).await.error();
    let text = "oauth2: cannot fetch token: 500 Internal Server Error\nResponse: ";
    assert!(
        refused.starts_with(&format!("Get \"http://{}/metrics\": {text}", server.address)),
        "{refused}"
    );
}
