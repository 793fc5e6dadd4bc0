//! Operators on two numbers and on two vectors.

use narthex_model::{Labels, LabelsBuilder};
use narthex_promql::ast::{Binary, BinaryOp, Cardinality, VectorMatching};

use super::evaluate::{Element, Failure, distinct};

/// The value of an arithmetic operator; 1 or 0 for a comparison.
pub(super) fn operate(op: BinaryOp, left: f64, right: f64) -> f64 {
    match op {
        BinaryOp::Add => left + right,
        BinaryOp::Sub => left - right,
        BinaryOp::Mul => left * right,
        BinaryOp::Div => left / right,
        BinaryOp::Mod => left % right,
        BinaryOp::Pow => left.powf(right),
        BinaryOp::Atan2 => left.atan2(right),
        _ => f64::from(u8::from(filter(op, left, right))),
    }
}

/// Whether a comparison holds.
pub(super) fn filter(op: BinaryOp, left: f64, right: f64) -> bool {
    match op {
        BinaryOp::Eq => left == right,
        BinaryOp::Ne => left != right,
        BinaryOp::Lt => left < right,
        BinaryOp::Le => left <= right,
        BinaryOp::Gt => left > right,
        BinaryOp::Ge => left >= right,
        _ => false,
    }
}

/// The labels by which elements of both sides find each other.
pub(super) fn key(matching: &VectorMatching, labels: &Labels) -> Labels {
    if matching.on {
        labels.keep(&matching.labels)
    } else {
        labels.without(&matching.labels).without_name()
    }
}

/// `left op right`, both vectors.
pub(super) fn vectors(binary: &Binary, left: &[Element], right: &[Element]) -> Result<Vec<Element>, Failure> {
    let everything = VectorMatching::default();
    let matching = binary.matching.as_ref().unwrap_or(&everything);
    let present = |element: &Element, side: &[Element]| {
        let own = key(matching, &element.labels);
        side.iter().any(|other| key(matching, &other.labels) == own)
    };
    let found = match binary.op {
        BinaryOp::And => left.iter().filter(|l| present(l, right)).cloned().collect(),
        BinaryOp::Unless => left.iter().filter(|l| !present(l, right)).cloned().collect(),
        BinaryOp::Or => left
            .iter()
            .chain(right.iter().filter(|r| !present(r, left)))
            .cloned()
            .collect(),
        _ => matched(binary, matching, left, right)?,
    };
    distinct(found)
}

fn matched(
    binary: &Binary,
    matching: &VectorMatching,
    left: &[Element],
    right: &[Element],
) -> Result<Vec<Element>, Failure> {
    let (fill_left, fill_right) = (matching.fill_left, matching.fill_right);
    let fills = fill_left.is_some() || fill_right.is_some();
    if (left.is_empty() || right.is_empty()) && !fills {
        return Ok(Vec::new());
    }
    let turned = matching.card == Cardinality::OneToMany;
    let (many, one) = if turned { (right, left) } else { (left, right) };
    let (fill_many, fill_one) = if turned {
        (fill_right, fill_left)
    } else {
        (fill_left, fill_right)
    };
    // In the place of what is missing stands a number, with the labels by which it would have been found.
    let stand_in = |value: f64, for_what: &Element| Element {
        labels: key(matching, &for_what.labels),
        value,
    };
    each_stands_alone(matching, one)?;
    let mut matched: Vec<(Labels, Labels)> = Vec::new();
    let mut found = Vec::new();
    let lonely = one.iter().filter(|other| {
        let own = key(matching, &other.labels);
        !many.iter().any(|element| key(matching, &element.labels) == own)
    });
    let stand_ins: Vec<Element> = lonely
        .filter_map(|other| Some(stand_in(fill_many?, other)))
        .collect();
    for element in many.iter().chain(&stand_ins) {
        let own = key(matching, &element.labels);
        let known = one
            .iter()
            .find(|other| key(matching, &other.labels) == own)
            .cloned();
        let Some(partner) = known.or_else(|| Some(stand_in(fill_one?, element))) else {
            continue;
        };
        let labels = result_labels(binary, matching, &element.labels, &partner.labels);
        // That a comparison may filter one of them away does not matter.
        let repeated = match matching.card {
            Cardinality::OneToOne => matched.iter().any(|(key, _)| *key == own),
            _ => matched.iter().any(|(key, other)| *key == own && *other == labels),
        };
        if repeated {
            return Err(Failure::Query("multiple matches for labels"));
        }
        matched.push((own, labels.clone()));
        let (l, r) = if turned {
            (partner.value, element.value)
        } else {
            (element.value, partner.value)
        };
        let filters = binary.op.is_comparison() && !binary.return_bool;
        if filters && !filter(binary.op, l, r) {
            continue;
        }
        let value = if filters { l } else { operate(binary.op, l, r) };
        found.push(Element { labels, value });
    }
    Ok(found)
}

/// No two of the side that may have one match the same.
fn each_stands_alone(matching: &VectorMatching, one: &[Element]) -> Result<(), Failure> {
    for (at, element) in one.iter().enumerate() {
        let own = key(matching, &element.labels);
        if one
            .iter()
            .skip(at + 1)
            .any(|other| key(matching, &other.labels) == own)
        {
            return Err(Failure::Query("found duplicate series for the match group"));
        }
    }
    Ok(())
}

fn result_labels(binary: &Binary, matching: &VectorMatching, many: &Labels, one: &Labels) -> Labels {
    let mut labels = many.clone();
    if !binary.op.is_comparison() || binary.return_bool {
        labels = labels.without_name();
    }
    if matching.card == Cardinality::OneToOne {
        labels = if matching.on {
            labels.keep(&matching.labels)
        } else {
            labels.without(&matching.labels)
        };
    }
    let mut builder = LabelsBuilder::from(&labels);
    for name in &matching.include {
        builder.set(name, one.get(name).unwrap_or(""));
    }
    builder.labels()
}
