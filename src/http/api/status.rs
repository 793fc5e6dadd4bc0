//! `/api/v1/status/*`: configuration, flags, build, runtime, replay.

use std::collections::BTreeMap;

use hyper::StatusCode;
use serde::Serialize;

use super::super::body::{Reply, reply_text};
use super::super::call::Call;
use super::super::encode::json::write_value;
use super::super::encode::time::{rfc3339_millis, rfc3339_nanos};
use super::super::problem::Problem;
use super::data::value;

/// The configuration in force, defaults filled, secrets hidden.
pub(crate) async fn config(call: Call) -> Result<Reply, Problem> {
    Ok(value(&BTreeMap::from([("yaml", &*call.app.loaded().yaml)])))
}

/// Every flag with its value.
pub(crate) async fn flags(call: Call) -> Result<Reply, Problem> {
    Ok(value(&call.app.flags))
}

/// What this server calls itself.
pub(crate) async fn build_info(call: Call) -> Result<Reply, Problem> {
    Ok(value(&call.app.version))
}

/// The same without an envelope: `/version`.
pub(crate) async fn version(call: Call) -> Reply {
    let mut out = Vec::new();
    write_value(&mut out, &call.app.version);
    reply_text(StatusCode::OK, out)
}

#[derive(Serialize)]
struct RuntimeInfo {
    #[serde(rename = "startTime")]
    start_time: String,
    #[serde(rename = "CWD")]
    cwd: String,
    hostname: String,
    #[serde(rename = "serverTime")]
    server_time: String,
    #[serde(rename = "reloadConfigSuccess")]
    reload_config_success: bool,
    #[serde(rename = "lastConfigTime")]
    last_config_time: String,
    #[serde(rename = "corruptionCount")]
    corruption_count: u64,
    #[serde(rename = "goroutineCount")]
    goroutine_count: usize,
    #[serde(rename = "GOMAXPROCS")]
    gomaxprocs: usize,
    #[serde(rename = "GOMEMLIMIT")]
    gomemlimit: i64,
    #[serde(rename = "GOGC")]
    gogc: &'static str,
    #[serde(rename = "GODEBUG")]
    godebug: &'static str,
    #[serde(rename = "storageRetention")]
    storage_retention: String,
}

/// The process. Keys of Go's runtime keep their names for clients that print them: tasks stand for goroutines,
/// cores for processors, and there is no garbage collector to tune.
pub(crate) async fn runtime_info(call: Call) -> Result<Reply, Problem> {
    let app = &call.app;
    let loaded = app.loaded();
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    Ok(value(&RuntimeInfo {
        start_time: rfc3339_nanos(app.started_nanos),
        cwd: std::env::current_dir()
            .map(|path| path.display().to_string())
            .unwrap_or_default(),
        hostname: std::fs::read_to_string("/proc/sys/kernel/hostname")
            .map(|name| name.trim().to_owned())
            .unwrap_or_default(),
        server_time: rfc3339_nanos(app.clock.now_nanos()),
        reload_config_success: !loaded.failed,
        last_config_time: rfc3339_millis(loaded.loaded_at / 1000 * 1000),
        corruption_count: app.store().map(|s| s.stats().wal_corruptions).unwrap_or_default(),
        goroutine_count: tasks,
        gomaxprocs: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        gomemlimit: i64::MAX,
        gogc: "",
        godebug: "",
        storage_retention: app.options.storage_retention.clone(),
    }))
}

#[derive(Serialize)]
struct WalReplay {
    min: u64,
    max: u64,
    current: u64,
}

/// How far the log has been replayed; answers while nothing else does.
pub(crate) async fn wal_replay(call: Call) -> Result<Reply, Problem> {
    let status = call.app.replay.status();
    Ok(value(&WalReplay {
        min: status.min,
        max: status.max,
        current: status.current,
    }))
}
