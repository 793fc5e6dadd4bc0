//! Tokens of both formats. A lexer is asked for the token that may come next; it never looks at meaning.

use super::error::{ParseError, quoted};

/// What the lexer found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Invalid,
    Eof,
    Linebreak,
    Help,
    Type,
    Unit,
    EofWord,
    Comment,
    MetricName,
    QuotedString,
    BraceOpen,
    BraceClose,
    LabelName,
    LabelValue,
    Equal,
    Comma,
    Timestamp,
    Value,
}

impl Token {
    /// The token's name in error texts, as Prometheus prints it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Invalid => "INVALID",
            Self::Eof => "EOF",
            Self::Linebreak => "LINEBREAK",
            Self::Help => "HELP",
            Self::Type => "TYPE",
            Self::Unit => "UNIT",
            Self::EofWord => "EOFWORD",
            Self::Comment => "COMMENT",
            Self::MetricName => "MNAME",
            Self::QuotedString => "QSTRING",
            Self::BraceOpen => "BOPEN",
            Self::BraceClose => "BCLOSE",
            Self::LabelName => "LNAME",
            Self::LabelValue => "LVALUE",
            Self::Equal => "EQUAL",
            Self::Comma => "COMMA",
            Self::Timestamp => "TIMESTAMP",
            Self::Value => "VALUE",
        }
    }
}

/// Which format's rules hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Blanks are free; the page ends as if it ended with a newline.
    Classic,
    /// Exactly one space; nothing is assumed.
    OpenMetrics,
}

/// A position in a page. Token `start..at` is the one read last; `entry` is where the current line began.
#[derive(Debug, Clone)]
pub(super) struct Lexer<'a> {
    pub(super) page: &'a [u8],
    pub(super) dialect: Dialect,
    pub(super) entry: usize,
    pub(super) start: usize,
    pub(super) at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) const fn new(page: &'a [u8], dialect: Dialect) -> Self {
        Self {
            page,
            dialect,
            entry: 0,
            start: 0,
            at: 0,
        }
    }

    const fn is_classic(&self) -> bool {
        matches!(self.dialect, Dialect::Classic)
    }

    /// The byte at `at`; a classic page has a newline behind its end.
    fn peek(&self, at: usize) -> Option<u8> {
        match self.page.get(at) {
            None if at == self.page.len() && self.is_classic() => Some(b'\n'),
            byte => byte.copied(),
        }
    }

    fn skip_blanks(&mut self) {
        if self.is_classic() {
            while matches!(self.page.get(self.at), Some(b' ' | b'\t')) {
                self.at += 1;
            }
        }
    }

    /// Begins a token behind free blanks and says its first byte.
    fn begin(&mut self) -> Option<u8> {
        self.skip_blanks();
        self.start = self.at;
        self.peek(self.at)
    }

    /// Begins a token that OpenMetrics wants behind exactly one space.
    fn begin_spaced(&mut self) -> Option<u8> {
        let first = self.begin();
        if self.is_classic() || first != Some(b' ') {
            return first;
        }
        self.at += 1;
        self.peek(self.at)
    }

    fn take(&mut self, token: Token) -> Token {
        self.at += 1;
        token
    }

    fn advance_while(&mut self, holds: impl Fn(u8) -> bool) {
        while self.page.get(self.at).is_some_and(|b| holds(*b)) {
            self.at += 1;
        }
    }

    /// The text of the last token; the space that OpenMetrics wants before it is left out.
    pub(super) fn token(&self) -> &'a [u8] {
        let token = self.page.get(self.start..self.at).unwrap_or_default();
        match token {
            [b' ', rest @ ..] if !self.is_classic() => rest,
            token => token,
        }
    }

    /// The start of a line.
    pub(super) fn line(&mut self) -> Token {
        let first = self.begin();
        self.entry = self.start;
        match first {
            None => Token::Eof,
            // A page may be a C string in a larger buffer.
            Some(0) if self.is_classic() => Token::Eof,
            Some(b'\n') if self.is_classic() && self.at == self.page.len() => Token::Eof,
            Some(b'\n') if self.is_classic() => self.take(Token::Linebreak),
            Some(b'#') => self.hash(),
            Some(b'{') => self.take(Token::BraceOpen),
            Some(b) if is_name_start(b) => {
                self.advance_while(is_name_byte);
                Token::MetricName
            }
            Some(_) => Token::Invalid,
        }
    }

    /// Behind a `#` at the start of a line.
    fn hash(&mut self) -> Token {
        self.at += 1;
        let blank =
            self.peek(self.at) == Some(b' ') || (self.is_classic() && self.peek(self.at) == Some(b'\t'));
        if blank {
            self.at += 1;
            self.skip_blanks();
            let rest = self.page.get(self.at..).unwrap_or_default();
            let word_end = rest
                .iter()
                .position(|b| !b.is_ascii_alphabetic())
                .unwrap_or(rest.len());
            let (word, behind) = rest.split_at(word_end);
            let spaced =
                behind.first() == Some(&b' ') || (self.is_classic() && behind.first() == Some(&b'\t'));
            let token = match word {
                b"HELP" if spaced => Some(Token::Help),
                b"TYPE" if spaced => Some(Token::Type),
                b"UNIT" if spaced && !self.is_classic() => Some(Token::Unit),
                _ if !self.is_classic() && word.starts_with(b"EOF") => {
                    self.at += 3 + usize::from(rest.get(3) == Some(&b'\n'));
                    return Token::EofWord;
                }
                _ => None,
            };
            if let Some(token) = token {
                self.at += word_end + 1;
                return token;
            }
        }
        if !self.is_classic() {
            // The fault stands where the line stops looking like a word that is known.
            let rest = self.page.get(self.at..).unwrap_or_default();
            let matching = |word: &[u8]| rest.iter().zip(word).take_while(|(a, b)| a == b).count();
            let words: [&[u8]; 4] = [b"HELP ", b"TYPE ", b"UNIT ", b"EOF"];
            if blank {
                self.at += words.into_iter().map(matching).max().unwrap_or(0);
            }
            return Token::Invalid;
        }
        self.advance_while(|b| b != b'\n');
        Token::Comment
    }

    /// The name in a `# HELP`, `# TYPE` or `# UNIT` line.
    pub(super) fn metadata_name(&mut self) -> Token {
        match self.begin() {
            Some(b'"') => self.quote(Token::MetricName, false),
            Some(b) if is_name_start(b) => {
                self.advance_while(is_name_byte);
                Token::MetricName
            }
            _ => Token::Invalid,
        }
    }

    /// The rest of a metadata line, without the newline. OpenMetrics wants a space before and the newline behind.
    pub(super) fn metadata_text(&mut self) -> Option<&'a [u8]> {
        self.start = self.at;
        let from = self.at;
        self.advance_while(|b| b != b'\n');
        let text = self.page.get(from..self.at).unwrap_or_default();
        if self.is_classic() {
            self.at += 1;
            return Some(text.get(1..).unwrap_or_default());
        }
        if self.peek(self.at) != Some(b'\n') || text.first() != Some(&b' ') {
            return None;
        }
        self.at += 1;
        text.get(1..)
    }

    /// Behind a metric's name: a brace or a value.
    pub(super) fn brace_or_value(&mut self) -> Token {
        self.skip_blanks();
        if self.peek(self.at) == Some(b'{') {
            self.start = self.at;
            return self.take(Token::BraceOpen);
        }
        self.value()
    }

    /// A value.
    pub(super) fn value(&mut self) -> Token {
        if self.is_classic() {
            return match self.begin() {
                Some(0 | b'{' | b'\n') | None => Token::Invalid,
                Some(_) => {
                    self.advance_while(|b| !matches!(b, 0 | b'{' | b' ' | b'\t' | b'\n'));
                    Token::Value
                }
            };
        }
        if self.at >= self.page.len() {
            // The token before stays the one that errors show.
            return Token::Eof;
        }
        match self.spaced_word(Token::Value) {
            Token::Linebreak => {
                self.at = self.start;
                Token::Invalid
            }
            token => token,
        }
    }

    /// A space and what stands up to the next one (OpenMetrics).
    fn spaced_word(&mut self, token: Token) -> Token {
        match self.begin_spaced() {
            None if self.at == self.start => return Token::Eof,
            Some(b'\n') if self.at == self.start => return self.take(Token::Linebreak),
            Some(0 | b' ' | b'\n') | None => return Token::Invalid,
            Some(_) if self.at == self.start => return Token::Invalid,
            Some(_) => {}
        }
        self.advance_while(|b| b != 0 && b != b' ' && b != b'\n');
        token
    }

    /// Behind a value: a timestamp, the end of the line, or ` # {` (OpenMetrics).
    pub(super) fn after_value(&mut self) -> Token {
        if !self.is_classic() {
            if self.page.get(self.at..).unwrap_or_default().starts_with(b" # {") {
                self.start = self.at;
                self.at += 4;
                return Token::Comment;
            }
            return self.spaced_word(Token::Timestamp);
        }
        match self.begin() {
            Some(b'\n') => self.take(Token::Linebreak),
            Some(b) if b.is_ascii_digit() => {
                self.advance_while(|b| b.is_ascii_digit());
                Token::Timestamp
            }
            _ => Token::Invalid,
        }
    }

    /// Inside braces.
    pub(super) fn label(&mut self, exemplar: bool) -> Token {
        match self.begin() {
            Some(b'}') => self.take(Token::BraceClose),
            Some(b'=') => self.take(Token::Equal),
            Some(b',') => self.take(Token::Comma),
            Some(b'"') => self.quote(Token::QuotedString, exemplar),
            Some(b) if is_name_start(b) && b != b':' => {
                self.advance_while(|b| is_name_byte(b) && b != b':');
                Token::LabelName
            }
            _ => Token::Invalid,
        }
    }

    /// Behind `=`.
    pub(super) fn label_value(&mut self) -> Token {
        match self.begin() {
            Some(b'"') => self.quote(Token::LabelValue, !self.is_classic()),
            _ => Token::Invalid,
        }
    }

    /// A quoted string; a backslash takes the next character with it, unless that is a newline.
    fn quote(&mut self, token: Token, one_line: bool) -> Token {
        self.at += 1;
        loop {
            match self.peek(self.at) {
                Some(b'"') => return self.take(token),
                Some(b'\\') if matches!(self.peek(self.at + 1), None | Some(b'\n')) => {
                    self.at += 1;
                    return Token::Invalid;
                }
                Some(b'\\') => self.at += 2,
                Some(b'\n') if one_line || self.at >= self.page.len() => {
                    self.at = (self.at + usize::from(!one_line)).min(self.page.len() + 1);
                    return Token::Invalid;
                }
                Some(_) => self.at += 1,
                None => return Token::Invalid,
            }
        }
    }

    /// "expected X, got Y while parsing Z" for the token read last.
    pub(super) fn unexpected(&self, expected: &str, token: Token) -> ParseError {
        let end = self.at + 1;
        let message = format!(
            "{expected}, got {} ({}) while parsing: {}",
            self.excerpt(self.start, end),
            quoted(token.word().as_bytes()),
            self.excerpt(self.entry, end)
        );
        ParseError::at(self.page, self.start, message)
    }

    /// `message` and the line up to here.
    pub(super) fn error_while_parsing(&self, message: &str) -> ParseError {
        let message = format!("{message} while parsing: {}", self.excerpt(self.entry, self.at));
        ParseError::at(self.page, self.start, message)
    }

    /// `message` at the token read last.
    pub(super) fn error(&self, message: String) -> ParseError {
        ParseError::at(self.page, self.start, message)
    }

    fn excerpt(&self, from: usize, to: usize) -> String {
        let known = self.page.get(from..to.min(self.page.len())).unwrap_or_default();
        if self.is_classic() && to > self.page.len() {
            let mut with_end = known.to_vec();
            with_end.push(b'\n');
            return quoted(&with_end);
        }
        quoted(known)
    }
}

/// Whether a metric's name may begin so.
pub(super) const fn is_name_start(b: u8) -> bool {
    b.is_ascii_alphabetic() || b == b'_' || b == b':'
}

/// Whether a metric's name may go on so.
pub(super) const fn is_name_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b == b':'
}
