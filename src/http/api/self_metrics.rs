//! `/api/v1/status/self_metrics`: the server's own figures as JSON, in the form that protobuf's families have there.

use narthex_model::{Annotations, Pattern};

use super::super::body::Reply;
use super::super::call::Call;
use super::super::encode::chunks::Whole;
use super::super::encode::number::write_json;
use super::super::encode::object::{Object, write_list};
use super::super::encode::text::write_text;
use super::super::params::well_formed;
use super::super::problem::Problem;
use super::data::streamed;
use crate::telemetry::metrics::{Family, Kind, Point, PointValue};

/// Answers; `metric_name_pattern` must match the whole name.
pub(crate) async fn self_metrics(call: Call) -> Result<Reply, Problem> {
    let form = call.url_form();
    well_formed(&form)?;
    let pattern = match form.get("metric_name_pattern") {
        "" => None,
        text => Some(Pattern::new(text).map_err(|e| Problem::invalid("metric_name_pattern", e))?),
    };
    let families = call.app.registry.gather();
    let wanted = families
        .iter()
        .filter(|family| pattern.as_ref().is_none_or(|p| p.is_match(&family.name)));
    let mut out = Vec::new();
    write_list(&mut out, wanted, write_family);
    Ok(streamed(Box::new(Whole(out)), &Annotations::default()))
}

fn write_family(out: &mut Vec<u8>, family: &Family) {
    let kind = match family.kind {
        Kind::Counter => "COUNTER",
        Kind::Gauge => "GAUGE",
        Kind::Histogram => "HISTOGRAM",
        Kind::Summary => "SUMMARY",
    };
    Object::new(out)
        .text("name", &family.name)
        .text("help", &family.help)
        .text("type", kind)
        .list("metric", &family.points, |out, point| {
            write_point(out, family.kind, point);
        })
        .end();
}

fn write_point(out: &mut Vec<u8>, kind: Kind, point: &Point) {
    let mut object = Object::new(out);
    if !point.labels.is_empty() {
        object.list("label", &point.labels, |out, (name, value)| {
            Object::new(out).text("name", name).text("value", value).end();
        });
    }
    match &point.value {
        PointValue::Number(number) => {
            let key = if kind == Kind::Counter { "counter" } else { "gauge" };
            object.member(key, |out| {
                Object::new(out)
                    .member("value", |out| write_double(out, *number))
                    .end();
            })
        }
        PointValue::Histogram { buckets, sum, count } => object.member("histogram", |out| {
            write_sums(&mut Object::new(out), *sum, *count)
                .list("bucket", buckets, |out, (bound, below)| {
                    Object::new(out)
                        .text("cumulativeCount", &below.to_string())
                        .member("upperBound", |out| write_double(out, *bound))
                        .end();
                })
                .end();
        }),
        PointValue::Summary {
            quantiles,
            sum,
            count,
        } => object.member("summary", |out| {
            write_sums(&mut Object::new(out), *sum, *count)
                .list("quantile", quantiles, |out, (quantile, value)| {
                    Object::new(out)
                        .member("quantile", |out| write_double(out, *quantile))
                        .member("value", |out| write_double(out, *value))
                        .end();
                })
                .end();
        }),
    }
    .end();
}

/// Whole numbers of 64 bits are texts in protobuf's JSON.
fn write_sums<'a, 'o>(object: &'a mut Object<'o>, sum: f64, count: u64) -> &'a mut Object<'o> {
    object
        .text("sampleCount", &count.to_string())
        .member("sampleSum", |out| write_double(out, sum))
}

/// A number; what JSON has no number for is a text in protobuf's JSON.
fn write_double(out: &mut Vec<u8>, value: f64) {
    match value {
        v if v.is_nan() => write_text(out, "NaN"),
        f64::INFINITY => write_text(out, "Infinity"),
        f64::NEG_INFINITY => write_text(out, "-Infinity"),
        v => write_json(out, v),
    }
}
