//! Which tool the arguments ask for, and its exit code.

use super::arguments::parse;
use super::help::{of_tool, overview};
use super::streams::{DONE, FAILED, Streams};
use super::table::{TOOLS, Tool};
use std::io;

/// Whether the word begins a tool's name.
#[must_use]
pub fn is_tool(word: &str) -> bool {
    TOOLS.iter().any(|tool| tool.words.first() == Some(&word))
}

/// Runs the tool that `arguments` (behind the program's name) name. Exit codes: 0 done, 1 failed, 3 lint.
pub fn run(program: &str, arguments: &[String], streams: &mut Streams<'_>) -> u8 {
    let result = dispatch(program, arguments, streams);
    match result.and_then(|code| streams.out.flush().map(|()| code)) {
        Ok(code) => code,
        // Whoever read the output has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => DONE,
        Err(error) => {
            streams.complain(format!("{program}: error: {error}"));
            FAILED
        }
    }
}

fn dispatch(program: &str, arguments: &[String], streams: &mut Streams<'_>) -> io::Result<u8> {
    // Flags before the tool's words belong to it as well.
    let words_at = arguments
        .iter()
        .position(|argument| !argument.starts_with('-'))
        .unwrap_or(arguments.len());
    let (before, words) = arguments.split_at(words_at);
    let asked = |names: &[&str]| before.iter().any(|flag| names.contains(&flag.as_str()));
    if asked(&["--version"]) {
        return streams
            .say(format!(
                "{program}, version {} (narthex)",
                env!("CARGO_PKG_VERSION")
            ))
            .map(|()| DONE);
    }
    let (words, helping) = match words.split_first() {
        Some((first, rest)) if first == "help" => (rest, true),
        _ => (words, asked(&["-h", "--help", "--help-long", "--help-man"])),
    };
    if words.is_empty() {
        streams.out.write_all(overview(program).as_bytes())?;
        return Ok(DONE);
    }
    let (tool, rest) = match find(words) {
        Ok(found) => found,
        Err(fault) => return refuse(program, &fault, streams),
    };
    let behind: Vec<String> = before.iter().chain(rest).cloned().collect();
    match parse(tool, &behind) {
        Ok(given) if given.help || helping => {
            streams.out.write_all(of_tool(program, tool).as_bytes())?;
            Ok(DONE)
        }
        Ok(given) => (tool.run)(&given, streams),
        Err(_) if helping => {
            streams.out.write_all(of_tool(program, tool).as_bytes())?;
            Ok(DONE)
        }
        Err(fault) => refuse(program, &fault, streams),
    }
}

fn refuse(program: &str, fault: &str, streams: &mut Streams<'_>) -> io::Result<u8> {
    streams.complain(format!("{program}: error: {fault}, try --help"));
    Ok(FAILED)
}

/// The tool whose words the arguments begin with, and what follows.
fn find(words: &[String]) -> Result<(&'static Tool, &[String]), String> {
    let begins = |tool: &Tool, count: usize| {
        let same = tool.words.iter().zip(words).take(count).all(|(a, b)| a == b);
        same && tool.words.len() >= count && words.len() >= count
    };
    if let Some(tool) = TOOLS.iter().find(|tool| begins(tool, tool.words.len())) {
        return Ok((tool, words.get(tool.words.len()..).unwrap_or_default()));
    }
    let known = (0..=words.len())
        .rev()
        .find(|count| TOOLS.iter().any(|tool| begins(tool, *count)))
        .unwrap_or(0);
    Err(match words.get(known).filter(|word| !word.starts_with('-')) {
        Some(word) => format!("expected command but got {word:?}"),
        None => format!(
            "must select a subcommand of '{}'",
            words.get(..known).unwrap_or_default().join(" ")
        ),
    })
}
