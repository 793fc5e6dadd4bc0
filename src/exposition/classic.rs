//! The text format 0.0.4, all of it: lines that are not of the common shape, metadata, and errors.

use std::borrow::Cow;

use super::error::{ParseError, quoted};
use super::event::{Event, MetricKind, Sample};
use super::float::parse_float;
use super::labels::{Block, Escapes, metadata_name, read_block, unescape};
use super::lex::Token;
use super::parser::Parser;

pub(super) fn next_event<'a>(parser: &mut Parser<'a>) -> Result<Option<Event<'a>>, ParseError> {
    loop {
        let token = parser.lexer.line();
        return match token {
            Token::Linebreak => continue,
            Token::Eof => Ok(None),
            Token::Comment => Ok(Some(Event::Comment(parser.lexer.token()))),
            Token::Help | Token::Type => metadata(parser, token).map(Some),
            Token::MetricName | Token::BraceOpen => sample(parser, token).map(Some),
            token => Err(parser.lexer.unexpected("expected a valid start token", token)),
        };
    }
}

fn metadata<'a>(parser: &mut Parser<'a>, what: Token) -> Result<Event<'a>, ParseError> {
    let lexer = &mut parser.lexer;
    match lexer.metadata_name() {
        Token::MetricName => {}
        token => return Err(lexer.unexpected(&format!("expected metric name after {}", what.word()), token)),
    }
    let name = metadata_name(lexer)?;
    let text = lexer.metadata_text().unwrap_or_default();
    if what == Token::Help {
        let text = help_text(text, Escapes::ClassicHelp).map_err(|message| lexer.error(message))?;
        return Ok(Event::Help { name, text });
    }
    let kind = match text {
        b"counter" => MetricKind::Counter,
        b"gauge" => MetricKind::Gauge,
        b"histogram" => MetricKind::Histogram,
        b"summary" => MetricKind::Summary,
        b"untyped" => MetricKind::Unknown,
        other => return Err(lexer.error(format!("invalid metric type {}", quoted(other)))),
    };
    parser.kind = kind;
    Ok(Event::Type { name, kind })
}

/// A help text, unescaped; or the error's text.
pub(super) fn help_text(text: &[u8], escapes: Escapes) -> Result<Cow<'_, str>, String> {
    let invalid = || format!("help text {} is not a valid utf8 string", quoted(text));
    match unescape(text, escapes) {
        Cow::Borrowed(b) => std::str::from_utf8(b).map(Cow::Borrowed).map_err(|_| invalid()),
        Cow::Owned(b) => String::from_utf8(b).map(Cow::Owned).map_err(|_| invalid()),
    }
}

fn sample<'a>(parser: &mut Parser<'a>, first: Token) -> Result<Event<'a>, ParseError> {
    let Parser { lexer, scratch, .. } = parser;
    scratch.clear();
    let offset = lexer.entry;
    let mut key_end = lexer.at;
    let mut token = if first == Token::BraceOpen {
        read_block(lexer, Block::Nameless, scratch)?;
        key_end = lexer.at;
        lexer.value()
    } else {
        lexer.brace_or_value()
    };
    if token == Token::BraceOpen {
        read_block(lexer, Block::Named, scratch)?;
        key_end = lexer.at;
        token = lexer.value();
    }
    if token != Token::Value {
        return Err(lexer.unexpected("expected value after metric", token));
    }
    let value = parse_float(lexer.token()).map_err(|message| lexer.error_while_parsing(&message))?;
    let mut timestamp = None;
    match lexer.after_value() {
        Token::Linebreak => {}
        Token::Timestamp => {
            timestamp = Some(milliseconds(lexer.token()).map_err(|m| lexer.error_while_parsing(&m))?);
            match lexer.after_value() {
                Token::Linebreak => {}
                token => return Err(lexer.unexpected("expected next entry after timestamp", token)),
            }
        }
        token => return Err(lexer.unexpected("expected timestamp or new record", token)),
    }
    Ok(Event::Sample(Sample {
        key: lexer.page.get(offset..key_end).unwrap_or_default(),
        offset,
        value,
        timestamp,
        exemplar: None,
    }))
}

fn milliseconds(digits: &[u8]) -> Result<i64, String> {
    std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| format!("strconv.ParseInt: parsing {}: value out of range", quoted(digits)))
}
