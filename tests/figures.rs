//! The server's own metrics: what Grafana's dashboards for Prometheus and the alerts of its mixin ask for.

use crate::support::Server;

/// Every family by its type. Those that a remote endpoint, a Kubernetes cluster or an evaluated rule brings along are
/// not here.
#[rustfmt::skip]
const FAMILIES: &[(&str, &str)] = &[
    ("counter", "net_conntrack_listener_conn_accepted_total net_conntrack_listener_conn_closed_total process_cpu_seconds_total"),
    ("gauge", "go_goroutines go_info go_threads process_max_fds process_open_fds process_resident_memory_bytes process_start_time_seconds process_virtual_memory_bytes"),
    ("gauge", "prometheus_build_info prometheus_config_last_reload_success_timestamp_seconds prometheus_config_last_reload_successful prometheus_ready"),
    ("counter", "prometheus_http_requests_total"),
    ("histogram", "prometheus_http_request_duration_seconds prometheus_http_response_size_bytes"),
    ("gauge", "prometheus_engine_queries prometheus_engine_queries_concurrent_max prometheus_engine_query_log_enabled"),
    ("counter", "prometheus_engine_query_samples_total"),
    ("summary", "prometheus_engine_query_duration_seconds"),
    ("gauge", "prometheus_tsdb_blocks_loaded prometheus_tsdb_data_replay_duration_seconds prometheus_tsdb_exemplar_max_exemplars prometheus_tsdb_head_chunks prometheus_tsdb_head_chunks_storage_size_bytes prometheus_tsdb_head_max_time prometheus_tsdb_head_max_time_seconds prometheus_tsdb_head_min_time prometheus_tsdb_head_min_time_seconds prometheus_tsdb_head_series prometheus_tsdb_lowest_timestamp prometheus_tsdb_lowest_timestamp_seconds prometheus_tsdb_retention_limit_bytes prometheus_tsdb_retention_limit_percentage prometheus_tsdb_retention_limit_seconds prometheus_tsdb_storage_blocks_bytes prometheus_tsdb_symbol_table_size_bytes prometheus_tsdb_wal_segment_current prometheus_tsdb_wal_storage_size_bytes"),
    ("counter", "prometheus_tsdb_checkpoint_creations_failed_total prometheus_tsdb_checkpoint_creations_total prometheus_tsdb_checkpoint_deletions_failed_total prometheus_tsdb_checkpoint_deletions_total prometheus_tsdb_compactions_failed_total prometheus_tsdb_compactions_total prometheus_tsdb_compactions_triggered_total prometheus_tsdb_head_samples_appended_total prometheus_tsdb_head_series_created_total prometheus_tsdb_head_series_not_found_total prometheus_tsdb_head_series_removed_total prometheus_tsdb_mmap_chunk_corruptions_total prometheus_tsdb_out_of_bound_samples_total prometheus_tsdb_out_of_order_samples_total prometheus_tsdb_reloads_failures_total prometheus_tsdb_reloads_total prometheus_tsdb_too_old_samples_total prometheus_tsdb_vertical_compactions_total prometheus_tsdb_wal_completed_pages_total prometheus_tsdb_wal_corruptions_total prometheus_tsdb_wal_page_flushes_total prometheus_tsdb_wal_writes_failed_total"),
    ("histogram", "prometheus_tsdb_compaction_duration_seconds"),
    ("counter", "prometheus_target_scrape_pool_exceeded_label_limits_total prometheus_target_scrape_pool_exceeded_target_limit_total prometheus_target_scrape_pool_reloads_failed_total prometheus_target_scrape_pool_reloads_total prometheus_target_scrape_pool_sync_total prometheus_target_scrape_pools_failed_total prometheus_target_scrape_pools_total prometheus_target_scrapes_cache_flush_forced_total prometheus_target_scrapes_exceeded_body_size_limit_total prometheus_target_scrapes_exceeded_native_histogram_bucket_limit_total prometheus_target_scrapes_exceeded_sample_limit_total prometheus_target_scrapes_exemplar_out_of_order_total prometheus_target_scrapes_sample_duplicate_timestamp_total prometheus_target_scrapes_sample_out_of_bounds_total prometheus_target_scrapes_sample_out_of_order_total prometheus_target_sync_failed_total"),
    ("gauge", "prometheus_target_metadata_cache_bytes prometheus_target_metadata_cache_entries prometheus_target_scrape_pool_target_limit prometheus_target_scrape_pool_targets"),
    ("summary", "prometheus_target_sync_length_seconds"),
    ("gauge", "prometheus_sd_discovered_targets"),
    ("counter", "prometheus_sd_updates_total"),
    ("gauge", "prometheus_rule_group_interval_seconds prometheus_rule_group_last_duration_seconds prometheus_rule_group_last_evaluation_samples prometheus_rule_group_rules"),
    ("counter", "prometheus_rule_evaluation_failures_total prometheus_rule_evaluations_total prometheus_rule_group_iterations_missed_total prometheus_rule_group_iterations_total"),
    ("summary", "prometheus_rule_evaluation_duration_seconds prometheus_rule_group_duration_seconds"),
    ("gauge", "prometheus_notifications_alertmanagers_discovered prometheus_notifications_queue_capacity prometheus_notifications_queue_length"),
    ("counter", "prometheus_notifications_dropped_total prometheus_notifications_errors_total prometheus_notifications_sent_total"),
    ("counter", "prometheus_web_federation_errors_total prometheus_web_federation_warnings_total"),
];

#[test]
fn dashboards_and_alerts_find_what_they_ask_for() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("p.yml");
    std::fs::write(
        folder.path().join("r.yml"),
        "groups: [{name: g, interval: 30s, rules: [{record: a, expr: up}, {record: b, expr: up}]}]",
    )
    .unwrap();
    std::fs::write(
        &config,
        "rule_files: [r.yml]\nscrape_configs: [{job_name: j, static_configs: [{targets: ['127.0.0.1:1']}]}]\n\
         alerting: {alertmanagers: [{static_configs: [{targets: ['am:9093']}]}]}\n",
    )
    .unwrap();
    let file = format!("--config.file={}", config.display());
    let server = Server::start(&folder.path().join("data"), &[&file]);
    server.get("/api/v1/query?query=1");
    let page = server.get("/metrics").text();
    let missing: Vec<String> = FAMILIES
        .iter()
        .flat_map(|(kind, names)| names.split(' ').map(move |name| format!("# TYPE {name} {kind}")))
        .filter(|line| !page.lines().any(|l| l == line))
        .collect();
    assert!(missing.is_empty(), "missing: {missing:#?}");
    let mut series: Vec<&str> = page
        .lines()
        .filter(|l| !l.starts_with('#'))
        .filter_map(|l| l.rsplit_once(' '))
        .map(|l| l.0)
        .collect();
    let all = series.len();
    series.sort_unstable();
    series.dedup();
    assert_eq!(series.len(), all, "a series stands twice");
    let group = format!("{{rule_group=\"{};g\"}}", folder.path().join("r.yml").display());
    for line in [
        format!("prometheus_rule_group_rules{group} 2"),
        format!("prometheus_rule_group_interval_seconds{group} 30"),
        "prometheus_notifications_alertmanagers_discovered 1".to_owned(),
        "prometheus_notifications_errors_total{alertmanager=\"http://am:9093/api/v2/alerts\"} 0".to_owned(),
        "prometheus_notifications_queue_capacity 10000".to_owned(),
        "prometheus_target_scrape_pool_targets{scrape_job=\"j\"} 1".to_owned(),
        "prometheus_target_sync_failed_total{scrape_job=\"j\"} 0".to_owned(),
    ] {
        assert!(page.lines().any(|l| l == line), "{line} is not in\n{page}");
    }
}
