//! `label_replace` and `label_join`: other labels, the same values.

use std::sync::Arc;

use narthex_model::{LabelsBuilder, METRIC_NAME, Pattern};

use super::call::argument;
use super::column::Column;
use super::evaluator::Evaluator;
use super::names::unique;
use super::scratch::Scratch;
use super::steps::Steps;
use super::vector::{Identity, SharedVector, Vector};
use crate::error::QueryError;
use crate::plan::CallPlan;

/// `label_replace(x, "dst", "$1", "src", "(.*)")`
pub(super) fn label_replace<'a>(
    ev: &Evaluator<'a>,
    plan: &'a CallPlan,
    steps: Steps,
) -> Result<SharedVector<'a>, QueryError> {
    let text = |index: usize| argument(plan, index).and_then(|id| ev.text(id));
    let (dst, replacement, src, regex) = (text(1)?, text(2)?, text(3)?, text(4)?);
    let pattern = Pattern::new(regex).map_err(|_| {
        QueryError::Execution(format!("invalid regular expression in label_replace(): {regex}"))
    })?;
    if !is_label_name(dst) {
        return Err(QueryError::Execution(format!(
            "invalid destination label name in label_replace(): {dst}"
        )));
    }
    let inner = ev.vector(argument(plan, 0)?, steps)?;
    let relabelled = inner.series().iter().map(|identity| {
        let source = identity.labels.get(src).unwrap_or("");
        let Some(captures) = pattern.regex().captures(source) else {
            return identity.clone();
        };
        let mut value = String::new();
        captures.expand(replacement, &mut value);
        with_label(identity, dst, &value)
    });
    let series = relabelled.collect();
    Ok(unique(Arc::new(Relabelled { inner, series })))
}

/// `label_join(x, "dst", ",", "src1", "src2")`
pub(super) fn label_join<'a>(
    ev: &Evaluator<'a>,
    plan: &'a CallPlan,
    steps: Steps,
) -> Result<SharedVector<'a>, QueryError> {
    let text = |index: usize| argument(plan, index).and_then(|id| ev.text(id));
    let (dst, separator) = (text(1)?, text(2)?);
    let sources = (3..plan.args.len()).map(text).collect::<Result<Vec<_>, _>>()?;
    if let Some(name) = sources.iter().find(|name| !is_label_name(name)) {
        return Err(QueryError::Execution(format!(
            "invalid source label name in label_join(): {name}"
        )));
    }
    if !is_label_name(dst) {
        return Err(QueryError::Execution(format!(
            "invalid destination label name in label_join(): {dst}"
        )));
    }
    let inner = ev.vector(argument(plan, 0)?, steps)?;
    let relabelled = inner.series().iter().map(|identity| {
        let values: Vec<&str> = sources
            .iter()
            .map(|name| identity.labels.get(name).unwrap_or(""))
            .collect();
        with_label(identity, dst, &values.join(separator))
    });
    let series = relabelled.collect();
    Ok(unique(Arc::new(Relabelled { inner, series })))
}

/// Whether a text can be a label's name: all UTF-8 can, save for nothing at all. Bytes of the query that were no
/// UTF-8 have become replacement characters.
pub(super) fn is_label_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(char::REPLACEMENT_CHARACTER)
}

fn with_label(identity: &Identity, name: &str, value: &str) -> Identity {
    let mut labels = LabelsBuilder::from(&identity.labels);
    labels.set(name, value);
    Identity {
        labels: labels.labels(),
        // Who writes a name wants to see it.
        drop_name: identity.drop_name && name != METRIC_NAME,
    }
}

struct Relabelled<'a> {
    inner: SharedVector<'a>,
    series: Vec<Identity>,
}

impl Vector for Relabelled<'_> {
    fn series(&self) -> &[Identity] {
        &self.series
    }

    fn column(&self, index: usize, scratch: &mut Scratch<'_>) -> Result<Column, QueryError> {
        self.inner.column(index, scratch)
    }

    fn is_computed(&self) -> bool {
        self.inner.is_computed()
    }
}
