//! Native histograms as scripts write them: `schema:1 count:3 sum:4 buckets:[1 2] offset:-1`.

use narthex_model::{FloatHistogram, ResetHint, Span};

use crate::series_notation::parse_go_number;

/// Reads what stands between `{{` and `}}`.
///
/// # Errors
/// Names the key that is not known or the value that cannot be read.
pub fn parse(text: &str) -> Result<FloatHistogram, String> {
    let mut histogram = FloatHistogram::default();
    let (mut offset, mut negative_offset) = (0, 0);
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (key, after) = rest
            .split_once(':')
            .ok_or_else(|| format!("expected key:value in histogram at {rest:?}"))?;
        let after = after.trim_start();
        let (value, next) = if let Some(list) = after.strip_prefix('[') {
            list.split_once(']')
                .ok_or_else(|| format!("expected ] in histogram at {after:?}"))?
        } else {
            after.split_once(char::is_whitespace).unwrap_or((after, ""))
        };
        rest = next.trim_start();
        match key.trim() {
            "schema" => histogram.schema = integer(value)?,
            "sum" => histogram.sum = number(value)?,
            "count" => histogram.count = number(value)?,
            "z_bucket" => histogram.zero_count = number(value)?,
            "z_bucket_w" => histogram.zero_threshold = number(value)?,
            "custom_values" => histogram.custom_values = numbers(value)?,
            "buckets" => histogram.positive_buckets = numbers(value)?,
            "offset" => offset = integer(value)?,
            "n_buckets" => histogram.negative_buckets = numbers(value)?,
            "n_offset" => negative_offset = integer(value)?,
            "counter_reset_hint" => {
                histogram.hint = match value {
                    "unknown" => ResetHint::Unknown,
                    "reset" => ResetHint::Reset,
                    "not_reset" => ResetHint::NotReset,
                    "gauge" => ResetHint::Gauge,
                    _ => return Err(format!("bad histogram descriptor: counter_reset_hint {value:?}")),
                }
            }
            key => return Err(format!("bad histogram descriptor found: {key:?}")),
        }
    }
    histogram.positive_spans = spans(&histogram.positive_buckets, offset);
    histogram.negative_spans = spans(&histogram.negative_buckets, negative_offset);
    Ok(histogram)
}

fn spans(buckets: &[f64], offset: i32) -> Vec<Span> {
    match u32::try_from(buckets.len()) {
        Ok(length) if length > 0 => vec![Span { offset, length }],
        _ => Vec::new(),
    }
}

fn integer(text: &str) -> Result<i32, String> {
    text.parse()
        .map_err(|_| format!("expected a whole number in histogram, got {text:?}"))
}

fn number(text: &str) -> Result<f64, String> {
    parse_go_number(text).ok_or_else(|| format!("expected a number in histogram, got {text:?}"))
}

fn numbers(text: &str) -> Result<Vec<f64>, String> {
    text.split_whitespace().map(number).collect()
}

/// The histogram in this notation, compacted; buckets that lie apart are filled up with empty ones.
#[must_use]
pub fn print(histogram: &FloatHistogram) -> String {
    use narthex_promql::functions::general;
    let mut parts = Vec::new();
    let mut number = |key: &str, value: f64| {
        if value != 0.0 {
            parts.push(format!("{key}:{}", general(value)));
        }
    };
    number("schema", f64::from(histogram.schema));
    number("count", histogram.count);
    number("sum", histogram.sum);
    number("z_bucket", histogram.zero_count);
    number("z_bucket_w", histogram.zero_threshold);
    let list = |values: &[f64]| values.iter().map(|v| general(*v)).collect::<Vec<_>>().join(" ");
    if histogram.uses_custom_buckets() {
        parts.push(format!("custom_values:[{}]", list(&histogram.custom_values)));
    }
    match histogram.hint {
        ResetHint::Unknown => {}
        ResetHint::Reset => parts.push("counter_reset_hint:reset".into()),
        ResetHint::NotReset => parts.push("counter_reset_hint:not_reset".into()),
        ResetHint::Gauge => parts.push("counter_reset_hint:gauge".into()),
    }
    let sides = [
        ("", histogram.positive_indexed().collect::<Vec<_>>()),
        ("n_", histogram.negative_indexed().collect()),
    ];
    for (prefix, pairs) in sides {
        let Some((first, _)) = pairs.iter().find(|(_, count)| *count != 0.0) else {
            continue;
        };
        let (mut next, mut buckets) = (*first, Vec::new());
        for (index, count) in pairs
            .iter()
            .filter(|(index, count)| *count != 0.0 && index >= first)
        {
            let gap = usize::try_from(index.wrapping_sub(next)).unwrap_or(0).min(1_000);
            buckets.extend(std::iter::repeat_n(0.0, gap));
            buckets.push(*count);
            next = index.wrapping_add(1);
        }
        if *first != 0 {
            parts.push(format!("{prefix}offset:{first}"));
        }
        parts.push(format!("{prefix}buckets:[{}]", list(&buckets)));
    }
    format!("{{{{{}}}}}", parts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_read_back_as_they_were_printed() {
        for text in [
            "schema:1 count:8 sum:2.5 z_bucket:3 z_bucket_w:0.001 offset:-1 buckets:[1 0 4] n_offset:2 n_buckets:[1]",
            "schema:-53 count:3 sum:1 custom_values:[1 2.5] counter_reset_hint:gauge buckets:[1 2]",
            "count:1 sum:-Inf counter_reset_hint:not_reset buckets:[1]",
            "",
        ] {
            let histogram = parse(text).unwrap();
            assert_eq!(print(&histogram), format!("{{{{{text}}}}}"));
        }
    }

    #[test]
    fn unknown_keys_and_bad_numbers_are_refused() {
        for text in [
            "scheme:1",
            "schema:a",
            "buckets:[1 b]",
            "buckets:[1",
            "counter_reset_hint:no",
            "x",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
