//! What the server says of itself: notifications, features, own metrics, versions, files for pages, the API's document.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use narthex::clock::Clock;
use narthex::config::Config;

use super::world::{Api, world};

/// A listener to live notifications.
fn listen(api: &Api) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", api.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
        .write_all(b"GET /api/v1/notifications/live HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    BufReader::new(stream)
}

/// The next event; None when the stream ends.
fn event(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    while stream.read_line(&mut line).ok()? > 0 {
        if let Some(data) = line.strip_prefix("data: ") {
            return Some(data.trim_end().to_owned());
        }
        line.clear();
    }
    None
}

#[test]
fn notifications_are_listed_and_told_live() {
    let api = Api::starting(Clock::manual(1_000), |options| options.max_listeners = 1);
    let said = |text: &str, active: bool| {
        format!(r#"{{"text":"{text}","date":"1970-01-01T00:00:01Z","active":{active}}}"#)
    };
    let starting = "Prometheus is starting and replaying the write-ahead log (WAL).";
    let failed = "Configuration reload has failed.";
    let stopping = "Prometheus is shutting down and gracefully stopping all operations.";
    assert_eq!(
        api.data("/api/v1/notifications"),
        format!("[{}]", said(starting, true))
    );
    let mut live = listen(&api);
    assert_eq!(event(&mut live), Some(said(starting, true)));
    assert_eq!(
        api.get("/api/v1/notifications/live").status,
        204,
        "all places are taken"
    );
    api.app.set_store(api.store.clone());
    assert_eq!(event(&mut live), Some(said(starting, false)));
    api.app.set_config_failed();
    assert_eq!(event(&mut live), Some(said(failed, true)));
    assert_eq!(
        api.data("/api/v1/notifications"),
        format!("[{}]", said(failed, true))
    );
    api.app.set_config(Arc::new(Config::default()), String::new());
    assert_eq!(event(&mut live), Some(said(failed, false)));
    assert_eq!(api.data("/api/v1/notifications"), "[]");
    api.stop();
    assert_eq!(event(&mut live), Some(said(stopping, true)));
    assert_eq!(event(&mut live), None, "the stream ends with the server");
}

#[test]
fn features_by_category() {
    let api = Api::empty(|options| {
        options.enable_admin_api = true;
        options.features = vec!["exemplar-storage".into()];
    });
    let data = api.get("/api/v1/features").json()["data"].clone();
    for (category, name, want) in [
        ("api", "admin", true),
        ("api", "lifecycle", false),
        ("promql", "subqueries", true),
        ("promql", "duration_expr", false),
        ("promql_functions", "rate", true),
        ("promql_functions", "sort_by_label", false),
        ("promql_operators", "limitk", false),
        ("service_discovery_providers", "dns", true),
        ("service_discovery_providers", "file", true),
        ("service_discovery_providers", "http", true),
        ("service_discovery_providers", "kubernetes", true),
        ("service_discovery_providers", "static", true),
        ("tsdb", "exemplar_storage", true),
    ] {
        assert_eq!(data[category][name], want, "{category}.{name}");
    }
}

#[test]
fn own_metrics_as_json() {
    let data = world().data("/api/v1/status/self_metrics?metric_name_pattern=prometheus_ready");
    assert_eq!(
        data,
        r#"[{"name":"prometheus_ready","help":"Whether the server can answer queries.","type":"GAUGE","metric":[{"gauge":{"value":1}}]}]"#
    );
    let all = world().get("/api/v1/status/self_metrics").json();
    let families = all["data"].as_array().unwrap();
    let family = |name: &str| families.iter().find(|f| f["name"] == name).unwrap();
    let histogram = &family("prometheus_http_request_duration_seconds")["metric"][0];
    assert!(histogram["histogram"]["sampleCount"].is_string(), "{histogram}");
    assert_eq!(histogram["label"][0]["name"], "handler");
    assert!(
        family("prometheus_engine_query_duration_seconds")["metric"][0]["summary"]["quantile"].is_array()
    );
    let (status, kind, _) = world().error("/api/v1/status/self_metrics?metric_name_pattern=(");
    assert_eq!((status, kind.as_str()), (400, "bad_data"));
}

#[test]
fn assets_come_from_their_folder_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("in")).unwrap();
    std::fs::write(folder.path().join("in/a.css"), "b{}").unwrap();
    std::fs::write(folder.path().join("secret"), "no").unwrap();
    let api = Api::empty(|options| options.user_assets = folder.path().join("in"));
    let answer = api.get("/user/a.css");
    assert_eq!((answer.status, answer.text().as_str()), (200, "b{}"));
    assert_eq!(answer.header("content-type"), Some("text/css; charset=utf-8"));
    for path in [
        "/user/none",
        "/user/",
        "/user/..%2Fsecret",
        "/user/%2Fetc%2Fpasswd",
        "/user/%00",
    ] {
        assert_eq!(api.get(path).status, 404, "{path}");
    }
    assert_eq!(world().get("/user/a.css").status, 404, "no folder is named");
}

#[test]
fn the_document_of_the_api() {
    for (query, version) in [("", "3.1.0"), ("?openapi_version=3.2", "3.2.0")] {
        let answer = world().get(&format!("/api/v1/openapi.yaml{query}"));
        assert_eq!(
            answer.header("content-type"),
            Some("application/yaml; charset=utf-8")
        );
        let text = answer.text();
        assert!(text.starts_with(&format!("openapi: {version}\n")) && !text.contains("{{"));
        narthex::config::yaml::parse(&text).unwrap();
    }
}
