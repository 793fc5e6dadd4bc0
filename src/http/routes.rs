//! The table of routes: path, methods, whether the store must be open, handler.

use super::api::{
    admin, alertmanagers, assets, exemplars, explain, features, federate, format_query, label_values, labels,
    lifecycle, metadata, metrics, notifications, openapi, otlp, pages, query, query_range, read,
    relabel_steps, rules, search, self_metrics, series, status, status_tsdb, targets, write,
};
use super::call::Call;
use super::problem::Problem;
use super::router::Answering;

/// What a route needs before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing: it answers while the store is being opened, and while the server stops.
    Nothing,
    /// An open store.
    Ready,
}

/// A route. `:name` in its path stands for one segment, `*name` for all that follow.
pub(crate) struct Route {
    pub(crate) pattern: &'static str,
    pub(crate) methods: &'static [&'static str],
    pub(crate) needs: Needs,
    pub(crate) handler: fn(Call) -> Answering,
}

impl Route {
    /// Whether answers are compressed on the way out.
    pub(crate) fn compresses(&self) -> bool {
        self.pattern != "/api/v1/read" && self.pattern.starts_with("/api/") || self.pattern == "/federate"
    }
}

const GET: &[&str] = &["GET"];
const GET_HEAD: &[&str] = &["GET", "HEAD"];
const GET_POST: &[&str] = &["GET", "POST"];
const POST: &[&str] = &["POST"];
const POST_PUT: &[&str] = &["POST", "PUT"];
const GET_POST_PUT: &[&str] = &["GET", "POST", "PUT"];

/// A route whose handler may fail with an error of the API.
macro_rules! api {
    ($pattern:literal, $methods:expr, $needs:ident, $handler:path) => {
        Route {
            pattern: concat!("/api/v1/", $pattern),
            methods: $methods,
            needs: Needs::$needs,
            handler: |call| Box::pin(async { $handler(call).await.unwrap_or_else(Problem::into_reply) }),
        }
    };
}

/// A route whose handler answers in any case.
macro_rules! plain {
    ($pattern:literal, $methods:expr, $needs:ident, $handler:path) => {
        Route {
            pattern: $pattern,
            methods: $methods,
            needs: Needs::$needs,
            handler: |call| Box::pin($handler(call)),
        }
    };
}

/// All routes.
pub(crate) const ROUTES: &[Route] = &[
    api!("query", GET_POST, Ready, query::query),
    api!("query_range", GET_POST, Ready, query_range::query_range),
    api!("query_exemplars", GET_POST, Ready, exemplars::query_exemplars),
    api!("format_query", GET_POST, Ready, format_query::format_query),
    api!("parse_query", GET_POST, Ready, format_query::parse_query),
    api!("series", GET_POST, Ready, series::series),
    api!("labels", GET_POST, Ready, labels::labels),
    api!("label/:name/values", GET, Ready, label_values::label_values),
    api!("metadata", GET, Ready, metadata::metadata),
    api!("search/metric_names", GET_POST, Ready, search::metric_names),
    api!("search/label_names", GET_POST, Ready, search::label_names),
    api!("search/label_values", GET_POST, Ready, search::label_values),
    api!("targets", GET, Ready, targets::targets),
    api!("targets/metadata", GET, Ready, metadata::target_metadata),
    api!("targets/explain", GET, Ready, explain::targets_explain),
    api!("targets/relabel_steps", GET, Ready, relabel_steps::relabel_steps),
    api!("scrape_pools", GET, Ready, targets::scrape_pools),
    api!("scrape_pools/config", GET, Ready, targets::scrape_pool_config),
    api!("status/config", GET, Ready, status::config),
    api!("status/flags", GET, Ready, status::flags),
    api!("status/buildinfo", GET, Ready, status::build_info),
    api!("status/runtimeinfo", GET, Ready, status::runtime_info),
    api!("status/tsdb", GET, Ready, status_tsdb::tsdb),
    api!("status/tsdb/blocks", GET, Ready, status_tsdb::blocks),
    api!("status/walreplay", GET, Nothing, status::wal_replay),
    api!("status/self_metrics", GET, Ready, self_metrics::self_metrics),
    api!("rules", GET, Ready, rules::rules),
    api!("alerts", GET, Ready, rules::alerts),
    api!("alertmanagers", GET, Ready, alertmanagers::alertmanagers),
    api!("features", GET, Ready, features::features),
    api!("notifications", GET, Nothing, notifications::notifications),
    plain!("/api/v1/notifications/live", GET, Nothing, notifications::live),
    plain!("/api/v1/openapi.yaml", GET, Nothing, openapi::openapi),
    api!("admin/tsdb/delete_series", POST_PUT, Ready, admin::delete_series),
    api!(
        "admin/tsdb/clean_tombstones",
        POST_PUT,
        Ready,
        admin::clean_tombstones
    ),
    api!("admin/tsdb/snapshot", POST_PUT, Ready, admin::snapshot),
    api!("read", POST, Ready, read::read),
    api!("write", POST, Ready, write::write),
    // Senders whose server type is not set push here, on the host's root path.
    api!("push", POST, Ready, write::write),
    api!("otlp/v1/metrics", POST, Ready, otlp::metrics),
    plain!("/metrics", GET, Nothing, metrics::metrics),
    plain!("/-/healthy", GET_HEAD, Nothing, lifecycle::healthy),
    plain!("/-/ready", GET_HEAD, Nothing, lifecycle::ready),
    plain!("/-/reload", GET_POST_PUT, Nothing, lifecycle::reload),
    plain!("/-/quit", GET_POST_PUT, Nothing, lifecycle::quit),
    plain!("/federate", GET, Ready, federate::federate),
    plain!("/", GET, Nothing, pages::to_query),
    plain!("/graph", GET, Nothing, pages::to_query),
    plain!("/query", GET, Nothing, pages::page),
    plain!("/targets", GET, Nothing, pages::page),
    plain!("/service-discovery", GET, Nothing, pages::page),
    plain!("/rules", GET, Nothing, pages::page),
    plain!("/alerts", GET, Nothing, pages::page),
    plain!("/status", GET, Nothing, pages::page),
    plain!("/tsdb-status", GET, Nothing, pages::page),
    plain!("/config", GET, Nothing, pages::page),
    plain!("/flags", GET, Nothing, pages::page),
    plain!("/alertmanager-discovery", GET, Nothing, pages::page),
    plain!("/user/*path", GET_HEAD, Nothing, assets::asset),
    plain!("/version", GET, Nothing, status::version),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_page_about_the_api_lists_the_routes() {
        let page = include_str!("../../docs/http-api.md");
        let rows = page.lines().filter(|line| line.starts_with("| `/"));
        let listed: BTreeSet<&str> = rows
            .flat_map(|row| row.split('|').nth(1).unwrap_or_default().split('`'))
            .filter(|word| word.starts_with('/'))
            .collect();
        let served: BTreeSet<&str> = ROUTES.iter().map(|route| route.pattern).collect();
        assert_eq!(listed, served);
    }
}
