//! `info(x, {...})`: labels of what is known of a series' target.

use narthex_model::{Labels, LabelsBuilder, METRIC_NAME, MatchOp, Matcher};
use narthex_promql::ast::{Expr, Modifiers};

use super::evaluate::{Element, Failure, Plain, distinct};

/// The labels by which a series finds what is known of its target.
const IDENTIFYING: [&str; 2] = ["instance", "job"];

/// What an info series is at one time.
struct Known<'d> {
    labels: &'d Labels,
    /// When its newest sample was taken.
    at: i64,
}

impl Plain<'_> {
    pub(super) fn info(&self, base: &Expr, asked: Option<&Expr>, time: i64) -> Result<Vec<Element>, Failure> {
        let written: &[Matcher] = match asked {
            Some(Expr::Vector(selector)) => &selector.matchers,
            _ => &[],
        };
        let (mut names, wanted): (Vec<Matcher>, Vec<Matcher>) =
            written.iter().cloned().partition(|m| m.name == METRIC_NAME);
        if names.is_empty() {
            names.push(Matcher::equal(METRIC_NAME, "target_info"));
        } else if names
            .iter()
            .all(|m| matches!(m.op, MatchOp::NotEqual | MatchOp::NotRegex))
        {
            let any = Matcher::new(MatchOp::Regex, METRIC_NAME, ".+_info");
            names.push(any.map_err(|error| Failure::Unknown(error.to_string()))?);
        }
        let elements = self.vector(base, time)?;
        let is_info = |labels: &Labels| names.iter().all(|m| m.matches(labels.metric_name()));
        let targets: Vec<&Labels> = elements
            .iter()
            .map(|e| &e.labels)
            .filter(|l| !is_info(l))
            .collect();
        let to = first_modifiers(base).map_or(time, |modifiers| self.moved(modifiers, time));
        // Only of targets that the base names; of each label any of its values.
        let named = |labels: &Labels| {
            IDENTIFYING.iter().all(|name| {
                let mut values = targets.iter().filter_map(|target| target.get(name)).peekable();
                values.peek().is_none() || values.any(|value| labels.get(name) == Some(value))
            })
        };
        let known: Vec<Known<'_>> = self
            .data
            .iter()
            .filter(|(labels, _)| is_info(labels) && wanted.iter().all(|m| m.matches_labels(labels)))
            .filter(|(labels, _)| named(labels))
            .filter_map(|(labels, samples)| {
                let (sample, _) = self.newest_of(samples, to)?;
                let at = sample.time;
                Some(Known { labels, at })
            })
            .collect();
        if !elements.is_empty() && known.iter().any(|one| is_doubtful(one, &known)) {
            return Err(Failure::Query("found duplicate series for info metric"));
        }
        let mut found = Vec::new();
        for element in elements {
            if is_info(&element.labels) {
                found.push(element);
            } else if let Some(labels) = enriched(&element.labels, &known, &wanted)? {
                found.push(Element { labels, ..element });
            }
        }
        distinct(found)
    }
}

/// Whether two say something of the same target, under one name and at the same time, and none says it later.
fn is_doubtful(one: &Known<'_>, known: &[Known<'_>]) -> bool {
    let alike = |other: &&Known<'_>| {
        other.labels.metric_name() == one.labels.metric_name()
            && IDENTIFYING
                .iter()
                .all(|name| other.labels.get(name) == one.labels.get(name))
    };
    let newest = known.iter().filter(alike).all(|other| other.at <= one.at);
    newest
        && known
            .iter()
            .filter(alike)
            .filter(|other| other.at == one.at)
            .count()
            > 1
}

/// The labels with those that they lack; nothing where something was wanted and nothing is known.
fn enriched(base: &Labels, known: &[Known<'_>], wanted: &[Matcher]) -> Result<Option<Labels>, Failure> {
    let of_target = known.iter().filter(|one| {
        IDENTIFYING
            .iter()
            .all(|name| one.labels.get(name) == base.get(name))
    });
    let of_target: Vec<&Known<'_>> = of_target.collect();
    if of_target.is_empty() && !wanted.iter().all(Matcher::matches_empty) {
        return Ok(None);
    }
    let mut added: Vec<(&str, &str)> = Vec::new();
    for one in &of_target {
        let later =
            |other: &&Known<'_>| other.labels.metric_name() == one.labels.metric_name() && other.at > one.at;
        if of_target.iter().copied().any(|other| later(&other)) {
            continue;
        }
        for (name, value) in one.labels.iter() {
            let is_wanted = wanted.is_empty() || wanted.iter().any(|m| m.name == name);
            if name == METRIC_NAME || !is_wanted {
                continue;
            }
            if added
                .iter()
                .any(|(known, other)| *known == name && *other != value)
            {
                return Err(Failure::Query("conflicting label"));
            }
            if base.get(name).is_none() {
                added.push((name, value));
            }
        }
    }
    let mut labels = LabelsBuilder::from(base);
    for (name, value) in added {
        labels.set(name, value);
    }
    Ok(Some(labels.labels()))
}

/// The modifiers of the first selector: info series are looked for where that looks. The random queries have no
/// subqueries there.
fn first_modifiers(expr: &Expr) -> Option<&Modifiers> {
    match expr {
        Expr::Paren(paren) => first_modifiers(&paren.expr),
        Expr::Unary(unary) => first_modifiers(&unary.expr),
        Expr::Vector(selector) => Some(&selector.modifiers),
        Expr::Matrix(matrix) => Some(&matrix.vector.modifiers),
        Expr::Binary(binary) => first_modifiers(&binary.lhs).or_else(|| first_modifiers(&binary.rhs)),
        Expr::Aggregate(aggregate) => first_modifiers(&aggregate.expr),
        Expr::Call(call) => call.args.iter().find_map(first_modifiers),
        Expr::Subquery(_) | Expr::Number(_) | Expr::String(_) => None,
    }
}
