//! Which labels make a store large.

use std::cmp::Reverse;

use narthex_model::{METRIC_NAME, Matcher};

use super::matching;
use crate::head::Index;

/// A name with how often it occurs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedCount {
    /// A label name, a metric name, or `name=value`.
    pub name: String,
    /// Series, values or bytes.
    pub count: u64,
}

/// Which labels make a store large; each list is sorted by descending count, then by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cardinality {
    /// How many series were looked at.
    pub series: u64,
    /// Series by metric name.
    pub series_by_metric_name: Vec<NamedCount>,
    /// Different values by label name.
    pub values_by_label_name: Vec<NamedCount>,
    /// Bytes of all values by label name.
    pub bytes_by_label_name: Vec<NamedCount>,
    /// Series by `name=value`.
    pub series_by_label_pair: Vec<NamedCount>,
    /// Series that have a label, by its name.
    pub series_by_label_name: Vec<NamedCount>,
    /// Series by the value of the one label that was asked for; empty if none was.
    pub series_by_focus_value: Vec<NamedCount>,
}

impl Cardinality {
    /// Counts over the series of the head that fulfil one of the sets of matchers (all series if there is no set); each
    /// list is cut at `limit` (0: not at all).
    pub(crate) fn of(index: &Index, limit: usize, sets: &[Vec<Matcher>], focus: Option<&str>) -> Self {
        let ids = matching::find_any(index, sets);
        let everything = sets.is_empty();
        let (mut names, mut values, mut bytes, mut pairs) = (vec![], vec![], vec![], vec![]);
        let (mut with_name, mut focused) = (vec![], vec![]);
        for (name, entry) in index.names() {
            let (mut value_count, mut byte_count, mut series_count) = (0, 0, 0);
            for pair in &entry.pairs {
                let postings = index.postings(*pair);
                let series = if everything {
                    postings.len()
                } else {
                    postings.count_in(&ids)
                };
                if series == 0 {
                    continue;
                }
                value_count += 1;
                series_count += series;
                byte_count += index.value_len(*pair) as u64;
                if name == METRIC_NAME {
                    names.push((series, *pair));
                }
                if focus == Some(name) {
                    focused.push((series, *pair));
                }
                pairs.push((series, *pair));
            }
            if value_count > 0 {
                let named = |count| NamedCount {
                    name: name.to_owned(),
                    count,
                };
                values.push(named(value_count));
                bytes.push(named(byte_count));
                with_name.push(named(series_count));
            }
        }
        let named = |found: Vec<(u64, u32)>, name: &dyn Fn(u32) -> String| {
            let mut found = found;
            found.sort_unstable_by_key(|(count, pair)| (Reverse(*count), index.pair_text(*pair)));
            let cut = if limit == 0 { found.len() } else { limit };
            let kept = found.into_iter().take(cut);
            kept.map(|(count, pair)| NamedCount {
                name: name(pair),
                count,
            })
            .collect()
        };
        Self {
            series: ids.len(),
            series_by_metric_name: named(names, &|pair| index.value(pair).to_owned()),
            values_by_label_name: top(values, limit),
            bytes_by_label_name: top(bytes, limit),
            series_by_label_pair: named(pairs, &|pair| {
                let (name, value) = index.pair_text(pair);
                format!("{name}={value}")
            }),
            series_by_label_name: top(with_name, limit),
            series_by_focus_value: named(focused, &|pair| index.value(pair).to_owned()),
        }
    }
}

fn top(mut found: Vec<NamedCount>, limit: usize) -> Vec<NamedCount> {
    found.sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
    if limit > 0 {
        found.truncate(limit);
    }
    found
}
