//! A YAML node and where it stands.

/// Line and column, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

/// A value and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it begins.
    pub at: Position,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A single value.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys and values in the order written.
    Mapping(Vec<(Node, Node)>),
}

/// A single value as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scalar {
    /// The text, escapes resolved.
    pub text: String,
    /// Whether it stood without quotes, so that it may be a number, a boolean or null.
    pub plain: bool,
    /// An explicit core tag (`str`, `int`, `float`, `bool`, `null`, `binary`), if any.
    pub tag: Option<String>,
}

impl Node {
    /// An unquoted scalar at no position, for values that are not read from a file.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        Self {
            value: Value::Scalar(Scalar {
                text: text.into(),
                plain: true,
                tag: None,
            }),
            at: Position::default(),
        }
    }
}
