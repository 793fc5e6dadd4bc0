//! Help texts and the reference page, from the table of tools.

use super::table::{Flag, GLOBAL, TOOLS, Takes, Tool};
use std::fmt::Write as _;

/// What `--help` of the program prints.
pub(super) fn overview(program: &str) -> String {
    let mut text = format!(
        "usage: {program} [<flags>] <command> [<args> ...]\n\nTools for narthex and Prometheus, in promtool's words.\n\nFlags:\n  -h, --help     Show this help, or a command's.\n      --version  Show the version.\n\nCommands:\nhelp [<command>...]\n    Show help.\n\n"
    );
    for tool in TOOLS {
        let _ = write!(text, "{}\n    {}\n\n", call(tool), tool.help);
    }
    text
}

/// What `--help` of a tool prints.
pub(super) fn of_tool(program: &str, tool: &Tool) -> String {
    let mut text = format!("usage: {program} {}\n\n{}\n\nFlags:\n", call(tool), tool.help);
    for flag in tool.flags.iter().chain(GLOBAL) {
        let short = flag.short.map_or("    ".into(), |letter| format!("-{letter}, "));
        let _ = write!(text, "  {short}{}\n          {}\n", shown(flag), flag.help);
    }
    if !tool.args.is_empty() {
        text.push_str("\nArgs:\n");
    }
    for arg in tool.args {
        let name = if arg.required {
            format!("<{}>", arg.name)
        } else {
            format!("[<{}>]", arg.name)
        };
        let _ = write!(text, "  {name}\n          {}\n", arg.help);
    }
    text
}

/// `query range [<flags>] <server> <expr>`
fn call(tool: &Tool) -> String {
    let mut text = tool.words.join(" ");
    for flag in tool.flags.iter().filter(|flag| flag.required) {
        let _ = write!(text, " {}", shown(flag));
    }
    if !tool.flags.is_empty() {
        text.push_str(" [<flags>]");
    }
    for arg in tool.args {
        let dots = if arg.many { "..." } else { "" };
        let _ = if arg.required {
            write!(text, " <{}>{dots}", arg.name)
        } else {
            write!(text, " [<{}>{dots}]", arg.name)
        };
    }
    text
}

fn shown(flag: &Flag) -> String {
    let value = match flag.takes {
        Takes::Nothing => return format!("--{}", flag.name),
        _ if flag.default.is_empty() => flag.name.to_uppercase(),
        Takes::Text | Takes::Texts => format!("{:?}", flag.default),
        Takes::Whole | Takes::OneOf(_) => flag.default.to_owned(),
    };
    let dots = if flag.takes == Takes::Texts { " ..." } else { "" };
    format!("--{}={value}{dots}", flag.name)
}

/// The table of tools for `docs/tools.md`.
#[must_use]
pub fn page() -> String {
    let mut text = String::new();
    for tool in TOOLS {
        let ours = if tool.ours { " (narthex's own)" } else { "" };
        let _ = write!(text, "\n## `{}`\n\n{}{ours}\n", tool.words.join(" "), tool.help);
        let _ = write!(text, "\n```\nnarthex {}\n```\n", call(tool));
        if !tool.flags.is_empty() {
            text.push_str("\n| flag | |\n|---|---|\n");
        }
        for flag in tool.flags {
            let short = flag
                .short
                .map_or(String::new(), |letter| format!("`-{letter}`, "));
            let _ = writeln!(text, "| {short}`{}` | {} |", shown(flag), flag.help);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    /// What stands above the tools.
    const HEAD: &str = "\
# Tools

<!-- Below the introduction written from the table of tools by a test; change the table, then run `UPDATE=1 cargo test tools_page`. -->

The tools are promtool's, by the same names, flags and exit codes: 0 done, 1 failed, 3 only a linter found something. They are called as `narthex TOOL`; a copy of or link to the binary that is named `promtool` is promtool.

Tools that read a store open it without writing, so a server may be running on it: they see what it had on disk at that moment. `tsdb create-blocks-from` and `tsdb compact` write and need a store that nobody else has open.

To see what data takes on disk: `narthex tsdb create-blocks-from openmetrics FILE DIR`, `narthex tsdb compact DIR`, `narthex tsdb list DIR`.
";

    #[test]
    fn the_tools_page_is_that_of_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/tools.md");
        let want = format!("{HEAD}{}", super::page());
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, &want).unwrap();
        }
        assert!(
            std::fs::read_to_string(path).unwrap_or_default() == want,
            "run UPDATE=1 cargo test tools_page"
        );
    }
}
