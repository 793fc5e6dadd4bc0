//! `/metrics`: the server's own figures as a page for scrapers.

use hyper::StatusCode;
use hyper::header::{self, HeaderValue};

use super::super::accept::{PageForm, choose};
use super::super::body::{Body, Reply, reply};
use super::super::call::Call;
use super::super::compress::{Compressor, negotiate};
use crate::exposition::{Format, MetricKind, PageValue, ProtobufPage, Writer};
use crate::telemetry::metrics::{Family, Kind, PointValue};

const CLASSIC: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores";

pub(super) const PROTOBUF: &str = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=underscores";

/// Answers, in the form that the client likes best.
pub(crate) async fn metrics(call: Call) -> Reply {
    let known = [PageForm::Classic, PageForm::OpenMetrics, PageForm::Protobuf];
    let (form, _) = choose(call.header(header::ACCEPT.as_str()), &known);
    let families = call.app.registry.gather();
    let (content_type, body) = match form {
        PageForm::Classic => (CLASSIC, page(&families, Format::Classic).into_bytes()),
        PageForm::OpenMetrics => (OPEN_METRICS, page(&families, Format::OpenMetrics).into_bytes()),
        PageForm::Protobuf => (PROTOBUF, protobuf(&families)),
    };
    let mut answer = reply(StatusCode::OK, content_type, Body::whole(body));
    if negotiate(call.header(header::ACCEPT_ENCODING.as_str())) == Some("gzip") {
        answer
            .headers_mut()
            .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        answer = answer.map(|body| body.compressed(Compressor::new("gzip")));
    }
    answer
}

const fn kind(kind: Kind) -> MetricKind {
    match kind {
        Kind::Counter => MetricKind::Counter,
        Kind::Gauge => MetricKind::Gauge,
        Kind::Histogram => MetricKind::Histogram,
        Kind::Summary => MetricKind::Summary,
    }
}

fn pairs(labels: &[(String, String)]) -> Vec<(&str, &str)> {
    labels.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect()
}

fn protobuf(families: &[Family]) -> Vec<u8> {
    let mut page = ProtobufPage::default();
    for family in families {
        page.family(&family.name, kind(family.kind), &family.help);
        for point in &family.points {
            let value = match &point.value {
                PointValue::Number(number) => PageValue::Number(*number),
                PointValue::Histogram { buckets, sum, count } => PageValue::Classic {
                    buckets,
                    sum: *sum,
                    count: *count,
                },
                PointValue::Summary {
                    quantiles,
                    sum,
                    count,
                } => PageValue::Summary {
                    quantiles,
                    sum: *sum,
                    count: *count,
                },
            };
            page.metric(&pairs(&point.labels), value, None);
        }
    }
    page.take()
}

fn page(families: &[Family], format: Format) -> String {
    let mut writer = Writer::new(format);
    for family in families {
        writer.family(&family.name, kind(family.kind), &family.help);
        for point in &family.points {
            write_point(&mut writer, &family.name, &pairs(&point.labels), &point.value);
        }
    }
    writer.finish()
}

fn write_point(writer: &mut Writer, name: &str, labels: &[(&str, &str)], value: &PointValue) {
    let (sum, count) = match value {
        PointValue::Number(number) => return writer.sample(name, labels, *number),
        PointValue::Histogram { buckets, sum, count } => {
            let name = format!("{name}_bucket");
            for (bound, below) in buckets.iter().copied().chain([(f64::INFINITY, *count)]) {
                write_with(writer, &name, labels, ("le", bound), below as f64);
            }
            (sum, count)
        }
        PointValue::Summary {
            quantiles,
            sum,
            count,
        } => {
            for (quantile, value) in quantiles {
                write_with(writer, name, labels, ("quantile", *quantile), *value);
            }
            (sum, count)
        }
    };
    writer.sample(&format!("{name}_sum"), labels, *sum);
    writer.sample(&format!("{name}_count"), labels, *count as f64);
}

/// A sample with one more label, whose value is a number in the page's form.
fn write_with(writer: &mut Writer, name: &str, labels: &[(&str, &str)], extra: (&str, f64), value: f64) {
    let bound = writer.float(extra.1);
    let mut labels = labels.to_vec();
    labels.push((extra.0, &bound));
    writer.sample(name, &labels, value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::metrics::Registry;

    #[test]
    fn pages_in_both_formats() {
        let registry = Registry::new();
        registry
            .counters("a_total", "A.", &["x"])
            .with(&["1\"\n"])
            .add(2.0);
        registry.histogram("h", "H.", &[0.1, 1.0]).observe(0.5);
        registry.summary("s", "S.", &[0.5]);
        let families = registry.gather();
        assert_eq!(
            page(&families, Format::Classic),
            "# HELP a_total A.\n# TYPE a_total counter\na_total{x=\"1\\\"\\n\"} 2\n\
             # HELP h H.\n# TYPE h histogram\nh_bucket{le=\"0.1\"} 0\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum 0.5\nh_count 1\n\
             # HELP s S.\n# TYPE s summary\ns{quantile=\"0.5\"} NaN\ns_sum 0\ns_count 0\n"
        );
        let open = page(&families, Format::OpenMetrics);
        assert!(
            open.starts_with("# HELP a A.\n# TYPE a counter\na_total{x=\"1\\\"\\n\"} 2.0\n"),
            "{open}"
        );
        assert!(
            open.contains("h_bucket{le=\"1.0\"} 1") && open.ends_with("# EOF\n"),
            "{open}"
        );
    }
}
