//! Characters -> tokens. The lexer knows whether it stands in braces or brackets: other words are known there.

use super::scan;
use super::token::{Keyword, LexError, Token, TokenKind};
use crate::ast::AggregateOp;

/// A place in the text between two tokens; copying it is cheap.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    open_parens: usize,
    in_braces: bool,
    in_brackets: bool,
    /// Whether the text is a duration expression in brackets before its first number.
    before_number: bool,
    colon_seen: bool,
    /// Once a bracket has held a number this stays: Prometheus never forgets it either.
    number_seen: bool,
    /// Whether `min_of` and `max_of` are words of duration expressions, instead of `min` and `max`.
    min_max_of: bool,
}

impl<'a> Lexer<'a> {
    /// The beginning of `text`.
    pub(crate) const fn new(text: &'a str, min_max_of: bool) -> Self {
        Self {
            text,
            at: 0,
            open_parens: 0,
            in_braces: false,
            in_brackets: false,
            before_number: false,
            colon_seen: false,
            number_seen: false,
            min_max_of,
        }
    }

    /// The next token. Behind an error and behind the end of the text there is no going on.
    pub(crate) fn next_token(&mut self) -> Token {
        if self.before_number {
            self.skip_spaces();
            return self.duration_token();
        }
        loop {
            self.skip_spaces();
            match scan::comment(self.rest()) {
                Ok((rest, _)) => self.at = self.text.len() - rest.len(),
                Err(_) => break,
            }
        }
        if self.in_braces {
            self.brace_token()
        } else {
            self.plain_token()
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn skip_spaces(&mut self) {
        if let Ok((rest, _)) = scan::spaces(self.rest()) {
            self.at = self.text.len() - rest.len();
        }
    }

    /// The token of `length` bytes that stands here.
    fn take(&mut self, kind: TokenKind, length: usize) -> Token {
        let start = self.at;
        self.at = (start + length).min(self.text.len());
        Token {
            kind,
            start,
            end: self.at,
        }
    }

    /// An error about what stands here.
    fn bad(&self, error: LexError) -> Token {
        Token {
            kind: TokenKind::Bad(error),
            start: self.at,
            end: self.text.len(),
        }
    }

    /// Takes what `reader` reads here, if it reads something.
    fn try_take(&mut self, reader: fn(&str) -> scan::Scanned<'_, TokenKind>) -> Option<Token> {
        let rest = self.rest();
        let (left, kind) = reader(rest).ok()?;
        Some(self.take(kind, rest.len() - left.len()))
    }

    /// Outside of braces.
    fn plain_token(&mut self) -> Token {
        let rest = self.rest();
        let mut chars = rest.chars();
        let Some(c) = chars.next() else {
            return self.end_token();
        };
        let next = chars.next();
        match (c, next) {
            ('=', Some('~')) => return self.bad(LexError::AfterAssign('~')),
            ('!', next) if next != Some('=') => return self.bad(LexError::AfterBang(next)),
            _ => {}
        }
        if let Some(token) = self.try_take(scan::sign) {
            return token;
        }
        match c {
            '(' | ')' => self.paren(c == '('),
            '[' if self.in_brackets => self.bad(LexError::LeftBracket),
            '[' => {
                self.in_brackets = true;
                self.before_number = true;
                self.colon_seen = false;
                self.take(TokenKind::LeftBracket, 1)
            }
            ']' if self.in_brackets => {
                self.in_brackets = false;
                self.take(TokenKind::RightBracket, 1)
            }
            ']' => self.bad(LexError::RightBracket),
            '{' => {
                self.in_braces = true;
                self.take(TokenKind::LeftBrace, 1)
            }
            '"' | '\'' | '`' => self.string(),
            _ if scan::begins_number(rest) => self.number(),
            _ if scan::is_alpha(c) || c == ':' => {
                if self.in_brackets {
                    self.bracket_word(c)
                } else {
                    self.word()
                }
            }
            c => self.bad(LexError::Char(c)),
        }
    }

    fn end_token(&self) -> Token {
        if self.open_parens > 0 {
            self.bad(LexError::UnclosedParen)
        } else if self.in_brackets {
            self.bad(LexError::UnclosedBracket)
        } else {
            Token {
                kind: TokenKind::End,
                start: self.at,
                end: self.at,
            }
        }
    }

    fn paren(&mut self, opens: bool) -> Token {
        if opens {
            self.open_parens += 1;
            return self.take(TokenKind::LeftParen, 1);
        }
        let token = self.take(TokenKind::RightParen, 1);
        match self.open_parens.checked_sub(1) {
            Some(left) => {
                self.open_parens = left;
                token
            }
            // Where it is reported: behind the parenthesis.
            None => self.bad(LexError::RightParen),
        }
    }

    fn string(&mut self) -> Token {
        match scan::string(self.rest()) {
            Ok(length) => self.take(TokenKind::String, length),
            Err(error) => self.bad(error),
        }
    }

    fn number(&mut self) -> Token {
        let (kind, length) = scan::number_or_duration(self.rest());
        self.take(kind, length)
    }

    /// A word or a metric's name outside of braces and brackets.
    fn word(&mut self) -> Token {
        let rest = self.rest();
        let Ok((left, word)) = scan::metric_identifier(rest) else {
            return self.end_token();
        };
        let kind = match TokenKind::of_word(word) {
            // These three are words only before a parenthesis, for old queries use them as names.
            Some(TokenKind::Keyword(Keyword::Fill | Keyword::FillLeft | Keyword::FillRight))
                if !left.trim_start_matches(scan::is_space).starts_with('(') =>
            {
                TokenKind::Identifier
            }
            Some(kind) => kind,
            None if word.contains(':') => TokenKind::MetricIdentifier,
            None => TokenKind::Identifier,
        };
        self.take(kind, word.len())
    }

    /// A colon or a word in brackets, behind the first number.
    fn bracket_word(&mut self, first: char) -> Token {
        if first == ':' {
            if self.colon_seen {
                return self.bad(LexError::ColonRepeated);
            }
            self.colon_seen = true;
            return self.take(TokenKind::Colon, 1);
        }
        match self.duration_word(first) {
            Some(token) => token,
            None => self.bad(LexError::CharNotColon(first)),
        }
    }

    /// One of the words of duration expressions.
    fn duration_word(&mut self, first: char) -> Option<Token> {
        if !matches!(first.to_ascii_lowercase(), 's' | 'm' | 'r') {
            return None;
        }
        let (_, word) = scan::letters(self.rest()).ok()?;
        let kind = match word.to_ascii_lowercase().as_str() {
            "step" | "range" => TokenKind::of_word(word)?,
            "min" if !self.min_max_of => TokenKind::Aggregator(AggregateOp::Min),
            "max" if !self.min_max_of => TokenKind::Aggregator(AggregateOp::Max),
            "min_of" | "max_of" if self.min_max_of => TokenKind::Identifier,
            _ => return None,
        };
        Some(self.take(kind, word.len()))
    }

    /// In brackets, before the first number.
    fn duration_token(&mut self) -> Token {
        let rest = self.rest();
        let Some(c) = rest.chars().next() else {
            return self.bad(LexError::EndInDuration);
        };
        if let Some(token) = self.try_take(scan::arithmetic) {
            return token;
        }
        match c {
            ']' => {
                self.in_brackets = false;
                self.before_number = false;
                self.colon_seen = false;
                self.take(TokenKind::RightBracket, 1)
            }
            ':' => {
                let token = self.take(TokenKind::Colon, 1);
                if !self.number_seen {
                    return self.bad(LexError::ColonBeforeDuration);
                }
                if self.colon_seen {
                    return self.bad(LexError::ColonRepeatedInDuration);
                }
                self.colon_seen = true;
                token
            }
            '(' | ')' => self.paren(c == '('),
            ',' => self.take(TokenKind::Comma, 1),
            _ if scan::begins_number(rest) => {
                self.number_seen = true;
                self.before_number = false;
                self.number()
            }
            c => match self.duration_word(c) {
                Some(token) => token,
                None => self.bad(LexError::CharInDuration(c)),
            },
        }
    }

    /// Inside braces: every word is a name.
    fn brace_token(&mut self) -> Token {
        let rest = self.rest();
        let mut chars = rest.chars();
        let Some(c) = chars.next() else {
            return self.bad(LexError::EndInBraces);
        };
        if let Some(token) = self.try_take(scan::brace_sign) {
            return token;
        }
        match c {
            '!' => self.bad(LexError::AfterBangInBraces(chars.next())),
            '"' | '\'' | '`' => self.string(),
            '{' => self.bad(LexError::LeftBrace),
            '}' => {
                self.in_braces = false;
                self.take(TokenKind::RightBrace, 1)
            }
            c => match scan::identifier(rest) {
                Ok((_, word)) => self.take(TokenKind::Identifier, word.len()),
                Err(_) => self.bad(LexError::CharInBraces(c)),
            },
        }
    }
}
