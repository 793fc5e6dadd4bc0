//! `/metrics`: the server's own figures as a page for scrapers.

use hyper::StatusCode;
use hyper::header::{self, HeaderValue};

use super::super::body::{Body, Reply, reply};
use super::super::call::Call;
use super::super::compress::{Compressor, negotiate};
use crate::exposition::{Format, MetricKind, Writer};
use crate::telemetry::metrics::{Family, Kind, PointValue};

const CLASSIC: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores";

/// Answers, in OpenMetrics if the client prefers it.
pub(crate) async fn metrics(call: Call) -> Reply {
    let open = prefers_open_metrics(call.header(header::ACCEPT.as_str()));
    let families = call.app.registry.gather();
    let format = if open {
        Format::OpenMetrics
    } else {
        Format::Classic
    };
    let body = Body::whole(page(&families, format));
    let mut answer = reply(StatusCode::OK, if open { OPEN_METRICS } else { CLASSIC }, body);
    if negotiate(call.header(header::ACCEPT_ENCODING.as_str())) == Some("gzip") {
        answer
            .headers_mut()
            .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        answer = answer.map(|body| body.compressed(Compressor::new("gzip")));
    }
    answer
}

/// Whether OpenMetrics stands in the list with at least the weight of plain text.
fn prefers_open_metrics(accept: &str) -> bool {
    let weight = |media: &str| {
        accept
            .split(',')
            .map(str::trim)
            .filter(|offer| offer.split(';').next().is_some_and(|m| m.trim() == media))
            .map(|offer| {
                offer
                    .split(';')
                    .find_map(|p| p.trim().strip_prefix("q=")?.parse::<f64>().ok())
                    .unwrap_or(1.0)
            })
            .fold(0.0, f64::max)
    };
    let open = weight("application/openmetrics-text");
    open > 0.0 && open >= weight("text/plain")
}

fn page(families: &[Family], format: Format) -> String {
    let mut writer = Writer::new(format);
    for family in families {
        let kind = match family.kind {
            Kind::Counter => MetricKind::Counter,
            Kind::Gauge => MetricKind::Gauge,
            Kind::Histogram => MetricKind::Histogram,
            Kind::Summary => MetricKind::Summary,
        };
        writer.family(&family.name, kind, &family.help);
        for point in &family.points {
            let labels: Vec<(&str, &str)> = point
                .labels
                .iter()
                .map(|(n, v)| (n.as_str(), v.as_str()))
                .collect();
            write_point(&mut writer, &family.name, &labels, &point.value);
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

    #[test]
    fn open_metrics_is_chosen_by_weight() {
        let default = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        assert!(prefers_open_metrics(default));
        assert!(!prefers_open_metrics("text/plain;version=0.0.4"));
        assert!(!prefers_open_metrics("*/*"));
        assert!(!prefers_open_metrics(
            "text/plain, application/openmetrics-text;q=0.5"
        ));
        assert!(!prefers_open_metrics("application/openmetrics-text;q=0"));
    }
}
