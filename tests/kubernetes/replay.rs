//! Twelve states of a real cluster, one after the other, and the targets that Prometheus made of each.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::time::Duration;

use narthex::scrape::ScrapeManager;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::support::shared;
use super::api_server::{ApiServer, Streaming, key};
use super::joined::joined;

const KINDS: [&str; 6] = [
    "namespaces",
    "nodes",
    "services",
    "pods",
    "endpoints",
    "endpointslices",
];

/// The same of what Prometheus answered.
fn wanted(targets: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for (pool, count) in targets["droppedTargetCounts"].as_object().unwrap() {
        lines.push(format!("dropped of {pool}: {count}"));
    }
    for target in targets["active"].as_array().unwrap() {
        let line = json!([
            target["scrapePool"],
            target["scrapeUrl"],
            target["labels"],
            target["discoveredLabels"]
        ]);
        lines.push(format!("active {line}"));
    }
    for target in targets["dropped"].as_array().unwrap() {
        lines.push(format!(
            "dropped {}",
            json!([target["scrapePool"], target["discoveredLabels"]])
        ));
    }
    lines.sort();
    lines
}

fn read(file: &std::path::Path) -> Value {
    let mut text = String::new();
    let mut packed = flate2::read::GzDecoder::new(std::fs::File::open(file).unwrap());
    packed.read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn bring_to(api: &ApiServer, step: &Value) {
    for kind in KINDS {
        let mut objects = step["objects"][kind]["items"].as_array().unwrap().clone();
        // The recordings name uids after their objects, the targets' a little otherwise than the objects'.
        for object in objects.iter_mut().filter(|_| kind == "pods") {
            object["metadata"]["uid"] = Value::from(format!("uid-of:{}", key(object)));
        }
        api.bring_to(kind, &objects);
    }
}

/// When each pod that is new was among the targets.
fn watch_pods(seen: &mut BTreeMap<String, Duration>, started: Instant, scrape: &ScrapeManager) {
    for target in scrape.status().iter().flat_map(|pool| &pool.active) {
        let pod = target
            .discovered_labels
            .get("__meta_kubernetes_pod_name")
            .unwrap_or_default();
        seen.entry(pod.to_owned()).or_insert_with(|| started.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn targets_of_a_real_cluster_equal_those_of_prometheus_step_by_step() {
    let Some(folder) = shared().map(|shared| shared.join("k8s")) else {
        return;
    };
    let mut steps: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "gz"))
        .collect();
    steps.sort();
    assert_eq!(steps.len(), 12);
    let text = std::fs::read_to_string(folder.join("prometheus.yaml")).unwrap();
    for streaming in [Streaming::Known, Streaming::Refused] {
        let api = ApiServer::start(streaming, false).await;
        bring_to(&api, &read(&steps[0]));
        let mut joined = joined(&text, api.clone()).await;
        for path in &steps {
            let step = read(path);
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let mut seen = BTreeMap::new();
            watch_pods(&mut seen, Instant::now(), &joined.scrape);
            let before = seen.len();
            let started = Instant::now();
            bring_to(&api, &step);
            let look = |scrape: &ScrapeManager| watch_pods(&mut seen, started, scrape);
            joined.until(&name, &wanted(&step["targets"]), look).await;
            let mut times: Vec<Duration> = seen.values().copied().collect();
            times.sort();
            let new = times.split_off(before.min(times.len()));
            if let Some(p99) = new.get((new.len() * 99).div_ceil(100).saturating_sub(1)) {
                eprintln!(
                    "{name}: {} new pods, p99 {p99:?} from the first event to the target",
                    new.len()
                );
            }
        }
        // Four jobs share what they watch: one watch of each kind.
        for kind in ["pods", "services", "endpoints", "nodes"] {
            assert!(api.watches(kind) <= 2, "{kind}: {}", api.watches(kind));
        }
    }
}
