//! Why a pod gives no target, told from what discovery knows of the cluster.

use narthex::clock::Clock;
use narthex::discovery::DiscoveryManager;
use narthex::explain::{Question, explain};
use serde_json::{Value, json};

use super::super::support::{Server, narthex};
use super::api_server::{ApiServer, CA, Streaming};
use super::world::{LIMIT, hasty, pod, world};

fn phase(namespace: &str, name: &str, phase: &str, reason: &str) -> Value {
    let mut pod = pod(namespace, name, "");
    pod["status"]["phase"] = json!(phase);
    pod["status"]["reason"] = json!(reason);
    pod
}

async fn cluster() -> ApiServer {
    let api = ApiServer::start(Streaming::Known, false).await;
    for pod in [
        pod("n", "good", "10.0.0.1"),
        phase("n", "pending", "Pending", "Unschedulable"),
        pod("n", "quiet", ""),
        phase("n", "done", "Succeeded", ""),
        phase("n", "evicted", "Failed", "Evicted"),
        phase("n", "bare", "Running", ""),
        pod("other", "away", "10.0.0.2"),
    ] {
        api.apply("pods", pod);
    }
    api
}

fn verdict(question: &Question, discovery: &DiscoveryManager) -> (&'static str, String) {
    let mut explanation = explain(question, &[]);
    explanation.consult(question, discovery);
    (explanation.fault, explanation.says)
}

fn check(discovery: &DiscoveryManager, cases: &[(&str, &'static str, &str)]) {
    for (name, fault, says) in cases {
        let question = match name.strip_prefix("at ") {
            Some(address) => Question::address(address),
            None => Question::pod(name),
        };
        assert_eq!(
            verdict(&question, discovery),
            (*fault, (*says).to_owned()),
            "{name}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_without_a_target_is_told_why() {
    let mut world = world(cluster().await, hasty());
    world.apply("- role: pod\n  namespaces: {names: [n]}").await;
    world.until("j", &["10.0.0.1:80"]).await;
    let pending = "pod n/pending is not running yet (phase Pending: Unschedulable) and has no IP, so job j cannot find a target in it: it will be found once it has one; `kubectl describe pod` says what it waits for";
    check(
        &world.discovery,
        &[
            ("n/pending", "pod pending", pending),
            ("pending", "pod pending", pending),
            (
                "n/quiet",
                "pod pending",
                "pod n/quiet is not running yet (phase Pending) and has no IP, so job j cannot find a target in it: it will be found once it has one; `kubectl describe pod` says what it waits for",
            ),
            (
                "n/done",
                "pod ended",
                "pod n/done has ended (phase Succeeded) and has no IP any more: there is nothing to scrape",
            ),
            (
                "n/evicted",
                "pod ended",
                "pod n/evicted has ended (phase Failed: Evicted) and has no IP any more: there is nothing to scrape",
            ),
            (
                "n/bare",
                "pod without IP",
                "pod n/bare has no IP (phase Running), so job j cannot find a target in it: `kubectl describe pod` says what its node makes of it",
            ),
            (
                "other/away",
                "wrong namespace",
                "no job looks for pods in namespace other: kubernetes_sd_configs of job j are limited to n; add other to their namespaces.names",
            ),
            (
                "n/none",
                "no such pod",
                "job j look for pods, and the API server has no pod n/none: check the name and namespace (`kubectl get pods --all-namespaces`)",
            ),
        ],
    );
    world
        .apply("- role: pod\n  selectors: [{role: pod, label: app=x, field: status.podIP=10.0.0.1}]")
        .await;
    let view = world.discovery.kubernetes_views().remove(0);
    world.when("a list", || view.is_synced()).await;
    check(
        &world.discovery,
        &[(
            "n/good",
            "not selected",
            "job j look only for what label app=x and field status.podIP=10.0.0.1 of role pod selects, and did not find pod n/good: check the name and namespace, then its labels against the selectors",
        )],
    );
    world.apply("- role: endpoints").await;
    let view = world.discovery.kubernetes_views().remove(0);
    world.when("all lists", || view.is_synced()).await;
    let behind = "pod n/good is there, but job j find only pods that stand behind a service, and it does not: give it the labels that the service selects, or add a job with kubernetes_sd_configs: [{role: pod}]";
    check(
        &world.discovery,
        &[
            ("n/good", "pod behind no service", behind),
            ("at 10.0.0.1:80", "pod behind no service", behind),
            ("n/pending", "pod pending", pending),
        ],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_server_that_tells_nothing_is_blamed() {
    let api = cluster().await;
    api.set_forbidden(&["pods"]);
    let world = world(api, hasty());
    world.apply("- role: pod").await;
    let view = world.discovery.kubernetes_views().remove(0);
    world.when("a fault", || view.fault().is_some()).await;
    let fault = view.fault().unwrap();
    check(
        &world.discovery,
        &[(
            "n/good",
            "API server",
            &format!(
                "job j look for pods, but the API server does not tell which there are ({fault}): check its address, the credentials, and that their ClusterRole allows get, list and watch"
            ),
        )],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_tells_of_a_pending_pod() {
    let api = cluster().await;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(at("ca.crt"), CA).unwrap();
    let config = format!(
        "scrape_configs: [{{job_name: j, kubernetes_sd_configs: [{{role: pod, api_server: 'https://127.0.0.1:{}', \
         authorization: {{credentials: t0}}, tls_config: {{ca_file: ca.crt}}}}]}}]",
        api.port
    );
    std::fs::write(at("p.yml"), config).unwrap();
    let server = Server::start(
        &folder.path().join("data"),
        &[&format!("--config.file={}", at("p.yml"))],
    );
    let url = format!("--url=http://127.0.0.1:{}", server.port);
    let ask = || narthex(&["explain", &url, "n/pending"]).output().unwrap();
    let (clock, started) = (Clock::system(), Clock::system().monotonic());
    let told = loop {
        let done = ask();
        let text = String::from_utf8(done.stdout).unwrap();
        if !text.contains("API server") || clock.elapsed(started) > LIMIT {
            assert_eq!(done.status.code(), Some(3), "{text}");
            break text;
        }
        tokio::task::yield_now().await;
    };
    let pending =
        "pod n/pending is not running yet (phase Pending: Unschedulable) and has no IP, so job j cannot find";
    assert!(told.starts_with(pending), "{told}");
}
