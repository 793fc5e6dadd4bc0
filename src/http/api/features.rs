//! `/api/v1/features`: what this server can do, by category.

use std::collections::BTreeMap;

use narthex_promql::functions::signatures;

use super::super::body::Reply;
use super::super::call::Call;
use super::super::problem::Problem;
use super::data::value;

type Category = BTreeMap<&'static str, bool>;

/// Answers.
pub(crate) async fn features(call: Call) -> Result<Reply, Problem> {
    let language = call.app.queries.engine().options().features;
    let functions = signatures()
        .iter()
        .map(|f| (f.name, !f.experimental || language.experimental_functions));
    Ok(value(&BTreeMap::from([
        ("api", api(&call)),
        ("promql", promql(&call)),
        ("promql_functions", functions.collect()),
        ("promql_operators", operators(&call)),
        ("scrape", scrape(&call)),
        ("service_discovery_providers", discovery()),
        ("tsdb", tsdb(&call)),
    ])))
}

fn api(call: &Call) -> Category {
    let options = &call.app.options;
    Category::from([
        ("admin", options.enable_admin_api),
        ("exclude_alerts", true),
        ("label_values_match", true),
        ("lifecycle", options.enable_lifecycle),
        ("openapi_3.1", true),
        ("openapi_3.2", true),
        ("otlp_write_receiver", options.enable_otlp_receiver),
        ("query_stats", true),
        ("query_warnings", true),
        ("remote_write_receiver", options.enable_remote_write_receiver),
        ("search", call.app.has("search-api")),
        ("time_range_labels", true),
        ("time_range_series", true),
    ])
}

fn promql(call: &Call) -> Category {
    let language = call.app.queries.engine().options().features;
    Category::from([
        ("anchored", language.extended_range_selectors),
        ("at_modifier", true),
        ("bool", true),
        ("by", true),
        ("delayed_name_removal", language.delayed_name_removal),
        ("duration_expr", language.duration_expressions),
        ("fill", language.binop_fill_modifiers),
        ("fill_left", language.binop_fill_modifiers),
        ("fill_right", language.binop_fill_modifiers),
        ("group_left", true),
        ("group_right", true),
        ("ignoring", true),
        ("negative_offset", true),
        ("offset", true),
        ("on", true),
        ("per_query_lookback_delta", true),
        ("per_step_stats", call.app.options.per_step_stats),
        ("smoothed", language.extended_range_selectors),
        ("subqueries", true),
        ("without", true),
    ])
}

fn operators(call: &Call) -> Category {
    let experimental = call
        .app
        .queries
        .engine()
        .options()
        .features
        .experimental_functions;
    let always = [
        "!=",
        "!~",
        "%",
        "*",
        "+",
        "-",
        "/",
        "<",
        "<=",
        "==",
        "=~",
        ">",
        ">=",
        "@",
        "^",
        "and",
        "atan2",
        "avg",
        "bottomk",
        "count",
        "count_values",
        "group",
        "max",
        "min",
        "or",
        "quantile",
        "stddev",
        "stdvar",
        "sum",
        "topk",
        "unless",
    ];
    let mut all: Category = always.into_iter().map(|name| (name, true)).collect();
    all.extend([("limit_ratio", experimental), ("limitk", experimental)]);
    all
}

fn scrape(call: &Call) -> Category {
    Category::from([
        ("extra_scrape_metrics", call.app.has("extra-scrape-metrics")),
        ("start_timestamp_zero_ingestion", false),
        ("type_and_unit_labels", call.app.has("type-and-unit-labels")),
    ])
}

fn tsdb(call: &Call) -> Category {
    Category::from([
        ("exemplar_storage", call.app.has("exemplar-storage")),
        ("native_histograms", true),
        ("use_start_timestamps", call.app.has("use-start-timestamps")),
    ])
}

fn discovery() -> Category {
    ["dns", "file", "http", "kubernetes", "static"]
        .into_iter()
        .map(|name| (name, true))
        .collect()
}
