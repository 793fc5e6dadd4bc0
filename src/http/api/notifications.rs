//! `/api/v1/notifications` and `/api/v1/features`: what goes on, and what this server can do.

use std::collections::BTreeMap;

use hyper::StatusCode;
use serde::Serialize;

use super::super::body::{Reply, reply_empty};
use super::super::call::Call;
use super::super::encode::time::rfc3339_millis;
use super::super::problem::Problem;
use super::data::value;

#[derive(Serialize)]
struct Notification {
    text: &'static str,
    date: String,
    active: bool,
}

/// What goes on now.
pub(crate) async fn notifications(call: Call) -> Result<Reply, Problem> {
    let app = &call.app;
    let date = rfc3339_millis(app.clock.now_ms());
    let active = [
        (app.loaded().failed, "Configuration reload has failed."),
        (
            app.store().is_none(),
            "Prometheus is starting and replaying the write-ahead log (WAL).",
        ),
        (
            app.stopping.is_stopped(),
            "Prometheus is shutting down and gracefully stopping all operations.",
        ),
    ];
    let shown: Vec<Notification> = active
        .into_iter()
        .filter(|(active, _)| *active)
        .map(|(active, text)| Notification {
            text,
            date: date.clone(),
            active,
        })
        .collect();
    Ok(value(&shown))
}

/// A stream of what goes on: no place for it, as when all of Prometheus's are taken; clients then ask every 10 s.
pub(crate) async fn live(_: Call) -> Reply {
    reply_empty(StatusCode::NO_CONTENT)
}

/// What this server can do, by category.
pub(crate) async fn features(call: Call) -> Result<Reply, Problem> {
    let options = &call.app.options;
    let language = call.app.queries.engine().options().features;
    let api = BTreeMap::from([
        ("admin", options.enable_admin_api),
        ("exclude_alerts", true),
        ("label_values_match", true),
        ("lifecycle", options.enable_lifecycle),
        ("otlp_write_receiver", false),
        ("query_stats", true),
        ("query_warnings", true),
        ("remote_write_receiver", options.enable_remote_write_receiver),
        ("time_range_labels", true),
        ("time_range_series", true),
    ]);
    let promql = BTreeMap::from([
        ("anchored", language.extended_range_selectors),
        ("at_modifier", true),
        ("binop_fill_modifiers", language.binop_fill_modifiers),
        ("delayed_name_removal", language.delayed_name_removal),
        ("duration_expr", language.duration_expressions),
        ("experimental_functions", language.experimental_functions),
        ("negative_offset", true),
        ("offset", true),
        ("per_step_stats", options.per_step_stats),
        ("subqueries", true),
    ]);
    Ok(value(&BTreeMap::from([("api", api), ("promql", promql)])))
}
