//! `/api/v1/query_exemplars`: exemplars of the series that an expression selects.

use hyper::StatusCode;
use narthex_model::{Annotations, Labels, Matcher, TimeRange};
use narthex_promql::ast::Expr;
use narthex_tsdb::Exemplar;

use super::super::body::{Reply, reply_empty};
use super::super::call::Call;
use super::super::encode::chunks::List;
use super::super::encode::number::{write_sample, write_timestamp};
use super::super::encode::object::Object;
use super::super::params::time_or;
use super::super::problem::Problem;
use super::data::{store, streamed};

/// Answers.
pub(crate) async fn query_exemplars(mut call: Call) -> Result<Reply, Problem> {
    let form = call.form_or_multipart().await?;
    let min = time_or(&form, "start", TimeRange::ALL.min)?;
    let max = time_or(&form, "end", TimeRange::ALL.max)?;
    if max < min {
        return Err(Problem::bad_data(
            "end timestamp must not be before start timestamp",
        ));
    }
    let features = call.app.queries.engine().options().features;
    let expr = narthex_promql::parse(form.get("query"), &features)
        .map_err(|error| Problem::bad_data(error.to_string()))?;
    let mut sets = Vec::new();
    selectors(&expr, &mut sets);
    if sets.is_empty() {
        return Ok(reply_empty(StatusCode::NO_CONTENT));
    }
    let store = store(&call.app)?;
    let range = TimeRange { min, max };
    let found = call
        .app
        .queries
        .read(false, move |_| store.snapshot().exemplars(&sets, range))
        .await?;
    Ok(streamed(
        Box::new(List::new(found, write_series)),
        &Annotations::default(),
    ))
}

/// The matchers of every selector in the expression.
fn selectors(expr: &Expr, sets: &mut Vec<Vec<Matcher>>) {
    match expr {
        Expr::Vector(e) => sets.push(e.matchers.clone()),
        Expr::Matrix(e) => sets.push(e.vector.matchers.clone()),
        _ => expr.parts().into_iter().for_each(|part| selectors(part, sets)),
    }
}

fn write_series(out: &mut Vec<u8>, (labels, exemplars): (Labels, Vec<Exemplar>)) {
    let mut series = Object::new(out);
    series
        .labels("seriesLabels", &labels)
        .list("exemplars", &exemplars, |out, exemplar| {
            let mut object = Object::new(out);
            object
                .labels("labels", &exemplar.labels)
                .member("value", |out| {
                    out.push(b'"');
                    write_sample(out, exemplar.value);
                    out.push(b'"');
                })
                .member("timestamp", |out| write_timestamp(out, exemplar.time));
            object.end();
        })
        .end();
}
