//! One server, one job a setting, one thing a fault; then the questions.

use std::net::SocketAddr;
use std::time::Duration;

use narthex::clock::Clock;
use serde_json::{Value, json};

use super::targets::{serve, serve_noise, serve_nothing, serve_tls, silent_address};
use crate::support::{Server, narthex};

const CONFIG: &str = r#"
global: {scrape_interval: 2s, scrape_timeout: 2s}
scrape_configs:
  - job_name: pods
    file_sd_configs: [{files: [pods.json]}]
    relabel_configs:
      - source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape]
        action: keep
        regex: true
      - source_labels: [__meta_kubernetes_pod_phase]
        action: drop
        regex: Pending
      - source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_path]
        regex: (.+)
        target_label: __metrics_path__
      - source_labels: [__address__, __meta_kubernetes_pod_annotation_prometheus_io_port]
        regex: (.+):(?:\d+);(\d+)
        replacement: ${1}:${2}
        target_label: __address__
      - source_labels: [__meta_kubernetes_namespace]
        target_label: namespace
      - source_labels: [__meta_kubernetes_pod_name]
        target_label: pod
      - source_labels: [__meta_kubernetes_pod_container_port_number]
        action: keep
        regex: \d+
  - job_name: other
    static_configs: [{targets: ["other.test:1"]}]
    relabel_configs:
      - {source_labels: [__address__], regex: "other.*", action: drop}
  - job_name: tls
    scheme: https
    file_sd_configs: [{files: [tls.json]}]
  - job_name: named
    scheme: https
    tls_config: {ca_file: CA}
    file_sd_configs: [{files: [named.json]}]
  - job_name: samples
    sample_limit: 2
    file_sd_configs: [{files: [good.json]}]
  - job_name: labels
    label_limit: 2
    file_sd_configs: [{files: [good.json]}]
  - job_name: bytes
    body_size_limit: 10B
    file_sd_configs: [{files: [good.json]}]
  - job_name: few
    target_limit: 1
    file_sd_configs: [{files: [good.json]}, {files: [named.json]}]
  - job_name: nowhere
    static_configs: [{targets: ["nowhere.test:1"]}]
    relabel_configs:
      - {target_label: __address__, replacement: ""}
  - job_name: idle
    scrape_interval: 1000d
    scrape_timeout: 1s
    static_configs: [{targets: ["idle.test:1"]}]
  - job_name: cluster
    kubernetes_sd_configs:
      - {role: pod, api_server: "http://127.0.0.1:1", namespaces: {names: [prod, stage]}}
"#;

struct World {
    server: Server,
    good: SocketAddr,
    closed: SocketAddr,
    mute: SocketAddr,
    noise: SocketAddr,
    tls: SocketAddr,
    config: String,
    _folder: tempfile::TempDir,
}

/// A pod as discovery of Kubernetes labels it.
fn pod(name: &str, address: &str, more: &[(&str, &str)]) -> Value {
    let mut labels = json!({
        "__meta_kubernetes_namespace": "shop",
        "__meta_kubernetes_pod_name": name,
        "__meta_kubernetes_pod_phase": "Running",
    });
    if address.contains(':') {
        labels["__meta_kubernetes_pod_container_port_number"] = json!(address.rsplit(':').next());
    }
    for (label, value) in more {
        labels[format!("__meta_kubernetes_pod_{label}")] = json!(value);
    }
    json!({"targets": [address], "labels": labels})
}

fn start() -> World {
    let (good, closed, mute, noise, tls) = (
        serve(),
        silent_address(),
        serve_nothing(),
        serve_noise(),
        serve_tls(),
    );
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let write = |name: &str, targets: Value| std::fs::write(at(name), targets.to_string()).unwrap();
    let (g, scrape) = (good.to_string(), "annotation_prometheus_io_scrape");
    let on = (scrape, "true");
    let path = |path: &'static str| [on, ("annotation_prometheus_io_path", path)];
    write(
        "pods.json",
        json!([
            pod("good", &g, &[on]),
            pod("bare", &g, &[]),
            pod("capital", &g, &[(scrape, "True")]),
            pod("blank", &g, &[(scrape, " true")]),
            pod("quoted", &g, &[(scrape, "\"true\"")]),
            pod("off", &g, &[(scrape, "false")]),
            pod("misspelt", &g, &[("annotation_prometheus_io_scrap", "true")]),
            pod("pending", &g, &[on, ("phase", "Pending")]),
            pod(
                "portless",
                "127.0.0.1",
                &[on, ("annotation_prometheus_io_port", "9102")]
            ),
            pod(
                "wordy",
                &closed.to_string(),
                &[on, ("annotation_prometheus_io_port", "http")]
            ),
            pod("closed", &closed.to_string(), &[on]),
            pod("ended", &closed.to_string(), &[on, ("phase", "Succeeded")]),
            pod("mute", &mute.to_string(), &[on]),
            pod("noise", &noise.to_string(), &[on]),
            pod("lost", "lost.invalid:80", &[on]),
            pod("bad", &g, &path("/bad")),
            pod("untyped", &g, &path("/blank")),
            pod("html", &g, &path("/html")),
            pod("who", &g, &path("/401")),
            pod("forbidden", &g, &path("/403")),
            pod("elsewhere", &g, &path("/elsewhere")),
            pod("broken", &g, &path("/500")),
            pod("cut", &g, &path("/cut")),
        ]),
    );
    write("good.json", json!([{"targets": [g]}]));
    write("tls.json", json!([{"targets": [tls.to_string(), g]}]));
    write("named.json", json!([{"targets": [tls.to_string()]}]));
    let ca = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/scrape/tests/certificates/ca.pem"
    );
    std::fs::write(at("p.yml"), CONFIG.replace("CA", ca)).unwrap();
    let config = at("p.yml").display().to_string();
    let server = Server::start(&at("data"), &[&format!("--config.file={config}")]);
    let world = World {
        server,
        good,
        closed,
        mute,
        noise,
        tls,
        config,
        _folder: folder,
    };
    world.wait_for_scrapes();
    world
}

impl World {
    /// Returns once every target but that of the idle job has been scraped.
    fn wait_for_scrapes(&self) {
        let clock = Clock::system();
        let started = clock.monotonic();
        loop {
            let targets = self.server.get("/api/v1/targets?state=active").json();
            let targets = targets["data"]["activeTargets"].as_array().unwrap().clone();
            let waiting = targets
                .iter()
                .filter(|t| t["health"] == "unknown" && t["scrapePool"] != "idle")
                .count();
            if waiting == 0 && targets.len() > 20 {
                return;
            }
            assert!(
                clock.elapsed(started) < Duration::from_secs(60),
                "{waiting} targets were never scraped"
            );
            std::thread::yield_now();
        }
    }

    fn ask(&self, query: &str) -> Value {
        let answer = self.server.get(&format!("/api/v1/targets/explain?{query}"));
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        answer.json()["data"].clone()
    }

    /// The fault and the sentence that head the answer.
    fn verdict(&self, query: &str) -> (String, String) {
        let data = self.ask(query);
        let text = |key: &str| data[key].as_str().unwrap().to_owned();
        (text("fault"), text("says"))
    }

    fn cases(&self) -> Vec<(&'static str, &'static str, String)> {
        let Self {
            good,
            closed,
            mute,
            noise,
            ..
        } = self;
        let annotations =
            "metadata.annotations of the pod (in a Deployment: spec.template.metadata.annotations)";
        vec![
            ("good", "none", format!("pod shop/good is scraped by job pods at http://{good}/metrics")),
            ("bare", "annotation missing", format!("pod shop/bare has no annotation prometheus.io/scrape: add prometheus.io/scrape: \"true\" to {annotations}, with the quotation marks, since a bare true is not a string and the API server refuses it (rule 1 of job pods asks for it)")),
            ("capital", "annotation in other letters", "annotation prometheus.io/scrape of pod shop/capital is \"True\", and rule 1 of job pods takes \"true\" only, in exactly these letters: write prometheus.io/scrape: \"true\"".to_owned()),
            ("blank", "annotation with blanks", "annotation prometheus.io/scrape of pod shop/blank is \" true\", with a blank that rule 1 of job pods does not take: write prometheus.io/scrape: \"true\"".to_owned()),
            ("quoted", "annotation quoted twice", "annotation prometheus.io/scrape of pod shop/quoted is \"\\\"true\\\"\": the quotation marks have become part of it, as when a template quotes twice, and rule 1 of job pods does not take them; write prometheus.io/scrape: \"true\"".to_owned()),
            ("off", "annotation differs", "annotation prometheus.io/scrape of pod shop/off is \"false\", and rule 1 of job pods takes \"true\" only: write prometheus.io/scrape: \"true\"".to_owned()),
            ("misspelt", "annotation misspelt", "pod shop/misspelt has no annotation prometheus.io/scrape, which rule 1 of job pods asks for, but it has prometheus.io/scrap: write prometheus.io/scrape: \"true\"".to_owned()),
            ("pending", "pod pending", "pod shop/pending is not running yet (phase Pending), and rule 2 of job pods drops such pods: it will be scraped once it runs; `kubectl describe pod` says what it waits for".to_owned()),
            ("portless", "port not declared", "pod shop/portless declares no port, and rule 7 of job pods needs one: add ports: [{containerPort: 9102}] to the container that has the metrics".to_owned()),
            ("wordy", "port annotation not a number", format!("annotation prometheus.io/port of pod shop/wordy is \"http\", which is not a number, so port {} is scraped and fails (Get \"http://{closed}/metrics\": dial tcp {closed}: connect: connection refused): write the number, as in prometheus.io/port: \"8080\"", closed.port())),
            ("closed", "connection refused", format!("nothing listens on {closed}: check the port (annotation prometheus.io/port, or the declared container port), and that the process listens on all addresses and not on 127.0.0.1 alone")),
            ("ended", "pod ended", "pod shop/ended has ended (phase Succeeded), so nothing listens there any more; drop such pods with a rule: {source_labels: [__meta_kubernetes_pod_phase], regex: Succeeded|Failed, action: drop}".to_owned()),
            ("mute", "timeout", format!("{mute} did not answer within 2s: if it is alive, allow the traffic from this server in network policies and firewalls; if its page is slow to make, raise scrape_timeout (and scrape_interval, which must not be shorter)")),
            ("noise", "not HTTP", format!("{noise} does not speak HTTP (perhaps gRPC or TLS): scrape the port of the metrics instead, or with scheme: https")),
            ("lost", "no such host", "the name lost.invalid does not resolve here: check the address, and the DNS of this server".to_owned()),
            ("bad", "parse error", format!("http://{good}/bad answers, but its page cannot be read: expected label name, got \"2\" (\"INVALID\") while parsing: \"b{{x=\\\"1\\\" 2\" (line 2, column 9); mend the exporter's output there (`curl -s http://{good}/bad | promtool check metrics` shows it too)")),
            ("untyped", "blank content type", format!("http://{good}/blank does not say in which format its page is (no Content-Type): let it send \"text/plain; version=0.0.4\", or set fallback_scrape_protocol: PrometheusText0.0.4 for job pods")),
            ("html", "unknown content type", format!("http://{good}/html calls its page something that is no format of metrics (received unsupported Content-Type \"text/html\" and no fallback_scrape_protocol specified for target): if that is a page for people, mend path /html; if it is metrics, set fallback_scrape_protocol: PrometheusText0.0.4 for job pods")),
            ("who", "not authenticated", format!("http://{good}/401 wants to know who asks (401): give job pods basic_auth or authorization with credentials_file")),
            ("forbidden", "not allowed", format!("http://{good}/403 knows who asks and refuses (403): allow this server's identity there; for pages behind the Kubernetes API that is the ClusterRole of its service account")),
            ("elsewhere", "wrong path", format!("there is no page at path /elsewhere of {good} (404): set annotation prometheus.io/path, or metrics_path of job pods, to where the metrics are")),
            ("broken", "server error", format!("http://{good}/500 fails on its side (server returned HTTP status 500 Internal Server Error): the target's log says why; 502 to 504 come from a proxy before it")),
            ("cut", "connection closed", format!("{good} closed the connection before the page was whole (unexpected EOF): the process may restart, or a proxy cuts the answer; its log says more")),
        ]
    }

    /// Questions of other kinds: the query, the fault, the sentence.
    fn other_cases(&self) -> Vec<(String, &'static str, String)> {
        let Self { good, tls, .. } = self;
        let job = |job: &str| format!("match[]=%7Bjob%3D%22{job}%22%7D");
        let tls_job =
            |address: &SocketAddr| format!("match[]=%7Bjob%3D%22tls%22%2C__address__%3D%22{address}%22%7D");
        vec![
            (tls_job(tls), "unknown authority", format!("the certificate of {tls} is signed by an authority that this server does not know: give job tls its certificate with tls_config.ca_file")),
            (tls_job(good), "plain HTTP", format!("{good} speaks plain HTTP, but is scraped with https: set scheme: http for job tls, or annotation prometheus.io/scheme: \"http\" if a rule reads it")),
            (job("named"), "certificate of another name", String::new()),
            (job("samples"), "sample limit", format!("the page of http://{good}/metrics has more samples than sample_limit of job samples allows (2): raise it, or drop series with metric_relabel_configs")),
            (job("labels"), "label limit", format!("a series of http://{good}/metrics has too many labels (label_limit exceeded (metric: a, number of labels: 4, limit: 2)): raise label_limit of job labels, or drop labels with metric_relabel_configs")),
            (job("bytes"), "body size limit", format!("the page of http://{good}/metrics has more bytes than body_size_limit of job bytes allows: raise it, or let the target show less")),
            (job("few"), "target limit", "job few has more targets than its target_limit, so that none is scraped (target_limit exceeded (number of targets: 2, limit: 1)): raise the limit, or drop targets with relabel_configs".to_owned()),
            (job("nowhere"), "no address", "after the rules of job nowhere, target nowhere.test:1 has no address: a rule empties __address__ (look at the last rule that writes it)".to_owned()),
            (job("idle"), "waiting", "target idle.test:1 is a target of job idle and has not been scraped yet: its first scrape comes within 1000d".to_owned()),
            (job("other"), "rule drops", "rule 1 of job other drops whatever has what matches other.* in __address__, and target other.test:1 has \"other.test:1\" there".to_owned()),
            ("address=other.test".to_owned(), "rule drops", "rule 1 of job other drops whatever has what matches other.* in __address__, and target other.test:1 has \"other.test:1\" there".to_owned()),
            ("address=gone.test:9".to_owned(), "no such target", "no job has found address gone.test:9, before or after its rules: check its spelling, and what discovery finds (/api/v1/targets)".to_owned()),
            ("pod=dev/cart".to_owned(), "wrong namespace", "no job looks for pods in namespace dev: kubernetes_sd_configs of job cluster are limited to prod, stage; add dev to their namespaces.names".to_owned()),
            ("pod=prod/cart".to_owned(), "API server", String::new()),
        ]
    }
}

#[test]
fn every_fault_has_its_sentence() {
    let world = start();
    let mut wrong = Vec::new();
    let mut check = |query: &str, fault: &str, says: &str| {
        let got = world.verdict(query);
        if got.0 != fault || !(says.is_empty() || got.1 == says) {
            wrong.push(format!("{query}: {got:?}\n  instead of {fault:?}, {says:?}"));
        }
    };
    for (name, fault, says) in world.cases() {
        check(&format!("pod=shop/{name}"), fault, &says);
        check(&format!("pod={name}"), fault, &says);
    }
    for (query, fault, says) in world.other_cases() {
        check(&query, fault, &says);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    rules_are_told_one_by_one(&world);
    the_command_tells_it_too(&world);
    wrong_questions_are_refused(&world);
}

/// The rules that ran, what they read and changed, where they stand, and which one dropped it.
fn rules_are_told_one_by_one(world: &World) {
    let data = world.ask("pod=shop/portless");
    let jobs = data["jobs"].as_array().unwrap();
    let job = jobs.iter().find(|job| job["job"] == "pods").unwrap();
    assert_eq!(
        (job["found"].as_u64(), data["matched"].as_u64()),
        (Some(23), Some(1))
    );
    let target = &job["targets"][0];
    assert_eq!(
        (target["verdict"].as_str(), target["droppedBy"].as_u64()),
        (Some("dropped"), Some(7))
    );
    assert_eq!(target["discoveredLabels"]["__address__"], "127.0.0.1");
    let steps = target["steps"].as_array().unwrap();
    let line = CONFIG
        .lines()
        .position(|l| l.contains("annotation_prometheus_io_scrape"))
        .unwrap()
        + 1;
    assert_eq!(steps.len(), 7);
    assert_eq!(steps[0]["place"], format!("{}:{line}", world.config));
    assert_eq!(
        steps[0]["reads"],
        json!([{"label": "__meta_kubernetes_pod_annotation_prometheus_io_scrape", "value": "true"}])
    );
    assert_eq!(
        steps[4]["changes"],
        json!([{"label": "namespace", "before": "", "after": "shop"}])
    );
    assert_eq!(
        (steps[5]["keep"].as_bool(), steps[6]["keep"].as_bool()),
        (Some(true), Some(false))
    );
    assert_eq!(steps[6]["rule"]["action"], "keep");
    let remark = world.ask("pod=shop/wordy")["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .find(|job| job["job"] == "pods")
        .unwrap()["targets"][0]["remarks"][0]
        .clone();
    assert_eq!(
        remark,
        format!(
            "annotation prometheus.io/port is \"http\", which is not a number: it has no effect, and {} stays as it is",
            world.closed
        )
    );
}

fn the_command_tells_it_too(world: &World) {
    let url = format!("--url=http://127.0.0.1:{}", world.server.port);
    for (what, code, begins) in [
        ("shop/good", 0, "pod shop/good is scraped by job pods"),
        (
            "shop/bare",
            3,
            "pod shop/bare has no annotation prometheus.io/scrape",
        ),
        ("gone.test:9", 3, "no job has found address gone.test:9"),
        ("{job=\"idle\"}", 3, "target idle.test:1 is a target of job idle"),
    ] {
        let done = narthex(&["explain", &url, what]).output().unwrap();
        let text = String::from_utf8(done.stdout).unwrap();
        assert_eq!(done.status.code(), Some(code), "{what}: {text}");
        assert!(text.starts_with(begins), "{what}: {text}");
    }
    let done = narthex(&["explain", &url, "--json", "shop/bare"])
        .output()
        .unwrap();
    let data: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(data["fault"], "annotation missing");
    let done = narthex(&["explain", "--url=http://127.0.0.1:1", "a/b"])
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&done.stderr).contains("connection refused"));
}

fn wrong_questions_are_refused(world: &World) {
    for (query, error) in [
        (
            "",
            "nothing to explain: give pod=namespace/name, address=host:port, or match[]",
        ),
        ("pod=a&address=b", "give one of pod, address and match[]"),
        (
            "match[]=%7B%7D",
            "invalid parameter \"match[]\": match[] must contain at least one non-empty matcher",
        ),
    ] {
        let answer = world.server.get(&format!("/api/v1/targets/explain?{query}"));
        assert_eq!(answer.status, 400);
        assert_eq!(answer.json()["error"], error, "{query}");
    }
}
