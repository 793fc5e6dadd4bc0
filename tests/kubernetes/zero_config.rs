//! Without a configuration file: what is annotated is found, and nothing else.

use serde_json::{Value, json};

use super::api_server::{ApiServer, Streaming};
use super::joined::joined;
use super::world::pod;

const BUILT_IN: &str = include_str!("../../src/config/default/kubernetes.yml");

fn annotated(name: &str, ip: &str, annotations: Value, ports: Value) -> Value {
    let mut pod = pod("n", name, ip);
    pod["metadata"]["annotations"] = annotations;
    pod["metadata"]["labels"] = json!({"app": name});
    pod["spec"]["containers"][0]["ports"] = ports;
    pod
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_asks_for_it_is_scraped() {
    let api = ApiServer::start(Streaming::Known, false).await;
    let yes = json!({"prometheus.io/scrape": "true"});
    let at = |port: &str| json!({"prometheus.io/scrape": "true", "prometheus.io/port": port});
    let tcp = json!([{"containerPort": 80, "protocol": "TCP"}, {"containerPort": 53, "protocol": "UDP"}]);
    let full = json!({"prometheus.io/scrape": "true", "prometheus.io/port": "9", "prometheus.io/path": "/m",
        "prometheus.io/scheme": "https"});
    for (name, ip, annotations, ports) in [
        ("plain", "10.0.0.1", yes.clone(), tcp.clone()),
        ("full", "10.0.0.2", full, tcp.clone()),
        ("portless", "10.0.0.3", at("9"), json!(null)),
        ("portless6", "fd00::3", at("9"), json!(null)),
        ("six", "fd00::4", at("9"), tcp.clone()),
        ("nothing", "10.0.0.5", yes, json!(null)),
        ("quiet", "10.0.0.6", json!({}), tcp.clone()),
        ("pending", "", at("9"), tcp),
    ] {
        api.apply("pods", annotated(name, ip, annotations, ports));
    }
    let service = json!({"metadata": {"namespace": "n", "name": "s", "labels": {"tier": "t"},
        "annotations": {"prometheus.io/scrape": "true"}}, "spec": {"ports": []}});
    let slice = json!({"metadata": {"namespace": "n", "name": "s-1", "labels": {"kubernetes.io/service-name": "s"}},
        "addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.9"]}], "ports": [{"port": 90, "protocol": "TCP"}]});
    let node = json!({"metadata": {"name": "node-1"}, "status": {
        "addresses": [{"type": "InternalIP", "address": "10.1.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}}}});
    for (resource, object) in [("services", service), ("endpointslices", slice), ("nodes", node)] {
        api.apply(resource, object);
    }
    let mut joined = joined(BUILT_IN, api).await;
    let wanted = [
        "http://10.0.0.1:80/metrics".to_owned(),
        "http://10.0.0.3:9/metrics".to_owned(),
        "http://10.0.0.9:90/metrics".to_owned(),
        "http://[fd00::3]:9/metrics".to_owned(),
        "http://[fd00::4]:9/metrics".to_owned(),
        "http://localhost:9090/metrics".to_owned(),
        "https://10.0.0.2:9/m".to_owned(),
        "https://10.1.0.1:10250/metrics/cadvisor".to_owned(),
    ];
    joined.until_urls(&wanted).await;
    let status = joined.scrape.status();
    let of = |url: &str| {
        let all = status.iter().flat_map(|pool| &pool.active);
        all.filter(|target| target.scrape_url == url)
            .map(|target| target.labels.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of("https://10.0.0.2:9/m"),
        [
            r#"{app="full", instance="10.0.0.2:9", job="kubernetes-pods", namespace="n", node="node-1", pod="full"}"#
        ]
    );
    assert_eq!(
        of("http://10.0.0.9:90/metrics"),
        [
            r#"{instance="10.0.0.9:90", job="kubernetes-service-endpoints", namespace="n", service="s", tier="t"}"#
        ]
    );
}
