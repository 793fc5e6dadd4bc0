//! The input of the grammar's rules: the rest of the tokens, and what the rules around have to say of errors.

use nom::IResult;

use super::lexer::Lexer;
use super::syntax_error::SyntaxError;
use super::token::{Token, TokenKind};
use crate::features::Features;
use crate::limits::{DEPTH_MAX, DURATION_DEPTH_MAX, REGEXES_MAX};
use crate::span::Span;

/// Result of a rule: the rest and the value. All errors are failures: rules look ahead instead of trying.
pub(crate) type Parsed<'a, T> = IResult<Tokens<'a>, T, SyntaxError>;

/// Which rule speaks up when a token fits nowhere: the innermost one that has words of its own for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Complaint {
    Plain,
    Aggregation,
    GroupingStart,
    GroupingLabel,
    GroupingEnd,
    Matcher,
    MatcherOperator,
    MatcherString,
    MatcherEnd,
    Offset,
    At,
    Range,
    RangeEnd,
    SubqueryStep,
    SubqueryEnd,
}

impl Complaint {
    /// What stands behind "unexpected ...".
    const fn text(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Aggregation => " in aggregation",
            Self::GroupingStart => " in grouping opts, expected \"(\"",
            Self::GroupingLabel => " in grouping opts, expected label",
            Self::GroupingEnd => " in grouping opts, expected \",\" or \")\"",
            Self::Matcher => " in label matching, expected identifier or \"}\"",
            Self::MatcherOperator => " in label matching, expected label matching operator",
            Self::MatcherString => " in label matching, expected string",
            Self::MatcherEnd => " in label matching, expected \",\" or \"}\"",
            Self::Offset => " in offset, expected number, duration, step(), or range()",
            Self::At => " in @, expected timestamp",
            Self::Range => " in subquery or range selector, expected number, duration, step(), or range()",
            Self::RangeEnd => " in subquery or range, expected \":\" or \"]\"",
            Self::SubqueryStep => {
                " in subquery selector, expected number, duration, step(), range(), or \"]\""
            }
            Self::SubqueryEnd => " in subquery selector, expected \"]\"",
        }
    }
}

/// The rest of the tokens. One token is known ahead; if it is a bad one, this shows only when a rule looks at it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tokens<'a> {
    text: &'a str,
    features: &'a Features,
    lexer: Lexer<'a>,
    next: Token,
    /// End of the token before.
    last_end: usize,
    /// Levels of the duration that is being read.
    depth: usize,
    complaint: Complaint,
    /// Regular expressions read so far.
    regexes: usize,
}

impl<'a> Tokens<'a> {
    /// All tokens of `text`.
    pub(crate) fn new(text: &'a str, features: &'a Features) -> Self {
        let mut lexer = Lexer::new(text, features.duration_expressions);
        let next = lexer.next_token();
        Self {
            text,
            features,
            lexer,
            next,
            last_end: 0,
            depth: 0,
            complaint: Complaint::Plain,
            regexes: 0,
        }
    }

    /// The same tokens, with one more regular expression behind them.
    ///
    /// # Errors
    /// When there are too many; the last one stands at `span`.
    pub(crate) fn count_regex(mut self, span: Span) -> Result<Self, nom::Err<SyntaxError>> {
        self.regexes += 1;
        if self.regexes > REGEXES_MAX {
            let message = format!(
                "more than {REGEXES_MAX} regular expressions that are not just lists, prefixes or suffixes"
            );
            return Err(failure(span, message));
        }
        Ok(self)
    }

    /// The features that are on.
    pub(crate) const fn features(&self) -> &'a Features {
        self.features
    }

    /// The text of a token.
    pub(crate) fn value(&self, token: Token) -> &'a str {
        self.text.get(token.start..token.end).unwrap_or("")
    }

    /// End of the token that was read last.
    pub(crate) const fn last_end(&self) -> usize {
        self.last_end
    }

    /// The next token, which stays.
    ///
    /// # Errors
    /// When the text there is no token.
    pub(crate) fn peek(&self) -> Result<Token, nom::Err<SyntaxError>> {
        match self.next.kind {
            TokenKind::Bad(_) => Err(self.unexpected(self.complaint)),
            _ => Ok(self.next),
        }
    }

    /// The kind of the next token, which stays.
    ///
    /// # Errors
    /// When the text there is no token.
    pub(crate) fn kind(&self) -> Result<TokenKind, nom::Err<SyntaxError>> {
        Ok(self.peek()?.kind)
    }

    /// The tokens behind the next one.
    pub(crate) fn advance(mut self) -> Self {
        self.last_end = self.next.end;
        self.next = self.lexer.next_token();
        self
    }

    /// The error that the next token fits nowhere, in the words of `complaint`.
    pub(crate) fn unexpected(&self, complaint: Complaint) -> nom::Err<SyntaxError> {
        let what = self.next.describe(self.text);
        let message = match self.next.kind {
            TokenKind::Bad(_) => what,
            _ => format!("unexpected {what}{}", complaint.text()),
        };
        nom::Err::Failure(SyntaxError::new(
            Span::new(self.next.start, self.next.end),
            message,
        ))
    }

    /// The error that the next token fits nowhere, in the words of the rule around.
    pub(crate) fn unexpected_here(&self) -> nom::Err<SyntaxError> {
        self.unexpected(self.complaint)
    }

    /// Whose words unexpected tokens are reported in.
    pub(crate) const fn complaint(&self) -> Complaint {
        self.complaint
    }

    /// The same tokens, of which unexpected ones are reported in the words of `complaint`.
    pub(crate) const fn complaining(mut self, complaint: Complaint) -> Self {
        self.complaint = complaint;
        self
    }

    /// Reads with `rule`, in which unexpected tokens are reported in the words of `complaint`.
    pub(crate) fn within<T>(
        self,
        complaint: Complaint,
        rule: impl FnOnce(Self) -> Parsed<'a, T>,
    ) -> Parsed<'a, T> {
        let around = self.complaint;
        let (rest, value) = rule(self.complaining(complaint))?;
        Ok((rest.complaining(around), value))
    }

    /// Reads a part of a duration with `rule`, one level deeper.
    pub(crate) fn nested<T>(mut self, rule: impl FnOnce(Self) -> Parsed<'a, T>) -> Parsed<'a, T> {
        self.depth += 1;
        if self.depth > DURATION_DEPTH_MAX {
            return Err(duration_too_deep(Span::new(self.next.start, self.next.end)));
        }
        let (mut rest, value) = rule(self)?;
        rest.depth -= 1;
        Ok((rest, value))
    }
}

/// The error that a duration has too many levels.
pub(crate) fn duration_too_deep(span: Span) -> nom::Err<SyntaxError> {
    failure(
        span,
        format!("duration has more than {DURATION_DEPTH_MAX} levels"),
    )
}

/// The error that an expression has too many levels.
pub(crate) fn too_deep(span: Span) -> nom::Err<SyntaxError> {
    failure(
        span,
        format!(
            "expression has more than {DEPTH_MAX} levels: take it apart, for example with recording rules"
        ),
    )
}

/// An error that ends the parse.
pub(crate) fn failure(span: Span, message: impl Into<String>) -> nom::Err<SyntaxError> {
    nom::Err::Failure(SyntaxError::new(span, message))
}

/// A rule for one token of the given kind.
pub(crate) fn token<'a>(kind: TokenKind) -> impl FnOnce(Tokens<'a>) -> Parsed<'a, Token> {
    move |tokens| {
        let next = tokens.peek()?;
        if next.kind == kind {
            Ok((tokens.advance(), next))
        } else {
            Err(tokens.unexpected_here())
        }
    }
}
