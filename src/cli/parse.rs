//! Arguments to values, with the rules and texts of the parser that Prometheus uses.

use super::flag::{Flag, Kind};
use super::table::{FLAGS, find};
use crate::config::parse_size;
use narthex_model::Duration;
use std::collections::BTreeMap;

/// Files of arguments may name further ones, so deep.
const FILES_MAX: usize = 10;

/// What every flag was set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values {
    given: Vec<Vec<String>>,
    /// Whether help was asked for: `Some(true)` for the long form.
    pub help: Option<bool>,
    /// Whether the version was asked for.
    pub version: bool,
}

/// Arguments that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The line does not parse (exit code 1); with a hint, maybe.
    Line(String, Option<String>),
    /// A value does not fit its flag (exit code 2); with a hint.
    Value(String, String),
}

impl Values {
    /// Whether the flag was given at all.
    #[must_use]
    pub fn is_given(&self, name: &str) -> bool {
        find(name)
            .and_then(|index| self.given.get(index))
            .is_some_and(|given| !given.is_empty())
    }

    /// Flags that were given.
    pub fn given(&self) -> impl Iterator<Item = &'static Flag> {
        FLAGS
            .iter()
            .zip(&self.given)
            .filter(|(_, given)| !given.is_empty())
            .map(|(flag, _)| flag)
    }

    /// The flag's text: what was given last, or its default.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        let Some(index) = find(name) else { return "" };
        let given = self.given.get(index).and_then(|given| given.last());
        given.map_or_else(
            || FLAGS.get(index).map_or("", |flag| flag.default),
            String::as_str,
        )
    }

    /// Every text given, or the default alone; none if the default is empty.
    #[must_use]
    pub fn texts(&self, name: &str) -> Vec<String> {
        match find(name).and_then(|index| self.given.get(index)) {
            Some(given) if !given.is_empty() => given.clone(),
            _ => Some(self.text(name))
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
                .into_iter()
                .collect(),
        }
    }

    /// Whether a switch is on.
    #[must_use]
    pub fn is_on(&self, name: &str) -> bool {
        self.text(name) == "true"
    }

    /// A duration; checked when it was parsed.
    #[must_use]
    pub fn duration(&self, name: &str) -> Duration {
        Duration::parse(self.text(name)).unwrap_or_default()
    }

    /// A whole number; checked when it was parsed.
    #[must_use]
    pub fn whole(&self, name: &str) -> u64 {
        whole(self.text(name)).unwrap_or_default()
    }

    /// A size; checked when it was parsed.
    #[must_use]
    pub fn size(&self, name: &str) -> u64 {
        parse_size(self.text(name)).unwrap_or_default()
    }

    /// Every flag's value as `status/flags` shows it.
    #[must_use]
    pub fn shown(&self) -> BTreeMap<String, String> {
        FLAGS
            .iter()
            .map(|flag| (flag.name.to_owned(), self.show(flag)))
            .collect()
    }

    fn show(&self, flag: &Flag) -> String {
        match flag.kind {
            Kind::Duration => self.duration(flag.name).to_string(),
            Kind::Whole => self.whole(flag.name).to_string(),
            Kind::Size => crate::config::format_size(self.size(flag.name)),
            Kind::Texts => self.texts(flag.name).join(","),
            Kind::Switch | Kind::Text | Kind::Number | Kind::OneOf(_) => self.text(flag.name).to_owned(),
        }
    }
}

/// Reads arguments (without the program's name). `read_file` reads the files that `@name` stands for.
///
/// # Errors
/// In the words of Prometheus's parser.
pub fn parse(
    arguments: impl IntoIterator<Item = String>,
    read_file: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Values, Fault> {
    let mut tokens = expand(arguments.into_iter().collect(), read_file, 0)?
        .into_iter()
        .peekable();
    let mut values = Values {
        given: vec![Vec::new(); FLAGS.len()],
        help: None,
        version: false,
    };
    while let Some(token) = tokens.next() {
        let Some(long) = token.strip_prefix("--").filter(|long| !long.is_empty()) else {
            match token.as_str() {
                "-h" => values.help = values.help.or(Some(false)),
                "--" => {
                    return tokens
                        .next()
                        .map_or(Ok(values), |token| Err(unexpected(&token, None)));
                }
                short if short.starts_with('-') => return Err(unknown_short(short)),
                _ => return Err(unexpected(&token, None)),
            }
            continue;
        };
        let (name, mut inline) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (long, None),
        };
        match name {
            "help" => values.help = values.help.or(Some(false)),
            "help-long" | "help-man" | "write-documentation" => values.help = Some(true),
            // The version is told whatever follows.
            "version" => {
                values.version = true;
                return Ok(values);
            }
            _ => {
                let (index, negated) = lookup(name)?;
                let Some((flag, given)) = FLAGS.get(index).zip(values.given.get_mut(index)) else {
                    continue;
                };
                let value = if flag.kind == Kind::Switch {
                    (!negated).to_string()
                } else {
                    let next = || tokens.next_if(|next| next == "-" || !next.starts_with('-'));
                    let missing = || Fault::Line(format!("expected argument for flag '--{name}'"), None);
                    inline.take().or_else(next).ok_or_else(missing)?
                };
                if !given.is_empty() && flag.kind != Kind::Texts {
                    let hint = format!("give --{} once", flag.name);
                    return Err(Fault::Value(
                        format!("flag '{}' cannot be repeated", flag.name),
                        hint,
                    ));
                }
                given.push(value);
            }
        }
        if let Some(value) = inline {
            let hint = format!("{name} is a switch and takes no value: write --{name} or --no-{name}");
            return Err(unexpected(&value, Some(hint)));
        }
    }
    check(&values)?;
    Ok(values)
}

fn lookup(name: &str) -> Result<(usize, bool), Fault> {
    if let Some(index) = find(name) {
        return Ok((index, false));
    }
    let negated = name.strip_prefix("no-").and_then(find);
    if let Some(index) = negated.filter(|index| FLAGS.get(*index).is_some_and(|f| f.kind == Kind::Switch)) {
        return Ok((index, true));
    }
    let names: Vec<&str> = FLAGS.iter().map(|flag| flag.name).collect();
    let hint = crate::config::nearest(name, &names).map(|near| format!("did you mean --{near}?"));
    Err(Fault::Line(format!("unknown long flag '--{name}'"), hint))
}

fn unknown_short(token: &str) -> Fault {
    let short: String = token.chars().take(2).collect();
    let hint = token
        .len()
        .gt(&2)
        .then(|| format!("flags take two dashes: -{token}"));
    Fault::Line(format!("unknown short flag '{short}'"), hint)
}

fn unexpected(token: &str, hint: Option<String>) -> Fault {
    Fault::Line(format!("unexpected {token}"), hint)
}

/// Puts the lines of files in the place of `@file`; lines that are empty or begin with `#` are left out.
fn expand(
    arguments: Vec<String>,
    read_file: &dyn Fn(&str) -> Result<String, String>,
    depth: usize,
) -> Result<Vec<String>, Fault> {
    let mut expanded = Vec::with_capacity(arguments.len());
    for argument in arguments {
        let Some(path) = argument.strip_prefix('@') else {
            expanded.push(argument);
            continue;
        };
        if depth >= FILES_MAX {
            return Err(Fault::Line(
                format!("files of arguments name each other: {path}"),
                None,
            ));
        }
        let text = read_file(path).map_err(|e| Fault::Line(e, None))?;
        let lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        expanded.extend(expand(lines.map(str::to_owned).collect(), read_file, depth + 1)?);
    }
    Ok(expanded)
}

/// Whether every value fits its flag.
fn check(values: &Values) -> Result<(), Fault> {
    for (flag, given) in FLAGS.iter().zip(&values.given) {
        for text in given {
            let fault = match flag.kind {
                Kind::Switch | Kind::Text | Kind::Texts => None,
                Kind::Duration => Duration::parse(text).err().map(|e| e.to_string()),
                Kind::Size => parse_size(text).err().map(|e| e.to_string()),
                Kind::Whole => whole(text)
                    .is_none()
                    .then(|| format!("strconv.ParseFloat: parsing {text:?}: invalid syntax")),
                Kind::Number => text
                    .parse::<f64>()
                    .is_err()
                    .then(|| format!("strconv.ParseFloat: parsing {text:?}: invalid syntax")),
                Kind::OneOf(words) => {
                    (!words.contains(&text.as_str())).then(|| one_of(flag.name, words, text))
                }
            };
            if let Some(fault) = fault {
                return Err(Fault::Value(
                    fault,
                    format!("--{} takes {}", flag.name, takes(flag.kind)),
                ));
            }
        }
    }
    Ok(())
}

/// What a flag of this kind takes, in words.
fn takes(kind: Kind) -> String {
    match kind {
        Kind::Switch => "no value".to_owned(),
        Kind::Text | Kind::Texts => "a text".to_owned(),
        Kind::Duration => "a duration: whole numbers with units, for example 15s, 1m30s or 15d".to_owned(),
        Kind::Size => "a size: a number with a unit, for example 512MB or 10GB".to_owned(),
        Kind::Whole => "a whole number".to_owned(),
        Kind::Number => "a number".to_owned(),
        Kind::OneOf(words) => format!("one of {}", words.join(", ")),
    }
}

fn one_of(name: &str, words: &[&str], text: &str) -> String {
    match name {
        "log.level" => format!("unrecognized log level {text}"),
        "log.format" => format!("unrecognized log format {text}"),
        _ => format!("enum value must be one of {}, got '{text}'", words.join(",")),
    }
}

/// A whole number; `5e7` counts.
fn whole(text: &str) -> Option<u64> {
    text.parse().ok().or_else(|| {
        let number: f64 = text.parse().ok()?;
        (number.fract() == 0.0 && (0.0..1e18).contains(&number)).then_some(number as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Values, Fault> {
        let file = |path: &str| match path {
            "args" => Ok("# comment\n--web.enable-lifecycle\n\n--log.level=debug\n".to_owned()),
            "self" => Ok("@self\n".to_owned()),
            _ => Err(format!("open {path}: no such file or directory")),
        };
        parse(line.split_whitespace().map(str::to_owned), &file)
    }

    #[test]
    fn lines_that_do_not_parse_are_told_in_known_words() {
        for (line, want) in [
            ("--foo", "unknown long flag '--foo'"),
            ("-l", "unknown short flag '-l'"),
            ("-log.level=debug", "unknown short flag '-l'"),
            ("extra-arg", "unexpected extra-arg"),
            ("-- extra", "unexpected extra"),
            ("--web.enable-lifecycle=true", "unexpected true"),
            ("--web.enable-lifecycle true", "unexpected true"),
            ("--no-web.enable-lifecycle=false", "unexpected false"),
            ("--no-config.file", "unknown long flag '--no-config.file'"),
            ("--config.file", "expected argument for flag '--config.file'"),
            (
                "--config.file --agent",
                "expected argument for flag '--config.file'",
            ),
            ("-", "unknown short flag '-'"),
            ("@nope", "open nope: no such file or directory"),
            ("@self", "files of arguments name each other: self"),
        ] {
            let Err(Fault::Line(text, _)) = read(line) else {
                panic!("accepted: {line}")
            };
            assert_eq!(text, want, "{line}");
        }
        for (line, want) in [
            ("--query.timeout=5x", "unknown unit \"x\" in duration \"5x\""),
            ("--query.timeout=", "empty duration string"),
            (
                "--config.file=a --config.file=b",
                "flag 'config.file' cannot be repeated",
            ),
            ("--log.level=loud", "unrecognized log level loud"),
            ("--log.format=xml", "unrecognized log format xml"),
            (
                "--query.max-samples=x",
                "strconv.ParseFloat: parsing \"x\": invalid syntax",
            ),
            ("--storage.tsdb.retention.size=10", "units: unknown unit  in 10"),
        ] {
            let Err(Fault::Value(text, hint)) = read(line) else {
                panic!("accepted: {line}")
            };
            assert_eq!(text, want, "{line}");
            assert!(
                hint.starts_with("--") || hint.starts_with("give --"),
                "{line}: {hint}"
            );
        }
        let Err(Fault::Line(_, hint)) = read("--web.listen-adress=:1") else {
            panic!()
        };
        assert_eq!(hint.as_deref(), Some("did you mean --web.listen-address?"));
    }

    #[test]
    fn values_come_from_the_line_files_and_defaults() {
        let values = read(
            "--config.file a.yml --web.listen-address=:1 --web.listen-address :2 @args \
             --no-scrape.adjust-timestamps --storage.tsdb.retention.size=1GB",
        )
        .unwrap();
        assert_eq!(values.text("config.file"), "a.yml");
        assert_eq!(values.texts("web.listen-address"), [":1", ":2"]);
        assert!(values.is_on("web.enable-lifecycle") && !values.is_on("scrape.adjust-timestamps"));
        assert!(!values.is_on("agent"));
        let shown = values.shown();
        for (name, want) in [
            ("web.listen-address", ":1,:2"),
            ("storage.tsdb.retention.size", "1GiB"),
            ("query.timeout", "2m"),
            ("storage.remote.read-sample-limit", "50000000"),
            ("storage.tsdb.min-block-duration", "2h"),
            ("enable-feature", ""),
            ("log.level", "debug"),
        ] {
            assert_eq!(shown[name], want, "{name}");
        }
        assert_eq!(shown.len(), FLAGS.len());
        assert_eq!(read("--help").unwrap().help, Some(false));
        assert!(read("--version --foo").unwrap().version);
    }

    #[test]
    fn every_flag_is_sound() {
        for (i, flag) in FLAGS.iter().enumerate() {
            assert_eq!(find(flag.name), Some(i), "{} is there twice", flag.name);
            assert!(flag.help.ends_with('.') && !flag.help.is_empty(), "{}", flag.name);
            let values = Values {
                given: FLAGS.iter().map(|f| vec![f.default.to_owned()]).collect(),
                help: None,
                version: false,
            };
            assert_eq!(check(&values), Ok(()), "{}", flag.name);
        }
    }
}
