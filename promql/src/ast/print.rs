//! Expressions on one line, in the form that error texts and annotations quote.

use std::fmt::{self, Display, Formatter, Write};

use narthex_model::labels::{is_legacy_label_name, write_quoted};
use narthex_model::{Duration, METRIC_NAME, MatchOp};

use super::duration::DurationExpr;
use super::expr::{
    Aggregate, AtBound, Binary, Call, Expr, MatrixSelector, Modifiers, NumberLiteral, StringLiteral,
    Subquery, VectorMatching, VectorSelector,
};
use super::op::Cardinality;

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aggregate(e) => e.fmt(f),
            Self::Binary(e) => e.fmt(f),
            Self::Call(e) => e.fmt(f),
            Self::Matrix(e) => e.fmt(f),
            Self::Subquery(e) => e.fmt(f),
            Self::Number(e) => e.fmt(f),
            Self::Paren(e) => write!(f, "({})", e.expr),
            Self::String(e) => e.fmt(f),
            Self::Unary(e) => write!(f, "{}{}", sign(e.minus), e.expr),
            Self::Vector(e) => e.fmt(f),
        }
    }
}

pub(super) const fn sign(minus: bool) -> &'static str {
    if minus { "-" } else { "+" }
}

impl Display for Aggregate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write_head(f)?;
        f.write_str("(")?;
        if let Some(param) = &self.param {
            write!(f, "{param}, ")?;
        }
        write!(f, "{})", self.expr)
    }
}

impl Aggregate {
    /// The operator with its labels: what stands before the parenthesis.
    pub(super) fn write_head(&self, out: &mut impl Write) -> fmt::Result {
        out.write_str(self.op.as_str())?;
        if self.without {
            out.write_str(" without ")?;
        } else if !self.grouping.is_empty() {
            out.write_str(" by ")?;
        } else {
            return Ok(());
        }
        write_labels(out, &self.grouping)?;
        out.write_str(" ")
    }
}

/// `(a, "b c")`
fn write_labels(out: &mut impl Write, labels: &[String]) -> fmt::Result {
    out.write_str("(")?;
    for (at, label) in labels.iter().enumerate() {
        if at > 0 {
            out.write_str(", ")?;
        }
        if is_legacy_label_name(label) {
            out.write_str(label)?;
        } else {
            write_quoted(out, label)?;
        }
    }
    out.write_str(")")
}

impl Display for Binary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (links, first) = self.chain();
        first.fmt(f)?;
        for link in links.iter().rev() {
            f.write_str(" ")?;
            link.write_operator(f)?;
            write!(f, " {}", link.rhs)?;
        }
        Ok(())
    }
}

impl Binary {
    /// The operator with `bool` and vector matching.
    pub(super) fn write_operator(&self, out: &mut impl Write) -> fmt::Result {
        out.write_str(self.op.as_str())?;
        if self.return_bool {
            out.write_str(" bool")?;
        }
        self.matching.as_ref().map_or(Ok(()), |m| write_matching(out, m))
    }
}

fn write_matching(out: &mut impl Write, matching: &VectorMatching) -> fmt::Result {
    let side = match matching.card {
        Cardinality::ManyToOne => Some(" group_left "),
        Cardinality::OneToMany => Some(" group_right "),
        Cardinality::OneToOne | Cardinality::ManyToMany => None,
    };
    if matching.on || !matching.labels.is_empty() || side.is_some() {
        out.write_str(if matching.on { " on " } else { " ignoring " })?;
        write_labels(out, &matching.labels)?;
    }
    if let Some(side) = side {
        out.write_str(side)?;
        write_labels(out, &matching.include)?;
    }
    match (matching.fill_left, matching.fill_right) {
        (Some(left), Some(right)) if left.to_bits() == right.to_bits() => write_fill(out, "fill", left),
        (left, right) => {
            left.map_or(Ok(()), |v| write_fill(out, "fill_left", v))?;
            right.map_or(Ok(()), |v| write_fill(out, "fill_right", v))
        }
    }
}

fn write_fill(out: &mut impl Write, word: &str, value: f64) -> fmt::Result {
    write!(out, " {word} (")?;
    let size = value.abs();
    if size != 0.0 && size.is_finite() && !(1e-4..1e21).contains(&size) {
        // Go's exponents have a sign and two digits at least.
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(out, "{digits}e{sign}{:02})", exponent.unsigned_abs())
    } else {
        write_float(out, value)?;
        out.write_str(")")
    }
}

/// The shortest digits that are this float, without an exponent.
fn write_float(out: &mut impl Write, value: f64) -> fmt::Result {
    if value.is_nan() {
        out.write_str("NaN")
    } else if value.is_infinite() {
        out.write_str(if value > 0.0 { "+Inf" } else { "-Inf" })
    } else {
        write!(out, "{value}")
    }
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.function)?;
        for (at, arg) in self.args.iter().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            arg.fmt(f)?;
        }
        f.write_str(")")
    }
}

impl Display for VectorSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write_matchers(f)?;
        write_at(f, &self.modifiers)?;
        self.write_extended(f)?;
        write_offset(f, &self.modifiers)
    }
}

impl VectorSelector {
    /// Name and matchers; these sorted as texts.
    fn write_matchers(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        let mut texts: Vec<String> = self
            .matchers
            .iter()
            .filter(|m| {
                self.name.is_empty()
                    || m.op != MatchOp::Equal
                    || m.name != METRIC_NAME
                    || m.value != self.name
            })
            .map(ToString::to_string)
            .collect();
        if texts.is_empty() && !self.name.is_empty() {
            return Ok(());
        }
        texts.sort_unstable();
        write!(f, "{{{}}}", texts.join(","))
    }

    fn write_extended(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.anchored, self.smoothed) {
            (true, _) => " anchored",
            (_, true) => " smoothed",
            _ => "",
        })
    }
}

fn write_at(out: &mut impl Write, modifiers: &Modifiers) -> fmt::Result {
    match (modifiers.timestamp, modifiers.at) {
        (Some(ms), _) => write!(out, " @ {:.3}", ms as f64 / 1_000.0),
        (None, Some(AtBound::Start)) => out.write_str(" @ start()"),
        (None, Some(AtBound::End)) => out.write_str(" @ end()"),
        (None, None) => Ok(()),
    }
}

fn write_offset(out: &mut impl Write, modifiers: &Modifiers) -> fmt::Result {
    match (&modifiers.offset_expr, modifiers.offset_ms) {
        (Some(expr), _) => write!(out, " offset {expr}"),
        (None, 0) => Ok(()),
        (None, ms) => write!(out, " offset {}", signed_duration(ms)),
    }
}

/// Milliseconds as a duration, with a sign if they are negative.
fn signed_duration(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    format!("{sign}{}", Duration::from_millis(ms.saturating_abs()))
}

/// A length as it was written: a literal, or what it is computed from.
fn write_length(out: &mut impl Write, ms: i64, expr: Option<&DurationExpr>) -> fmt::Result {
    match expr {
        Some(expr) => write!(out, "{expr}"),
        None => write!(out, "{}", signed_duration(ms)),
    }
}

impl Display for MatrixSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.vector.write_matchers(f)?;
        f.write_str("[")?;
        write_length(f, self.range_ms, self.range_expr.as_deref())?;
        f.write_str("]")?;
        self.vector.write_extended(f)?;
        write_at(f, &self.vector.modifiers)?;
        write_offset(f, &self.vector.modifiers)
    }
}

impl Display for Subquery {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.expr.fmt(f)?;
        self.write_suffix(f)
    }
}

impl Subquery {
    /// `[5m:1m] @ 10 offset 1m`
    pub(super) fn write_suffix(&self, out: &mut impl Write) -> fmt::Result {
        out.write_str("[")?;
        write_length(out, self.range_ms, self.range_expr.as_deref())?;
        out.write_str(":")?;
        if self.step_ms != 0 || self.step_expr.is_some() {
            write_length(out, self.step_ms, self.step_expr.as_deref())?;
        }
        out.write_str("]")?;
        write_at(out, &self.modifiers)?;
        write_offset(out, &self.modifiers)
    }
}

impl Display for NumberLiteral {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.is_duration {
            // Go truncates the nanoseconds.
            f.write_str(&signed_duration((self.value * 1e9) as i64 / 1_000_000))
        } else {
            write_float(f, self.value)
        }
    }
}

impl NumberLiteral {
    /// The number alone, as on the wire: a duration as its seconds.
    #[must_use]
    pub fn plain(&self) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = write_float(&mut out, self.value);
        out
    }
}

impl Display for StringLiteral {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.quoted {
            Some(quoted) => f.write_str(quoted),
            None => write_quoted(f, &self.value),
        }
    }
}

impl Display for DurationExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (Self::Binary { wrapped, .. }
        | Self::Unary { wrapped, .. }
        | Self::Step { wrapped, .. }
        | Self::Range { wrapped, .. }
        | Self::MinMax { wrapped, .. }) = self
        else {
            return self.write_inner(f);
        };
        if *wrapped {
            f.write_str("(")?;
            self.write_inner(f)?;
            f.write_str(")")
        } else {
            self.write_inner(f)
        }
    }
}

impl DurationExpr {
    fn write_inner(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Binary { op, lhs, rhs, .. } => write!(f, "{lhs} {} {rhs}", op.as_str()),
            // A plus is not shown.
            Self::Unary { minus, expr, .. } => write!(f, "{}{expr}", if *minus { "-" } else { "" }),
            Self::Step { .. } => f.write_str("step()"),
            Self::Range { .. } => f.write_str("range()"),
            Self::MinMax { max, lhs, rhs, .. } => {
                write!(f, "{}({lhs}, {rhs})", if *max { "max_of" } else { "min_of" })
            }
        }
    }
}
