//! Tables of configurations: what is refused and in which words, what is filled in.

use super::{EscapingScheme, Loaded, NameScheme, ScrapeProtocol, load};
use std::path::Path;

fn read(text: &str) -> Result<Loaded, super::ConfigError> {
    let env = |name: &str| (name == "ZONE").then(|| "eu-1".to_owned());
    load(text, Path::new("/etc/p"), &env)
}

/// A job around keys of its own, so that rows show only what matters.
fn job(keys: &str) -> String {
    format!(
        "scrape_configs:\n- job_name: a\n  {}\n",
        keys.replace('\n', "\n  ")
    )
}

#[test]
fn faults_are_told_in_prometheus_words() {
    let unmarshal = |line: usize, text: &str| format!("yaml: unmarshal errors:\n  line {line}: {text}");
    let rows: Vec<(String, String)> = vec![
        (
            "global:\n  scrape_intervall: 15s\n".into(),
            unmarshal(2, "field scrape_intervall not found in type config.plain"),
        ),
        ("globall: {}\n".into(), unmarshal(1, "field globall not found in type config.plain")),
        (job("targets: []"), unmarshal(3, "field targets not found in type config.ScrapeConfig")),
        (
            job("tls_config: {ca: x, cafile: y}"),
            unmarshal(3, "field cafile not found in type config.plain"),
        ),
        (
            "global:\n  scrape_interval: 1s\n  scrape_interval: 2s\n".into(),
            unmarshal(3, "field scrape_interval already set in type config.plain"),
        ),
        (
            "global:\n  external_labels:\n    a: b\n    a: c\n".into(),
            unmarshal(4, "key \"a\" already set in map"),
        ),
        (job("sample_limit: many"), unmarshal(3, "cannot unmarshal !!str `many` into uint")),
        (job("sample_limit: -1"), unmarshal(3, "cannot unmarshal !!int `-1` into uint")),
        (job("honor_labels: \"true\""), unmarshal(3, "cannot unmarshal !!str `true` into bool")),
        (job("honor_labels: [a]"), unmarshal(3, "cannot unmarshal !!seq into bool")),
        (
            job("static_configs:\n- targets: abcdefghijklm"),
            unmarshal(4, "cannot unmarshal !!str `abcdefg...` into []string"),
        ),
        ("- a\n".into(), unmarshal(1, "cannot unmarshal !!seq into config.plain")),
        ("scrape_configs:\n- job_name: ''\n".into(), "job_name is empty".into()),
        ("scrape_configs:\n-\n".into(), "empty or null scrape config section".into()),
        (
            "scrape_configs: [{job_name: a}, {job_name: a}]\n".into(),
            "found multiple scrape configs with job name \"a\"".into(),
        ),
        (
            "global: {scrape_interval: 5s, scrape_timeout: 6s}\n".into(),
            "global scrape timeout greater than scrape interval".into(),
        ),
        (
            job("scrape_interval: 5s\nscrape_timeout: 6s"),
            "scrape timeout greater than scrape interval for scrape config with job name \"a\"".into(),
        ),
        (job("scrape_interval: 5x"), "unknown unit \"x\" in duration \"5x\"".into()),
        (job("scrape_interval: 15"), "not a valid duration string: \"15\"".into()),
        (job("scrape_interval: ''"), "empty duration string".into()),
        (
            job("scrape_protocols: [Nope]"),
            "scrape_protocols: unknown scrape protocol Nope, supported: [OpenMetricsText0.0.1 OpenMetricsText1.0.0 \
             PrometheusProto PrometheusText0.0.4 PrometheusText1.0.0] for scrape config with job name \"a\""
                .into(),
        ),
        (
            "global: {scrape_protocols: [PrometheusProto, PrometheusProto]}\n".into(),
            "duplicated protocol in scrape_protocols, got [PrometheusProto PrometheusProto] for global config".into(),
        ),
        (job("relabel_configs: [{action: nope}]"), "unknown relabel action \"nope\"".into()),
        (
            job("relabel_configs: [{source_labels: [a]}]"),
            "relabel configuration for replace action requires 'target_label' value".into(),
        ),
        (
            job("relabel_configs: [{action: hashmod, target_label: a}]"),
            "relabel configuration for hashmod requires non-zero modulus".into(),
        ),
        (
            job("relabel_configs: [{action: labeldrop, regex: a, target_label: b}]"),
            "labeldrop action requires only 'regex', and no other fields".into(),
        ),
        (
            job("relabel_configs: [{action: keepequal, source_labels: [a], target_label: b, separator: x}]"),
            "keepequal action requires only 'source_labels' and `target_label`, and no other fields".into(),
        ),
        (
            job("relabel_configs:\n-"),
            "empty or null target relabeling rule in scrape config".into(),
        ),
        (job("kubernetes_sd_configs: [{role: x}]"), "unknown Kubernetes SD role \"x\"".into()),
        (
            job("kubernetes_sd_configs: [{}]"),
            "role missing (one of: pod, service, endpoints, endpointslice, node, ingress)".into(),
        ),
        (
            job("kubernetes_sd_configs: [{role: pod, api_server: x, kubeconfig_file: y}]"),
            "cannot use 'kubeconfig_file' and 'api_server' simultaneously".into(),
        ),
        (
            job("file_sd_configs: [{files: [a/*/b.yml]}]"),
            "path name \"a/*/b.yml\" is not valid for file discovery".into(),
        ),
        ("rule_files: ['a/*/b.yml']\n".into(), "invalid rule file path \"a/*/b.yml\"".into()),
        (
            job("static_configs: [{targets: ['http://x:1']}]"),
            "\"http://x:1\" is not a valid hostname".into(),
        ),
        (
            job("basic_auth: {username: a}\nbearer_token: x"),
            "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured".into(),
        ),
        (
            job("authorization: {type: Basic}"),
            "authorization type cannot be set to \"basic\", use \"basic_auth\" instead".into(),
        ),
        (
            job("tls_config: {cert_file: a}"),
            "exactly one of key or key_file must be configured when a client certificate is configured".into(),
        ),
        ("remote_write: [{}]\n".into(), "url for remote_write is empty".into()),
        ("remote_read: [{}]\n".into(), "url for remote_read is empty".into()),
        (
            "alerting: {alertmanagers: [{api_version: v1}]}\n".into(),
            "expected Alertmanager api version to be one of [v2] but got v1".into(),
        ),
        ("tracing: {insecure: true}\n".into(), "tracing endpoint must be set".into()),
        (
            "global: {external_labels: {'': x}}\n".into(),
            "\"\" is not a valid label name".into(),
        ),
        (
            job("metric_name_validation_scheme: legacy\nmetric_name_escaping_scheme: allow-utf-8"),
            "utf8 metric names requested but validation scheme is not set to UTF8".into(),
        ),
        (job("body_size_limit: 10"), "units: unknown unit  in 10".into()),
    ];
    for (text, want) in rows {
        let error = read(&text).expect_err(&text);
        assert_eq!(error.message(), want, "{text}");
        let explains_itself = want.contains("cannot unmarshal") || want.contains("already set in map");
        assert!(explains_itself || !error.help().is_empty(), "no help: {text}");
    }
}

#[test]
fn help_names_the_nearest_key_and_the_place() {
    let help = |text: &str| read(text).expect_err(text).to_string();
    assert_eq!(
        help("global:\n  scrape_intervall: 15s\n"),
        "yaml: unmarshal errors:\n  line 2: field scrape_intervall not found in type config.plain\n  \
         help: line 2, column 3: did you mean scrape_interval?"
    );
    assert!(help(&job("static_configs: [{targets: ['http://x:1/m']}]")).contains("here \"x:1\""));
    assert!(help(&job("relabel_configs: [{action: replcae}]")).contains("did you mean replace?"));
    assert!(help("global: {scrape_interval: 1s\n").starts_with("yaml: line "));
    let several = help("global: {a1: 1}\nscrape_configs: [{job_name: a, b1: 2, sample_limit: x}]\n");
    assert_eq!(several.matches("\n  line ").count(), 3, "{several}");
}

#[test]
fn jobs_inherit_and_defaults_are_filled() {
    let text = "
global:
  scrape_interval: 15s
  sample_limit: 100
  external_labels: {zone: \"$ZONE\", cost: \"5$$\"}
  metric_name_validation_scheme: legacy
scrape_configs:
- job_name: one
  scrape_timeout: 5s
  bearer_token: abc
  file_sd_configs: [{files: [targets/*.json]}]
  tls_config: {ca_file: ca.crt}
- job_name: two
  scrape_interval: 5s
  sample_limit: 7
  scrape_native_histograms: yes
  metric_name_validation_scheme: utf8
  static_configs: [{targets: ['h:1', 'h:2'], labels: {team: x}}, {targets: ['h:3']}]
";
    let loaded = read(text).unwrap();
    let config = &loaded.config;
    assert_eq!(
        config.global.external_labels.to_string(),
        "{cost=\"5$\", zone=\"eu-1\"}"
    );
    assert_eq!(config.global.scrape_timeout.to_string(), "10s");
    let one = config.job("one").unwrap();
    assert_eq!(
        (one.scrape_interval.as_millis(), one.scrape_timeout.as_millis()),
        (15_000, 5_000)
    );
    assert_eq!(one.limits.sample_limit, 100);
    assert_eq!(one.metric_name_validation_scheme, NameScheme::Legacy);
    assert_eq!(one.metric_name_escaping_scheme, EscapingScheme::Underscores);
    assert_eq!(
        one.http_client
            .authorization
            .as_ref()
            .unwrap()
            .credentials
            .expose(),
        "abc"
    );
    assert_eq!(one.service_discovery.file[0].files, ["/etc/p/targets/*.json"]);
    assert_eq!(one.http_client.tls.ca_file, "/etc/p/ca.crt");
    let two = config.job("two").unwrap();
    assert_eq!(
        (two.scrape_interval.as_millis(), two.scrape_timeout.as_millis()),
        (5_000, 5_000)
    );
    assert_eq!(
        (two.limits.sample_limit, two.scrape_protocols[0]),
        (7, ScrapeProtocol::PrometheusProto)
    );
    assert_eq!(two.metric_name_escaping_scheme, EscapingScheme::AllowUtf8);
    let groups = &two.service_discovery.static_configs;
    assert_eq!((groups[0].source.as_str(), groups[1].source.as_str()), ("0", "1"));
    assert_eq!(groups[0].targets[1].to_string(), "{__address__=\"h:2\"}");
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    assert_eq!(read("").unwrap().config, read("global:\n").unwrap().config);
}

#[test]
fn what_is_not_acted_on_is_said_once() {
    let text = job("consul_sd_configs: [{server: 'x:1'}]\ndns_sd_configs: [{names: [a]}]")
        + "remote_write: [{url: 'http://x/w'}]\nrule_files: [a.yml]\nglobal: {external_labels: {a: $NOPE}}\n";
    let warnings = read(&text).unwrap().warnings;
    for part in [
        "consul_sd_configs",
        "dns_sd_configs",
        "remote_write",
        "rule_files",
        "variable NOPE",
    ] {
        assert_eq!(
            warnings.iter().filter(|w| w.contains(part)).count(),
            1,
            "{part}: {warnings:?}"
        );
    }
}
