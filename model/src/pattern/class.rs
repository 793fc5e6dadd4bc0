//! Character classes and escapes in Go's syntax.

use std::fmt::Write;

use super::error::PatternError;
use super::syntax::{before, next_char};

/// A piece in the syntax of the regex crate, and the text behind it.
type Piece<'a> = (String, &'a str);

const BAD_RANGE: &str = "invalid character class range";

/// Classes in brackets and colons, with their ranges.
const POSIX: &[(&str, &str)] = &[
    ("alnum", "0-9A-Za-z"),
    ("alpha", "A-Za-z"),
    ("ascii", "\\x{0}-\\x{7f}"),
    ("blank", "\\x{9}\\x{20}"),
    ("cntrl", "\\x{0}-\\x{1f}\\x{7f}"),
    ("digit", "0-9"),
    ("graph", "\\x{21}-\\x{7e}"),
    ("lower", "a-z"),
    ("print", "\\x{20}-\\x{7e}"),
    (
        "punct",
        "\\x{21}-\\x{2f}\\x{3a}-\\x{40}\\x{5b}-\\x{60}\\x{7b}-\\x{7e}",
    ),
    ("space", "\\x{9}-\\x{d}\\x{20}"),
    ("upper", "A-Z"),
    ("word", "0-9A-Za-z_"),
    ("xdigit", "0-9A-Fa-f"),
];

/// Writes a code point so that it means itself, in classes and outside. What is no character matches nothing.
pub(super) fn push_code(out: &mut String, code: u32) {
    // Writing to a string cannot fail.
    let _ = match char::from_u32(code) {
        Some(c) if c.is_ascii_alphanumeric() => write!(out, "{c}"),
        Some(_) => write!(out, "\\x{{{code:x}}}"),
        None => write!(out, "[^\\x{{0}}-\\x{{10ffff}}]"),
    };
}

/// `\d` and its kin at the beginning of `text`: ASCII only, unlike in the regex crate.
pub(super) fn perl(text: &str) -> Option<Piece<'_>> {
    let mut rest = text.strip_prefix('\\')?;
    let class = match next_char(&mut rest)? {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        's' => "[\\x{9}\\x{a}\\x{c}\\x{d}\\x{20}]",
        'S' => "[^\\x{9}\\x{a}\\x{c}\\x{d}\\x{20}]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        _ => return None,
    };
    Some((class.to_owned(), rest))
}

/// `\pL`, `\p{Greek}`, `\p{^Greek}` or the same with a capital P at the beginning of `text`.
pub(super) fn unicode(text: &str) -> Result<Option<Piece<'_>>, PatternError> {
    let Some(mut rest) = text.strip_prefix("\\p").or_else(|| text.strip_prefix("\\P")) else {
        return Ok(None);
    };
    let name_start = rest;
    let name = match next_char(&mut rest) {
        Some('{') => {
            let Some((name, after)) = rest.split_once('}') else {
                return Err(PatternError::new(BAD_RANGE, text));
            };
            rest = after;
            name
        }
        _ => before(name_start, rest),
    };
    let negated = name.starts_with('^') != text.starts_with("\\P");
    let name = name.strip_prefix('^').unwrap_or(name);
    let class = format!("\\{}{{{name}}}", if negated { 'P' } else { 'p' });
    let plain = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ' '));
    if name.is_empty() || !plain || regex_syntax::parse(&class).is_err() {
        return Err(PatternError::new(BAD_RANGE, before(text, rest)));
    }
    Ok(Some((class, rest)))
}

/// `[:alpha:]` or `[:^alpha:]` at the beginning of `text`.
fn posix(text: &str) -> Result<Option<Piece<'_>>, PatternError> {
    let Some((name, rest)) = text.strip_prefix("[:").and_then(|t| t.split_once(":]")) else {
        return Ok(None);
    };
    let (negation, plain) = match name.strip_prefix('^') {
        Some(plain) => ("^", plain),
        None => ("", name),
    };
    match POSIX.iter().find(|(n, _)| *n == plain) {
        Some((_, ranges)) => Ok(Some((format!("[{negation}{ranges}]"), rest))),
        None => Err(PatternError::new(BAD_RANGE, before(text, rest))),
    }
}

/// `[...]` at the beginning of `text`.
pub(super) fn bracketed(text: &str) -> Result<Piece<'_>, PatternError> {
    let mut out = String::from("[");
    let mut rest = text.get(1..).unwrap_or("");
    if let Some(after) = rest.strip_prefix('^') {
        out.push('^');
        rest = after;
    }
    let mut first = true;
    while first || !rest.starts_with(']') {
        first = false;
        let found = match posix(rest)? {
            Some(found) => Some(found),
            None => unicode(rest)?.or_else(|| perl(rest)),
        };
        if let Some((class, after)) = found {
            out.push_str(&class);
            rest = after;
            continue;
        }
        let range = rest;
        let (low, after) = class_char(rest, text)?;
        rest = after;
        push_code(&mut out, low);
        // A hyphen before the closing bracket stands for itself.
        if rest.len() >= 2 && rest.starts_with('-') && !rest.starts_with("-]") {
            let (high, after) = class_char(rest.get(1..).unwrap_or(""), text)?;
            rest = after;
            if high < low {
                return Err(PatternError::new(BAD_RANGE, before(range, rest)));
            }
            out.push('-');
            push_code(&mut out, high);
        }
    }
    out.push(']');
    Ok((out, rest.get(1..).unwrap_or("")))
}

/// One character of the class `whole` at the beginning of `text`.
fn class_char<'a>(text: &'a str, whole: &str) -> Result<(u32, &'a str), PatternError> {
    let mut rest = text;
    match next_char(&mut rest) {
        None => Err(PatternError::new("missing closing ]", whole)),
        Some('\\') => escaped(text),
        Some(c) => Ok((c as u32, rest)),
    }
}

/// The code point of the escape at the beginning of `text`.
pub(super) fn escaped(text: &str) -> Result<(u32, &str), PatternError> {
    let mut rest = text.get(1..).unwrap_or("");
    let Some(c) = next_char(&mut rest) else {
        return Err(PatternError::new("trailing backslash at end of expression", ""));
    };
    let code = match c {
        '1'..='7' if !rest.starts_with(|c: char| c.is_digit(8)) => None,
        '0'..='7' => {
            let mut code = c.to_digit(8).unwrap_or(0);
            for _ in 1..3 {
                let Some(digit) = rest.chars().next().and_then(|c| c.to_digit(8)) else {
                    break;
                };
                code = code * 8 + digit;
                next_char(&mut rest);
            }
            Some(code)
        }
        'x' => hexadecimal(&mut rest),
        'a' => Some(0x07),
        'f' => Some(0x0c),
        'n' => Some(0x0a),
        'r' => Some(0x0d),
        't' => Some(0x09),
        'v' => Some(0x0b),
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(c as u32),
        _ => None,
    };
    code.map(|code| (code, rest))
        .ok_or_else(|| PatternError::new("invalid escape sequence", before(text, rest)))
}

/// `ff` or `{10ffff}` behind `\x`.
fn hexadecimal(rest: &mut &str) -> Option<u32> {
    let first = next_char(rest)?;
    if first != '{' {
        let high = first.to_digit(16);
        let low = next_char(rest)?.to_digit(16);
        return Some(high? * 16 + low?);
    }
    let (mut code, mut digits) = (0_u32, 0);
    loop {
        match next_char(rest)? {
            '}' if digits > 0 => return Some(code),
            c => code = code * 16 + c.to_digit(16)?,
        }
        digits += 1;
        if code > 0x10_ffff {
            return None;
        }
    }
}
