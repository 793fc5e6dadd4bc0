//! Quantiles of classic histograms.

use narthex_model::{Labels, METRIC_NAME};

use super::evaluate::{Element, Failure, distinct};

/// `histogram_quantile(q, buckets)`
pub(super) fn histogram_quantile(q: f64, elements: &[Element]) -> Result<Vec<Element>, Failure> {
    let mut groups: Vec<(Labels, Vec<(f64, f64)>)> = Vec::new();
    for element in elements {
        let Some(bound) = element.labels.get("le").and_then(|le| le.parse::<f64>().ok()) else {
            continue;
        };
        let rest = element.labels.without(&["le"]);
        match groups.iter_mut().find(|(labels, _)| *labels == rest) {
            Some((_, buckets)) => buckets.push((bound, element.value)),
            None => groups.push((rest, vec![(bound, element.value)])),
        }
    }
    let found = groups.into_iter().map(|(labels, buckets)| Element {
        labels: labels.without(&[METRIC_NAME]),
        value: bucket_quantile(q, buckets),
    });
    distinct(found.collect())
}

fn bucket_quantile(q: f64, mut buckets: Vec<(f64, f64)>) -> f64 {
    if q.is_nan() {
        return f64::NAN;
    }
    if !(0.0..=1.0).contains(&q) {
        return if q < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    if buckets.last().is_none_or(|last| last.0 != f64::INFINITY) {
        return f64::NAN;
    }
    // Equal bounds count as one bucket.
    let mut merged: Vec<(f64, f64)> = Vec::new();
    for (bound, count) in buckets {
        match merged.last_mut() {
            Some(last) if last.0 == bound => last.1 += count,
            _ => merged.push((bound, count)),
        }
    }
    // Counts do not fall from bucket to bucket, and differences that only rounding makes do not count.
    for at in 1..merged.len() {
        let (before, count) = (merged[at - 1].1, merged[at].1);
        let same = (before - count).abs() / (before.abs() + count.abs()) < 1e-12;
        if count < before || same {
            merged[at].1 = before;
        }
    }
    let Some(((_, all), finite)) = merged.split_last() else {
        return f64::NAN;
    };
    if finite.is_empty() || *all == 0.0 {
        return f64::NAN;
    }
    let rank = q * all;
    let Some(at) = finite.iter().position(|(_, count)| *count >= rank) else {
        return finite.last().map_or(f64::NAN, |last| last.0);
    };
    let (bound, count) = finite[at];
    if at == 0 && bound <= 0.0 {
        return bound;
    }
    let (from, before) = if at == 0 { (0.0, 0.0) } else { finite[at - 1] };
    from + (bound - from) * ((rank - before) / (count - before))
}
