//! From the text of a script to its commands.

use narthex_model::Duration;
use regex::Regex;

use crate::series_notation::{Item, SeriesLine, parse_go_number, parse_line, unquote_prefix};

/// A script: its commands in order, and what could not be read.
#[derive(Debug, Default)]
pub struct Script {
    /// The commands.
    pub commands: Vec<Command>,
    /// Lines that are no commands.
    pub mistakes: Vec<Mistake>,
}

/// A line that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Number of the line, from 1.
    pub line: usize,
    /// The line.
    pub text: String,
    /// What is wrong with it.
    pub message: String,
    /// Whether it belongs to an evaluation, which then cannot take place.
    pub evaluation: bool,
}

/// One command.
#[derive(Debug)]
pub enum Command {
    /// `clear`: forget all samples.
    Clear,
    /// `load 5m`: append samples.
    Load(Load),
    /// `eval ...`: ask, and compare.
    Eval(Box<Evaluation>),
}

/// `load <step>` with the series under it.
#[derive(Debug)]
pub struct Load {
    /// Number of the line, from 1.
    pub line: usize,
    /// Distance between two values, in milliseconds; the first one stands at time 0.
    pub step_ms: i64,
    /// `load_with_nhcb`: append classic histograms as native ones with custom buckets too.
    pub with_nhcb: bool,
    /// The series.
    pub series: Vec<SeriesLine>,
}

/// When a query is evaluated. All times in Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// At one time.
    Instant {
        /// The time.
        at: i64,
    },
    /// At several times.
    Range(Steps),
}

/// Evenly spaced times in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    /// First time.
    pub start: i64,
    /// Last possible time.
    pub end: i64,
    /// Distance.
    pub step: i64,
}

/// What a text must be.
#[derive(Debug, Clone)]
pub enum TextPattern {
    /// Anything.
    Any,
    /// This text exactly.
    Exact(String),
    /// A text in which this is found.
    Regex(Regex),
}

impl TextPattern {
    /// Whether `text` is what it must be.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(expected) => expected == text,
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

/// What is expected of warnings, or of infos.
#[derive(Debug, Clone, Default)]
pub struct NotesExpected {
    /// At least one of any text (the old forms `eval_warn`, `eval_info`).
    pub some: bool,
    /// None at all.
    pub none: bool,
    /// Each pattern finds a text, and each text a pattern.
    pub patterns: Vec<TextPattern>,
}

/// `eval ...` with everything under it.
#[derive(Debug)]
pub struct Evaluation {
    /// Number of the line, from 1.
    pub line: usize,
    /// The query.
    pub query: String,
    /// When it is evaluated.
    pub when: When,
    /// The order of an instant vector counts.
    pub ordered: bool,
    /// The query must fail with this error.
    pub fail: Option<TextPattern>,
    /// Warnings.
    pub warnings: NotesExpected,
    /// Infos.
    pub infos: NotesExpected,
    /// Expected series in the order written.
    pub series: Vec<SeriesLine>,
    /// Expected scalar.
    pub scalar: Option<f64>,
    /// Expected string.
    pub string: Option<String>,
    /// The times of the values of an expected range vector.
    pub range_vector: Option<Steps>,
}

/// Reads a script.
#[must_use]
pub fn parse(text: &str) -> Script {
    let lines: Vec<&str> = text
        .lines()
        .map(|line| {
            let line = line.trim();
            if line.starts_with('#') { "" } else { line }
        })
        .collect();
    let mut script = Script::default();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        let block_end = at + lines[at..].iter().take_while(|line| !line.is_empty()).count();
        if line.is_empty() {
            at += 1;
            continue;
        }
        let word = line.split_whitespace().next().unwrap_or("").to_ascii_lowercase();
        let (parsed, next) = match word.as_str() {
            "clear" => (Ok(Command::Clear), at + 1),
            _ if word.starts_with("load") => (
                parse_load(&lines[at..block_end], at + 1).map(Command::Load),
                block_end,
            ),
            _ if word.starts_with("eval") => parse_eval(&lines[at..block_end], at),
            _ => (Err((0, format!("invalid command {line:?}"))), at + 1),
        };
        match parsed {
            Ok(command) => script.commands.push(command),
            Err((offset, message)) => script.mistakes.push(Mistake {
                line: at + offset + 1,
                text: lines.get(at + offset).copied().unwrap_or("").to_owned(),
                message,
                evaluation: word.starts_with("eval"),
            }),
        }
        at = next;
    }
    script
}

/// A message and the index of the line that it is about.
type LineError = (usize, String);

fn parse_load(lines: &[&str], line: usize) -> Result<Load, LineError> {
    let mut words = lines[0].split_whitespace();
    let with_nhcb = match words.next() {
        Some("load") => false,
        Some("load_with_nhcb") => true,
        _ => {
            return Err((
                0,
                "invalid load command. (load[_with_nhcb] <step:duration>)".into(),
            ));
        }
    };
    let step_ms = duration(words.next().unwrap_or("")).map_err(|e| (0, e))?;
    let mut series = Vec::new();
    for (i, line) in lines.iter().enumerate().skip(1) {
        series.push(parse_line(line).map_err(|e| (i, e))?);
    }
    Ok(Load {
        line,
        step_ms,
        with_nhcb,
        series,
    })
}

fn duration(text: &str) -> Result<i64, String> {
    Duration::parse(text)
        .map(Duration::as_millis)
        .map_err(|e| e.to_string())
}

/// The next word of `text`, and what stands behind it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_once(char::is_whitespace)
        .map_or((text, ""), |(word, rest)| (word, rest.trim_start()))
}

fn keyword<'a>(text: &'a str, expected: &str) -> Result<&'a str, String> {
    let (found, rest) = word(text);
    if found == expected {
        Ok(rest)
    } else {
        Err(format!("expected {expected:?}, got {found:?}"))
    }
}

fn parse_steps(text: &str) -> Result<(Steps, &str), String> {
    let (start, rest) = word(keyword(text, "from")?);
    let (end, rest) = word(keyword(rest, "to")?);
    let (step, rest) = word(keyword(rest, "step")?);
    let steps = Steps {
        start: duration(start)?,
        end: duration(end)?,
        step: duration(step)?,
    };
    if steps.end < steps.start {
        return Err(format!("end {end} is before start {start}"));
    }
    if steps.step == 0 {
        return Err("the step is 0".into());
    }
    Ok((steps, rest))
}

fn parse_head(line: &str) -> Result<Evaluation, String> {
    let (command, rest) = word(line);
    let modifier = command.strip_prefix("eval").unwrap_or("");
    let (kind, rest) = word(rest);
    let (when, query) = match kind {
        "instant" => {
            let (at, query) = word(keyword(rest, "at")?);
            (When::Instant { at: duration(at)? }, query)
        }
        "range" => {
            let (steps, query) = parse_steps(rest)?;
            (When::Range(steps), query)
        }
        _ => return Err(format!("expected instant or range, got {kind:?}")),
    };
    let mut evaluation = Evaluation {
        line: 0,
        query: query.to_owned(),
        when,
        ordered: false,
        fail: None,
        warnings: NotesExpected::default(),
        infos: NotesExpected::default(),
        series: Vec::new(),
        scalar: None,
        string: None,
        range_vector: None,
    };
    match modifier {
        "" => {}
        "_ordered" => evaluation.ordered = true,
        "_fail" => evaluation.fail = Some(TextPattern::Any),
        "_warn" => evaluation.warnings.some = true,
        "_info" => evaluation.infos.some = true,
        _ => return Err(format!("unknown command {command:?}")),
    }
    Ok(evaluation)
}

/// The command, and the index of the line behind it.
fn parse_eval(lines: &[&str], at: usize) -> (Result<Command, LineError>, usize) {
    let mut evaluation = match parse_head(lines[0]) {
        Ok(evaluation) => evaluation,
        Err(message) => return (Err((0, message)), at + lines.len()),
    };
    evaluation.line = at + 1;
    let mut used = 1;
    for (i, line) in lines.iter().enumerate().skip(1) {
        used = i + 1;
        match parse_expectation(&mut evaluation, line) {
            Ok(true) => {}
            // What follows a number or an error text belongs to the next command.
            Ok(false) => break,
            Err(message) => return (Err((i, message)), at + lines.len()),
        }
    }
    let conflict = |notes: &NotesExpected| notes.none && (notes.some || !notes.patterns.is_empty());
    if conflict(&evaluation.warnings) || conflict(&evaluation.infos) {
        let message = "expectations contradict each other: some and none".into();
        return (Err((0, message)), at + used);
    }
    (Ok(Command::Eval(Box::new(evaluation))), at + used)
}

/// Reads one line under `eval`; whether more may follow.
fn parse_expectation(evaluation: &mut Evaluation, line: &str) -> Result<bool, String> {
    if evaluation.fail.is_some() {
        if let Some(text) = line.strip_prefix("expected_fail_message") {
            evaluation.fail = Some(TextPattern::Exact(text.trim().to_owned()));
            return Ok(false);
        }
        if let Some(text) = line.strip_prefix("expected_fail_regexp") {
            evaluation.fail = Some(TextPattern::Regex(regex(text.trim())?));
            return Ok(false);
        }
    }
    if let Some(text) = line.strip_prefix("expect range vector") {
        evaluation.range_vector = Some(parse_steps(text)?.0);
        return Ok(true);
    }
    if let Some(text) = line.strip_prefix("expect string") {
        let text = text.trim_start();
        let (string, length) =
            unquote_prefix(text).ok_or("expected a string in quotes behind 'expect string'")?;
        if length != text.len() {
            return Err("expected nothing behind the string".into());
        }
        evaluation.string = Some(string);
        return Ok(true);
    }
    if line.split(' ').next() == Some("expect") {
        parse_expect(evaluation, line)?;
        return Ok(true);
    }
    if let Some(number) = parse_go_number(line) {
        evaluation.scalar = Some(number);
        return Ok(false);
    }
    let series = parse_line(line)?;
    let instant = matches!(evaluation.when, When::Instant { .. });
    if instant && series.items.len() > 1 && evaluation.range_vector.is_none() {
        return Err("several values of an instant evaluation need 'expect range vector'".into());
    }
    // Of labels that stand there twice the last line counts.
    evaluation.series.retain(|other| other.labels != series.labels);
    evaluation.series.push(series);
    Ok(true)
}

fn parse_expect(evaluation: &mut Evaluation, line: &str) -> Result<(), String> {
    let (mode, rest) = word(keyword(line, "expect")?);
    let pattern = if let Some(text) = rest.strip_prefix("msg:") {
        TextPattern::Exact(text.trim().to_owned())
    } else if let Some(text) = rest.strip_prefix("regex:") {
        TextPattern::Regex(regex(text.trim())?)
    } else if rest.is_empty() {
        TextPattern::Any
    } else {
        return Err(format!("expected msg: or regex:, got {rest:?}"));
    };
    match mode {
        "ordered" => evaluation.ordered = true,
        "fail" if evaluation.fail.is_some() => return Err("expect fail stands there twice".into()),
        "fail" => evaluation.fail = Some(pattern),
        "warn" => evaluation.warnings.patterns.push(pattern),
        "info" => evaluation.infos.patterns.push(pattern),
        "no_warn" => evaluation.warnings.none = true,
        "no_info" => evaluation.infos.none = true,
        _ => return Err(format!("unknown expectation {mode:?}")),
    }
    Ok(())
}

fn regex(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|e| e.to_string())
}

/// The values of a line with their times, those left out excepted.
pub fn timed(line: &SeriesLine, start: i64, step: i64) -> impl Iterator<Item = (i64, &Item)> {
    line.items
        .iter()
        .enumerate()
        .filter(|(_, item)| **item != Item::Omitted)
        .map(move |(i, item)| (start + i as i64 * step, item))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_apart_by_blank_lines_and_numbers() {
        let script = parse(
            "# comment\nclear\nload 5m\n  a 1 2\n  b{c=\"d\"} 3x2\n\neval instant at 1m 1 + 1\n  2\neval_ordered instant at 0 sort(a)\n\texpect no_warn\n  {} 1\n\neval range from 0 to 10m step 5m a\n  a 1 2 _\n",
        );
        assert_eq!(script.mistakes, []);
        let evaluations: Vec<_> = script
            .commands
            .iter()
            .filter_map(|c| match c {
                Command::Eval(e) => Some((e.line, e.query.as_str(), e.scalar, e.series.len(), e.ordered)),
                _ => None,
            })
            .collect();
        assert_eq!(
            evaluations,
            [
                (7, "1 + 1", Some(2.0), 0, false),
                (9, "sort(a)", None, 1, true),
                (13, "a", None, 1, false)
            ]
        );
    }

    #[test]
    fn mistakes_name_their_line() {
        let script =
            parse("what\n\nload x\n\neval instant at 1m a\n  a{ 1\n\neval instant at 1m a\n  a 1 2\n");
        let lines: Vec<_> = script.mistakes.iter().map(|m| (m.line, m.evaluation)).collect();
        assert_eq!(lines, [(1, false), (3, false), (6, true), (9, true)]);
    }

    #[test]
    fn expectations_of_texts_are_read() {
        let script = parse(
            "eval instant at 0 a\n  expect fail msg: no such thing\n\neval instant at 0 a\n  expect warn regex: a.c\n  expect info\n\neval_fail instant at 0 a\n  expected_fail_regexp x+\n",
        );
        assert_eq!(script.mistakes, []);
        let Command::Eval(first) = &script.commands[0] else {
            panic!()
        };
        assert!(first.fail.as_ref().unwrap().matches("no such thing"));
        assert!(!first.fail.as_ref().unwrap().matches("no such thing!"));
        let Command::Eval(second) = &script.commands[1] else {
            panic!()
        };
        assert!(second.warnings.patterns[0].matches("xabcx"));
        let Command::Eval(third) = &script.commands[2] else {
            panic!()
        };
        assert!(!third.fail.as_ref().unwrap().matches("y"));
    }
}
