//! What the lexer makes of the text, and how error texts name it.

use narthex_model::labels::quoted;

use super::scan::quote_char;
use crate::ast::{AggregateOp, BinaryOp};

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    End,
    Bad(LexError),
    Identifier,
    /// An identifier with a colon in it.
    MetricIdentifier,
    Number,
    Duration,
    String,
    LeftParen,
    RightParen,
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
    Comma,
    Colon,
    /// `=`
    Assign,
    /// Written as a sign or as a word.
    Operator(BinaryOp),
    /// `=~`
    RegexEqual,
    /// `!~`
    RegexNotEqual,
    /// `@`
    At,
    Aggregator(AggregateOp),
    Keyword(Keyword),
    Bound(Bound),
}

/// Words with a place in the grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keyword {
    Offset,
    Smoothed,
    Anchored,
    By,
    Without,
    On,
    Ignoring,
    GroupLeft,
    GroupRight,
    Fill,
    FillLeft,
    FillRight,
    Bool,
}

/// Words for properties of the query's time range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    Start,
    End,
    Step,
    Range,
}

/// A token with its place in the text, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

const WORDS: &[(&str, TokenKind)] = &[
    ("and", TokenKind::Operator(BinaryOp::And)),
    ("or", TokenKind::Operator(BinaryOp::Or)),
    ("unless", TokenKind::Operator(BinaryOp::Unless)),
    ("atan2", TokenKind::Operator(BinaryOp::Atan2)),
    ("sum", TokenKind::Aggregator(AggregateOp::Sum)),
    ("avg", TokenKind::Aggregator(AggregateOp::Avg)),
    ("count", TokenKind::Aggregator(AggregateOp::Count)),
    ("min", TokenKind::Aggregator(AggregateOp::Min)),
    ("max", TokenKind::Aggregator(AggregateOp::Max)),
    ("group", TokenKind::Aggregator(AggregateOp::Group)),
    ("stddev", TokenKind::Aggregator(AggregateOp::Stddev)),
    ("stdvar", TokenKind::Aggregator(AggregateOp::Stdvar)),
    ("topk", TokenKind::Aggregator(AggregateOp::Topk)),
    ("bottomk", TokenKind::Aggregator(AggregateOp::Bottomk)),
    ("count_values", TokenKind::Aggregator(AggregateOp::CountValues)),
    ("quantile", TokenKind::Aggregator(AggregateOp::Quantile)),
    ("limitk", TokenKind::Aggregator(AggregateOp::Limitk)),
    ("limit_ratio", TokenKind::Aggregator(AggregateOp::LimitRatio)),
    ("offset", TokenKind::Keyword(Keyword::Offset)),
    ("smoothed", TokenKind::Keyword(Keyword::Smoothed)),
    ("anchored", TokenKind::Keyword(Keyword::Anchored)),
    ("by", TokenKind::Keyword(Keyword::By)),
    ("without", TokenKind::Keyword(Keyword::Without)),
    ("on", TokenKind::Keyword(Keyword::On)),
    ("ignoring", TokenKind::Keyword(Keyword::Ignoring)),
    ("group_left", TokenKind::Keyword(Keyword::GroupLeft)),
    ("group_right", TokenKind::Keyword(Keyword::GroupRight)),
    ("fill", TokenKind::Keyword(Keyword::Fill)),
    ("fill_left", TokenKind::Keyword(Keyword::FillLeft)),
    ("fill_right", TokenKind::Keyword(Keyword::FillRight)),
    ("bool", TokenKind::Keyword(Keyword::Bool)),
    ("start", TokenKind::Bound(Bound::Start)),
    ("end", TokenKind::Bound(Bound::End)),
    ("step", TokenKind::Bound(Bound::Step)),
    ("range", TokenKind::Bound(Bound::Range)),
    ("inf", TokenKind::Number),
    ("nan", TokenKind::Number),
];

impl TokenKind {
    /// The kind of a word that has a meaning of its own; in any case of letters.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        WORDS
            .iter()
            .find(|(w, _)| w.eq_ignore_ascii_case(word))
            .map(|(_, kind)| *kind)
    }

    /// Whether a metric may be called by this token.
    pub(crate) fn is_metric_name(self) -> bool {
        matches!(
            self,
            Self::Identifier
                | Self::MetricIdentifier
                | Self::Aggregator(_)
                | Self::Bound(_)
                | Self::Operator(BinaryOp::And | BinaryOp::Or | BinaryOp::Unless)
                | Self::Keyword(
                    Keyword::Offset | Keyword::Smoothed | Keyword::Anchored | Keyword::By | Keyword::Without
                )
        )
    }

    /// Whether a label in `by (...)` and its kin may be called by this token.
    pub(crate) fn is_grouping_label(self) -> bool {
        match self {
            Self::Operator(op) => {
                matches!(
                    op,
                    BinaryOp::And | BinaryOp::Or | BinaryOp::Unless | BinaryOp::Atan2
                )
            }
            Self::Keyword(word) => word != Keyword::Without,
            _ => self.is_metric_name(),
        }
    }

    /// Whether an expression may begin with this token.
    pub(crate) fn begins_expression(self) -> bool {
        self.is_metric_name()
            || matches!(
                self,
                Self::Number
                    | Self::Duration
                    | Self::String
                    | Self::LeftParen
                    | Self::LeftBrace
                    | Self::Operator(BinaryOp::Add | BinaryOp::Sub)
            )
    }
}

impl Token {
    /// The token as error texts name it: `identifier "x"`, `<op:+>`, `<by>`, `end of input`.
    pub(crate) fn describe(self, text: &str) -> String {
        let value = text.get(self.start..self.end).unwrap_or("");
        match self.kind {
            TokenKind::End => "end of input".to_owned(),
            TokenKind::Bad(error) => error.message(value),
            TokenKind::Identifier => format!("identifier {}", quoted(value)),
            TokenKind::MetricIdentifier => format!("metric identifier {}", quoted(value)),
            TokenKind::Number => format!("number {}", shortened(value)),
            TokenKind::Duration => format!("duration {}", shortened(value)),
            TokenKind::String => format!("string {}", shortened(value)),
            TokenKind::Keyword(_) => format!("<{value}>"),
            TokenKind::Operator(_) | TokenKind::RegexEqual | TokenKind::RegexNotEqual | TokenKind::At => {
                format!("<op:{value}>")
            }
            TokenKind::Aggregator(_) => format!("<aggr:{value}>"),
            _ => shortened(value),
        }
    }
}

/// `text` in quotes; of a long one the first ten characters.
fn shortened(text: &str) -> String {
    if text.len() <= 10 {
        return quoted(text);
    }
    let end = text.char_indices().nth(10).map_or(text.len(), |(at, _)| at);
    format!("{}...", quoted(text.get(..end).unwrap_or(text)))
}

/// What is wrong with a piece of text that is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LexError {
    AfterAssign(char),
    AfterBang(Option<char>),
    AfterBangInBraces(Option<char>),
    BadNumber,
    CharInBraces(char),
    CharInDuration(char),
    CharNotColon(char),
    Char(char),
    ColonBeforeDuration,
    ColonRepeated,
    ColonRepeatedInDuration,
    EndInBraces,
    EndInDuration,
    EscapeIllegal(char),
    EscapeInvalid,
    EscapeUnknown(char),
    EscapeUnterminated,
    InvalidUtf8,
    LeftBrace,
    LeftBracket,
    RightBracket,
    RightParen,
    UnclosedBracket,
    UnclosedParen,
    UnterminatedRawString,
    UnterminatedString,
}

impl LexError {
    /// The text for it; `value` is the piece that is wrong.
    fn message(self, value: &str) -> String {
        // Go shows the end of the text as the replacement character.
        let shown = |c: Option<char>| quote_char(c.unwrap_or(char::REPLACEMENT_CHARACTER));
        match self {
            Self::AfterAssign(c) => format!("unexpected character after '=': {}", quote_char(c)),
            Self::AfterBang(c) => format!("unexpected character after '!': {}", shown(c)),
            Self::AfterBangInBraces(c) => {
                format!("unexpected character after '!' inside braces: {}", shown(c))
            }
            Self::BadNumber => format!("bad number or duration syntax: {}", quoted(value)),
            Self::CharInBraces(c) => format!("unexpected character inside braces: {}", quote_char(c)),
            Self::CharInDuration(c) => {
                format!("unexpected character in duration expression: {}", quote_char(c))
            }
            Self::CharNotColon(c) => format!("unexpected character: {}, expected ':'", quote_char(c)),
            Self::Char(c) => format!("unexpected character: {}", quote_char(c)),
            Self::ColonBeforeDuration => "unexpected colon before duration in duration expression".into(),
            Self::ColonRepeated => "unexpected colon ':'".into(),
            Self::ColonRepeatedInDuration => "unexpected repeated colon in duration expression".into(),
            Self::EndInBraces => "unexpected end of input inside braces".into(),
            Self::EndInDuration => "unexpected end of input in duration expression".into(),
            Self::EscapeIllegal(c) => format!("illegal character {} in escape sequence", code_point(c)),
            Self::EscapeInvalid => "escape sequence is an invalid Unicode code point".into(),
            Self::EscapeUnknown(c) => format!("unknown escape sequence {}", code_point(c)),
            Self::EscapeUnterminated => "escape sequence not terminated".into(),
            Self::InvalidUtf8 => "invalid UTF-8 rune".into(),
            Self::LeftBrace => "unexpected left brace '{'".into(),
            Self::LeftBracket => "unexpected left bracket '['".into(),
            Self::RightBracket => "unexpected right bracket ']'".into(),
            Self::RightParen => "unexpected right parenthesis ')'".into(),
            Self::UnclosedBracket => "unclosed left bracket".into(),
            Self::UnclosedParen => "unclosed left parenthesis".into(),
            Self::UnterminatedRawString => "unterminated raw string".into(),
            Self::UnterminatedString => "unterminated quoted string".into(),
        }
    }
}

/// `U+0063 'c'`, as Go's `%#U`; without the character where it does not print.
fn code_point(c: char) -> String {
    let shown = quote_char(c);
    // A printable character stands for itself between the quotes, escaped or not.
    if shown.starts_with("'\\") && c != '\\' && c != '\'' {
        format!("U+{:04X}", c as u32)
    } else {
        format!("U+{:04X} '{c}'", c as u32)
    }
}
