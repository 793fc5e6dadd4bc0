//! Type and unit of the family whose lines are read: labels of its series, where that is wanted.

use std::borrow::Cow;

use crate::exposition::{LabelList, MetricKind};

/// The label with the family's type.
const TYPE: &str = "__type__";
/// The label with the family's unit.
const UNIT: &str = "__unit__";

/// What was said last of a family. As in Prometheus, lines belong to the family that was declared last.
#[derive(Debug, Default)]
pub(super) struct Family {
    wanted: bool,
    name: String,
    kind: MetricKind,
    unit: String,
}

impl Family {
    /// No family yet; nothing is remembered unless it is `wanted`.
    pub(super) fn new(wanted: bool) -> Self {
        Self {
            wanted,
            ..Self::default()
        }
    }

    /// The family is over: a new page begins.
    pub(super) fn end(&mut self) {
        self.name.clear();
        self.kind = MetricKind::Unknown;
        self.unit.clear();
    }

    pub(super) fn set_kind(&mut self, name: &str, kind: MetricKind) {
        if self.wanted {
            self.begin(name);
            self.kind = kind;
        }
    }

    pub(super) fn set_unit(&mut self, name: &str, unit: &str) {
        if self.wanted {
            self.begin(name);
            unit.clone_into(&mut self.unit);
        }
    }

    fn begin(&mut self, name: &str) {
        if self.name != name {
            self.end();
            self.name.push_str(name);
        }
    }

    /// Adds what is known; it counts more than labels of these names that the line has.
    pub(super) fn add_to(&self, labels: &mut LabelList<'_>) {
        if self.kind != MetricKind::Unknown {
            labels.push(Cow::Borrowed(TYPE), Cow::Borrowed(self.kind.word()));
        }
        if !self.unit.is_empty() {
            labels.push(Cow::Borrowed(UNIT), Cow::Owned(self.unit.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(family: &Family) -> Vec<(String, String)> {
        let mut labels = LabelList::new();
        family.add_to(&mut labels);
        labels
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn what_was_said_of_another_family_is_forgotten() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut family = Family::new(true);
        assert_eq!(added(&family), []);
        family.set_unit("a_seconds", "seconds");
        family.set_kind("a_seconds", MetricKind::Counter);
        assert_eq!(added(&family), [pair(TYPE, "counter"), pair(UNIT, "seconds")]);
        family.set_kind("b", MetricKind::Gauge);
        assert_eq!(added(&family), [pair(TYPE, "gauge")]);
        family.set_kind("c", MetricKind::Unknown);
        assert_eq!(added(&family), []);
        family.set_unit("d", "bytes");
        family.end();
        assert_eq!(added(&family), []);
        let mut unwanted = Family::new(false);
        unwanted.set_kind("a", MetricKind::Counter);
        assert_eq!(added(&unwanted), []);
    }
}
