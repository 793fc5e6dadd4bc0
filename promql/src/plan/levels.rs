//! How deep an expression is, which decides how much stack its evaluation gets.

use crate::ast::{Binary, Expr};
use crate::limits::chain_levels;

/// Levels of the syntax tree: 1 for a number. A chain of operators counts as a few.
pub(crate) fn levels(expr: &Expr) -> usize {
    match expr {
        Expr::Binary(binary) => of_chain(binary),
        _ => expr.parts().into_iter().map(levels).max().unwrap_or(0) + 1,
    }
}

fn of_chain(binary: &Binary) -> usize {
    let (links, first) = binary.chain();
    let mut deepest = levels(first);
    let mut chain = deepest;
    for link in links.iter().rev() {
        let rhs = levels(&link.rhs);
        chain = chain_levels(chain, deepest, rhs);
        deepest = deepest.max(rhs);
    }
    chain
}
