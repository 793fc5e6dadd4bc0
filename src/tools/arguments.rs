//! Arguments of a tool to values, in the words of promtool's parser.

use super::table::{Flag, GLOBAL, Takes, Tool};
use std::path::Path;

/// What a tool was given.
#[derive(Debug, Default)]
pub(super) struct Given {
    flags: Vec<(&'static str, String)>,
    args: Vec<String>,
    /// Flags of the tool, for their defaults.
    defaults: Vec<(&'static str, &'static str)>,
    /// Whether help was asked for.
    pub(super) help: bool,
}

impl Given {
    /// The text of a flag: given last, or its default.
    pub(super) fn text(&self, name: &str) -> &str {
        let given = self.flags.iter().rev().find(|(flag, _)| *flag == name);
        let default = || self.defaults.iter().find(|(flag, _)| *flag == name);
        given.map_or_else(|| default().map_or("", |(_, text)| text), |(_, text)| text)
    }

    /// Every text of a flag, or its default if there is one.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let given: Vec<String> = self
            .flags
            .iter()
            .filter(|(flag, _)| *flag == name)
            .map(|(_, text)| text.clone())
            .collect();
        if given.is_empty() && !self.text(name).is_empty() {
            return vec![self.text(name).to_owned()];
        }
        given
    }

    /// Whether a switch is on.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.text(name) == "true"
    }

    /// A whole number, checked when it was parsed.
    pub(super) fn whole(&self, name: &str) -> i64 {
        self.text(name).parse().unwrap_or_default()
    }

    /// The argument at `index`; empty if it was not given.
    pub(super) fn arg(&self, index: usize) -> &str {
        self.args.get(index).map_or("", String::as_str)
    }

    /// All arguments.
    pub(super) fn args(&self) -> &[String] {
        &self.args
    }

    /// The store's directory, which stands at `index`.
    pub(super) fn directory(&self, index: usize) -> &str {
        Some(self.arg(index))
            .filter(|path| !path.is_empty())
            .unwrap_or("data/")
    }
}

/// Reads what stands behind a tool's words.
///
/// # Errors
/// In the words of promtool's parser.
pub(super) fn parse(tool: &Tool, arguments: &[String]) -> Result<Given, String> {
    let flags: Vec<&'static Flag> = tool.flags.iter().chain(GLOBAL).collect();
    let mut given = Given {
        defaults: flags.iter().map(|flag| (flag.name, flag.default)).collect(),
        ..Given::default()
    };
    let mut rest = arguments.iter();
    let mut only_args = false;
    while let Some(argument) = rest.next() {
        if only_args || argument == "-" || !argument.starts_with('-') {
            given.args.push(argument.clone());
        } else if argument == "--" {
            only_args = true;
        } else if matches!(argument.as_str(), "-h" | "--help" | "--help-long" | "--help-man") {
            given.help = true;
            return Ok(given);
        } else {
            let found = one_flag(&flags, argument, &mut rest)?;
            let once = flags
                .iter()
                .any(|flag| flag.name == found.0 && flag.takes != Takes::Texts);
            if once && given.flags.iter().any(|(name, _)| *name == found.0) {
                return Err(format!("flag '{}' cannot be repeated", found.0));
            }
            given.flags.push(found);
        }
    }
    check(tool, &flags, &given)?;
    Ok(given)
}

fn one_flag<'a>(
    flags: &[&'static Flag],
    argument: &str,
    rest: &mut impl Iterator<Item = &'a String>,
) -> Result<(&'static str, String), String> {
    let (shown, flag, inline, negated) = if let Some(long) = argument.strip_prefix("--") {
        let (name, inline) = long
            .split_once('=')
            .map_or((long, None), |(name, value)| (name, Some(value.to_owned())));
        let exact = flags.iter().find(|flag| flag.name == name);
        let switch = || {
            let positive = name.strip_prefix("no-")?;
            flags
                .iter()
                .find(|flag| flag.name == positive && flag.takes == Takes::Nothing)
        };
        let negated = exact.is_none();
        let flag = exact.or_else(switch);
        let flag = flag.ok_or_else(|| format!("unknown long flag '--{name}'"))?;
        (format!("--{name}"), *flag, inline, negated)
    } else {
        let mut letters = argument.chars().skip(1);
        let letter = letters.next().unwrap_or('-');
        let flag = flags.iter().find(|flag| flag.short == Some(letter));
        let flag = flag.ok_or_else(|| format!("unknown short flag '-{letter}'"))?;
        let tail: String = letters.collect();
        let tail = tail.strip_prefix('=').unwrap_or(&tail).to_owned();
        (
            format!("-{letter}"),
            *flag,
            Some(tail).filter(|tail| !tail.is_empty()),
            false,
        )
    };
    if flag.takes == Takes::Nothing {
        return match inline {
            Some(value) => Err(format!("unexpected {value}")),
            None => Ok((flag.name, (!negated).to_string())),
        };
    }
    let value = inline
        .or_else(|| rest.next().cloned())
        .ok_or_else(|| format!("expected argument for flag '{shown}'"))?;
    match flag.takes {
        Takes::OneOf(words) if !words.contains(&value.as_str()) => Err(format!(
            "enum value must be one of {}, got '{value}'",
            words.join(",")
        )),
        Takes::Whole if value.parse::<i64>().is_err() => {
            Err(format!("strconv.ParseInt: parsing {value:?}: invalid syntax"))
        }
        _ => Ok((flag.name, value)),
    }
}

fn check(tool: &Tool, flags: &[&'static Flag], given: &Given) -> Result<(), String> {
    for flag in flags.iter().filter(|flag| flag.required) {
        if !given.flags.iter().any(|(name, _)| *name == flag.name) {
            return Err(format!("required flag(s) '--{}' not provided", flag.name));
        }
    }
    let mut args = given.args.iter();
    for arg in tool.args {
        let taken: Vec<&String> = args
            .by_ref()
            .take(if arg.many { usize::MAX } else { 1 })
            .collect();
        if taken.is_empty() && arg.required {
            return Err(format!("required argument '{}' not provided", arg.name));
        }
        for path in taken.iter().filter(|_| arg.file) {
            if !Path::new(path.as_str()).exists() {
                return Err(format!("path '{path}' does not exist"));
            }
        }
    }
    args.next()
        .map_or(Ok(()), |more| Err(format!("unexpected {more}")))
}
