//! Readers of characters: words, numbers, durations, strings, escapes.

use narthex_model::labels::quoted;
use nom::branch::alt;
use nom::bytes::complete::{tag, take_till, take_while};
use nom::character::complete::{char, satisfy};
use nom::combinator::{recognize, value};
use nom::sequence::{pair, preceded};
use nom::{IResult, Parser};

use super::token::{LexError, TokenKind};
use crate::ast::BinaryOp;

/// Result of a reader that cannot say more than "not this".
pub(crate) type Scanned<'a, T> = IResult<&'a str, T, ()>;

/// Spaces of the language.
pub(crate) const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// Letters of the language: no others than ASCII.
pub(crate) const fn is_alpha(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic()
}

/// Letters and digits of the language.
pub(crate) const fn is_alphanumeric(c: char) -> bool {
    is_alpha(c) || c.is_ascii_digit()
}

/// Any number of spaces.
pub(crate) fn spaces(input: &str) -> Scanned<'_, &str> {
    take_while(is_space).parse(input)
}

/// `# ...` to the end of the line.
pub(crate) fn comment(input: &str) -> Scanned<'_, &str> {
    preceded(char('#'), take_till(|c| c == '\n' || c == '\r')).parse(input)
}

/// A label's name or a keyword.
pub(crate) fn identifier(input: &str) -> Scanned<'_, &str> {
    recognize(pair(satisfy(is_alpha), take_while(is_alphanumeric))).parse(input)
}

/// A metric's name, a function's name or a keyword.
pub(crate) fn metric_identifier(input: &str) -> Scanned<'_, &str> {
    recognize(pair(
        satisfy(|c| is_alpha(c) || c == ':'),
        take_while(|c| is_alphanumeric(c) || c == ':'),
    ))
    .parse(input)
}

/// Letters only: the words of duration expressions.
pub(crate) fn letters(input: &str) -> Scanned<'_, &str> {
    take_while(is_alpha).parse(input)
}

/// Operators written as signs, and the signs `=`, `,` and `@`.
pub(crate) fn sign(input: &str) -> Scanned<'_, TokenKind> {
    use TokenKind::Operator as Op;
    alt((
        value(Op(BinaryOp::Eq), tag("==")),
        value(Op(BinaryOp::Ne), tag("!=")),
        value(Op(BinaryOp::Le), tag("<=")),
        value(Op(BinaryOp::TrimUpper), tag("</")),
        value(Op(BinaryOp::Lt), tag("<")),
        value(Op(BinaryOp::Ge), tag(">=")),
        value(Op(BinaryOp::TrimLower), tag(">/")),
        value(Op(BinaryOp::Gt), tag(">")),
        value(TokenKind::Assign, tag("=")),
        value(TokenKind::Comma, tag(",")),
        value(TokenKind::At, tag("@")),
        arithmetic,
    ))
    .parse(input)
}

/// The operators that duration expressions have too.
pub(crate) fn arithmetic(input: &str) -> Scanned<'_, TokenKind> {
    use TokenKind::Operator as Op;
    alt((
        value(Op(BinaryOp::Add), tag("+")),
        value(Op(BinaryOp::Sub), tag("-")),
        value(Op(BinaryOp::Mul), tag("*")),
        value(Op(BinaryOp::Div), tag("/")),
        value(Op(BinaryOp::Mod), tag("%")),
        value(Op(BinaryOp::Pow), tag("^")),
    ))
    .parse(input)
}

/// The signs inside braces.
pub(crate) fn brace_sign(input: &str) -> Scanned<'_, TokenKind> {
    alt((
        value(TokenKind::RegexEqual, tag("=~")),
        value(TokenKind::RegexNotEqual, tag("!~")),
        value(TokenKind::Operator(BinaryOp::Ne), tag("!=")),
        value(TokenKind::Assign, tag("=")),
        value(TokenKind::Comma, tag(",")),
    ))
    .parse(input)
}

/// Whether a number stands here: a digit, or a point and a digit.
pub(crate) fn begins_number(input: &str) -> bool {
    let mut chars = input.chars();
    match chars.next() {
        Some('.') => chars.next().is_some_and(|c| c.is_ascii_digit()),
        Some(c) => c.is_ascii_digit(),
        None => false,
    }
}

/// Reads along a text and remembers how far it came.
struct Cursor<'a> {
    rest: &'a str,
    read: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.rest = self.rest.get(c.len_utf8()..).unwrap_or("");
        self.read += c.len_utf8();
        Some(c)
    }

    fn accept(&mut self, wanted: impl Fn(char) -> bool) -> bool {
        let found = self.peek().is_some_and(wanted);
        if found {
            self.next();
        }
        found
    }
}

/// A number or a duration: the kind, and its length in bytes. A length is returned for a bad number too: how far it
/// was read.
pub(crate) fn number_or_duration(input: &str) -> (TokenKind, usize) {
    let mut cursor = Cursor { rest: input, read: 0 };
    if number(&mut cursor) {
        return (TokenKind::Number, cursor.read);
    }
    match duration_rest(&mut cursor) {
        Some(length) => (TokenKind::Duration, length),
        None => (TokenKind::Bad(LexError::BadNumber), cursor.read),
    }
}

/// Reads what may be a number; whether it is one is decided when its value is computed.
fn number(cursor: &mut Cursor<'_>) -> bool {
    let mut hexadecimal = false;
    if cursor.accept(|c| c == '0') && cursor.accept(|c| c == 'x' || c == 'X') {
        cursor.accept(|c| c == '_');
        hexadecimal = true;
    }
    let is_digit = |c: char| {
        if hexadecimal {
            c.is_ascii_hexdigit()
        } else {
            c.is_ascii_digit()
        }
    };
    cursor.accept(|c| c == '.');
    cursor.accept(is_digit);
    let (mut point, mut exponent) = (false, false);
    while let Some(c) = cursor.peek() {
        match c {
            '.' => {
                cursor.next();
                // No second point, no point before "_", no fractions in hexadecimal.
                if point || cursor.accept(|c| c == '_' || c == '.') || hexadecimal {
                    return false;
                }
                point = true;
            }
            // In hexadecimal "e" counts as an exponent here first, as it does in Prometheus.
            'e' | 'E' => {
                cursor.next();
                if exponent {
                    return false;
                }
                exponent = true;
                cursor.accept(|c| c == '+' || c == '-');
                if !continues(cursor) {
                    return false;
                }
            }
            '_' => {
                cursor.next();
                if !continues(cursor) {
                    return false;
                }
            }
            c if is_digit(c) => while cursor.accept(is_digit) {},
            _ => break,
        }
    }
    cursor.read > 0 && !cursor.peek().is_some_and(is_alphanumeric)
}

/// Whether a number goes on as it must behind "e" and "_".
fn continues(cursor: &mut Cursor<'_>) -> bool {
    !cursor.accept(|c| matches!(c, '.' | '_' | 'e' | 'E')) && cursor.peek().is_some()
}

/// Reads the rest of a duration behind its first number; `None` if it is none.
fn duration_rest(cursor: &mut Cursor<'_>) -> Option<usize> {
    if !cursor.accept(|c| matches!(c, 's' | 'm' | 'h' | 'd' | 'w' | 'y')) {
        return None;
    }
    // For "ms"; units that do not exist are found when the value is computed.
    cursor.accept(|c| c == 's');
    while cursor.accept(|c| c.is_ascii_digit()) {
        while cursor.accept(|c| c.is_ascii_digit()) {}
        if !cursor.accept(|c| matches!(c, 's' | 'm' | 'h' | 'd' | 'w')) {
            return None;
        }
        cursor.accept(|c| c == 's');
    }
    let length = cursor.read;
    match cursor.next() {
        Some(c) if is_alphanumeric(c) => None,
        _ => Some(length),
    }
}

/// Length of the string that begins here with a quote, quotes included.
pub(crate) fn string(input: &str) -> Result<usize, LexError> {
    let mut cursor = Cursor { rest: input, read: 0 };
    let quote = cursor.next();
    loop {
        match cursor.next() {
            Some('\\') if quote != Some('`') => escape(&mut cursor, quote)?,
            Some(char::REPLACEMENT_CHARACTER) => return Err(LexError::InvalidUtf8),
            Some('\n') if quote != Some('`') => return Err(LexError::UnterminatedString),
            None if quote == Some('`') => return Err(LexError::UnterminatedRawString),
            None => return Err(LexError::UnterminatedString),
            c if c == quote => return Ok(cursor.read),
            Some(_) => {}
        }
    }
}

/// Reads an escape sequence behind its backslash.
fn escape(cursor: &mut Cursor<'_>, quote: Option<char>) -> Result<(), LexError> {
    let Some(c) = cursor.next() else {
        return Err(LexError::EscapeUnterminated);
    };
    let (digits, base, first) = match c {
        'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\' => return Ok(()),
        c if Some(c) == quote => return Ok(()),
        '0'..='7' => (3, 8, Some(c)),
        'x' => (2, 16, cursor.next()),
        'u' => (4, 16, cursor.next()),
        'U' => (8, 16, cursor.next()),
        c => return Err(LexError::EscapeUnknown(c)),
    };
    let (mut code, mut digit) = (0_u64, first);
    for left in (0..digits).rev() {
        let Some(c) = digit else {
            return Err(LexError::EscapeUnterminated);
        };
        let Some(d) = c.to_digit(base) else {
            return Err(LexError::EscapeIllegal(c));
        };
        code = code * u64::from(base) + u64::from(d);
        if left > 0 {
            digit = cursor.next();
        }
    }
    let largest = if base == 8 { 255 } else { 0x10_ffff };
    if code > largest || (0xd800..0xe000).contains(&code) {
        return Err(LexError::EscapeInvalid);
    }
    Ok(())
}

/// A character in single quotes, as Go's `%q` writes it.
pub(crate) fn quote_char(c: char) -> String {
    match c {
        '\'' => "'\\''".to_owned(),
        '"' => "'\"'".to_owned(),
        c => {
            let text = quoted(c.encode_utf8(&mut [0; 4]));
            format!("'{}'", text.trim_start_matches('"').trim_end_matches('"'))
        }
    }
}
