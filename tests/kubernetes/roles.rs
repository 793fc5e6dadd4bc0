//! What each role makes of small objects of our own, through the whole of discovery.

use serde_json::{Value, json};

use super::api_server::{ApiServer, Streaming};
use super::world::{World, hasty, pod, world};

async fn with(objects: &[(&str, Value)]) -> World {
    let api = ApiServer::start(Streaming::Known, false).await;
    for (resource, object) in objects {
        api.apply(resource, object.clone());
    }
    world(api, hasty())
}

fn node(name: &str) -> Value {
    json!({
        "metadata": {"name": name, "labels": {"zone": "z"}, "annotations": {"a/b": "c"}},
        "spec": {"providerID": "p"},
        "status": {
            "addresses": [{"type": "Hostname", "address": "h"}, {"type": "InternalIP", "address": "fd00::1"}],
            "conditions": [{"type": "Ready", "status": "True"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        },
    })
}

fn service(name: &str) -> Value {
    json!({
        "metadata": {"namespace": "n", "name": name, "annotations": {"prometheus.io/scrape": "true"}},
        "spec": {"type": "LoadBalancer", "clusterIP": "10.96.0.1", "loadBalancerIP": "1.2.3.4",
            "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]},
    })
}

fn reference(name: &str) -> Value {
    json!({"kind": "Pod", "namespace": "n", "name": name})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_and_services() {
    let mut world = with(&[("nodes", node("node-1")), ("services", service("s"))]).await;
    world.apply("- role: node\n- role: service").await;
    world.until("j", &["[fd00::1]:10250", "s.n.svc:80"]).await;
    insta::assert_snapshot!("nodes_and_services", world.targets("j").join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pods_with_everything_that_can_be_attached() {
    let mut full = pod("n", "a", "10.0.0.1");
    full["metadata"]["labels"] = json!({"app": "x"});
    full["metadata"]["ownerReferences"] = json!([{"kind": "Job", "name": "cron-1", "controller": true}]);
    full["spec"]["initContainers"] = json!([{"name": "init", "image": "k"}]);
    full["status"]["containerStatuses"] = json!([{"name": "c", "containerID": "containerd://1"}]);
    full["status"]["conditions"] = json!([{"type": "Ready", "status": "False"}]);
    let job = json!({"metadata": {"namespace": "n", "name": "cron-1",
        "ownerReferences": [{"kind": "CronJob", "name": "cron", "controller": true}]}});
    let namespace = json!({"metadata": {"name": "n", "labels": {"team": "t"}}});
    let mut world = with(&[
        ("pods", full),
        ("pods", pod("n", "pending", "")),
        ("nodes", node("node-1")),
        ("namespaces", namespace),
        ("jobs", job),
    ])
    .await;
    let attach = "{node: true, namespace: true, deployment: true, job: true, cronjob: true}";
    world
        .apply(&format!("- role: pod\n  attach_metadata: {attach}"))
        .await;
    world.until("j", &["10.0.0.1", "10.0.0.1:80"]).await;
    insta::assert_snapshot!("pods_with_attachments", world.targets("j").join("\n"));
    // What is attached is kept in line.
    let mut other = node("node-1");
    other["metadata"]["labels"]["zone"] = json!("y");
    world.api.apply("nodes", other);
    let is_new = || {
        world
            .targets("j")
            .iter()
            .all(|t| t.contains("node_label_zone=\"y\""))
    };
    world.when("the node's new label", is_new).await;
    let record = world.discovery.kubernetes_objects("n", "pending").remove(0);
    assert_eq!((record.kind, record.phase.as_str()), ("Pod", "Pending"));
    assert_eq!(record.ports[0].number, 80);
    assert_eq!(
        record.sights[0].reason.as_deref(),
        Some("the pod is pending: it has no IP yet")
    );
    let at = world.discovery.kubernetes_pods_at("10.0.0.1");
    assert_eq!((at.len(), at[0].sights[0].targets), (1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoints_with_pods_behind_them() {
    let mut two = pod("n", "a", "10.0.0.1");
    two["spec"]["containers"][0]["ports"] = json!([{"containerPort": 80, "name": "http", "protocol": "TCP"},
        {"containerPort": 81, "name": "other", "protocol": "TCP"}]);
    let endpoints = json!({"metadata": {"namespace": "n", "name": "s", "labels": {"e": "f"}}, "subsets": [
        {"addresses": [{"ip": "10.0.0.1", "nodeName": "node-1", "targetRef": reference("a")}],
         "notReadyAddresses": [{"ip": "10.0.0.2", "hostname": "h"}],
         "ports": [{"name": "web", "port": 80, "protocol": "TCP"}]},
        {"addresses": null, "ports": null}]});
    let mut world = with(&[
        ("pods", two),
        ("endpoints", endpoints),
        ("services", service("s")),
    ])
    .await;
    world.apply("- role: endpoints").await;
    let all = ["10.0.0.1:80", "10.0.0.1:81", "10.0.0.2:80"];
    world.until("j", &all).await;
    insta::assert_snapshot!("endpoints", world.targets("j").join("\n"));
    // A pod that goes takes its undeclared ports along; its address stays as long as the endpoints have it.
    world.api.delete("pods", "n/a");
    world.until("j", &["10.0.0.1:80", "10.0.0.2:80"]).await;
    world.api.apply("pods", pod("n", "a", "10.0.0.1"));
    let sights = || world.discovery.kubernetes_objects("n", "a");
    world.when("the pod behind", || !sights().is_empty()).await;
    world
        .when("its sight", || {
            sights()
                .iter()
                .flat_map(|o| &o.sights)
                .any(|s| s.source == "endpoints/n/s")
        })
        .await;
    world.api.delete("services", "n/s");
    let is_bare = || world.targets("j").iter().all(|t| !t.contains("service_name"));
    world.when("labels without the service", is_bare).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoint_slices_and_ingresses() {
    let slice = json!({"metadata": {"namespace": "n", "name": "s-1", "labels": {"kubernetes.io/service-name": "s"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.0.0.1"], "nodeName": "node-1", "zone": "z", "targetRef": reference("a"),
            "conditions": {"ready": true, "serving": true, "terminating": false}}],
        "ports": [{"name": "web", "port": 80, "protocol": "TCP", "appProtocol": "http"}]});
    let ingress = json!({"metadata": {"namespace": "n", "name": "i"}, "spec": {"ingressClassName": "c",
        "tls": [{"hosts": ["*.b.c"]}],
        "rules": [{"host": "a.b.c", "http": {"paths": [{"path": ""}, {"path": "/x"}]}}, {"host": "d"}]}});
    let mut world = with(&[
        ("pods", pod("n", "a", "10.0.0.1")),
        ("endpointslices", slice),
        ("services", service("s")),
        ("ingresses", ingress),
    ])
    .await;
    world.apply("- role: endpointslice\n- role: ingress").await;
    world.until("j", &["10.0.0.1:80", "a.b.c", "a.b.c", "d"]).await;
    insta::assert_snapshot!("endpointslices_and_ingresses", world.targets("j").join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn namespaces_and_selectors_limit_what_is_watched() {
    let labelled = |namespace: &str, name: &str, ip: &str, app: &str| {
        let mut pod = pod(namespace, name, ip);
        pod["metadata"]["labels"] = json!({"app": app});
        pod
    };
    let mut world = with(&[
        ("pods", labelled("a", "1", "10.0.0.1", "x")),
        ("pods", labelled("a", "2", "10.0.0.2", "y")),
        ("pods", labelled("b", "3", "10.0.0.3", "x")),
        ("pods", labelled("own", "4", "10.0.0.4", "x")),
    ])
    .await;
    world
        .apply("- role: pod\n  namespaces: {names: [a], own_namespace: true}\n  selectors: [{role: pod, label: app=x}]")
        .await;
    world.until("j", &["10.0.0.1:80", "10.0.0.4:80"]).await;
    let view = world.discovery.kubernetes_views().remove(0);
    assert!(view.covers("own") && !view.covers("b"));
    assert!(world.discovery.kubernetes_objects("b", "3").is_empty());
    world
        .apply("- role: pod\n  selectors: [{role: pod, field: status.podIP=10.0.0.2}]")
        .await;
    world.until("j", &["10.0.0.2:80"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kubeconfig_file_and_a_configured_server_lead_there_too() {
    let mut world = with(&[("pods", pod("n", "a", "10.0.0.1"))]).await;
    let folder = world.folder.path().display().to_string();
    let port = world.api.port;
    let kubeconfig = format!(
        "current-context: c\ncontexts: [{{name: c, context: {{cluster: k, user: u}}}}]\nclusters: [{{name: k, cluster: \
         {{server: 'https://127.0.0.1:{port}', certificate-authority: ca.crt}}}}]\nusers: [{{name: u, user: \
         {{tokenFile: token}}}}]\n"
    );
    std::fs::write(world.folder.path().join("kubeconfig"), kubeconfig).unwrap();
    world
        .apply(&format!("- role: pod\n  kubeconfig_file: {folder}/kubeconfig"))
        .await;
    world.until("j", &["10.0.0.1:80"]).await;
    world.apply("- role: node").await;
    world.until("j", &[]).await;
    world
        .apply(&format!(
            "- role: pod\n  api_server: https://127.0.0.1:{port}\n  authorization: {{credentials: t0}}\n  tls_config: \
             {{ca_file: {folder}/ca.crt}}"
        ))
        .await;
    world.until("j", &["10.0.0.1:80"]).await;
}
