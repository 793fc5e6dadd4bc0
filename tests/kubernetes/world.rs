//! Discovery as a whole beside an API server: a pod's folder with a token, a configuration, and what was found.

use std::sync::Arc;
use std::time::Duration;

use narthex::clock::Clock;
use narthex::config::{Config, load};
use narthex::discovery::{DiscoveryManager, DiscoveryOptions, Found, Patience};
use narthex::telemetry::metrics::{PointValue, Registry};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::api_server::{ApiServer, CA, Streaming};

/// How long anything may take before a test has failed.
pub(super) const LIMIT: Duration = Duration::from_secs(60);

/// Times as short as a test wants them.
pub(super) fn hasty() -> Patience {
    let ms = Duration::from_millis;
    Patience {
        connect: ms(2_000),
        answer: ms(2_000),
        ping_after: ms(300),
        ping_answer: ms(300),
        watch: ms(60_000),
        watch_http1: ms(1_000),
        quiet_http1: ms(2_000),
        streaming: ms(500),
        retry_min: ms(10),
        retry_max: ms(100),
    }
}

pub(super) struct World {
    pub(super) api: ApiServer,
    pub(super) discovery: DiscoveryManager,
    pub(super) registry: Arc<Registry>,
    pub(super) folder: TempDir,
    found: watch::Receiver<Found>,
    task: JoinHandle<()>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Discovery in a pod of the cluster that `api` serves.
pub(super) fn world(api: ApiServer, patience: Patience) -> World {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "t0\n").unwrap();
    std::fs::write(folder.path().join("ca.crt"), CA).unwrap();
    std::fs::write(folder.path().join("namespace"), "own").unwrap();
    let port = api.port.to_string();
    let options = DiscoveryOptions {
        service_account: folder.path().to_owned(),
        environment: Arc::new(move |name| match name {
            "KUBERNETES_SERVICE_HOST" => Some("127.0.0.1".to_owned()),
            "KUBERNETES_SERVICE_PORT" => Some(port.clone()),
            _ => None,
        }),
        patience,
        ..DiscoveryOptions::default()
    };
    let registry = Registry::new();
    let (discovery, task) = DiscoveryManager::start(Clock::system(), &registry, &options);
    World {
        api,
        found: discovery.found(),
        discovery,
        registry,
        folder,
        task,
    }
}

/// A server with two pods, and discovery of pods beside it that has found them.
pub(super) async fn two_pods(streaming: Streaming, is_old_http: bool) -> World {
    let api = ApiServer::start(streaming, is_old_http).await;
    api.apply("pods", pod("n", "a", "10.0.0.1"));
    api.apply("pods", pod("n", "b", "10.0.0.2"));
    let mut world = world(api, hasty());
    world.apply("- role: pod").await;
    world.until("j", &["10.0.0.1:80", "10.0.0.2:80"]).await;
    world
}

impl World {
    /// Puts sections of `kubernetes_sd_configs` into force, for the job `j`.
    pub(super) async fn apply(&self, sections: &str) {
        let sections: String = sections.lines().map(|line| format!("  {line}\n")).collect();
        let text = format!("scrape_configs:\n- job_name: j\n  kubernetes_sd_configs:\n{sections}");
        self.discovery.apply(&config(&text)).await;
    }

    /// Addresses of a job, sorted.
    pub(super) fn addresses(&self, job: &str) -> Vec<String> {
        let found = self.found.borrow().clone();
        let mut addresses: Vec<String> = found
            .get(job)
            .into_iter()
            .flat_map(|groups| groups.iter())
            .flat_map(|group| group.targets.iter())
            .map(|target| target.get("__address__").unwrap_or_default().to_owned())
            .collect();
        addresses.sort();
        addresses
    }

    /// Returns once the job has exactly these addresses.
    pub(super) async fn until(&mut self, job: &str, wanted: &[&str]) {
        let waited = tokio::time::timeout(LIMIT, async {
            while self.addresses(job) != wanted {
                self.found.changed().await.unwrap();
            }
        });
        if waited.await.is_err() {
            panic!("{:?} instead of {wanted:?}", self.addresses(job));
        }
    }

    /// Label sets of a job's targets, those of their groups included, sorted.
    pub(super) fn targets(&self, job: &str) -> Vec<String> {
        let found = self.found.borrow().clone();
        let mut all: Vec<String> = found[job]
            .iter()
            .flat_map(|group| {
                group.targets.iter().map(|target| {
                    let labels = group.labels.iter().chain(target.iter());
                    narthex::model::Labels::from_pairs(labels).to_string()
                })
            })
            .collect();
        all.sort();
        all
    }

    /// Returns once `holds`; looks again and again while other tasks get on.
    pub(super) async fn when(&self, what: &str, holds: impl Fn() -> bool) {
        let waited = tokio::time::timeout(LIMIT, async {
            let mut looks = tokio::time::interval(Duration::from_millis(5));
            while !holds() {
                looks.tick().await;
            }
        });
        assert!(waited.await.is_ok(), "{what}");
    }

    /// The value of a metric of discovery without labels.
    pub(super) fn metric(&self, name: &str) -> f64 {
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name == name).unwrap();
        match family.points[0].value {
            PointValue::Number(value) => value,
            ref other => panic!("{other:?}"),
        }
    }
}

pub(super) fn config(text: &str) -> Config {
    load(text, std::path::Path::new("/"), &|_| None).unwrap().config
}

/// A running pod with one container that declares port 80; no IP makes it pending.
pub(super) fn pod(namespace: &str, name: &str, ip: &str) -> Value {
    let phase = if ip.is_empty() { "Pending" } else { "Running" };
    json!({
        "metadata": {"namespace": namespace, "name": name, "uid": "u"},
        "spec": {"nodeName": "node-1",
            "containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80, "name": "http", "protocol": "TCP"}]}]},
        "status": {"phase": phase, "podIP": ip, "hostIP": "10.1.0.1"},
    })
}
