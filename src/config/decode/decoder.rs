//! Collects type errors while sections are read, so that one run reports them all.

use crate::config::error::{ConfigError, Fatal};
use crate::config::yaml::{Node, Position, Resolved, Scalar, Value, resolve};

/// Reads nodes as Rust values and remembers what did not fit.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    errors: Vec<(Position, String)>,
    hints: Vec<String>,
}

impl Decoder {
    /// How many errors there are so far; see [`Decoder::failed_since`].
    pub(crate) fn mark(&self) -> usize {
        self.errors.len()
    }

    /// Whether errors were found since `mark`: then the section is not worth checking further.
    pub(crate) fn failed_since(&self, mark: usize) -> bool {
        self.errors.len() > mark
    }

    /// Remembers an error at a line.
    pub(crate) fn report(&mut self, at: Position, text: impl Into<String>) {
        self.errors.push((at, text.into()));
    }

    /// Remembers a sentence of help.
    pub(crate) fn hint(&mut self, text: String) {
        self.hints.push(text);
    }

    /// All errors as one, in the order of lines; None if there are none.
    pub(crate) fn into_error(mut self) -> Option<ConfigError> {
        if self.errors.is_empty() {
            return None;
        }
        self.errors.sort_by_key(|(at, _)| (at.line, at.column));
        let mut text = String::from("yaml: unmarshal errors:");
        for (at, error) in &self.errors {
            text.push_str(&format!("\n  line {}: {error}", at.line));
        }
        let error = ConfigError::new(text);
        Some(self.hints.into_iter().fold(error, ConfigError::with_help))
    }

    /// Remembers that `node` is not a `wanted` (a type's name as Prometheus's reader shows it).
    pub(crate) fn mismatch(&mut self, node: &Node, wanted: &str) {
        let text = match &node.value {
            Value::Sequence(_) => format!("cannot unmarshal !!seq into {wanted}"),
            Value::Mapping(_) => format!("cannot unmarshal !!map into {wanted}"),
            Value::Scalar(scalar) => {
                let shown = if scalar.text.len() > 10 {
                    let mut end = 7;
                    while !scalar.text.is_char_boundary(end) {
                        end -= 1;
                    }
                    format!("{}...", scalar.text.get(..end).unwrap_or_default())
                } else {
                    scalar.text.clone()
                };
                format!(
                    "cannot unmarshal {} `{shown}` into {wanted}",
                    resolve(scalar).tag()
                )
            }
        };
        self.report(node.at, text);
    }

    /// Labels of a group of targets or a matcher; a name must not be empty.
    pub(crate) fn label_set(&mut self, node: &Node) -> Result<narthex_model::Labels, Fatal> {
        let mut labels = narthex_model::LabelsBuilder::new();
        for (name, value) in self.entries(node, "model.LabelSet").unwrap_or_default() {
            if name.is_empty() {
                return Err(Fatal::new("\"\" is not a valid label name", value.at));
            }
            if !matches!(value.value, Value::Scalar(_)) {
                self.mismatch(value, "model.LabelValue");
            } else if let Some(text) = self.text(value) {
                labels.set(&name, &text);
            }
        }
        Ok(labels.labels())
    }

    fn scalar<'n>(&mut self, node: &'n Node, wanted: &str) -> Option<(&'n Scalar, Resolved)> {
        if let Value::Scalar(scalar) = &node.value {
            return Some((scalar, resolve(scalar)));
        }
        self.mismatch(node, wanted);
        None
    }

    /// A text; null is empty, any other scalar its text.
    pub(crate) fn text(&mut self, node: &Node) -> Option<String> {
        let (scalar, resolved) = self.scalar(node, "string")?;
        Some(if resolved == Resolved::Null {
            String::new()
        } else {
            scalar.text.clone()
        })
    }

    /// A boolean; null is false.
    pub(crate) fn boolean(&mut self, node: &Node) -> Option<bool> {
        match self.scalar(node, "bool")?.1 {
            Resolved::Bool(value) => Some(value),
            Resolved::Null => Some(false),
            _ => {
                self.mismatch(node, "bool");
                None
            }
        }
    }

    /// A whole number within the bounds of `wanted`; null is 0.
    pub(crate) fn whole(&mut self, node: &Node, wanted: &str, min: i128, max: i128) -> Option<i128> {
        let value = match self.scalar(node, wanted)?.1 {
            Resolved::Int(value) => Some(value),
            Resolved::Null => Some(0),
            // A float that is a whole number (5e7) counts.
            Resolved::Float(value) if value.abs() < 9.2e18 => Some(value.trunc() as i128),
            _ => None,
        };
        let fits = value.filter(|v| (min..=max).contains(v));
        if fits.is_none() {
            self.mismatch(node, wanted);
        }
        fits
    }

    /// A number; null is 0.
    pub(crate) fn float(&mut self, node: &Node) -> Option<f64> {
        match self.scalar(node, "float64")?.1 {
            Resolved::Int(value) => Some(value as f64),
            Resolved::Float(value) => Some(value),
            Resolved::Null => Some(0.0),
            _ => {
                self.mismatch(node, "float64");
                None
            }
        }
    }

    /// The items of a list; null is an empty one.
    pub(crate) fn items<'n>(&mut self, node: &'n Node, wanted: &str) -> Option<&'n [Node]> {
        match &node.value {
            Value::Sequence(items) => Some(items),
            Value::Scalar(scalar) if resolve(scalar) == Resolved::Null => Some(&[]),
            _ => {
                self.mismatch(node, wanted);
                None
            }
        }
    }

    /// A list of texts.
    pub(crate) fn texts(&mut self, node: &Node) -> Option<Vec<String>> {
        self.texts_as(node, "[]string")
    }

    /// A list of texts that error texts call `wanted`.
    pub(crate) fn texts_as(&mut self, node: &Node, wanted: &str) -> Option<Vec<String>> {
        let items = self.items(node, wanted)?;
        Some(items.iter().filter_map(|item| self.text(item)).collect())
    }

    /// The entries of a mapping whose keys are texts, in the order written; a repeated key is an error.
    pub(crate) fn entries<'n>(&mut self, node: &'n Node, wanted: &str) -> Option<Vec<(String, &'n Node)>> {
        let entries = match &node.value {
            Value::Mapping(entries) => entries.as_slice(),
            Value::Scalar(scalar) if resolve(scalar) == Resolved::Null => &[],
            _ => {
                self.mismatch(node, wanted);
                return None;
            }
        };
        let mut found: Vec<(String, &Node)> = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let Some(name) = self.text(key) else { continue };
            if found.iter().any(|(other, _)| *other == name) {
                self.report(value.at, format!("key {name:?} already set in map"));
            } else {
                found.push((name, value));
            }
        }
        Some(found)
    }

    /// A mapping of texts to texts, sorted by key.
    pub(crate) fn text_map(&mut self, node: &Node) -> Option<Vec<(String, String)>> {
        let mut map = Vec::new();
        for (key, value) in self.entries(node, "map[string]string")? {
            if let Some(value) = self.text(value) {
                map.push((key, value));
            }
        }
        map.sort();
        Some(map)
    }

    /// A mapping of texts to lists of texts, sorted by key.
    pub(crate) fn texts_map(&mut self, node: &Node, wanted: &str) -> Option<Vec<(String, Vec<String>)>> {
        let mut map = Vec::new();
        for (key, value) in self.entries(node, wanted)? {
            if let Some(values) = self.texts(value) {
                map.push((key, values));
            }
        }
        map.sort();
        Some(map)
    }
}

/// Whether `node` says nothing: such a section counts as not written.
pub(crate) fn is_null(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar(scalar) if resolve(scalar) == Resolved::Null)
}

/// A duration in Prometheus's notation.
pub(crate) fn duration(
    decoder: &mut Decoder,
    node: &Node,
    key: &str,
) -> Result<Option<narthex_model::Duration>, Fatal> {
    if is_null(node) {
        return Ok(Some(narthex_model::Duration::ZERO));
    }
    let Some(text) = decoder.text(node) else {
        return Ok(None);
    };
    match narthex_model::Duration::parse(&text) {
        Ok(duration) => Ok(Some(duration)),
        Err(error) => Err(Fatal::new(error.to_string(), node.at).hint(format!(
            "{key} takes whole numbers with units, for example 15s, 1m30s or 500ms (units: y w d h m s ms)"
        ))),
    }
}
