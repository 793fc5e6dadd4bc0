//! `http_sd_configs` against a server that changes its mind.

use std::sync::Arc;
use std::time::Duration;

use narthex::clock::Clock;
use narthex::config::load;
use narthex::discovery::{DiscoveryManager, DiscoveryOptions};
use narthex::telemetry::metrics::{PointValue, Registry};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Mutex;

fn answer(status: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_is_fetched_again_and_stays_while_it_cannot_be() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/list", listener.local_addr().unwrap());
    let list = r#"[{"targets": ["a:1", "b:2"], "labels": {"env": "x"}}]"#;
    let now = Arc::new(Mutex::new(answer("200 OK", "application/json", list)));
    let (served, asked) = (Arc::clone(&now), Arc::new(Mutex::new(String::new())));
    let seen = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let length = tcp.read(&mut request).await.unwrap_or_default();
            *seen.lock().await = String::from_utf8_lossy(&request[..length]).into_owned();
            let _ = tcp.write_all(served.lock().await.as_bytes()).await;
        }
    });
    let registry = Registry::new();
    let (discovery, task) = DiscoveryManager::start(Clock::system(), &registry, &DiscoveryOptions::default());
    let text = format!(
        "scrape_configs: [{{job_name: j, http_sd_configs: [{{url: '{url}', refresh_interval: 20ms}}]}}]"
    );
    let config = load(&text, std::path::Path::new("/"), &|_| None).unwrap().config;
    discovery.apply(&config).await;
    let until = async |count: usize| {
        let mut found = discovery.found();
        let targets = |groups: &narthex::discovery::Found| -> usize {
            groups["j"].iter().map(|group| group.targets.len()).sum()
        };
        let waited = found.wait_for(|groups| targets(groups) == count);
        let groups = tokio::time::timeout(Duration::from_secs(60), waited).await;
        groups.unwrap().unwrap()["j"].to_vec()
    };
    let groups = until(2).await;
    assert_eq!(groups[0].source, format!("{url}:0"));
    assert_eq!(
        groups[0].labels.to_string(),
        format!("{{__meta_url=\"{url}\", env=\"x\"}}")
    );
    let request = asked.lock().await.to_lowercase();
    assert!(
        request.contains("x-prometheus-refresh-interval-seconds: 0.02"),
        "{request}"
    );
    assert!(request.contains("accept: application/json"), "{request}");
    let failures = || {
        let families = registry.gather();
        let family = families
            .iter()
            .find(|f| f.name == "prometheus_sd_http_failures_total");
        match family.unwrap().points[0].value {
            PointValue::Number(value) => value,
            ref other => panic!("{other:?}"),
        }
    };
    for bad in [
        answer("500 Internal Server Error", "application/json", list),
        answer("200 OK", "text/plain", list),
        answer("200 OK", "application/json", "[{]"),
    ] {
        let before = failures();
        *now.lock().await = bad;
        let waited = tokio::time::timeout(Duration::from_secs(60), async {
            let mut looks = tokio::time::interval(Duration::from_millis(5));
            while failures() < before + 2.0 {
                looks.tick().await;
            }
        });
        waited.await.unwrap();
        assert_eq!(discovery.found().borrow()["j"].len(), 1);
    }
    *now.lock().await = answer("200 OK", "application/json; charset=utf-8", "[]");
    until(0).await;
    task.abort();
}
