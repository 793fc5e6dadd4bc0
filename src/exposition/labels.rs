//! Label blocks: checked, unescaped, and with `le` and `quantile` in one form.

use std::borrow::Cow;

use narthex_model::METRIC_NAME;

use super::error::{ParseError, quoted};
use super::event::MetricKind;
use super::float::{format_float, parse_float};
use super::lex::{Dialect, Lexer, Token};

/// Labels up to which comparing each with each is quicker than sorting.
const FEW_LABELS: usize = 24;

/// Labels of one sample in the order of the page, the metric's name among them as `__name__`.
/// Meant to be reused from sample to sample.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelList<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> LabelList<'a> {
    /// No labels.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Name and value, in the order of the page. Values may be empty.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(n, v)| (n.as_ref(), v.as_ref()))
    }

    /// How many labels there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Forgets all labels and keeps the memory.
    pub fn clear(&mut self) {
        self.pairs.clear();
    }

    /// Adds a label behind the others.
    pub fn push(&mut self, name: Cow<'a, str>, value: Cow<'a, str>) {
        self.pairs.push((name, value));
    }

    pub(super) fn first_repeated(&self) -> Option<&str> {
        if self.pairs.len() <= FEW_LABELS {
            let mut pairs = self.pairs.iter();
            while let Some((name, _)) = pairs.next() {
                if pairs.as_slice().iter().any(|(other, _)| other == name) {
                    return Some(name);
                }
            }
            return None;
        }
        let mut names: Vec<&str> = self.pairs.iter().map(|(n, _)| n.as_ref()).collect();
        names.sort_unstable();
        names.windows(2).find(|w| w[0] == w[1]).map(|w| w[0])
    }

    /// Rewrites bounds of histograms and quantiles of summaries to the form of OpenMetrics.
    fn normalise(&mut self, kind: MetricKind) {
        let bound = match kind {
            MetricKind::Histogram => "le",
            MetricKind::Summary => "quantile",
            _ => return,
        };
        for (_, value) in self.pairs.iter_mut().filter(|(n, _)| n == bound) {
            if let Ok(number) = parse_float(value.as_bytes()) {
                let text = format_float(number);
                if text != *value {
                    *value = Cow::Owned(text);
                }
            }
        }
    }
}

/// Reads the series that begins where the lexer stands, up to the end of its labels.
pub(super) fn read_series<'a>(
    lexer: &mut Lexer<'a>,
    kind: MetricKind,
    out: &mut LabelList<'a>,
) -> Result<(), ParseError> {
    out.clear();
    match lexer.line() {
        Token::MetricName => {
            let name = text(lexer, lexer.token(), "metric name")?;
            out.push(Cow::Borrowed(METRIC_NAME), name);
            let mut ahead = lexer.clone();
            if ahead.brace_or_value() == Token::BraceOpen {
                *lexer = ahead;
                read_block(lexer, Block::Named, out)?;
            }
        }
        Token::BraceOpen => read_block(lexer, Block::Nameless, out)?,
        token => return Err(lexer.unexpected("expected a valid start token", token)),
    }
    if let Some(name) = out.first_repeated() {
        let message = format!(
            "label name {} is not unique: invalid sample",
            quoted(name.as_bytes())
        );
        return Err(ParseError::at(lexer.page, lexer.entry, message));
    }
    out.normalise(kind);
    Ok(())
}

/// Reads the labels of an exemplar: `{...}`.
pub(super) fn read_exemplar<'a>(block: &'a [u8], out: &mut LabelList<'a>) -> Result<(), ParseError> {
    out.clear();
    let mut lexer = Lexer::new(block, Dialect::OpenMetrics);
    lexer.at = 1;
    read_block(&mut lexer, Block::Exemplar, out)
}

/// Whose labels a block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Block {
    /// A series whose name stands before the brace.
    Named,
    /// A series whose name stands quoted inside.
    Nameless,
    /// An exemplar.
    Exemplar,
}

/// Reads from behind `{` to behind `}`.
pub(super) fn read_block<'a>(
    lexer: &mut Lexer<'a>,
    block: Block,
    out: &mut LabelList<'a>,
) -> Result<(), ParseError> {
    let exemplar = block == Block::Exemplar;
    let mut named = block != Block::Nameless;
    let mut token = lexer.label(exemplar);
    loop {
        let name = match token {
            Token::BraceClose => break,
            Token::LabelName => Cow::Borrowed(lexer.token()),
            Token::QuotedString => unescape(unquote(lexer.token()), Escapes::LabelValue),
            token => return Err(lexer.unexpected("expected label name", token)),
        };
        let is_quoted = token == Token::QuotedString;
        token = lexer.label(exemplar);
        // A quoted string that is no label's name is the metric's name.
        if matches!(token, Token::Comma | Token::BraceClose) {
            if exemplar {
                return Err(lexer.unexpected("expected label name", token));
            }
            if named {
                return Err(lexer.error_while_parsing("metric name already set"));
            }
            if !is_quoted {
                return Err(lexer.unexpected("expected equal", token));
            }
            named = true;
            out.push(Cow::Borrowed(METRIC_NAME), utf8(lexer, name, "metric name")?);
            if token == Token::Comma {
                token = lexer.label(exemplar);
            }
            continue;
        }
        let name = utf8(lexer, name, "label name")?;
        if token != Token::Equal {
            return Err(lexer.unexpected("expected equal", token));
        }
        match lexer.label_value() {
            Token::LabelValue => {}
            token => return Err(lexer.unexpected("expected label value", token)),
        }
        out.push(name, label_value(lexer)?);
        token = lexer.label(exemplar);
        match token {
            Token::Comma => token = lexer.label(exemplar),
            // The classic format takes labels without a comma between them.
            Token::BraceClose => {}
            _ if lexer.dialect == Dialect::Classic => {}
            token => return Err(lexer.unexpected("expected comma or brace close", token)),
        }
    }
    if !named {
        // Said once the value is read, whatever it is.
        lexer.value();
        return Err(lexer.error_while_parsing("metric name not set"));
    }
    Ok(())
}

fn label_value<'a>(lexer: &Lexer<'a>) -> Result<Cow<'a, str>, ParseError> {
    let token = lexer.token();
    if std::str::from_utf8(token).is_err() {
        return Err(lexer.error(format!("invalid UTF-8 label value: {}", quoted(token))));
    }
    utf8(
        lexer,
        unescape(unquote(token), Escapes::LabelValue),
        "label value",
    )
}

fn text<'a>(lexer: &Lexer<'a>, bytes: &'a [u8], what: &str) -> Result<Cow<'a, str>, ParseError> {
    utf8(lexer, Cow::Borrowed(bytes), what)
}

fn utf8<'a>(lexer: &Lexer<'a>, bytes: Cow<'a, [u8]>, what: &str) -> Result<Cow<'a, str>, ParseError> {
    let invalid = |bytes: &[u8]| lexer.error(format!("invalid UTF-8 {what}: {}", quoted(bytes)));
    match bytes {
        Cow::Borrowed(b) => std::str::from_utf8(b).map(Cow::Borrowed).map_err(|_| invalid(b)),
        Cow::Owned(b) => String::from_utf8(b)
            .map(Cow::Owned)
            .map_err(|e| invalid(e.as_bytes())),
    }
}

/// The name of a metadata line, unquoted.
pub(super) fn metadata_name<'a>(lexer: &Lexer<'a>) -> Result<Cow<'a, str>, ParseError> {
    let token = lexer.token();
    let name = match token {
        [b'"', ..] => unescape(unquote(token), Escapes::LabelValue),
        _ => Cow::Borrowed(token),
    };
    utf8(lexer, name, "metric name")
}

/// The bytes between the quotes.
fn unquote(token: &[u8]) -> &[u8] {
    match token {
        [b'"', inner @ .., b'"'] => inner,
        token => token,
    }
}

/// Which escapes mean something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escapes {
    /// `\\`, `\n`, `\"`
    LabelValue,
    /// `\\`, `\n`
    ClassicHelp,
}

/// Resolves escapes; an unknown one stays as it is.
pub(super) fn unescape(text: &[u8], escapes: Escapes) -> Cow<'_, [u8]> {
    if !text.contains(&b'\\') {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        let meant = match (first, behind.first()) {
            (b'\\', Some(b'\\')) => Some(b'\\'),
            (b'\\', Some(b'n')) => Some(b'\n'),
            (b'\\', Some(b'"')) if escapes == Escapes::LabelValue => Some(b'"'),
            _ => None,
        };
        match meant {
            Some(byte) => {
                out.push(byte);
                rest = behind.get(1..).unwrap_or_default();
            }
            None => out.push(*first),
        }
    }
    Cow::Owned(out)
}
