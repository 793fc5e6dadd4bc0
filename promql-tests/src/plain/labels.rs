//! Functions that change labels.

use narthex_model::{LabelsBuilder, METRIC_NAME};
use narthex_promql::ast::Expr;
use regex::Regex;

use super::evaluate::{Element, Failure, distinct};

/// The text of a string literal.
pub(super) fn text(expr: &Expr) -> Result<&str, Failure> {
    match expr {
        Expr::String(literal) => Ok(&literal.value),
        _ => Err(Failure::Unknown(format!("{expr} is no text"))),
    }
}

fn with_label(element: &Element, name: &str, value: &str) -> Element {
    let mut labels = LabelsBuilder::from(&element.labels);
    labels.set(name, value);
    Element {
        labels: labels.labels(),
        // Who writes a name wants to see it.
        drop_name: element.drop_name && name != METRIC_NAME,
        point: element.point.clone(),
    }
}

/// `label_replace(elements, dst, replacement, src, regex)`; `texts` are the arguments after the vector.
pub(super) fn replace(elements: &[Element], texts: &[Expr]) -> Result<Vec<Element>, Failure> {
    let [dst, replacement, src, regex] = texts else {
        return Err(Failure::Unknown("label_replace takes four texts".into()));
    };
    let (dst, replacement, src) = (text(dst)?, text(replacement)?, text(src)?);
    let regex = Regex::new(&format!("^(?s:{})$", text(regex)?))
        .map_err(|_| Failure::Query("invalid regular expression in label_replace()"))?;
    let replaced =
        elements.iter().map(
            |element| match regex.captures(element.labels.get(src).unwrap_or("")) {
                None => element.clone(),
                Some(captures) => {
                    let mut value = String::new();
                    captures.expand(replacement, &mut value);
                    with_label(element, dst, &value)
                }
            },
        );
    distinct(replaced.collect())
}

/// `label_join(elements, dst, separator, src...)`; `texts` are the arguments after the vector.
pub(super) fn join(elements: &[Element], texts: &[Expr]) -> Result<Vec<Element>, Failure> {
    let texts = texts.iter().map(text).collect::<Result<Vec<_>, _>>()?;
    let [dst, separator, sources @ ..] = texts.as_slice() else {
        return Err(Failure::Unknown("label_join takes two texts".into()));
    };
    let joined = elements.iter().map(|element| {
        let values: Vec<&str> = sources
            .iter()
            .map(|source| element.labels.get(source).unwrap_or(""))
            .collect();
        with_label(element, dst, &values.join(separator))
    });
    distinct(joined.collect())
}
