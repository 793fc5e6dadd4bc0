//! All jobs together, over HTTP and in real time: configurations come and go.

use std::sync::Arc;

use narthex_model::{Duration, Labels};

use super::super::{Health, ScrapeManager, ScrapeOptions};
use super::server::serve;
use super::store;
use crate::clock::Clock;
use crate::config::{Config, ScrapeConfig, TargetGroup};
use crate::exposition::MetricKind;
use crate::telemetry::metrics::Registry;

fn config(jobs: &[(&str, &str)]) -> Config {
    let jobs = jobs.iter().map(|(name, path)| {
        let mut job = ScrapeConfig::new(*name);
        job.metrics_path = (*path).to_owned();
        job.scrape_interval = Duration::from_millis(200);
        job.scrape_timeout = Duration::from_millis(200);
        Arc::new(job)
    });
    Config {
        scrape_configs: jobs.collect(),
        ..Config::default()
    }
}

fn group(address: &str) -> Vec<Arc<TargetGroup>> {
    vec![Arc::new(TargetGroup {
        source: "0".into(),
        targets: vec![Labels::from_pairs([("__address__", address)])],
        labels: Labels::empty(),
    })]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_start_go_on_and_end_as_the_configuration_says() {
    let server = serve().await;
    let store = store();
    let registry = Registry::new();
    let manager = ScrapeManager::new(
        store.db.clone(),
        Clock::system(),
        ScrapeOptions::default(),
        &registry,
    );
    manager.apply_config(&config(&[("b", "/open"), ("a", "/metrics"), ("l", "/long")]));
    assert_eq!(manager.pools(), ["a", "b", "l"]);
    for job in ["a", "b", "l", "none"] {
        manager.apply_targets(job, &group(&server.address));
    }
    // The second request is sent once the first page is stored.
    for path in ["/metrics", "/open", "/long"] {
        server.has_been_asked(path, 2).await;
    }
    let status = manager.status();
    assert_eq!(status.len(), 3);
    for pool in &status {
        assert_eq!(pool.active.len(), 1, "{}", pool.name);
        assert!(pool.active[0].last_scrape_ms.is_some(), "{}", pool.name);
    }
    assert_eq!(status[0].active[0].health, Health::Up);
    let metadata = manager.metadata();
    let of_a = metadata
        .iter()
        .find(|m| m.labels.get("job") == Some("a"))
        .unwrap();
    assert_eq!(
        (of_a.metrics[0].metric.as_str(), of_a.metrics[0].kind),
        ("a", MetricKind::Gauge)
    );

    // One job goes, one stays as it is.
    manager.apply_config(&config(&[("a", "/metrics")]));
    assert_eq!(manager.pools(), ["a"]);
    let asked = server
        .requests
        .lock()
        .iter()
        .filter(|(path, _)| path == "/metrics")
        .count();
    server.has_been_asked("/metrics", asked + 2).await;

    manager.stop().await;
    let families = registry.gather();
    let names: Vec<&str> = families.iter().map(|f| f.name.as_str()).collect();
    for name in [
        "prometheus_target_interval_length_seconds",
        "prometheus_target_scrape_pools_total",
        "prometheus_target_scrape_pool_targets",
        "prometheus_target_sync_length_seconds",
    ] {
        assert!(names.contains(&name), "{name}");
    }
    let new: Vec<_> = store
        .dump(true)
        .into_iter()
        .filter(|line| line.starts_with(r#"{__name__="scrape_series_added""#) && line.contains(r#"job="a""#))
        .collect();
    assert_eq!(new[0].matches(":2").count(), 1, "series are added once: {new:?}");
}
