//! Relabelling: the rules that find annotated pods, over the labels that discovery gives one.
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has nothing to say")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use narthex::relabel::{RelabelAction, RelabelConfig, process};
use narthex_model::{Labels, Pattern};

const META: &str = "__meta_kubernetes_pod_";

fn rule(action: RelabelAction, sources: &[&str], regex: &str, target: &str, value: &str) -> RelabelConfig {
    RelabelConfig {
        source_labels: sources.iter().map(|name| format!("{META}{name}")).collect(),
        regex: Pattern::new(regex).unwrap(),
        target_label: target.to_owned(),
        replacement: value.to_owned(),
        ..RelabelConfig::with_action(action).unwrap()
    }
}

fn rules() -> Vec<RelabelConfig> {
    use RelabelAction::{Drop, Keep, LabelMap, Replace};
    vec![
        rule(Keep, &["annotation_prometheus_io_scrape"], "true", "", "$1"),
        rule(Drop, &["phase"], "Pending|Succeeded|Failed", "", "$1"),
        rule(
            Replace,
            &["annotation_prometheus_io_path"],
            "(.+)",
            "__metrics_path__",
            "$1",
        ),
        rule(
            Replace,
            &["ip", "annotation_prometheus_io_port"],
            "(.+);(\\d+)",
            "__address__",
            "$1:$2",
        ),
        rule(LabelMap, &[], "__meta_kubernetes_pod_label_(.+)", "", "$1"),
        rule(Replace, &["name"], "(.*)", "pod", "$1"),
    ]
}

fn pod(scraped: &str) -> Labels {
    let pairs = [
        ("annotation_prometheus_io_scrape", scraped),
        ("annotation_prometheus_io_path", "/metrics"),
        ("annotation_prometheus_io_port", "9962"),
        ("ip", "10.0.3.7"),
        ("name", "cilium-6kq2x"),
        ("phase", "Running"),
        ("label_k8s_app", "cilium"),
        ("label_controller_revision_hash", "5d8c5b9c7b"),
        ("node_name", "worker-7"),
        ("host_ip", "192.168.1.7"),
        ("uid", "0f3c2c52-2a0e-4a5e-9d8e-1f0f3b1c7a11"),
    ];
    let pairs = pairs.map(|(name, value)| (format!("{META}{name}"), value));
    let address = ("__address__".to_owned(), "10.0.3.7:4240");
    Labels::from_pairs(pairs.into_iter().chain([address]))
}

fn relabel(criterion: &mut Criterion) {
    let rules = rules();
    let mut group = criterion.benchmark_group("relabel");
    group.throughput(Throughput::Elements(1));
    for (name, scraped, kept) in [("kept", "true", true), ("dropped", "false", false)] {
        let labels = pod(scraped);
        assert_eq!(process(&labels, &rules).is_some(), kept);
        group.bench_function(name, |b| b.iter(|| process(black_box(&labels), &rules)));
    }
    group.finish();
}

criterion_group!(benches, relabel);
criterion_main!(benches);
