//! How deep an expression is, which decides how much stack its evaluation gets.

use crate::ast::Expr;

/// Levels of the syntax tree: 1 for a number.
pub(crate) fn levels(expr: &Expr) -> usize {
    let below = match expr {
        Expr::Number(_) | Expr::String(_) | Expr::Vector(_) | Expr::Matrix(_) => 0,
        Expr::Paren(paren) => levels(&paren.expr),
        Expr::Unary(unary) => levels(&unary.expr),
        Expr::Subquery(subquery) => levels(&subquery.expr),
        Expr::Binary(binary) => levels(&binary.lhs).max(levels(&binary.rhs)),
        Expr::Aggregate(aggregate) => {
            let param = aggregate.param.as_ref().map_or(0, levels);
            levels(&aggregate.expr).max(param)
        }
        Expr::Call(call) => call.args.iter().map(levels).max().unwrap_or(0),
    };
    below + 1
}
