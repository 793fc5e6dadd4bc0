//! Whether an answer is the one expected.

use narthex_model::{Annotations, FloatHistogram, Labels, Severity};
use narthex_promql::Value;
use narthex_promql::value::{InstantSample, InstantValue, RangeSeries};

use crate::histogram_notation::print;
use crate::script::{Evaluation, NotesExpected, Steps, timed};
use crate::series_notation::{Item, SeriesLine};
use crate::shown;

/// Relative difference up to which two numbers count as equal.
pub const EPSILON: f64 = 1e-6;

/// Compares an answer with what the script expects. `steps` are the times of expected range vectors.
///
/// # Errors
/// The first difference, in words.
pub fn value(evaluation: &Evaluation, actual: &Value, steps: Option<Steps>) -> Result<(), String> {
    match actual {
        Value::Scalar { value, .. } => match evaluation.scalar {
            None => Err(format!("expected a vector or matrix, got the scalar {value}")),
            Some(expected) if almost_equal(expected, *value, EPSILON) => Ok(()),
            Some(expected) => Err(format!("expected the scalar {expected}, got {value}")),
        },
        Value::String { text, .. } => match &evaluation.string {
            Some(expected) if expected == text => Ok(()),
            expected => Err(format!("expected the string {expected:?}, got {text:?}")),
        },
        _ if evaluation.scalar.is_some() => Err(format!("expected a scalar, got {actual:?}")),
        _ if evaluation.string.is_some() => Err(format!("expected a string, got {actual:?}")),
        Value::Vector(samples) => vector(evaluation, samples),
        Value::Matrix(series) => matrix(evaluation, series, steps),
    }
}

fn find<'a>(evaluation: &'a Evaluation, labels: &Labels) -> Option<(usize, &'a SeriesLine)> {
    evaluation
        .series
        .iter()
        .enumerate()
        .find(|(_, line)| line.labels == *labels)
}

fn vector(evaluation: &Evaluation, samples: &[InstantSample]) -> Result<(), String> {
    for (position, sample) in samples.iter().enumerate() {
        let labels = &sample.labels;
        let Some((expected_position, line)) = find(evaluation, labels) else {
            return Err(format!("unexpected {labels} with {}", show(&sample.value)));
        };
        if evaluation.ordered && expected_position != position {
            return Err(format!(
                "expected {labels} at position {}, got it at {}",
                expected_position + 1,
                position + 1
            ));
        }
        let same = match (line.items.first(), &sample.value) {
            (Some(Item::Float(expected)), InstantValue::Float(actual)) => {
                almost_equal(*expected, *actual, EPSILON)
            }
            (Some(Item::Histogram(expected)), InstantValue::Histogram(actual)) => {
                same_histogram(expected, actual)
            }
            _ => false,
        };
        if !same {
            return Err(format!(
                "expected {} for {labels}, got {}",
                line.items.first().map_or_else(String::new, show_item),
                show(&sample.value)
            ));
        }
    }
    for line in &evaluation.series {
        if !samples.iter().any(|sample| sample.labels == line.labels) {
            let values: Vec<_> = line.items.iter().map(show_item).collect();
            return Err(format!(
                "expected {} with {}, which is missing",
                line.labels,
                values.join(" ")
            ));
        }
    }
    Ok(())
}

fn matrix(evaluation: &Evaluation, series: &[RangeSeries], steps: Option<Steps>) -> Result<(), String> {
    if evaluation.ordered {
        return Err("expected an ordered vector, got a matrix".into());
    }
    sorted(series)?;
    let Some(steps) = steps else {
        return Err("expected a vector, got a matrix".into());
    };
    for actual in series {
        let Some((_, line)) = find(evaluation, &actual.labels) else {
            return Err(format!(
                "unexpected {} with {}",
                actual.labels,
                show_series(actual)
            ));
        };
        one_series(line, actual, steps).map_err(|difference| {
            format!(
                "{}: {difference} (result has {})",
                actual.labels,
                show_series(actual)
            )
        })?;
    }
    for line in &evaluation.series {
        if !series.iter().any(|actual| actual.labels == line.labels) {
            return Err(format!("expected {}, which is missing", line.labels));
        }
    }
    Ok(())
}

/// Whether the series of a matrix stand in label order.
///
/// # Errors
/// The first pair that does not.
pub fn sorted(series: &[RangeSeries]) -> Result<(), String> {
    match series.windows(2).find(|pair| pair[0].labels > pair[1].labels) {
        Some(pair) => Err(format!(
            "the matrix is not sorted: {} stands before {}",
            pair[0].labels, pair[1].labels
        )),
        None => Ok(()),
    }
}

fn one_series(line: &SeriesLine, actual: &RangeSeries, steps: Steps) -> Result<(), String> {
    if steps.start + (line.items.len() as i64 - 1) * steps.step > steps.end {
        return Err(format!(
            "{} values are more than the time range holds",
            line.items.len()
        ));
    }
    let (mut floats, mut histograms) = (actual.floats.iter(), actual.histograms.iter());
    for (time, item) in timed(line, steps.start, steps.step) {
        let expected = || format!("expected {} at {time}", show_item(item));
        match item {
            Item::Float(value) => match floats.next() {
                None => return Err(format!("{}, got no more floats", expected())),
                Some((at, got)) if *at != time || !almost_equal(*value, *got, EPSILON) => {
                    return Err(format!("{}, got {got} at {at}", expected()));
                }
                Some(_) => {}
            },
            Item::Histogram(value) => match histograms.next() {
                None => return Err(format!("{}, got no more histograms", expected())),
                Some((at, got)) if *at != time || !same_histogram(value, got) => {
                    return Err(format!("{}, got {} at {at}", expected(), print(got)));
                }
                Some(_) => {}
            },
            Item::Omitted => {}
        }
    }
    match (floats.next(), histograms.next()) {
        (None, None) => Ok(()),
        _ => Err("more values than expected".into()),
    }
}

/// Both hold the same up to [`EPSILON`]; hints and empty buckets do not count.
#[must_use]
pub fn same_histogram(a: &FloatHistogram, b: &FloatHistogram) -> bool {
    if shown::is_shown(b) {
        return shown::would_be(a, b);
    }
    let close = |a: f64, b: f64| almost_equal(a, b, EPSILON);
    let same_buckets = |a: &mut dyn Iterator<Item = (i32, f64)>, b: &mut dyn Iterator<Item = (i32, f64)>| {
        let populated = |pair: &(i32, f64)| pair.1 != 0.0;
        let (a, b): (Vec<_>, Vec<_>) = (a.filter(populated).collect(), b.filter(populated).collect());
        a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a.0 == b.0 && close(a.1, b.1))
    };
    a.schema == b.schema
        && close(a.count, b.count)
        && close(a.sum, b.sum)
        && (!a.uses_custom_buckets() || a.custom_values == b.custom_values)
        && a.zero_threshold == b.zero_threshold
        && close(a.zero_count, b.zero_count)
        && same_buckets(&mut a.negative_indexed(), &mut b.negative_indexed())
        && same_buckets(&mut a.positive_indexed(), &mut b.positive_indexed())
}

/// Equal up to the relative difference `epsilon`; NaN equals NaN, the stale marker only itself.
///
/// Source: Prometheus `util/almost`.
#[must_use]
pub fn almost_equal(a: f64, b: f64, epsilon: f64) -> bool {
    if narthex_model::is_stale(a) || narthex_model::is_stale(b) {
        return a.to_bits() == b.to_bits();
    }
    if a == b || (a.is_nan() && b.is_nan()) {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < epsilon * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < epsilon
}

/// Compares warnings and infos with what the script expects of them.
///
/// # Errors
/// The first difference, in words.
pub fn annotations(evaluation: &Evaluation, actual: &Annotations) -> Result<(), String> {
    notes("warning", &evaluation.warnings, actual, Severity::Warning)?;
    notes("info", &evaluation.infos, actual, Severity::Info)
}

fn notes(
    kind: &str,
    expected: &NotesExpected,
    actual: &Annotations,
    severity: Severity,
) -> Result<(), String> {
    let texts: Vec<&str> = actual.texts(severity).collect();
    if (expected.some || !expected.patterns.is_empty()) && texts.is_empty() {
        return Err(format!("expected {kind}s, got none"));
    }
    if expected.none && !texts.is_empty() {
        return Err(format!("expected no {kind}s, got {texts:?}"));
    }
    for pattern in &expected.patterns {
        if !texts.iter().any(|text| pattern.matches(text)) {
            return Err(format!("expected the {kind} {pattern:?}, got {texts:?}"));
        }
    }
    if !expected.patterns.is_empty()
        && let Some(text) = texts
            .iter()
            .find(|text| !expected.patterns.iter().any(|pattern| pattern.matches(text)))
    {
        return Err(format!("unexpected {kind} {text:?}"));
    }
    Ok(())
}

fn show(value: &InstantValue) -> String {
    match value {
        InstantValue::Float(value) => value.to_string(),
        InstantValue::Histogram(histogram) => print(histogram),
    }
}

fn show_item(item: &Item) -> String {
    match item {
        Item::Omitted => "_".into(),
        Item::Float(value) => value.to_string(),
        Item::Histogram(histogram) => print(histogram),
    }
}

fn show_series(series: &RangeSeries) -> String {
    let floats = series
        .floats
        .iter()
        .map(|(time, value)| format!("{value}@{time}"));
    let histograms = series
        .histograms
        .iter()
        .map(|(time, h)| format!("{}@{time}", print(h)));
    floats.chain(histograms).collect::<Vec<_>>().join(" ")
}
