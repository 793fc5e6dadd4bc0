//! OpenMetrics 1.0, all of it: lines that are not of the common shape, metadata, exemplars, `# EOF`, and errors.

use super::classic::help_text;
use super::error::{ParseError, quoted};
use super::event::{Event, Exemplar, MetricKind, Sample};
use super::float::parse_float;
use super::labels::{Block, Escapes, LabelList, metadata_name, read_block};
use super::lex::{Lexer, Token};
use super::parser::Parser;

const NO_EOF: &str = "data does not end with # EOF";

pub(super) fn next_event<'a>(parser: &mut Parser<'a>) -> Result<Option<Event<'a>>, ParseError> {
    let token = parser.lexer.line();
    match token {
        Token::EofWord => end(&mut parser.lexer),
        Token::Eof => Err(parser.lexer.error(NO_EOF.to_owned())),
        Token::Help | Token::Type | Token::Unit => metadata(parser, token).map(Some),
        Token::MetricName | Token::BraceOpen => sample(parser, token).map(Some),
        token => Err(parser.lexer.unexpected("expected a valid start token", token)),
    }
}

/// Behind `# EOF` there is nothing; asked again, the parser says so again.
fn end<'a>(lexer: &mut Lexer<'a>) -> Result<Option<Event<'a>>, ParseError> {
    if lexer.at < lexer.page.len() {
        lexer.start = lexer.at;
        return Err(lexer.error("unexpected data after # EOF".to_owned()));
    }
    lexer.at = lexer.start;
    Ok(None)
}

fn metadata<'a>(parser: &mut Parser<'a>, what: Token) -> Result<Event<'a>, ParseError> {
    let lexer = &mut parser.lexer;
    match lexer.metadata_name() {
        Token::MetricName => {}
        token => return Err(lexer.unexpected(&format!("expected metric name after {}", what.word()), token)),
    }
    let name = metadata_name(lexer)?;
    let Some(text) = lexer.metadata_text() else {
        return Err(lexer.error(format!("expected text in {}", what.word())));
    };
    match what {
        Token::Help => {
            let text = help_text(text, Escapes::LabelValue).map_err(|message| lexer.error(message))?;
            Ok(Event::Help { name, text })
        }
        Token::Unit => {
            let unit = help_text(text, Escapes::LabelValue).map_err(|message| lexer.error(message))?;
            let is_suffix = name.strip_suffix(unit.as_ref()).is_some_and(|n| n.ends_with('_'));
            if !unit.is_empty() && !is_suffix {
                let message = format!(
                    "unit {} not a suffix of metric {}",
                    quoted(unit.as_bytes()),
                    quoted(name.as_bytes())
                );
                return Err(lexer.error(message));
            }
            Ok(Event::Unit { name, unit })
        }
        _ => {
            let kind =
                kind(text).ok_or_else(|| lexer.error(format!("invalid metric type {}", quoted(text))))?;
            parser.kind = kind;
            Ok(Event::Type { name, kind })
        }
    }
}

fn kind(word: &[u8]) -> Option<MetricKind> {
    Some(match word {
        b"counter" => MetricKind::Counter,
        b"gauge" => MetricKind::Gauge,
        b"histogram" => MetricKind::Histogram,
        b"gaugehistogram" => MetricKind::GaugeHistogram,
        b"summary" => MetricKind::Summary,
        b"info" => MetricKind::Info,
        b"stateset" => MetricKind::StateSet,
        b"unknown" => MetricKind::Unknown,
        _ => return None,
    })
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
    let value = value(lexer, token, "metric")?;
    let mut timestamp = None;
    let mut exemplar = None;
    match lexer.after_value() {
        Token::Linebreak => {}
        Token::Eof => return Err(lexer.error(NO_EOF.to_owned())),
        Token::Comment => exemplar = Some(read_exemplar(lexer, scratch)?),
        Token::Timestamp => {
            timestamp = Some(milliseconds(lexer, "timestamp")?);
            match lexer.after_value() {
                Token::Linebreak => {}
                Token::Eof => return Err(lexer.error(NO_EOF.to_owned())),
                Token::Comment => exemplar = Some(read_exemplar(lexer, scratch)?),
                token => return Err(lexer.unexpected("expected next entry after timestamp", token)),
            }
        }
        token => return Err(lexer.unexpected("expected timestamp or comment", token)),
    }
    Ok(Event::Sample(Sample {
        key: lexer.page.get(offset..key_end).unwrap_or_default(),
        offset,
        value,
        timestamp,
        exemplar,
    }))
}

/// The rest of a line behind ` # {`.
fn read_exemplar<'a>(lexer: &mut Lexer<'a>, scratch: &mut LabelList<'a>) -> Result<Exemplar<'a>, ParseError> {
    let from = lexer.at - 1;
    scratch.clear();
    read_block(lexer, Block::Exemplar, scratch)?;
    let block = lexer.page.get(from..lexer.at).unwrap_or_default();
    let token = lexer.value();
    let value = value(lexer, token, "exemplar labels")?;
    let mut timestamp = None;
    match lexer.after_value() {
        Token::Linebreak => {}
        Token::Eof => return Err(lexer.error(NO_EOF.to_owned())),
        Token::Timestamp => {
            timestamp = Some(milliseconds(lexer, "exemplar timestamp")?);
            match lexer.after_value() {
                Token::Linebreak => {}
                token => {
                    return Err(lexer.unexpected("expected next entry after exemplar timestamp", token));
                }
            }
        }
        token => return Err(lexer.unexpected("expected timestamp or comment", token)),
    }
    Ok(Exemplar {
        block,
        value,
        timestamp,
    })
}

fn value(lexer: &Lexer<'_>, token: Token, after: &str) -> Result<f64, ParseError> {
    if token != Token::Value {
        return Err(lexer.unexpected(&format!("expected value after {after}"), token));
    }
    parse_float(lexer.token()).map_err(|message| lexer.error_while_parsing(&message))
}

/// Seconds as a float to milliseconds, truncated toward zero.
fn milliseconds(lexer: &Lexer<'_>, what: &str) -> Result<i64, ParseError> {
    let seconds = parse_float(lexer.token()).map_err(|message| lexer.error_while_parsing(&message))?;
    if seconds.is_finite() {
        return Ok((seconds * 1000.0) as i64);
    }
    let text = match seconds {
        s if s.is_nan() => "NaN",
        s if s > 0.0 => "+Inf",
        _ => "-Inf",
    };
    Err(lexer.error(format!("invalid {what} {text}")))
}
