//! Chains of operators: `a or b or c` is a tree that leans to the left, and may lean far.
//!
//! Whoever walks a tree walks such a chain in a loop, so that only what is really nested takes stack.

use std::fmt;

use super::expr::{Binary, Expr, NumberLiteral};
use crate::span::Span;

impl Expr {
    /// The expressions of which this one is made, in the order of the text; of a chain all at once.
    #[must_use]
    pub fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Number(_) | Self::String(_) | Self::Vector(_) | Self::Matrix(_) => Vec::new(),
            Self::Paren(e) => vec![&e.expr],
            Self::Unary(e) => vec![&e.expr],
            Self::Subquery(e) => vec![&e.expr],
            Self::Aggregate(e) => e.param.iter().chain([&e.expr]).collect(),
            Self::Call(e) => e.args.iter().collect(),
            Self::Binary(e) => {
                let (links, first) = e.chain();
                let right = links.iter().rev().map(|link| &link.rhs);
                std::iter::once(first).chain(right).collect()
            }
        }
    }
}

impl Binary {
    /// The operations of the chain that ends here, the last one (this) first, and what stands at its beginning.
    #[must_use]
    pub fn chain(&self) -> (Vec<&Self>, &Expr) {
        let (mut links, mut first) = (vec![self], &self.lhs);
        while let Expr::Binary(link) = first {
            links.push(link);
            first = &link.lhs;
        }
        (links, first)
    }

    /// Without the left side.
    fn clone_link(&self, lhs: Expr) -> Self {
        Self {
            op: self.op,
            lhs,
            rhs: self.rhs.clone(),
            matching: self.matching.clone(),
            return_bool: self.return_bool,
            op_span: self.op_span,
            span: self.span,
        }
    }

    fn same_link(&self, other: &Self) -> bool {
        (self.op, self.return_bool, self.op_span, self.span)
            == (other.op, other.return_bool, other.op_span, other.span)
            && self.matching == other.matching
            && self.rhs == other.rhs
    }

    /// The left side, in whose place something small is left.
    pub(crate) fn take_lhs(&mut self) -> Expr {
        let nothing = NumberLiteral {
            value: 0.0,
            is_duration: false,
            span: Span::default(),
        };
        std::mem::replace(&mut self.lhs, Expr::Number(nothing))
    }
}

impl Clone for Binary {
    fn clone(&self) -> Self {
        let (links, first) = self.chain();
        let lower = links.iter().skip(1).rev();
        let lhs = lower.fold(first.clone(), |lhs, link| {
            Expr::Binary(Box::new(link.clone_link(lhs)))
        });
        self.clone_link(lhs)
    }
}

impl PartialEq for Binary {
    fn eq(&self, other: &Self) -> bool {
        let ((links, first), (others, other_first)) = (self.chain(), other.chain());
        links.len() == others.len()
            && links
                .iter()
                .zip(others)
                .all(|(link, other)| link.same_link(other))
            && first == other_first
    }
}

impl fmt::Debug for Binary {
    /// As it is written: the fields of a long chain would be nested as deep.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Binary({self})")
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        if let Expr::Binary(_) = self.lhs {
            let mut rest = self.take_lhs();
            while let Expr::Binary(link) = &mut rest {
                rest = link.take_lhs();
            }
        }
    }
}
