//! Go's syntax -> the syntax of the regex crate: what Go refuses is refused in its words, and what both accept but
//! read differently is written so that Go's reading comes out.
//!
//! Source of the rules: Go's `regexp/syntax` with its Perl flags.

use super::class;
use super::error::PatternError;

/// Most repetitions, nested ones multiplied.
const REPEATS_MAX: u32 = 1_000;

/// Deepest nesting of groups; Go's is 1,000.
pub(super) const NESTING_MAX: usize = 250;

/// `source` in the syntax of the regex crate.
pub(super) fn translate(source: &str) -> Result<String, PatternError> {
    let mut translator = Translator {
        source,
        rest: source,
        out: String::with_capacity(source.len() + 8),
        flags: String::new(),
        groups: Vec::new(),
        group: Group::default(),
        repeated: None,
        names: Vec::new(),
    };
    while !translator.rest.is_empty() {
        translator.step()?;
    }
    if !translator.groups.is_empty() {
        return Err(PatternError::new("missing closing )", source));
    }
    Ok(translator.out)
}

/// What is known of the group that is being read.
#[derive(Clone, Copy, Default)]
struct Group {
    /// Whether a repetition would have something to repeat.
    operand: bool,
    /// How often the last operand's insides are repeated, nested repetitions multiplied.
    repeats: u32,
    /// The same for all of the group.
    repeats_max: u32,
}

struct Translator<'a> {
    source: &'a str,
    rest: &'a str,
    out: String,
    /// Flags that hold from the next operand on: a repetition in between belongs before them.
    flags: String,
    groups: Vec<Group>,
    group: Group,
    /// The text from the repetition just read on: a second one must not follow.
    repeated: Option<&'a str>,
    names: Vec<&'a str>,
}

/// The part of `text` before `rest`, which is its end.
pub(super) fn before<'a>(text: &'a str, rest: &str) -> &'a str {
    text.get(..text.len().saturating_sub(rest.len())).unwrap_or(text)
}

/// Takes one character.
pub(super) fn next_char(rest: &mut &str) -> Option<char> {
    let mut chars = rest.chars();
    let c = chars.next()?;
    *rest = chars.as_str();
    Some(c)
}

impl<'a> Translator<'a> {
    fn step(&mut self) -> Result<(), PatternError> {
        let repeated = self.repeated.take();
        let start = self.rest;
        let Some(c) = next_char(&mut self.rest) else {
            return Ok(());
        };
        match c {
            '(' if self.rest.starts_with('?') => self.special_group(start)?,
            '(' => self.open("(")?,
            ')' => self.close()?,
            '|' => {
                self.end_operand();
                self.group.operand = false;
                self.out.push('|');
            }
            '^' | '$' | '.' => {
                self.begin_operand();
                self.out.push(c);
            }
            '[' => {
                let (text, rest) = class::bracketed(start)?;
                self.rest = rest;
                self.begin_operand();
                self.out.push_str(&text);
            }
            '*' | '+' | '?' => self.repeat(start, 1, &c.to_string(), repeated)?,
            '{' => match counts(start) {
                Some((min, max, rest)) => {
                    self.rest = rest;
                    self.repeat_counted(start, min, max, repeated)?;
                }
                None => self.literal('{'),
            },
            '\\' => self.escape(start)?,
            c => self.literal(c),
        }
        Ok(())
    }

    /// Starts something that can be repeated.
    fn begin_operand(&mut self) {
        self.end_operand();
        self.out.push_str(&std::mem::take(&mut self.flags));
        self.group.operand = true;
        self.group.repeats = 1;
    }

    fn end_operand(&mut self) {
        self.group.repeats_max = self.group.repeats_max.max(self.group.repeats);
    }

    fn literal(&mut self, c: char) {
        self.begin_operand();
        push_literal(&mut self.out, c);
    }

    fn open(&mut self, text: &str) -> Result<(), PatternError> {
        if self.groups.len() >= NESTING_MAX {
            return Err(PatternError::new("expression nests too deeply", self.source));
        }
        self.out.push_str(&std::mem::take(&mut self.flags));
        self.out.push_str(text);
        self.groups.push(self.group);
        self.group = Group::default();
        Ok(())
    }

    fn close(&mut self) -> Result<(), PatternError> {
        self.end_operand();
        let Some(around) = self.groups.pop() else {
            return Err(PatternError::new("unexpected )", self.source));
        };
        let repeats = self.group.repeats_max.max(1);
        self.group = around;
        self.end_operand();
        self.group.operand = true;
        self.group.repeats = repeats;
        // Flags at a group's end hold for nothing.
        self.flags.clear();
        self.out.push(')');
        Ok(())
    }

    /// `(?...`
    fn special_group(&mut self, start: &'a str) -> Result<(), PatternError> {
        let name_at = if start.starts_with("(?P<") && start.len() > 4 {
            4
        } else if start.starts_with("(?<") && start.len() > 3 {
            3
        } else {
            return self.flag_group(start);
        };
        let Some(end) = start.find('>') else {
            return Err(PatternError::new("invalid named capture", start));
        };
        let whole = start.get(..=end).unwrap_or(start);
        let name = start.get(name_at..end).unwrap_or("");
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(PatternError::new("invalid named capture", whole));
        }
        self.rest = start.get(end + 1..).unwrap_or("");
        // The regex crate knows a name once, and none that begins with a digit: other groups keep their number only.
        if self.names.contains(&name) || name.starts_with(|c: char| c.is_ascii_digit()) {
            return self.open("(");
        }
        self.names.push(name);
        self.open(&format!("(?P<{name}>"))
    }

    /// `(?i)` or `(?i-s:...`
    fn flag_group(&mut self, start: &'a str) -> Result<(), PatternError> {
        let mut rest = self.rest.get(1..).unwrap_or("");
        let (mut on, mut off) = (String::new(), String::new());
        let (mut minus, mut seen) = (false, false);
        while let Some(c) = next_char(&mut rest) {
            match c {
                'i' | 'm' | 's' | 'U' => {
                    seen = true;
                    on.retain(|f| f != c);
                    off.retain(|f| f != c);
                    if minus { &mut off } else { &mut on }.push(c);
                }
                '-' if !minus => (minus, seen) = (true, false),
                ':' | ')' if seen || !minus => {
                    let sign = if off.is_empty() { "" } else { "-" };
                    let flags = format!("(?{on}{sign}{off}");
                    self.rest = rest;
                    if c == ':' {
                        self.open(&format!("{flags}:"))?;
                    } else if !(on.is_empty() && off.is_empty()) {
                        self.flags.push_str(&format!("{flags})"));
                    }
                    return Ok(());
                }
                _ => break,
            }
        }
        Err(PatternError::new(
            "invalid or unsupported Perl syntax",
            before(start, rest),
        ))
    }

    /// A repetition with numbers.
    fn repeat_counted(
        &mut self,
        start: &'a str,
        min: u32,
        max: Option<u32>,
        repeated: Option<&'a str>,
    ) -> Result<(), PatternError> {
        let invalid = || PatternError::new("invalid repeat count", before(start, self.rest));
        if min > REPEATS_MAX || max.is_some_and(|max| max > REPEATS_MAX || max < min) {
            return Err(invalid());
        }
        let text = match max {
            Some(max) if max == min => format!("{{{min}}}"),
            Some(max) => format!("{{{min},{max}}}"),
            None => format!("{{{min},}}"),
        };
        let times = max.unwrap_or(min);
        self.repeat(start, times, &text, repeated)?;
        if (min >= 2 || times >= 2) && self.group.repeats > REPEATS_MAX {
            return Err(PatternError::new(
                "invalid repeat count",
                before(start, self.rest),
            ));
        }
        Ok(())
    }

    /// A repetition, which begins at `start`; the last operand is meant.
    fn repeat(
        &mut self,
        start: &'a str,
        times: u32,
        text: &str,
        repeated: Option<&'a str>,
    ) -> Result<(), PatternError> {
        let lazy = self.rest.starts_with('?');
        if lazy {
            self.rest = self.rest.get(1..).unwrap_or("");
        }
        if let Some(first) = repeated {
            return Err(PatternError::new(
                "invalid nested repetition operator",
                before(first, self.rest),
            ));
        }
        if !self.group.operand {
            return Err(PatternError::new(
                "missing argument to repetition operator",
                before(start, self.rest),
            ));
        }
        self.group.repeats = self.group.repeats.saturating_mul(times);
        self.out.push_str(text);
        if lazy {
            self.out.push('?');
        }
        self.repeated = Some(start);
        Ok(())
    }

    fn escape(&mut self, start: &'a str) -> Result<(), PatternError> {
        match self.rest.chars().next() {
            Some(c @ ('A' | 'z')) => self.assertion(&format!("\\{c}")),
            Some(c @ ('b' | 'B')) => self.assertion(&format!("(?-u:\\{c})")),
            Some('C') => return Err(PatternError::new("invalid escape sequence", "\\C")),
            Some('Q') => {
                let quoted = self.rest.get(1..).unwrap_or("");
                let (literals, rest) = quoted.split_once("\\E").unwrap_or((quoted, ""));
                self.rest = rest;
                literals.chars().for_each(|c| self.literal(c));
            }
            _ => {
                if let Some((text, rest)) = class::unicode(start)?.or_else(|| class::perl(start)) {
                    self.rest = rest;
                    self.begin_operand();
                    self.out.push_str(&text);
                } else {
                    let (c, rest) = class::escaped(start)?;
                    self.rest = rest;
                    self.begin_operand();
                    class::push_code(&mut self.out, c);
                }
            }
        }
        Ok(())
    }

    fn assertion(&mut self, text: &str) {
        self.rest = self.rest.get(1..).unwrap_or("");
        self.begin_operand();
        self.out.push_str(text);
    }
}

fn push_literal(out: &mut String, c: char) {
    if regex_syntax::is_meta_character(c) {
        out.push('\\');
    }
    out.push(c);
}

/// `{n}`, `{n,}` or `{n,m}` at the beginning of `text`; anything else is literal. Numbers too big to hold are as big as
/// can be.
fn counts(text: &str) -> Option<(u32, Option<u32>, &str)> {
    let rest = text.strip_prefix('{')?;
    let (min, rest) = count(rest)?;
    if let Some(rest) = rest.strip_prefix('}') {
        return Some((min, Some(min), rest));
    }
    let rest = rest.strip_prefix(',')?;
    if let Some(rest) = rest.strip_prefix('}') {
        return Some((min, None, rest));
    }
    let (max, rest) = count(rest)?;
    Some((min, Some(max), rest.strip_prefix('}')?))
}

fn count(text: &str) -> Option<(u32, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    if number.is_empty() || (digits > 1 && number.starts_with('0')) {
        return None;
    }
    Some((number.parse().unwrap_or(u32::MAX), rest))
}
