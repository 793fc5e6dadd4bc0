//! One line of a script: labels, and a sequence of values such as `1 _ 3+2x4 stale {{count:5}}`.

use std::sync::Arc;

use narthex_model::sample::NORMAL_NAN;
use narthex_model::{Duration, FloatHistogram, Labels, LabelsBuilder, METRIC_NAME, stale_nan};

use crate::histogram_notation;

/// One value of a sequence.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// `_`: no sample here.
    Omitted,
    /// A number.
    Float(f64),
    /// `{{...}}`
    Histogram(Arc<FloatHistogram>),
}

/// Labels with their values.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesLine {
    /// The labels.
    pub labels: Labels,
    /// `labels@st`: the values are no samples but start times, each relative to the time of its sample.
    pub start_times: bool,
    /// The values, one per step. Start times are in milliseconds.
    pub items: Vec<Item>,
}

/// Most values that one line may stand for.
const ITEMS_MAX: usize = 1_000_000;

/// Reads a line.
///
/// # Errors
/// Says what was expected and where the text goes on.
pub fn parse_line(line: &str) -> Result<SeriesLine, String> {
    let mut cursor = Cursor::new(line);
    let labels = parse_labels(&mut cursor)?;
    let start_times = cursor.eat("@st");
    let mut items = Vec::new();
    loop {
        let spaces = cursor.skip_spaces();
        if cursor.rest().is_empty() {
            break;
        }
        if spaces == 0 {
            return Err(cursor.expected("a space"));
        }
        if start_times {
            parse_start_times(&mut cursor, &mut items)?;
        } else {
            parse_items(&mut cursor, &mut items)?;
        }
        if items.len() > ITEMS_MAX {
            return Err(format!("more than {ITEMS_MAX} values in one line"));
        }
    }
    Ok(SeriesLine {
        labels,
        start_times,
        items,
    })
}

/// `name{a="b"}`, `{"name", a="b"}`, `{}`
fn parse_labels(cursor: &mut Cursor<'_>) -> Result<Labels, String> {
    let mut builder = LabelsBuilder::new();
    let name = cursor.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'));
    builder.set(METRIC_NAME, name);
    if !cursor.eat("{") {
        return if name.is_empty() {
            Err(cursor.expected("a metric name or {"))
        } else {
            Ok(builder.labels())
        };
    }
    loop {
        cursor.skip_spaces();
        if cursor.eat("}") {
            return Ok(builder.labels());
        }
        let quoted = cursor.peek().is_some_and(|c| matches!(c, '"' | '\'' | '`'));
        let label = if quoted {
            cursor.string()?
        } else {
            cursor
                .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))
                .to_owned()
        };
        if label.is_empty() {
            return Err(cursor.expected("a label name or }"));
        }
        cursor.skip_spaces();
        if cursor.eat("=") {
            cursor.skip_spaces();
            let value = cursor.string()?;
            builder.set(&label, &value);
        } else if quoted {
            builder.set(METRIC_NAME, &label);
        } else {
            return Err(cursor.expected("="));
        }
        cursor.skip_spaces();
        if !cursor.eat(",") && !cursor.rest().starts_with('}') {
            return Err(cursor.expected(", or }"));
        }
    }
}

fn parse_items(cursor: &mut Cursor<'_>, items: &mut Vec<Item>) -> Result<(), String> {
    if cursor.eat("_") {
        let count = parse_times(cursor)?.unwrap_or(1);
        items.extend(std::iter::repeat_n(Item::Omitted, count));
        return Ok(());
    }
    if cursor.rest().starts_with("{{") {
        return parse_histograms(cursor, items);
    }
    let first = parse_number(cursor)?;
    let step = if cursor.peek().is_some_and(|c| matches!(c, '+' | '-')) {
        Some(parse_number(cursor)?)
    } else {
        None
    };
    match (step, parse_times(cursor)?) {
        (Some(_), None) => return Err(cursor.expected("x and a count")),
        (step, times) => push_ladder(items, first, step, times),
    }
    Ok(())
}

/// The value itself, and `times` more, each by `step` larger than the one before.
fn push_ladder(items: &mut Vec<Item>, first: f64, step: Option<f64>, times: Option<usize>) {
    let mut value = first;
    for i in 0..=times.unwrap_or(0) {
        if i > 0
            && let Some(step) = step
        {
            value += step;
        }
        items.push(Item::Float(value));
    }
}

fn parse_histograms(cursor: &mut Cursor<'_>, items: &mut Vec<Item>) -> Result<(), String> {
    let first = histogram_notation::parse(cursor.braces()?)?;
    let sign = if cursor.eat("+") {
        Some(true)
    } else if cursor.eat("-") {
        Some(false)
    } else {
        None
    };
    let step = match sign {
        Some(plus) => Some((plus, histogram_notation::parse(cursor.braces()?)?)),
        None => None,
    };
    let times = parse_times(cursor)?;
    if step.is_some() && times.is_none() {
        return Err(cursor.expected("x and a count"));
    }
    let mut histogram = first;
    for i in 0..=times.unwrap_or(0) {
        if let (Some((plus, step)), true) = (&step, i > 0) {
            if histogram.schema > step.schema {
                return Err(format!(
                    "error combining histograms: cannot merge from schema {} to {}",
                    step.schema, histogram.schema
                ));
            }
            let combined = if *plus {
                histogram.add(step)
            } else {
                histogram.sub(step)
            };
            combined.map_err(|e| e.to_string())?;
        }
        items.push(Item::Histogram(Arc::new(histogram.clone())));
    }
    Ok(())
}

/// `-30s-1mx2`: a distance from the sample's time, optionally changing from sample to sample.
fn parse_start_times(cursor: &mut Cursor<'_>, items: &mut Vec<Item>) -> Result<(), String> {
    if cursor.eat("_") {
        let count = parse_times(cursor)?.unwrap_or(1);
        items.extend(std::iter::repeat_n(Item::Omitted, count));
        return Ok(());
    }
    let first = parse_distance(cursor)?;
    let step = if cursor.peek().is_some_and(|c| matches!(c, '+' | '-')) {
        Some(parse_distance(cursor)?)
    } else {
        None
    };
    let times = parse_times(cursor)?;
    push_ladder(items, first, step, times);
    Ok(())
}

fn parse_distance(cursor: &mut Cursor<'_>) -> Result<f64, String> {
    let negative = cursor.eat("-");
    if !negative {
        cursor.eat("+");
    }
    let text = cursor.take_while(|c| c.is_ascii_digit() || matches!(c, 'm' | 's' | 'h' | 'd' | 'w' | 'y'));
    let distance = Duration::parse(text).map_err(|e| e.to_string())?.as_millis() as f64;
    Ok(if negative { -distance } else { distance })
}

fn parse_times(cursor: &mut Cursor<'_>) -> Result<Option<usize>, String> {
    if !cursor.eat("x") {
        return Ok(None);
    }
    let digits = cursor.take_while(|c| c.is_ascii_digit());
    match digits.parse() {
        Ok(times) if times <= ITEMS_MAX => Ok(Some(times)),
        _ => Err(cursor.expected("a count after x")),
    }
}

/// A decimal number, `Inf`, `NaN` or `stale`; hexadecimal would read `0x5` otherwise than a sequence does.
fn parse_number(cursor: &mut Cursor<'_>) -> Result<f64, String> {
    for (word, value) in [("stale", stale_nan()), ("NaN", f64::from_bits(NORMAL_NAN))] {
        if cursor.eat_ignoring_case(word) {
            return Ok(value);
        }
    }
    let negative = cursor.eat("-");
    if !negative {
        cursor.eat("+");
    }
    let magnitude = if cursor.eat_ignoring_case("Inf") {
        f64::INFINITY
    } else {
        let length = decimal_length(cursor.rest());
        let text = cursor.take(length).replace('_', "");
        text.parse().map_err(|_| cursor.expected("a value"))?
    };
    Ok(if negative { -magnitude } else { magnitude })
}

/// How many bytes of `text` are digits with a point and an exponent.
fn decimal_length(text: &str) -> usize {
    let digits = |from: usize| {
        text.get(from..).map_or(0, |rest| {
            rest.bytes()
                .take_while(|b| b.is_ascii_digit() || *b == b'_')
                .count()
        })
    };
    let mut length = digits(0);
    if text[length..].starts_with('.') {
        length += 1 + digits(length + 1);
    }
    let exponent = &text[length..];
    if exponent.starts_with(['e', 'E']) {
        let sign = usize::from(exponent[1..].starts_with(['+', '-']));
        let count = digits(length + 1 + sign);
        if count > 0 {
            length += 1 + sign + count;
        }
    }
    length
}

/// A number in the notation of Go: decimal, `0x10`, `Inf`, `NaN`.
#[must_use]
pub fn parse_go_number(text: &str) -> Option<f64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let magnitude = if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        i64::from_str_radix(hex, 16).ok()? as f64
    } else {
        let word = digits.to_ascii_lowercase();
        match word.as_str() {
            "inf" | "infinity" => f64::INFINITY,
            "nan" => f64::NAN,
            _ if word.starts_with(|c: char| c.is_ascii_digit() || c == '.') => word.parse().ok()?,
            _ => return None,
        }
    };
    Some(if negative { -magnitude } else { magnitude })
}

/// Where reading has come to.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self, length: usize) -> &'a str {
        let taken = &self.rest()[..length];
        self.at += length;
        taken
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        self.take(rest.find(|c| !keep(c)).unwrap_or(rest.len()))
    }

    fn skip_spaces(&mut self) -> usize {
        self.take_while(char::is_whitespace).len()
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    fn eat_ignoring_case(&mut self, word: &str) -> bool {
        let found = self
            .rest()
            .get(..word.len())
            .is_some_and(|text| text.eq_ignore_ascii_case(word));
        if found {
            self.at += word.len();
        }
        found
    }

    /// What stands between `{{` and `}}`.
    fn braces(&mut self) -> Result<&'a str, String> {
        if !self.eat("{{") {
            return Err(self.expected("{{"));
        }
        let end = self.rest().find("}}").ok_or_else(|| self.expected("}}"))?;
        let inner = self.take(end);
        self.at += 2;
        Ok(inner)
    }

    /// A string in quotes of any of the three kinds.
    fn string(&mut self) -> Result<String, String> {
        let (text, length) = unquote_prefix(self.rest()).ok_or_else(|| self.expected("a string"))?;
        self.at += length;
        Ok(text)
    }

    fn expected(&self, what: &str) -> String {
        format!("expected {what} at {:?} of {:?}", self.rest(), self.text)
    }
}

/// The text of a string that `text` begins with, and how many bytes the string takes, quotes included.
#[must_use]
pub fn unquote_prefix(text: &str) -> Option<(String, usize)> {
    let mut chars = text.char_indices();
    let (_, quote) = chars.next().filter(|(_, c)| matches!(c, '"' | '\'' | '`'))?;
    let mut out = String::new();
    while let Some((at, c)) = chars.next() {
        if c == quote {
            return Some((out, at + 1));
        }
        if c != '\\' || quote == '`' {
            out.push(c);
            continue;
        }
        let (_, escape) = chars.next()?;
        let digits = match escape {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => {
                out.push(match escape {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    'a' => '\u{7}',
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'v' => '\u{b}',
                    '\\' | '"' | '\'' => escape,
                    _ => return None,
                });
                continue;
            }
        };
        let hex: String = chars.by_ref().take(digits).map(|(_, c)| c).collect();
        out.push(char::from_u32(u32::from_str_radix(&hex, 16).ok()?)?);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(line: &str) -> Vec<Option<f64>> {
        parse_line(line)
            .unwrap()
            .items
            .iter()
            .map(|item| match item {
                Item::Float(value) => Some(*value),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn sequences_are_written_out() {
        let some = |values: &[f64]| values.iter().copied().map(Some).collect::<Vec<_>>();
        assert_eq!(floats("m 1 2 3"), some(&[1.0, 2.0, 3.0]));
        assert_eq!(floats("m 1+2x3"), some(&[1.0, 3.0, 5.0, 7.0]));
        assert_eq!(floats("m 10-2.5x2"), some(&[10.0, 7.5, 5.0]));
        assert_eq!(floats("m 0x2 -1x1"), some(&[0.0, 0.0, 0.0, -1.0, -1.0]));
        assert_eq!(floats("m 1e3+1e-1x1"), some(&[1000.0, 1000.1]));
        assert_eq!(floats("m _ _x2 4"), [None, None, None, Some(4.0)]);
        assert_eq!(
            floats("m Inf -Inf +Inf"),
            some(&[f64::INFINITY, -f64::INFINITY, f64::INFINITY])
        );
        let stale = floats("m stale NaN");
        assert!(narthex_model::is_stale(stale[0].unwrap()));
        assert_eq!(stale[1].unwrap().to_bits(), NORMAL_NAN);
    }

    #[test]
    fn labels_come_in_every_form() {
        for (line, labels) in [
            ("m 1", "{__name__=\"m\"}"),
            ("a:b{c=\"d\", e='f',} 1", "{__name__=\"a:b\", c=\"d\", e=\"f\"}"),
            ("{} 1", "{}"),
            ("{\"a.b\", \"c d\"=\"x\"} 1", "{__name__=\"a.b\", \"c d\"=\"x\"}"),
            ("{__name__=\"m\", a=`\\`} 1", "{__name__=\"m\", a=\"\\\\\"}"),
        ] {
            assert_eq!(parse_line(line).unwrap().labels.to_string(), labels, "{line}");
        }
    }

    #[test]
    fn start_times_are_distances_in_milliseconds() {
        let line = parse_line("m{a=\"b\"}@st _ -30s-1mx2 -0ms").unwrap();
        assert!(line.start_times);
        let expected = [-30_000.0, -90_000.0, -150_000.0, 0.0].map(Item::Float);
        assert_eq!(line.items[0], Item::Omitted);
        assert_eq!(line.items[1..], expected);
    }

    #[test]
    fn mistakes_are_named() {
        for line in [
            "m{",
            "m 1+2",
            "m a",
            "m 1x",
            "m{a} 1",
            "{\"a\" 1",
            "m 1x99999999999",
            "m {{schema:0} 1",
        ] {
            assert!(parse_line(line).is_err(), "{line}");
        }
    }
}
