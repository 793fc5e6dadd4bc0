//! Expressions as `format_query` lays them out: on one line while it is short enough, else indented.

use std::fmt::{self, Write};

use super::expr::{Aggregate, Binary, Call, Expr, Subquery};
use super::print::sign;

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

fn binary(out: &mut String, e: &Binary, level: usize) -> fmt::Result {
    write_expr(out, &e.lhs, level + 1)?;
    out.push('\n');
    indent(out, level);
    e.write_operator(out)?;
    out.push('\n');
    write_expr(out, &e.rhs, level + 1)
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
