//! Writes pages of protobuf: families with their metrics as length-delimited messages.
//!
//! Source of the messages: `io/prometheus/client/metrics.proto`.

use narthex_model::{FloatHistogram, Span};
use prost::Message as _;

use super::super::MetricKind;

/// The value of a metric, whose kind is its family's.
#[derive(Debug, Clone, Copy)]
pub enum PageValue<'v> {
    /// Of a counter, a gauge, or a metric of unknown kind.
    Number(f64),
    /// Quantiles with their values.
    Summary {
        /// What the quantiles are of.
        quantiles: &'v [(f64, f64)],
        /// Sum of all observations.
        sum: f64,
        /// How many there were.
        count: u64,
    },
    /// Observations up to each bound; all of them are up to `+Inf`.
    Classic {
        /// Bounds, ascending, with the observations up to them.
        buckets: &'v [(f64, u64)],
        /// Sum of all observations.
        sum: f64,
        /// How many there were.
        count: u64,
    },
    /// A native histogram.
    Native(&'v FloatHistogram),
}

/// Collects a page family by family.
#[derive(Debug, Default)]
pub struct ProtobufPage {
    bytes: Vec<u8>,
    family: Option<Family>,
}

impl ProtobufPage {
    /// Begins a family.
    pub fn family(&mut self, name: &str, kind: MetricKind, help: &str) {
        self.end_family();
        self.family = Some(Family {
            name: Some(name.to_owned()),
            help: (!help.is_empty()).then(|| help.to_owned()),
            kind: Some(match kind {
                MetricKind::Counter => COUNTER,
                MetricKind::Gauge => GAUGE,
                MetricKind::Summary => SUMMARY,
                MetricKind::Histogram => HISTOGRAM,
                MetricKind::GaugeHistogram => GAUGE_HISTOGRAM,
                MetricKind::Unknown | MetricKind::Info | MetricKind::StateSet => UNTYPED,
            }),
            metrics: Vec::new(),
        });
    }

    /// One metric of the family begun last, with a time in Unix milliseconds.
    pub fn metric(&mut self, labels: &[(&str, &str)], value: PageValue<'_>, timestamp: Option<i64>) {
        let Some(family) = &mut self.family else {
            return;
        };
        let mut metric = Metric {
            labels: labels
                .iter()
                .map(|(name, value)| Pair {
                    name: Some((*name).to_owned()),
                    value: Some((*value).to_owned()),
                })
                .collect(),
            timestamp_ms: timestamp,
            ..Metric::default()
        };
        match value {
            PageValue::Number(value) => {
                let number = Some(Number { value: Some(value) });
                match family.kind {
                    Some(COUNTER) => metric.counter = number,
                    Some(GAUGE) => metric.gauge = number,
                    _ => metric.untyped = number,
                }
            }
            PageValue::Summary {
                quantiles,
                sum,
                count,
            } => {
                metric.summary = Some(Summary {
                    sample_count: Some(count),
                    sample_sum: Some(sum),
                    quantiles: quantiles
                        .iter()
                        .map(|(quantile, value)| Quantile {
                            quantile: Some(*quantile),
                            value: Some(*value),
                        })
                        .collect(),
                });
            }
            PageValue::Classic { buckets, sum, count } => {
                metric.histogram = Some(Histogram {
                    sample_count: Some(count),
                    sample_sum: Some(sum),
                    buckets: buckets
                        .iter()
                        .map(|(bound, count)| Bucket {
                            cumulative_count: Some(*count),
                            upper_bound: Some(*bound),
                        })
                        .collect(),
                    ..Histogram::default()
                });
            }
            PageValue::Native(native) => metric.histogram = Some(Histogram::from(native)),
        }
        family.metrics.push(metric);
    }

    /// The page so far; a family that was begun has ended.
    pub fn take(&mut self) -> Vec<u8> {
        self.end_family();
        std::mem::take(&mut self.bytes)
    }

    fn end_family(&mut self) {
        if let Some(family) = self.family.take() {
            self.bytes
                .extend_from_slice(&family.encode_length_delimited_to_vec());
        }
    }
}

impl From<&FloatHistogram> for Histogram {
    fn from(h: &FloatHistogram) -> Self {
        let mut positive_spans = spans(&h.positive_spans);
        if positive_spans.is_empty() && h.negative_spans.is_empty() && h.zero_threshold == 0.0 {
            // Without an empty span nothing would tell it from a classic histogram.
            positive_spans.push(BucketSpan {
                offset: Some(0),
                length: Some(0),
            });
        }
        Self {
            sample_count_float: Some(h.count),
            sample_sum: Some(h.sum),
            schema: Some(h.schema),
            zero_threshold: Some(h.zero_threshold),
            zero_count_float: Some(h.zero_count),
            positive_spans,
            positive_counts: h.positive_buckets.clone(),
            negative_spans: spans(&h.negative_spans),
            negative_counts: h.negative_buckets.clone(),
            ..Self::default()
        }
    }
}

fn spans(spans: &[Span]) -> Vec<BucketSpan> {
    let spans = spans.iter().map(|span| BucketSpan {
        offset: Some(span.offset),
        length: Some(span.length),
    });
    spans.collect()
}

const COUNTER: i32 = 0;
const GAUGE: i32 = 1;
const SUMMARY: i32 = 2;
const UNTYPED: i32 = 3;
const HISTOGRAM: i32 = 4;
const GAUGE_HISTOGRAM: i32 = 5;

#[derive(Clone, PartialEq, prost::Message)]
struct Family {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    help: Option<String>,
    #[prost(int32, optional, tag = "3")]
    kind: Option<i32>,
    #[prost(message, repeated, tag = "4")]
    metrics: Vec<Metric>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Metric {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Pair>,
    #[prost(message, optional, tag = "2")]
    gauge: Option<Number>,
    #[prost(message, optional, tag = "3")]
    counter: Option<Number>,
    #[prost(message, optional, tag = "4")]
    summary: Option<Summary>,
    #[prost(message, optional, tag = "5")]
    untyped: Option<Number>,
    #[prost(int64, optional, tag = "6")]
    timestamp_ms: Option<i64>,
    #[prost(message, optional, tag = "7")]
    histogram: Option<Histogram>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Pair {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    value: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Number {
    #[prost(double, optional, tag = "1")]
    value: Option<f64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Summary {
    #[prost(uint64, optional, tag = "1")]
    sample_count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    sample_sum: Option<f64>,
    #[prost(message, repeated, tag = "3")]
    quantiles: Vec<Quantile>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Quantile {
    #[prost(double, optional, tag = "1")]
    quantile: Option<f64>,
    #[prost(double, optional, tag = "2")]
    value: Option<f64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Histogram {
    #[prost(uint64, optional, tag = "1")]
    sample_count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    sample_sum: Option<f64>,
    #[prost(message, repeated, tag = "3")]
    buckets: Vec<Bucket>,
    #[prost(double, optional, tag = "4")]
    sample_count_float: Option<f64>,
    #[prost(sint32, optional, tag = "5")]
    schema: Option<i32>,
    #[prost(double, optional, tag = "6")]
    zero_threshold: Option<f64>,
    #[prost(double, optional, tag = "8")]
    zero_count_float: Option<f64>,
    #[prost(message, repeated, tag = "9")]
    negative_spans: Vec<BucketSpan>,
    #[prost(double, repeated, packed = "false", tag = "11")]
    negative_counts: Vec<f64>,
    #[prost(message, repeated, tag = "12")]
    positive_spans: Vec<BucketSpan>,
    #[prost(double, repeated, packed = "false", tag = "14")]
    positive_counts: Vec<f64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Bucket {
    #[prost(uint64, optional, tag = "1")]
    cumulative_count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    upper_bound: Option<f64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct BucketSpan {
    #[prost(sint32, optional, tag = "1")]
    offset: Option<i32>,
    #[prost(uint32, optional, tag = "2")]
    length: Option<u32>,
}
