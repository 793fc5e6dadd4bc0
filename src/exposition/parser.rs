//! A page as a sequence of events, whatever its format.

use super::classic;
use super::error::ParseError;
use super::event::{Event, MetricKind, Sample};
use super::float::parse_float;
use super::labels::{LabelList, read_series};
use super::lex::{Dialect, Lexer, is_name_byte, is_name_start};
use super::openmetrics;

/// A text format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Prometheus's text format 0.0.4 (and its 1.0.0 with UTF-8 names).
    Classic,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

/// Reads a page in place, line by line.
#[derive(Debug, Clone)]
pub struct Parser<'a> {
    pub(super) lexer: Lexer<'a>,
    /// What the last `# TYPE` line said.
    pub(super) kind: MetricKind,
    /// Where labels are checked when a line does not go the fast way.
    pub(super) scratch: LabelList<'a>,
}

impl<'a> Parser<'a> {
    /// A parser at the start of `page`.
    #[must_use]
    pub fn new(page: &'a [u8], format: Format) -> Self {
        let dialect = match format {
            Format::Classic => Dialect::Classic,
            Format::OpenMetrics => Dialect::OpenMetrics,
        };
        Self {
            lexer: Lexer::new(page, dialect),
            kind: MetricKind::Unknown,
            scratch: LabelList::new(),
        }
    }

    /// The next entry, or none at the end of the page.
    ///
    /// `expected` is a guess at the next sample's key, such as the key that came next the last time: when it is
    /// right, the line is not searched for its key's end. Give `b""` for no guess.
    ///
    /// # Errors
    /// What is wrong with the page and where. The parser is of no use after that.
    pub fn next_event(&mut self, expected: &[u8]) -> Result<Option<Event<'a>>, ParseError> {
        if let Some(sample) = self.plain_sample(expected) {
            return Ok(Some(Event::Sample(sample)));
        }
        match self.lexer.dialect {
            Dialect::Classic => classic::next_event(self),
            Dialect::OpenMetrics => openmetrics::next_event(self),
        }
    }

    /// Reads and checks the labels of a sample that this parser has just given out.
    ///
    /// # Errors
    /// What is wrong with the labels and where.
    pub fn labels(&self, sample: &Sample<'a>, out: &mut LabelList<'a>) -> Result<(), ParseError> {
        let mut lexer = self.lexer.clone();
        lexer.at = sample.offset;
        read_series(&mut lexer, self.kind, out)
    }

    /// Lines of the common shape, without a token being made; for all others none, and nothing has moved.
    fn plain_sample(&mut self, expected: &[u8]) -> Option<Sample<'a>> {
        let classic = self.lexer.dialect == Dialect::Classic;
        let offset = self.lexer.at;
        let line = self.lexer.page.get(offset..)?;
        let known =
            !expected.is_empty() && line.starts_with(expected) && line.get(expected.len()) == Some(&b' ');
        let key_length = if known { expected.len() } else { key_length(line)? };
        let (key, rest) = line.split_at_checked(key_length)?;
        let rest = rest.strip_prefix(b" ")?;
        let value_length = rest
            .iter()
            .position(|b| matches!(b, b' ' | b'\n' | b'\t' | b'{'))?;
        let (value, behind) = rest.split_at_checked(value_length)?;
        let value = parse_float(value).ok()?;
        let mut consumed = key_length + 1 + value_length + 1;
        let mut timestamp = None;
        match behind.first()? {
            b'\n' => {}
            b' ' if classic => {
                let digits = behind.get(1..)?;
                let length = digits.iter().position(|b| !b.is_ascii_digit())?;
                if digits.get(length) != Some(&b'\n') {
                    return None;
                }
                timestamp = Some(std::str::from_utf8(digits.get(..length)?).ok()?.parse().ok()?);
                consumed += length + 1;
            }
            _ => return None,
        }
        self.lexer.at = offset + consumed;
        Some(Sample {
            key,
            offset,
            value,
            timestamp,
            exemplar: None,
        })
    }
}

/// Length of the series at the start of `line`: its name, and its braces if they follow at once.
fn key_length(line: &[u8]) -> Option<usize> {
    if !line.first().is_some_and(|b| is_name_start(*b) || *b == b'{') {
        return None;
    }
    let name_length = line.iter().position(|b| !is_name_byte(*b))?;
    if line.get(name_length) != Some(&b'{') {
        return Some(name_length);
    }
    let mut at = name_length + 1;
    loop {
        at += line
            .get(at..)?
            .iter()
            .position(|b| matches!(b, b'"' | b'}' | b'\n'))?;
        match line.get(at)? {
            b'"' => at = quote_end(line, at + 1)?,
            b'}' => return Some(at + 1),
            _ => return None,
        }
    }
}

/// The position behind the quote that ends the string which begins at `at`.
fn quote_end(line: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += line
            .get(at..)?
            .iter()
            .position(|b| matches!(b, b'"' | b'\\' | b'\n'))?;
        match line.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' if line.get(at + 1) != Some(&b'\n') => at += 2,
            _ => return None,
        }
    }
}
