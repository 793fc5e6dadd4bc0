//! Expressions as `format_query` lays them out: on one line while it is short enough, else indented.

use std::fmt::{self, Write};

use super::expr::{Aggregate, Binary, Call, Expr, Subquery};
use super::print::sign;
use crate::limits::DEPTH_MAX;

/// Longest line in bytes that is not split.
const LINE_MAX: usize = 100;

impl Expr {
    /// The expression laid out for reading.
    #[must_use]
    pub fn pretty(&self) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = write_expr(&mut out, self, 0);
        out
    }
}

/// Takes as much text as a line may hold.
struct Line {
    left: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.left = self.left.checked_sub(text.len()).ok_or(fmt::Error)?;
        Ok(())
    }
}

fn fits(expr: &impl fmt::Display) -> bool {
    write!(Line { left: LINE_MAX }, "{expr}").is_ok()
}

fn indent(out: &mut String, level: usize) {
    out.extend(std::iter::repeat_n("  ", level));
}

fn write_expr(out: &mut String, expr: &Expr, level: usize) -> fmt::Result {
    match expr {
        Expr::Aggregate(e) if !fits(e) => aggregate(out, e, level),
        Expr::Binary(e) if !fits(e) => binary(out, e, level),
        Expr::Call(e) if !fits(e) => call(out, e, level),
        Expr::Paren(e) if !fits(expr) => {
            indent(out, level);
            out.push_str("(\n");
            write_expr(out, &e.expr, level + 1)?;
            out.push('\n');
            indent(out, level);
            out.push(')');
            Ok(())
        }
        Expr::Subquery(e) => subquery(out, e, level),
        Expr::Unary(e) => {
            indent(out, level);
            out.push_str(sign(e.minus));
            let from = out.len();
            write_expr(out, &e.expr, level)?;
            // The sign has taken the operand's indentation.
            let spaces = out.get(from..).map_or(0, |t| t.len() - t.trim_start().len());
            out.replace_range(from..from + spaces, "");
            Ok(())
        }
        _ => {
            indent(out, level);
            write!(out, "{expr}")
        }
    }
}

fn aggregate(out: &mut String, e: &Aggregate, level: usize) -> fmt::Result {
    indent(out, level);
    e.write_head(out)?;
    out.push_str("(\n");
    if let Some(param) = &e.param {
        write_expr(out, param, level + 1)?;
        out.push_str(",\n");
    }
    write_expr(out, &e.expr, level + 1)?;
    out.push('\n');
    indent(out, level);
    out.push(')');
    Ok(())
}

/// Each operation stands one level left of those before it in the chain, unless the chain is so long that its
/// indentation would outgrow it: then all stand on one level.
fn binary(out: &mut String, e: &Binary, level: usize) -> fmt::Result {
    let (links, first) = e.chain();
    let level_of = |at: usize| level + if links.len() > DEPTH_MAX { 0 } else { at };
    // What fits on a line has fewer operators than the line has letters.
    let rest = links.len().saturating_sub(LINE_MAX).max(1);
    let short = (rest..links.len()).find(|at| links.get(*at).is_some_and(|link| fits(*link)));
    let split = short.unwrap_or(links.len());
    match links.get(split) {
        Some(link) => {
            indent(out, level_of(split));
            write!(out, "{link}")?;
        }
        None => write_expr(out, first, level_of(split))?,
    }
    for (at, link) in links.iter().enumerate().take(split).rev() {
        out.push('\n');
        indent(out, level_of(at));
        link.write_operator(out)?;
        out.push('\n');
        write_expr(out, &link.rhs, level_of(at) + 1)?;
    }
    Ok(())
}

fn call(out: &mut String, e: &Call, level: usize) -> fmt::Result {
    indent(out, level);
    out.push_str(&e.function);
    out.push_str("(\n");
    for (at, arg) in e.args.iter().enumerate() {
        if at > 0 {
            out.push_str(",\n");
        }
        write_expr(out, arg, level + 1)?;
    }
    out.push('\n');
    indent(out, level);
    out.push(')');
    Ok(())
}

/// A short subquery is not indented: Prometheus forgets it.
fn subquery(out: &mut String, e: &Subquery, level: usize) -> fmt::Result {
    if fits(e) {
        return write!(out, "{e}");
    }
    write_expr(out, &e.expr, level)?;
    e.write_suffix(out)
}
