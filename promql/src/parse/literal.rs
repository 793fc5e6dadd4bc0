//! Values of number, duration and string tokens, as Go's `strconv` reads them.

use narthex_model::Duration;
use narthex_model::labels::quoted;
use nom::Err;

use super::syntax_error::SyntaxError;
use super::token::{Token, TokenKind};
use super::tokens::{Tokens, failure};
use crate::ast::{NumberLiteral, StringLiteral};
use crate::span::Span;

/// The value of a number or duration token.
pub(crate) fn number_literal(tokens: &Tokens<'_>, token: Token) -> Result<NumberLiteral, Err<SyntaxError>> {
    let span = Span::new(token.start, token.end);
    let text = tokens.value(token);
    let is_duration = token.kind == TokenKind::Duration;
    let value = if is_duration {
        let duration = Duration::parse(text).map_err(|e| failure(span, e.to_string()))?;
        go_seconds(duration)
    } else {
        number(text).map_err(|reason| {
            let text = quoted(text);
            failure(
                span,
                format!("error parsing number: strconv.ParseFloat: parsing {text}: {reason}"),
            )
        })?
    };
    Ok(NumberLiteral {
        value,
        is_duration,
        span,
    })
}

/// Seconds as Go computes them: whole seconds and the rest apart.
fn go_seconds(duration: Duration) -> f64 {
    let ms = duration.as_millis();
    (ms / 1_000) as f64 + (ms % 1_000 * 1_000_000) as f64 / 1e9
}

/// Decimal, hexadecimal, binary and octal integers, decimal fractions, `Inf`, `NaN`; `_` between digits.
fn number(text: &str) -> Result<f64, &'static str> {
    const SYNTAX: &str = "invalid syntax";
    if text.contains('_') && !underscores_separate_digits(text) {
        return Err(SYNTAX);
    }
    let digits = text.replace('_', "");
    let lower = digits.to_ascii_lowercase();
    let integer = match lower.as_bytes() {
        [b'0', b'x', ..] => i64::from_str_radix(&lower[2..], 16),
        [b'0', b'o', ..] => i64::from_str_radix(&lower[2..], 8),
        [b'0', b'b', ..] => i64::from_str_radix(&lower[2..], 2),
        [b'0', _, ..] => i64::from_str_radix(&lower[1..], 8),
        _ => lower.parse(),
    };
    if let Ok(integer) = integer {
        return Ok(integer as f64);
    }
    match lower.as_str() {
        "inf" => Ok(f64::INFINITY),
        "nan" => Ok(f64::NAN),
        _ => match lower.parse::<f64>() {
            Ok(value) if value.is_infinite() => Err("value out of range"),
            Ok(value) => Ok(value),
            Err(_) => Err(SYNTAX),
        },
    }
}

/// Whether every `_` stands between digits, or between a base prefix and a digit.
fn underscores_separate_digits(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let (rest, mut before, hexadecimal) = match lower.get(..2) {
        Some("0x") => (lower.get(2..).unwrap_or(""), '0', true),
        Some("0o" | "0b") => (lower.get(2..).unwrap_or(""), '0', false),
        _ => (lower.as_str(), '^', false),
    };
    for c in rest.chars() {
        let kind = match c {
            '_' => '_',
            c if c.is_ascii_digit() || (hexadecimal && c.is_ascii_hexdigit()) => '0',
            _ => '!',
        };
        if (kind == '_' && before != '0') || (before == '_' && kind != '0') {
            return false;
        }
        before = kind;
    }
    before != '_'
}

/// The text in a string token, which the lexer has found well-formed.
pub(crate) fn string_literal(tokens: &Tokens<'_>, token: Token) -> StringLiteral {
    let bytes = unquote(tokens.value(token));
    let span = Span::new(token.start, token.end);
    match String::from_utf8(bytes) {
        Ok(value) => StringLiteral {
            value,
            quoted: None,
            span,
        },
        Err(error) => {
            let bytes = error.into_bytes();
            StringLiteral {
                value: String::from_utf8_lossy(&bytes).into_owned(),
                quoted: Some(quoted_bytes(&bytes)),
                span,
            }
        }
    }
}

/// `bytes` in quotes; those that are no UTF-8 as `\xff`.
fn quoted_bytes(bytes: &[u8]) -> Box<str> {
    let mut out = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        let valid = quoted(chunk.valid());
        out.push_str(valid.get(1..valid.len() - 1).unwrap_or(""));
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out.push('"');
    out.into()
}

/// The bytes that a well-formed string token stands for.
fn unquote(text: &str) -> Vec<u8> {
    let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or("");
    if text.starts_with('`') {
        return inner.as_bytes().to_vec();
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let byte = match chars.next() {
            Some('a') => 0x07,
            Some('b') => 0x08,
            Some('f') => 0x0c,
            Some('n') => b'\n',
            Some('r') => b'\r',
            Some('t') => b'\t',
            Some('v') => 0x0b,
            Some('x') => code(&mut chars, 0, 2, 16) as u8,
            Some(c @ '0'..='7') => code(&mut chars, c.to_digit(8).unwrap_or(0), 2, 8) as u8,
            Some(c @ ('u' | 'U')) => {
                let digits = if c == 'u' { 4 } else { 8 };
                let c =
                    char::from_u32(code(&mut chars, 0, digits, 16)).unwrap_or(char::REPLACEMENT_CHARACTER);
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            Some(c) => {
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            None => break,
        };
        out.push(byte);
    }
    out
}

/// A code of `digits` more digits.
fn code(chars: &mut std::str::Chars<'_>, first: u32, digits: usize, base: u32) -> u32 {
    chars.by_ref().take(digits).fold(first, |code, c| {
        code.wrapping_mul(base)
            .wrapping_add(c.to_digit(base).unwrap_or(0))
    })
}
