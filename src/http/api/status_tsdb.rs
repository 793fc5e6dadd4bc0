//! `/api/v1/status/tsdb`: sizes of the head and what makes it large; `/api/v1/status/tsdb/blocks`.

use narthex_tsdb::{BlockMeta, NamedCount};
use serde::Serialize;

use super::super::body::Reply;
use super::super::call::Call;
use super::super::params::parse_int;
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
    let limit = limit(call.url_form().get("limit"))?;
    let store = store(&call.app)?;
    let status = call
        .app
        .queries
        .read(move |_| {
            let (stats, largest) = (store.stats(), store.cardinality(limit, &[]));
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
