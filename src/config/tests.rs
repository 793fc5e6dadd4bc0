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
    let text = job("consul_sd_configs: [{server: 'x:1'}]")
        + "remote_write: [{url: 'http://x/w', round_robin_dns: true}]\nrule_files: [a.yml]\nglobal: {external_labels: {a: $NOPE}}\n";
    let warnings = read(&text).unwrap().warnings;
    for part in ["consul_sd_configs", "remote_write", "rule_files", "variable NOPE"] {
        assert_eq!(
            warnings.iter().filter(|w| w.contains(part)).count(),
            1,
            "{part}: {warnings:?}"
        );
    }
}

#[test]
fn jobs_come_from_files_too() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let main = "global: {scrape_interval: 7s}\nscrape_config_files: ['jobs/*.yml']\nscrape_configs: [{job_name: a}]\n";
    let read = || load(main, folder.path(), &|_| None);
    std::fs::create_dir(folder.path().join("jobs")).unwrap();
    write(
        "jobs/1.yml",
        "scrape_configs: [{job_name: b, file_sd_configs: [{files: [t.json]}]}]\n",
    );
    let config = read().unwrap().config;
    let job = config.job("b").unwrap();
    assert_eq!(job.scrape_interval.to_string(), "7s");
    let file = folder.path().join("jobs/t.json").to_string_lossy().into_owned();
    assert_eq!(job.service_discovery.file[0].files, [file]);
    for (text, want) in [
        (
            "scrape_configs: [{job_name: a}]\n",
            "found multiple scrape configs with job name \"a\", first found in main config file",
        ),
        (
            "scrape_configs: [{job_name: b}]\n",
            "found multiple scrape configs with job name \"b\", first found in \"/",
        ),
        (
            "global: {}\n",
            "field global not found in type config.ScrapeConfigs",
        ),
    ] {
        write("jobs/2.yml", text);
        let error = read().unwrap_err();
        assert!(error.message().contains(want), "{error}");
        assert!(error.message().contains("2.yml"), "{error}");
    }
}

/// Every section and nearly every key.
const EVERYTHING: &str = r#"
global:
  scrape_interval: 30s
  scrape_timeout: 20s
  scrape_protocols: [PrometheusText0.0.4]
  evaluation_interval: 15s
  rule_query_offset: 1m
  query_log_file: q.log
  scrape_failure_log_file: f.log
  external_labels: {a: "1", b: "x y"}
  body_size_limit: 10MB
  sample_limit: 1
  target_limit: 2
  label_limit: 3
  label_name_length_limit: 4
  label_value_length_limit: 5
  keep_dropped_targets: 6
  metric_name_validation_scheme: legacy
  metric_name_escaping_scheme: dots
  scrape_native_histograms: true
  convert_classic_histograms_to_nhcb: true
  always_scrape_classic_histograms: true
  extra_scrape_metrics: true
runtime: {gogc: 42}
alerting:
  alert_relabel_configs: [{regex: x, action: labeldrop}]
  alertmanagers:
  - scheme: https
    path_prefix: /am
    timeout: 3s
    api_version: v2
    static_configs: [{targets: ["am:9093"]}]
    sigv4: {region: x, secret_key: hidden}
    relabel_configs: [{target_label: a, replacement: ""}]
rule_files: ["rules/*.yml"]
scrape_config_files: ["/nowhere/*.yml"]
scrape_configs:
- job_name: "12"
  honor_labels: true
  honor_timestamps: false
  track_timestamps_staleness: true
  params: {module: [http_2xx, "a b"], b: ["1"]}
  metrics_path: /m
  scheme: https
  enable_compression: false
  fallback_scrape_protocol: PrometheusText0.0.4
  native_histogram_bucket_limit: 7
  native_histogram_min_bucket_factor: 1.5
  basic_auth: {username: u, password: hidden}
  tls_config: {ca_file: ca, cert_file: c, key_file: k, server_name: s, insecure_skip_verify: true, min_version: TLS12}
  follow_redirects: false
  enable_http2: false
  proxy_url: http://user:hidden@proxy:1
  no_proxy: localhost
  proxy_connect_header: {X: [hidden]}
  http_headers: {H: {values: [v], secrets: [hidden], files: [f]}}
  relabel_configs:
  - {source_labels: [__address__, "a,b"], separator: ";", regex: "(.*):(\\d+)", target_label: p, replacement: "${2}"}
  - {source_labels: [a], modulus: 8, target_label: h, action: hashmod}
  - {source_labels: [a], target_label: b, action: KeepEqual}
  metric_relabel_configs: [{regex: "a|b", action: labelkeep}]
  metric_name_validation_scheme: utf8
  static_configs: [{targets: ["[::1]:9090", "h"], labels: {x: "true", y: "{z}"}}]
  file_sd_configs: [{files: [a.json, "b/*.yml"], refresh_interval: 1m}]
  http_sd_configs: [{url: "http://sd/", refresh_interval: 10s}]
  dns_sd_configs: [{names: [a.b], type: a, port: 80}]
  kubernetes_sd_configs:
  - role: pod
    namespaces: {own_namespace: true, names: [n]}
    selectors: [{role: pod, label: "a=b", field: "c=d"}]
    attach_metadata: {node: true, namespace: true}
  consul_sd_configs: [{server: "c:8500", token: hidden}]
- job_name: two
  oauth2:
    client_id: i
    client_secret: hidden
    scopes: [a]
    token_url: http://t/
    endpoint_params: {p: q}
storage:
  tsdb:
    out_of_order_time_window: 30m
    stale_series_compaction_threshold: 0.5
    chunk_encoding: {floats: xor2}
    retention: {time: 20d, size: 1TB, percentage: 80}
  exemplars: {max_exemplars: 10}
tracing: {endpoint: "t:4317", client_type: http, sampling_fraction: 0.5, insecure: true, headers: {a: b}, compression: gzip, timeout: 5s}
remote_write:
- url: http://user:hidden@w/write
  name: w
  remote_timeout: 5s
  headers: {X-A: b}
  send_exemplars: true
  protobuf_message: io.prometheus.write.v2.Request
  queue_config: {capacity: 1, max_shards: 2, min_shards: 1, max_samples_per_send: 3, batch_send_deadline: 1s, min_backoff: 1s, max_backoff: 2s, retry_on_http_429: true, sample_age_limit: 1h}
  metadata_config: {send: false, send_interval: 2m, max_samples_per_send: 4}
  write_relabel_configs: [{source_labels: [a], regex: b, action: drop}]
remote_read:
- url: http://r/read
  read_recent: true
  required_matchers: {job: x}
  filter_external_labels: false
  authorization: {credentials: hidden}
otlp:
  translation_strategy: UnderscoreEscapingWithoutSuffixes
  promote_resource_attributes: [a, b]
  keep_identifying_resource_attributes: true
"#;

#[test]
fn what_is_shown_reads_back_as_the_same_and_hides_secrets() {
    let config = read(EVERYTHING).unwrap().config;
    let yaml = config.to_yaml();
    assert!(!yaml.contains("hidden"), "{yaml}");
    let again = read(&yaml).unwrap_or_else(|e| panic!("{e}\n{yaml}")).config;
    assert_eq!(again.to_yaml(), yaml);
    // Apart from the secrets nothing is lost.
    assert_eq!(again.global, config.global);
    assert_eq!(again.storage, config.storage);
    let (one, other) = (&config.scrape_configs[0], &again.scrape_configs[0]);
    assert_eq!(one.relabel_configs, other.relabel_configs);
    assert_eq!(
        (&one.params, one.limits, &one.http_client.tls),
        (&other.params, other.limits, &other.http_client.tls)
    );
    assert_eq!(
        one.service_discovery.static_configs,
        other.service_discovery.static_configs
    );
    assert_eq!(
        one.service_discovery.kubernetes,
        other.service_discovery.kubernetes
    );
}

#[test]
fn a_job_is_shown_in_prometheus_order() {
    let text = "scrape_configs: [{job_name: a, relabel_configs: [{source_labels: [x, z], regex: (.+), action: keep}], \
                static_configs: [{targets: ['h:1']}]}]";
    let job = read(text).unwrap().config.job("a").unwrap().to_yaml();
    let want = "job_name: a\nhonor_timestamps: true\ntrack_timestamps_staleness: false\nscrape_interval: 1m\n\
                scrape_timeout: 10s\nscrape_protocols:\n- OpenMetricsText1.0.0\n- OpenMetricsText0.0.1\n\
                - PrometheusText1.0.0\n- PrometheusText0.0.4\nscrape_native_histograms: false\n\
                always_scrape_classic_histograms: false\nconvert_classic_histograms_to_nhcb: false\n\
                metrics_path: /metrics\nscheme: http\nenable_compression: true\n\
                metric_name_validation_scheme: utf8\nmetric_name_escaping_scheme: allow-utf-8\n\
                extra_scrape_metrics: false\nfollow_redirects: true\nenable_http2: true\nrelabel_configs:\n\
                - source_labels: [x, z]\n  separator: ;\n  regex: (.+)\n  replacement: $1\n  action: keep\n\
                static_configs:\n- targets:\n  - h:1\n";
    assert_eq!(job, want);
}

#[test]
fn a_real_cluster_file_is_accepted() {
    let shared = std::env::var("NARTHEX_SHARED").unwrap_or_else(|_| "../shared".to_owned());
    let path = Path::new(&shared).join("k8s/prometheus.yaml");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return;
    };
    let loaded = read(&text).unwrap();
    assert!(loaded.config.jobs().count() >= 4);
    assert_eq!(
        read(&loaded.config.to_yaml()).unwrap().config.to_yaml(),
        loaded.config.to_yaml()
    );
}

mod arbitrary {
    use super::{EVERYTHING, read};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn damaged_files_never_panic(cuts in prop::collection::vec((0..EVERYTHING.len(), "[-:{}\\[\\]&*!|>'\"%@`, \n\ta0~]{0,3}"), 1..4)) {
            let mut text = EVERYTHING.to_owned();
            for (at, put) in cuts {
                let at = (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
                let end = (at + 2..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
                text.replace_range(at..end, &put);
            }
            // The result does not matter; that there is one does.
            let _ = read(&text);
        }

        #[test]
        fn any_text_is_answered(text in "\\PC{0,60}") {
            let _ = read(&text);
        }
    }
}
