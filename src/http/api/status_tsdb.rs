//! `/api/v1/status/tsdb`: sizes of the head and what makes it large; `/api/v1/status/tsdb/blocks`.
//!
//! With `match[]` the lists are over the series that the selectors find, and with `label` there is one more over the
//! values of that label: whoever follows the largest entry of a list comes to what makes a store large. Lists that
//! Prometheus does not have carry VictoriaMetrics's names, and are there only if one of both is given.

use narthex_tsdb::{BlockMeta, NamedCount};
use serde::Serialize;

use super::super::body::Reply;
use super::super::call::Call;
use super::super::params::{matcher_sets, parse_int, well_formed};
use super::super::problem::Problem;
use super::data::{store, value};

const DEFAULT_LIMIT: usize = 10;
const MOST: i64 = 10_000;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TsdbStatus {
    head_stats: HeadStats,
    series_count_by_metric_name: Vec<Named>,
    label_value_count_by_label_name: Vec<Named>,
    memory_in_bytes_by_label_name: Vec<Named>,
    series_count_by_label_value_pair: Vec<Named>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    drilled: Option<Drilled>,
}

/// What only those get who ask for a part of the series or for one label.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Drilled {
    total_series: u64,
    series_count_by_label_name: Vec<Named>,
    #[serde(skip_serializing_if = "Option::is_none")]
    series_count_by_focus_label_value: Option<Vec<Named>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HeadStats {
    num_series: u64,
    num_label_pairs: u64,
    chunk_count: u64,
    min_time: i64,
    max_time: i64,
}

#[derive(Serialize)]
struct Named {
    name: String,
    value: u64,
}

/// Answers.
pub(crate) async fn tsdb(call: Call) -> Result<Reply, Problem> {
    let form = call.url_form();
    well_formed(&form)?;
    let limit = limit(form.get("limit"))?;
    let sets = matcher_sets(&form).map_err(|reason| Problem::invalid("match[]", reason))?;
    let focus = Some(form.get("label").to_owned()).filter(|label| !label.is_empty());
    let store = store(&call.app)?;
    let status = call
        .app
        .queries
        .read(false, move |_| {
            let (stats, largest) = (store.stats(), store.cardinality(limit, &sets, focus.as_deref()));
            let drilled = (!sets.is_empty() || focus.is_some()).then(|| Drilled {
                total_series: largest.series,
                series_count_by_label_name: named(largest.series_by_label_name),
                series_count_by_focus_label_value: focus.map(|_| named(largest.series_by_focus_value)),
            });
            TsdbStatus {
                head_stats: HeadStats {
                    num_series: stats.series,
                    num_label_pairs: stats.label_pairs,
                    chunk_count: stats.chunks,
                    // An empty head has the extremes of the range, as in Prometheus.
                    min_time: stats.min_time.unwrap_or(i64::MAX),
                    max_time: stats.max_time.unwrap_or(i64::MIN),
                },
                series_count_by_metric_name: named(largest.series_by_metric_name),
                label_value_count_by_label_name: named(largest.values_by_label_name),
                memory_in_bytes_by_label_name: named(largest.bytes_by_label_name),
                series_count_by_label_value_pair: named(largest.series_by_label_pair),
                drilled,
            }
        })
        .await?;
    Ok(value(&status))
}

fn limit(text: &str) -> Result<usize, Problem> {
    match text {
        "" => Ok(DEFAULT_LIMIT),
        text => match parse_int(text) {
            Ok(limit) if limit > MOST => Err(Problem::bad_data("limit must not exceed 10000")),
            Ok(limit) if limit >= 1 => Ok(usize::try_from(limit).unwrap_or(DEFAULT_LIMIT)),
            _ => Err(Problem::bad_data("limit must be a positive number")),
        },
    }
}

fn named(counts: Vec<NamedCount>) -> Vec<Named> {
    counts
        .into_iter()
        .map(|c| Named {
            name: c.name,
            value: c.count,
        })
        .collect()
}

#[derive(Serialize)]
struct Blocks {
    blocks: Vec<BlockMeta>,
}

/// Blocks of the store, by time.
pub(crate) async fn blocks(call: Call) -> Result<Reply, Problem> {
    let blocks = store(&call.app)?.blocks();
    Ok(value(&Blocks { blocks }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        assert_eq!(limit("").unwrap(), 10);
        assert_eq!(limit("10000").unwrap(), 10_000);
        assert_eq!(limit("10001").unwrap_err().text, "limit must not exceed 10000");
        for text in ["0", "-1", "x", "1.5"] {
            assert_eq!(limit(text).unwrap_err().text, "limit must be a positive number");
        }
    }
}
