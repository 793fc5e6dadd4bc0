//! Attributes as label values, and the labels that all points of a resource share.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use narthex_model::{Labels, METRIC_NAME};
use serde_json::{Map, Value};

use super::message::{AnyValue, KeyValue, Resource, ScopeMetrics};
use super::names::Namer;
use super::translate::Settings;

pub(super) const SERVICE_NAME: &str = "service.name";
pub(super) const SERVICE_NAMESPACE: &str = "service.namespace";
pub(super) const SERVICE_INSTANCE: &str = "service.instance.id";

/// The value as text: texts as they are, numbers in digits, lists and maps as JSON, bytes in base64.
pub(super) fn text(value: Option<&AnyValue>) -> String {
    let Some(value) = value else {
        return String::new();
    };
    if let Some(text) = &value.string_value {
        return text.clone();
    }
    if value.array_value.is_some() || value.kvlist_value.is_some() {
        return json(value).to_string();
    }
    match json(value) {
        Value::String(text) => text,
        Value::Null if value.double_value.is_some() => number(value.double_value.unwrap_or_default()),
        Value::Null => String::new(),
        Value::Number(_) => match (value.int_value, value.double_value) {
            (Some(whole), _) => whole.to_string(),
            (None, double) => number(double.unwrap_or_default()),
        },
        other => other.to_string(),
    }
}

/// A float in plain digits, as the labels `le` and `quantile` have it.
pub(super) fn plain(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    value.to_string()
}

/// A float as Go's JSON has it: plain digits, with an exponent below 1e-6 and from 1e21.
fn number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() || size == 0.0 || (1e-6..1e21).contains(&size) {
        return plain(value);
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
        _ => text,
    }
}

fn json(value: &AnyValue) -> Value {
    if let Some(text) = &value.string_value {
        return Value::String(text.clone());
    }
    if let Some(truth) = value.bool_value {
        return Value::Bool(truth);
    }
    if let Some(whole) = value.int_value {
        return Value::from(whole);
    }
    if let Some(double) = value.double_value {
        return Value::from(double);
    }
    if let Some(list) = &value.array_value {
        return Value::Array(list.values.iter().map(json).collect());
    }
    if let Some(map) = &value.kvlist_value {
        let pairs = map.values.iter();
        let pairs = pairs.map(|pair| (pair.key.clone(), pair.value.as_ref().map_or(Value::Null, json)));
        return Value::Object(Map::from_iter(pairs));
    }
    match &value.bytes_value {
        Some(bytes) => Value::String(STANDARD.encode(bytes)),
        None => Value::Null,
    }
}

/// The value of an attribute, if it is there.
pub(super) fn find<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a KeyValue> {
    attributes.iter().find(|pair| pair.key == key)
}

/// Labels that come from resource and scope.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// `job` and `instance`.
    pub(super) identity: Vec<(&'static str, String)>,
    promoted: Vec<(String, String)>,
    scope: Vec<(String, String)>,
}

impl Shared {
    /// The labels of a resource.
    pub(super) fn of(resource: &Resource, settings: &Settings) -> Result<Self, String> {
        let attributes = &resource.attributes;
        let mut shared = Self::default();
        if let Some(name) = find(attributes, SERVICE_NAME) {
            let name = text(name.value.as_ref());
            let job = match find(attributes, SERVICE_NAMESPACE) {
                Some(namespace) => format!("{}/{name}", text(namespace.value.as_ref())),
                None => name,
            };
            shared.identity.push(("job", job));
        }
        if let Some(instance) = find(attributes, SERVICE_INSTANCE) {
            shared.identity.push(("instance", text(instance.value.as_ref())));
        }
        let mut promoted: Vec<&KeyValue> = attributes.iter().filter(|a| settings.promotes(&a.key)).collect();
        promoted.sort_by(|a, b| a.key.cmp(&b.key));
        for pair in promoted {
            let name = settings.namer.label(&pair.key)?;
            shared.promoted.push((name, text(pair.value.as_ref())));
        }
        Ok(shared)
    }

    /// `job` and `instance` alone.
    pub(super) fn alone(&self) -> Self {
        Self {
            identity: self.identity.clone(),
            ..Self::default()
        }
    }

    /// Takes the labels of a scope in the place of those of the scope before.
    pub(super) fn set_scope(&mut self, scope: &ScopeMetrics, settings: &Settings) -> Result<(), String> {
        self.scope.clear();
        let about = scope.scope.as_ref().filter(|about| !about.name.is_empty());
        let Some(about) = about.filter(|_| settings.promote_scope) else {
            return Ok(());
        };
        for pair in &about.attributes {
            let name = settings.namer.label(&format!("otel_scope_{}", pair.key))?;
            self.scope.push((name, text(pair.value.as_ref())));
        }
        let own = [
            ("otel_scope_name", &about.name),
            ("otel_scope_version", &about.version),
            ("otel_scope_schema_url", &scope.schema_url),
        ];
        self.scope
            .extend(own.map(|(name, value)| (name.to_owned(), value.clone())));
        Ok(())
    }

    /// The labels of a point but its metric's name. Attributes whose names become the same are joined by `;`.
    pub(super) fn labels(
        &self,
        attributes: &[KeyValue],
        ignored: &[&str],
        namer: Namer,
    ) -> Result<BTreeMap<String, String>, String> {
        let mut sorted: Vec<&KeyValue> = attributes
            .iter()
            .filter(|a| !ignored.contains(&a.key.as_str()))
            .collect();
        sorted.sort_by(|a, b| a.key.cmp(&b.key));
        let mut labels: BTreeMap<String, String> = BTreeMap::new();
        for pair in sorted {
            let value = text(pair.value.as_ref());
            labels
                .entry(namer.label(&pair.key)?)
                .and_modify(|known| {
                    known.push(';');
                    known.push_str(&value);
                })
                .or_insert(value);
        }
        for (name, value) in &self.promoted {
            labels.entry(name.clone()).or_insert_with(|| value.clone());
        }
        labels.extend(self.scope.iter().cloned());
        labels.extend(
            self.identity
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone())),
        );
        Ok(labels)
    }
}

/// The labels of a series: those of the point, the name, and one more pair where there is one.
pub(super) fn series(labels: &BTreeMap<String, String>, name: &str, more: Option<(&str, &str)>) -> Labels {
    let own = labels
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .filter(|(n, v)| !v.is_empty() && *n != METRIC_NAME && Some(*n) != more.map(|(n, _)| n));
    Labels::from_pairs(own.chain(more).chain([(METRIC_NAME, name)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::message::ArrayValue;

    #[test]
    fn values_are_texts() {
        let any = AnyValue::default;
        let list = ArrayValue {
            values: vec![
                AnyValue {
                    int_value: Some(1),
                    ..any()
                },
                AnyValue {
                    string_value: Some("x".into()),
                    ..any()
                },
            ],
        };
        for (value, expected) in [
            (any(), ""),
            (
                AnyValue {
                    bool_value: Some(true),
                    ..any()
                },
                "true",
            ),
            (
                AnyValue {
                    int_value: Some(-7),
                    ..any()
                },
                "-7",
            ),
            (
                AnyValue {
                    double_value: Some(1.5),
                    ..any()
                },
                "1.5",
            ),
            (
                AnyValue {
                    double_value: Some(2.0),
                    ..any()
                },
                "2",
            ),
            (
                AnyValue {
                    double_value: Some(1e21),
                    ..any()
                },
                "1e+21",
            ),
            (
                AnyValue {
                    double_value: Some(f64::NAN),
                    ..any()
                },
                "NaN",
            ),
            (
                AnyValue {
                    double_value: Some(f64::NEG_INFINITY),
                    ..any()
                },
                "-Inf",
            ),
            (
                AnyValue {
                    array_value: Some(list),
                    ..any()
                },
                r#"[1,"x"]"#,
            ),
            (
                AnyValue {
                    bytes_value: Some(vec![0, 1]),
                    ..any()
                },
                "AAE=",
            ),
        ] {
            assert_eq!(text(Some(&value)), expected, "{value:?}");
        }
        assert_eq!(text(None), "");
    }
}
