//! The API's answers, read back.

use std::sync::Arc;

use narthex_model::{Annotations, FloatHistogram, Labels, Severity};
use narthex_promql::value::{InstantSample, InstantValue, RangeSeries};
use narthex_promql::{QueryOutput, QueryStats, Value};
use serde_json::Value as Json;

use crate::shown::{self, ShownBucket};

/// Reads the body of an answer to a query.
///
/// # Errors
/// The error that it tells, or what of it cannot be read.
pub fn read(body: &[u8]) -> Result<QueryOutput, String> {
    let json: Json = serde_json::from_slice(body)
        .map_err(|e| format!("the answer is no JSON: {e}: {}", String::from_utf8_lossy(body)))?;
    if json["status"] == "error" {
        return Err(json["error"].as_str().unwrap_or_default().to_owned());
    }
    let mut annotations = Annotations::default();
    for (key, severity) in [("warnings", Severity::Warning), ("infos", Severity::Info)] {
        for text in list(&json[key]).filter_map(Json::as_str) {
            annotations.add(severity, text);
        }
    }
    Ok(QueryOutput {
        value: value(&json["data"]).ok_or_else(|| format!("cannot be read: {json}"))?,
        annotations,
        stats: QueryStats::default(),
    })
}

fn list(json: &Json) -> impl Iterator<Item = &Json> {
    json.as_array().into_iter().flatten()
}

fn value(data: &Json) -> Option<Value> {
    let result = &data["result"];
    Some(match data["resultType"].as_str()? {
        "scalar" => {
            let (time, value) = timed(result, number)?;
            Value::Scalar { time, value }
        }
        "string" => {
            let (time, text) = timed(result, |text| Some(text.as_str()?.to_owned()))?;
            Value::String { time, text }
        }
        "vector" => Value::Vector(list(result).map(instant_sample).collect::<Option<_>>()?),
        "matrix" => Value::Matrix(list(result).map(series).collect::<Option<_>>()?),
        _ => return None,
    })
}

fn labels(metric: &Json) -> Option<Labels> {
    let pairs = metric.as_object()?.iter();
    let pairs: Option<Vec<(&str, &str)>> = pairs
        .map(|(name, value)| Some((name.as_str(), value.as_str()?)))
        .collect();
    Some(Labels::from_pairs(pairs?))
}

fn instant_sample(json: &Json) -> Option<InstantSample> {
    let (time, value) = match json.get("histogram") {
        Some(pair) => {
            let (time, histogram) = timed(pair, histogram)?;
            (time, InstantValue::Histogram(histogram))
        }
        None => {
            let (time, value) = timed(&json["value"], number)?;
            (time, InstantValue::Float(value))
        }
    };
    Some(InstantSample {
        labels: labels(&json["metric"])?,
        time,
        value,
    })
}

fn series(json: &Json) -> Option<RangeSeries> {
    Some(RangeSeries {
        labels: labels(&json["metric"])?,
        floats: list(&json["values"])
            .map(|pair| timed(pair, number))
            .collect::<Option<_>>()?,
        histograms: list(&json["histograms"])
            .map(|pair| timed(pair, histogram))
            .collect::<Option<_>>()?,
    })
}

/// `[seconds, value]`
fn timed<T>(pair: &Json, read: impl FnOnce(&Json) -> Option<T>) -> Option<(i64, T)> {
    let seconds = pair.get(0)?.as_f64()?;
    Some(((seconds * 1_000.0).round() as i64, read(pair.get(1)?)?))
}

/// A number that stands as a text.
fn number(json: &Json) -> Option<f64> {
    json.as_str()?.parse().ok()
}

fn histogram(json: &Json) -> Option<Arc<FloatHistogram>> {
    let bucket = |json: &Json| {
        Some(ShownBucket {
            rule: json.get(0)?.as_f64()?,
            lower: number(json.get(1)?)?,
            upper: number(json.get(2)?)?,
            count: number(json.get(3)?)?,
        })
    };
    let buckets: Vec<ShownBucket> = list(&json["buckets"]).map(bucket).collect::<Option<_>>()?;
    let (count, sum) = (number(&json["count"])?, number(&json["sum"])?);
    Some(Arc::new(shown::histogram(count, sum, &buckets)))
}

#[cfg(test)]
mod tests {
    use narthex_model::Span;

    use super::*;

    #[test]
    fn answers_of_all_types_are_read() {
        let read = |data: &str| {
            read(format!(r#"{{"status":"success","data":{data}}}"#).as_bytes())
                .unwrap()
                .value
        };
        let Value::Scalar { time: 1_500, value } = read(r#"{"resultType":"scalar","result":[1.5,"+Inf"]}"#)
        else {
            unreachable!("a scalar")
        };
        assert_eq!(value, f64::INFINITY);
        let Value::Vector(vector) = read(
            r#"{"resultType":"vector","result":[{"metric":{"a":"b"},"histogram":[1,{"count":"3","sum":"4",
                "buckets":[[3,"-0.5","0.5","1"],[0,"0.5","1","2"]]}]}]}"#,
        ) else {
            unreachable!("a vector")
        };
        let whole = FloatHistogram {
            zero_threshold: 0.5,
            zero_count: 1.0,
            count: 3.0,
            sum: 4.0,
            positive_spans: vec![Span { offset: 0, length: 1 }],
            positive_buckets: vec![2.0],
            ..FloatHistogram::default()
        };
        let InstantValue::Histogram(shown) = &vector[0].value else {
            unreachable!("a histogram")
        };
        assert!(shown::would_be(&whole, shown));
        let other = FloatHistogram {
            zero_threshold: 0.25,
            ..whole
        };
        assert!(!shown::would_be(&other, shown));
    }

    #[test]
    fn errors_are_told() {
        let error = read(br#"{"status":"error","errorType":"bad_data","error":"no"}"#);
        assert_eq!(error.unwrap_err(), "no");
        assert!(read(b"no").is_err());
    }
}
