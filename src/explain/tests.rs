//! The table of faults as a whole, and what rules drop without anything being scraped.

use std::path::Path;
use std::sync::Arc;

use narthex_tsdb::{Db, Options};

use super::mends::{ROWS, Sign};
use super::{Question, explain};
use crate::clock::Clock;
use crate::config::load;
use crate::scrape::{ScrapeManager, ScrapeOptions};
use crate::telemetry::metrics::Registry;

/// Words that evidence may fill in.
const WORDS: &[&str] = &[
    "action",
    "address",
    "error",
    "host",
    "interval",
    "job",
    "jobs",
    "name",
    "namespace",
    "namespaces",
    "near",
    "object",
    "path",
    "phase",
    "place",
    "port",
    "port_annotation",
    "port_hint",
    "port_value",
    "question",
    "rule",
    "sample_limit",
    "subject",
    "target_label",
    "target_value",
    "timeout",
    "url",
    "value",
    "wanted",
];

#[test]
fn rows_use_words_that_exist_and_every_state_has_a_row() {
    for row in ROWS {
        let plain = row.says.replace("{{", "").replace("}}", "");
        for piece in plain.split('{').skip(1) {
            let word = piece.split('}').next().unwrap();
            assert!(WORDS.contains(&word), "{}: {word}", row.fault);
        }
        let named = row.fault == row.fault.trim() && !row.says.ends_with('.');
        assert!(named, "{}", row.fault);
    }
    for last in [Sign::Up, Sign::Waiting, Sign::Error(&[]), Sign::Invalid("")] {
        assert!(ROWS.iter().any(|row| row.sign == last), "{last:?}");
    }
    let general =
        |row: &&super::mends::Row| matches!(row.sign, Sign::DroppedAnyhow(super::mends::Likeness::Other));
    assert_eq!(ROWS.iter().filter(general).count(), 1);
}

/// The fault and sentence for a pod with these labels under this rule.
async fn verdict(labels: &str, rule: &str) -> (String, String) {
    let text = format!(
        "scrape_configs: [{{job_name: j, static_configs: [{{targets: ['h:1'], labels: {{__meta_kubernetes_pod_name: p, \
         __meta_kubernetes_namespace: n, {labels}}}}}], relabel_configs: [{rule}]}}]"
    );
    let config = load(&text, Path::new("."), &|_| None).expect(&text).config;
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(folder.path(), Options::default()).unwrap();
    let registry = Registry::new();
    let scrape = ScrapeManager::new(db, Clock::system(), ScrapeOptions::default(), &registry);
    scrape.apply_config(&config);
    let groups = config.job("j").unwrap().service_discovery.static_configs.clone();
    let groups: Vec<_> = groups.into_iter().map(Arc::new).collect();
    scrape.apply_targets("j", &groups);
    let done = explain(&Question::pod("n/p"), &scrape.stock());
    scrape.stop().await;
    (done.fault.to_owned(), done.says)
}

#[tokio::test]
async fn what_rules_drop_is_told_by_the_label_they_read() {
    let meta = "__meta_kubernetes";
    let keep = |label: &str, regex: &str| {
        format!("{{source_labels: [{meta}_{label}], regex: '{regex}', action: keep}}")
    };
    let drop = |label: &str, regex: &str| {
        format!("{{source_labels: [{meta}_{label}], regex: '{regex}', action: drop}}")
    };
    for (labels, rule, fault, says) in [
        (
            "",
            keep("pod_label_k8s_app", "cilium"),
            "label missing",
            "pod n/p has no label k8s-app: job j is only for things that have it with the value \"cilium\" (rule 1); add it, or use another job",
        ),
        (
            "__meta_kubernetes_pod_label_k8s_app: envoy",
            keep("pod_label_k8s_app", "cilium"),
            "label differs",
            "label k8s-app of pod n/p is \"envoy\", and job j is only for things where it is \"cilium\" (rule 1)",
        ),
        (
            "__meta_kubernetes_pod_label_kapp: x",
            keep("pod_label_app", "x"),
            "label misspelt",
            "pod n/p has no label app, which rule 1 of job j asks for, but it has kapp: add app: \"x\"",
        ),
        (
            "__meta_kubernetes_pod_label_app: x",
            drop("pod_label_app", "x"),
            "label excludes",
            "label app of pod n/p is \"x\", and rule 1 of job j drops that",
        ),
        (
            "__meta_kubernetes_pod_annotation_off: 'yes'",
            drop("pod_annotation_off", "yes"),
            "annotation excludes",
            "annotation off of pod n/p is \"yes\", and rule 1 of job j drops that: remove the annotation to be scraped",
        ),
        (
            "__meta_kubernetes_service_name: s",
            keep("service_annotation_prometheus_io_scrape", "true"),
            "annotation missing",
            "service n/s has no annotation prometheus.io/scrape: add prometheus.io/scrape: \"true\" to metadata.annotations of the service, with the quotation marks, since a bare true is not a string and the API server refuses it (rule 1 of job j asks for it)",
        ),
        (
            "",
            keep("namespace", "a|b"),
            "wrong namespace",
            "pod n/p is in namespace \"n\", and rule 1 of job j keeps only what matches a|b: add the namespace to the rule, or move the object",
        ),
        (
            "",
            drop("namespace", "n"),
            "wrong namespace",
            "pod n/p is in namespace \"n\", and rule 1 of job j drops that namespace: take it out of the rule",
        ),
        (
            "__meta_kubernetes_pod_phase: Failed",
            drop("pod_phase", "Succeeded|Failed"),
            "pod ended",
            "pod n/p has ended (phase Failed), and rule 1 of job j drops such pods: there is nothing to scrape any more",
        ),
        (
            "__meta_kubernetes_pod_ready: 'false'",
            keep("pod_ready", "true"),
            "pod not ready",
            "pod n/p is not ready, and rule 1 of job j keeps only what is: its readiness probe says why",
        ),
        (
            "__meta_kubernetes_pod_container_init: 'true'",
            drop("pod_container_init", "true"),
            "init container",
            "this port of pod n/p belongs to an init container, and rule 1 of job j drops those: give the metrics a port of a container that stays",
        ),
        (
            "__meta_kubernetes_pod_container_port_name: web",
            keep("pod_container_port_name", "metrics"),
            "other port",
            "the port 1 of pod n/p is named \"web\", and rule 1 of job j keeps ports named \"metrics\": rename the port, or change the rule",
        ),
        (
            "",
            keep("pod_container_port_name", "metrics"),
            "port not declared",
            "the port 1 of pod n/p has no name, and rule 1 of job j keeps ports named \"metrics\": name it so in the manifest",
        ),
        (
            "__meta_kubernetes_pod_container_port_number: '80'",
            keep("pod_container_port_number", "9\\d{3}"),
            "other port",
            "the port of pod n/p is \"80\", and rule 1 of job j keeps what matches 9\\d{3}: declare that port, or change the rule",
        ),
        (
            "a: x, b: y",
            "{source_labels: [a], target_label: b, action: keepequal}".to_owned(),
            "labels differ",
            "rule 1 of job j (keepequal) drops pod n/p: it compares a, which is \"x\", with b, which is \"y\"",
        ),
        (
            "",
            "{source_labels: [team], regex: a, action: keep}".to_owned(),
            "rule keeps others",
            "rule 1 of job j keeps only what has \"a\" in team, and pod n/p has nothing there",
        ),
        (
            "team: b",
            "{source_labels: [team], regex: a, action: keep}".to_owned(),
            "rule keeps others",
            "rule 1 of job j keeps only what has \"a\" in team, and pod n/p has \"b\" there",
        ),
        (
            "",
            "{regex: '.*', action: labeldrop}".to_owned(),
            "no label left",
            "the rules of job j leave pod n/p without any label: a labeldrop or labelkeep takes them all",
        ),
        (
            "",
            "{target_label: __address__, replacement: a/b}".to_owned(),
            "bad address",
            "after the rules of job j, the address of pod n/p has a path in it (\"a/b\" is not a valid hostname): write host:port into __address__ and the path into __metrics_path__",
        ),
        (
            "",
            "{target_label: __scrape_timeout__, replacement: 5m}".to_owned(),
            "bad times",
            "after the rules of job j, pod n/p may take longer than its interval (scrape timeout cannot be greater than scrape interval (\"5m\" > \"1m\")): set __scrape_timeout__ below __scrape_interval__",
        ),
        (
            "",
            "{target_label: __scrape_interval__, replacement: x}".to_owned(),
            "bad target",
            "after the rules of job j, pod n/p cannot be a target: error parsing scrape interval: not a valid duration string: \"x\"",
        ),
    ] {
        assert_eq!(
            verdict(labels, &rule).await,
            (fault.to_owned(), says.to_owned()),
            "{labels} {rule}"
        );
    }
}
