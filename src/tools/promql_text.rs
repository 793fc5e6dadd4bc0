//! `promql format` and `promql label-matchers`: expressions laid out and changed.

use super::arguments::Given;
use super::streams::{DONE, FAILED, Streams};
use narthex_model::{MatchOp, Matcher};
use narthex_promql::ast::{Expr, VectorSelector};
use narthex_promql::{Features, parse};
use std::io;

/// Lays an expression out.
pub(super) fn format(given: &Given, streams: &mut Streams<'_>) -> io::Result<u8> {
    edit(given, streams, &|_| {})
}

/// Sets a matcher in every selector.
pub(super) fn set(given: &Given, streams: &mut Streams<'_>) -> io::Result<u8> {
    let (name, value) = (given.arg(1), given.arg(2));
    let op = match given.text("type") {
        "!=" => MatchOp::NotEqual,
        "=~" => MatchOp::Regex,
        "!~" => MatchOp::NotRegex,
        _ => MatchOp::Equal,
    };
    let matcher = match Matcher::new(op, name, value) {
        Ok(matcher) => matcher,
        Err(error) => {
            streams.complain(error.to_string());
            return Ok(FAILED);
        }
    };
    edit(given, streams, &|selector| {
        let old = selector
            .matchers
            .iter_mut()
            .find(|old| old.name == name && old.op == op);
        match old {
            Some(old) => *old = matcher.clone(),
            None => selector.matchers.push(matcher.clone()),
        }
    })
}

/// Removes a label's matchers from every selector.
pub(super) fn delete(given: &Given, streams: &mut Streams<'_>) -> io::Result<u8> {
    let name = given.arg(1);
    edit(given, streams, &|selector| {
        selector.matchers.retain(|matcher| matcher.name != name)
    })
}

fn edit(given: &Given, streams: &mut Streams<'_>, change: &dyn Fn(&mut VectorSelector)) -> io::Result<u8> {
    match parse(given.arg(0), &Features::ALL) {
        Ok(mut expr) => {
            each_selector(&mut expr, change);
            streams.say(expr.pretty())?;
            Ok(DONE)
        }
        Err(error) => {
            streams.complain(error.to_string());
            Ok(FAILED)
        }
    }
}

fn each_selector(expr: &mut Expr, change: &dyn Fn(&mut VectorSelector)) {
    match expr {
        Expr::Aggregate(e) => {
            each_selector(&mut e.expr, change);
            if let Some(param) = &mut e.param {
                each_selector(param, change);
            }
        }
        Expr::Binary(e) => {
            each_selector(&mut e.rhs, change);
            let mut rest = &mut e.lhs;
            // A chain of operators may be long.
            loop {
                match rest {
                    Expr::Binary(link) => {
                        each_selector(&mut link.rhs, change);
                        rest = &mut link.lhs;
                    }
                    first => break each_selector(first, change),
                }
            }
        }
        Expr::Call(e) => e.args.iter_mut().for_each(|arg| each_selector(arg, change)),
        Expr::Matrix(e) => change(&mut e.vector),
        Expr::Subquery(e) => each_selector(&mut e.expr, change),
        Expr::Paren(e) => each_selector(&mut e.expr, change),
        Expr::Unary(e) => each_selector(&mut e.expr, change),
        Expr::Vector(e) => change(e),
        Expr::Number(_) | Expr::String(_) => {}
    }
}
