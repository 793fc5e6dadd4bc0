//! Text to nodes: one document, aliases and merge keys resolved within bounds.

use super::node::{Node, Position, Scalar, Value};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};
use std::borrow::Cow;
use std::collections::HashMap;
use thiserror::Error;

/// Deeper nesting than this is refused.
const DEPTH_MAX: usize = 100;
/// More nodes than this, those that aliases repeat included, are refused.
const NODES_MAX: usize = 2_000_000;

/// A text that is not YAML (or more than one document, or absurdly large).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("yaml: line {}: {message}", at.line)]
pub struct SyntaxError {
    /// What is wrong.
    pub message: String,
    /// Where.
    pub at: Position,
}

/// The first document of `text`; None if there is nothing but comments.
///
/// # Errors
/// When it is not YAML, or nested or repeated beyond any sensible use.
pub fn parse(text: &str) -> Result<Option<Node>, SyntaxError> {
    refuse_control_characters(text)?;
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text).keep_tags(true) {
        let (event, span) = event.map_err(|e| known_words(e.info(), position(e.marker()), text))?;
        let at = position(&span.start);
        if matches!(event, Event::DocumentEnd) {
            break;
        }
        builder.take(event, at)?;
    }
    Ok(builder.root)
}

fn refuse_control_characters(text: &str) -> Result<(), SyntaxError> {
    let is_refused = |c: &char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}');
    for (line, content) in text.split('\n').enumerate() {
        if let Some(column) = content.chars().position(|c| is_refused(&c)) {
            let at = Position {
                line: line + 1,
                column: column + 1,
            };
            return Err(fail("control characters are not allowed", at));
        }
    }
    Ok(())
}

fn position(marker: &Marker) -> Position {
    Position {
        line: marker.line().max(1),
        column: marker.col() + 1,
    }
}

/// The fault in the words of the library that Prometheus reads YAML with, where they are known.
fn known_words(info: &str, at: Position, text: &str) -> SyntaxError {
    let bare = match info.split_once(", ") {
        Some((context, rest)) if context.starts_with("while ") => rest,
        _ => info,
    };
    let message = match bare {
        "found unknown anchor" => {
            let line = text.lines().nth(at.line - 1).unwrap_or_default();
            let behind = line.chars().skip(at.column - 1).collect::<String>();
            let name: String = behind
                .trim_start_matches('*')
                .chars()
                .take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
                .collect();
            return SyntaxError {
                message: format!("unknown anchor '{name}' referenced"),
                at,
            };
        }
        "expected ',' or ']'" => "did not find expected ',' or ']'",
        "misplaced bracket" => "did not find expected node content",
        "invalid trailing content after double-quoted scalar" => "did not find expected key",
        text if text.starts_with("tab") || text.starts_with("unexpected character") => {
            "found character that cannot start any token"
        }
        text => text,
    };
    SyntaxError {
        message: message.to_owned(),
        at,
    }
}

/// An open collection.
struct Open {
    node: Node,
    anchor: usize,
    /// A key that waits for its value.
    key: Option<Node>,
}

#[derive(Default)]
struct Builder {
    root: Option<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, at: Position) -> Result<(), SyntaxError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let scalar = Scalar {
                    text: text.into_owned(),
                    plain: style == ScalarStyle::Plain,
                    tag: core_tag(tag),
                };
                self.count(1, at)?;
                self.complete(
                    Node {
                        value: Value::Scalar(scalar),
                        at,
                    },
                    anchor,
                );
            }
            Event::SequenceStart(anchor, _) => self.begin(Value::Sequence(Vec::new()), anchor, at)?,
            Event::MappingStart(anchor, _) => self.begin(Value::Mapping(Vec::new()), anchor, at)?,
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(mut open) = self.open.pop() {
                    if let Value::Mapping(entries) = &mut open.node.value {
                        merge(entries);
                    }
                    self.complete(open.node, open.anchor);
                }
            }
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor) else {
                    return Err(fail(
                        "unknown anchor: an alias cannot stand inside what it names",
                        at,
                    ));
                };
                let (node, size) = (node.clone(), *size);
                self.count(size, at)?;
                if self.open.len() + depth(&node) > DEPTH_MAX {
                    return Err(too_deep(at));
                }
                self.complete(node, 0);
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn begin(&mut self, value: Value, anchor: usize, at: Position) -> Result<(), SyntaxError> {
        self.count(1, at)?;
        if self.open.len() >= DEPTH_MAX {
            return Err(too_deep(at));
        }
        self.open.push(Open {
            node: Node { value, at },
            anchor,
            key: None,
        });
        Ok(())
    }

    fn count(&mut self, nodes: usize, at: Position) -> Result<(), SyntaxError> {
        self.nodes += nodes;
        if self.nodes > NODES_MAX {
            return Err(fail(
                "document contains excessive aliasing or too many values",
                at,
            ));
        }
        Ok(())
    }

    fn complete(&mut self, node: Node, anchor: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), size(&node)));
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        match &mut open.node.value {
            Value::Sequence(items) => items.push(node),
            Value::Mapping(entries) => match open.key.take() {
                Some(key) => entries.push((key, node)),
                None => open.key = Some(node),
            },
            Value::Scalar(_) => {}
        }
    }
}

fn fail(message: &str, at: Position) -> SyntaxError {
    SyntaxError {
        message: message.to_owned(),
        at,
    }
}

fn too_deep(at: Position) -> SyntaxError {
    fail(&format!("exceeded max depth of {DEPTH_MAX}"), at)
}

fn core_tag(tag: Option<Cow<'_, Tag>>) -> Option<String> {
    let tag = tag?;
    if tag.is_yaml_core_schema() {
        Some(tag.suffix.clone())
    } else if tag.handle == "!" && tag.suffix.is_empty() {
        // The non-specific tag: a text, whatever it looks like.
        Some("str".to_owned())
    } else {
        None
    }
}

/// Nesting is bounded by [`DEPTH_MAX`], so recursion is too.
fn size(node: &Node) -> usize {
    match &node.value {
        Value::Scalar(_) => 1,
        Value::Sequence(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Mapping(entries) => 1 + entries.iter().map(|(k, v)| size(k) + size(v)).sum::<usize>(),
    }
}

fn depth(node: &Node) -> usize {
    match &node.value {
        Value::Scalar(_) => 0,
        Value::Sequence(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Mapping(entries) => {
            1 + entries
                .iter()
                .map(|(k, v)| depth(k).max(depth(v)))
                .max()
                .unwrap_or(0)
        }
    }
}

/// Puts the entries of `<<: *other` (a mapping or a list of them) where no key of its own stands.
fn merge(entries: &mut Vec<(Node, Node)>) {
    let is_merge = |key: &Node| matches!(&key.value, Value::Scalar(s) if s.plain && s.text == "<<");
    let Some(at) = entries.iter().position(|(key, _)| is_merge(key)) else {
        return;
    };
    let (_, source) = entries.remove(at);
    let sources = match source.value {
        Value::Sequence(items) => items,
        Value::Mapping(_) => vec![source],
        Value::Scalar(_) => Vec::new(),
    };
    for source in sources {
        if let Value::Mapping(more) = source.value {
            for (key, value) in more {
                if !entries.iter().any(|(own, _)| own.value == key.value) {
                    entries.push((key, value));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(node: &Node) -> String {
        match &node.value {
            Value::Scalar(s) => s.text.clone(),
            Value::Sequence(items) => format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(",")),
            Value::Mapping(entries) => {
                let parts: Vec<_> = entries
                    .iter()
                    .map(|(k, v)| format!("{}:{}", text(k), text(v)))
                    .collect();
                format!("{{{}}}", parts.join(","))
            }
        }
    }

    #[test]
    fn documents_become_nodes_with_positions() {
        let node = parse("a: 1\nb:\n  - x\n  - 'y'\n").unwrap().unwrap();
        assert_eq!(text(&node), "{a:1,b:[x,y]}");
        let Value::Mapping(entries) = &node.value else {
            panic!("no mapping")
        };
        assert_eq!(entries[1].0.at, Position { line: 2, column: 1 });
        let Value::Sequence(items) = &entries[1].1.value else {
            panic!("no sequence")
        };
        assert_eq!(items[1].at, Position { line: 4, column: 5 });
        assert_eq!(parse("# nothing\n").unwrap(), None);
        assert_eq!(parse("").unwrap(), None);
    }

    #[test]
    fn aliases_and_merge_keys_are_resolved() {
        let node = parse("base: &b {x: 1, y: 2}\nc:\n  <<: *b\n  y: 3\nd: *b\n")
            .unwrap()
            .unwrap();
        assert_eq!(text(&node), "{base:{x:1,y:2},c:{y:3,x:1},d:{x:1,y:2}}");
    }

    #[test]
    fn hostile_documents_are_refused() {
        let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for i in 1..9 {
            let items = vec![format!("*a{}", i - 1); 10].join(",");
            bomb.push_str(&format!("a{i}: &a{i} [{items}]\n"));
        }
        assert!(parse(&bomb).unwrap_err().message.contains("excessive aliasing"));
        assert!(parse(&"[".repeat(100_000)).is_err());
        let deep: String = (0..5_000).map(|i| format!("{}a:\n", " ".repeat(i))).collect();
        assert!(parse(&deep).is_err());
        for bad in ["a: b: c", "a: [1", "a: 'x", "a: *nope", "- a\nb: 1", "a: \u{1}"] {
            let error = parse(bad).expect_err(bad);
            assert!(error.to_string().starts_with("yaml: line "), "{bad}: {error}");
        }
    }
}
