//! `/api/v1/query_exemplars`: exemplars of the series that an expression selects.

use hyper::StatusCode;
use narthex_model::Annotations;
use narthex_promql::ast::Expr;

use super::super::body::{Reply, reply_empty};
use super::super::call::Call;
use super::super::encode::chunks::Whole;
use super::super::params::time_or;
use super::super::problem::Problem;
use super::data::streamed;

/// Answers. The store keeps no exemplars yet, so there are none to show; the request is checked all the same.
pub(crate) async fn query_exemplars(mut call: Call) -> Result<Reply, Problem> {
    let form = call.form_or_multipart().await?;
    let start = time_or(&form, "start", i64::MIN)?;
    let end = time_or(&form, "end", i64::MAX)?;
    if end < start {
        return Err(Problem::bad_data(
            "end timestamp must not be before start timestamp",
        ));
    }
    let features = call.app.queries.engine().options().features;
    let expr = narthex_promql::parse(form.get("query"), &features)
        .map_err(|error| Problem::bad_data(error.to_string()))?;
    if !selects(&expr) {
        return Ok(reply_empty(StatusCode::NO_CONTENT));
    }
    Ok(streamed(Box::new(Whole(b"[]".to_vec())), &Annotations::default()))
}

/// Whether the expression holds a selector.
fn selects(expr: &Expr) -> bool {
    match expr {
        Expr::Vector(_) | Expr::Matrix(_) => true,
        Expr::Number(_) | Expr::String(_) => false,
        Expr::Aggregate(e) => selects(&e.expr) || e.param.as_ref().is_some_and(selects),
        Expr::Binary(e) => selects(&e.lhs) || selects(&e.rhs),
        Expr::Call(e) => e.args.iter().any(selects),
        Expr::Subquery(e) => selects(&e.expr),
        Expr::Paren(e) => selects(&e.expr),
        Expr::Unary(e) => selects(&e.expr),
    }
}
