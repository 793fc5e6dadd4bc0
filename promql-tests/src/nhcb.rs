//! Classic histograms (`_bucket`, `_count`, `_sum`) as native histograms with custom buckets.

use std::collections::BTreeMap;
use std::sync::Arc;

use narthex_model::histogram::CUSTOM_BUCKETS_SCHEMA;
use narthex_model::{FloatHistogram, HistogramValue, Labels, LabelsBuilder, METRIC_NAME, SampleValue, Span};

use crate::series_notation::parse_go_number;
use crate::store::Sample;

/// What is known of one classic histogram at one time.
#[derive(Default)]
struct Classic {
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: f64,
}

/// The native histograms of all classic ones among `series`.
///
/// # Errors
/// When the buckets of a histogram are not cumulative.
pub fn convert(series: &[(Labels, Vec<Sample>)]) -> Result<Vec<(Labels, Vec<Sample>)>, String> {
    let mut found: BTreeMap<Labels, BTreeMap<i64, Classic>> = BTreeMap::new();
    for (labels, samples) in series {
        let name = labels.metric_name();
        let Some((base, suffix)) = ["_bucket", "_count", "_sum"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix).map(|base| (base, *suffix)))
        else {
            continue;
        };
        let bound = labels
            .get("le")
            .and_then(parse_go_number)
            .filter(|le| !le.is_nan());
        if suffix == "_bucket" && bound.is_none() {
            continue;
        }
        let mut target = LabelsBuilder::from(labels);
        target.set(METRIC_NAME, base).remove("le");
        let histograms = found.entry(target.labels()).or_default();
        for sample in samples {
            let SampleValue::Float(value) = sample.value else {
                continue;
            };
            let histogram = histograms.entry(sample.time).or_default();
            match (suffix, bound) {
                ("_bucket", Some(bound)) => histogram.buckets.push((bound, value)),
                ("_count", _) => histogram.count = Some(value),
                _ => histogram.sum = value,
            }
        }
    }
    found
        .into_iter()
        .map(|(labels, histograms)| {
            let samples = histograms
                .into_iter()
                .map(|(time, classic)| {
                    let histogram = native(classic).map_err(|e| format!("{labels} at {time}: {e}"))?;
                    let value = SampleValue::Histogram(HistogramValue::Float(Arc::new(histogram)));
                    Ok(Sample {
                        time,
                        value,
                        start_time: 0,
                    })
                })
                .collect::<Result<_, String>>()?;
            Ok((labels, samples))
        })
        .collect()
}

fn native(mut classic: Classic) -> Result<FloatHistogram, String> {
    classic.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    let highest = classic.buckets.last().copied();
    let count = classic.count.or(highest.map(|(_, count)| count)).unwrap_or(0.0);
    if highest.is_none_or(|(bound, _)| bound != f64::INFINITY) {
        classic.buckets.push((f64::INFINITY, count));
    }
    let mut before = 0.0;
    let mut buckets = Vec::with_capacity(classic.buckets.len());
    for (bound, cumulative) in &classic.buckets {
        if *cumulative < before {
            return Err(format!(
                "count {cumulative} of le={bound} is below that of the bucket before"
            ));
        }
        buckets.push(cumulative - before);
        before = *cumulative;
    }
    classic.buckets.pop();
    let mut histogram = FloatHistogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        count,
        sum: classic.sum,
        positive_spans: vec![Span {
            offset: 0,
            length: u32::try_from(buckets.len()).map_err(|e| e.to_string())?,
        }],
        positive_buckets: buckets,
        custom_values: classic.buckets.iter().map(|(bound, _)| *bound).collect(),
        ..FloatHistogram::default()
    };
    histogram.compact();
    Ok(histogram)
}
