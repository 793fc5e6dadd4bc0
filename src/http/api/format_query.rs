//! `/api/v1/format_query` and `/api/v1/parse_query`: an expression in its tidy form, and as a tree.

use narthex_promql::ast::Expr;
use narthex_promql::limits::DEPTH_MAX;

use super::super::body::Reply;
use super::super::call::Call;
use super::super::parse_query::{syntax_tree, tree_depth};
use super::super::problem::Problem;
use super::data::value;

async fn parsed(call: &mut Call) -> Result<Expr, Problem> {
    let form = call.form_or_multipart().await?;
    let features = call.app.queries.engine().options().features;
    narthex_promql::parse(form.get("query"), &features).map_err(|error| Problem::invalid("query", error))
}

/// The expression laid out.
pub(crate) async fn format_query(mut call: Call) -> Result<Reply, Problem> {
    Ok(value(&parsed(&mut call).await?.pretty()))
}

/// The expression's syntax tree.
pub(crate) async fn parse_query(mut call: Call) -> Result<Reply, Problem> {
    let expr = parsed(&mut call).await?;
    if tree_depth(&expr) > DEPTH_MAX {
        let reason =
            format!("the tree of this expression has more than {DEPTH_MAX} levels: too many to be shown");
        return Err(Problem::invalid("query", reason));
    }
    Ok(value(&syntax_tree(&expr)))
}
