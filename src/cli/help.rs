//! Help, version and the reference page, all from the table of flags.

use super::flag::{Effect, Flag, Kind};
use super::table::{FEATURES, FLAGS};

/// The Prometheus version whose behaviour this is.
const PROMETHEUS_VERSION: &str = "3.12.0";

/// What `--version` prints.
#[must_use]
pub fn version() -> String {
    format!(
        "narthex, version {} (answers as Prometheus {PROMETHEUS_VERSION})\n  platform:       {}/{}\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH
    )
}

/// What `--help` (or, with `long`, `--help-long`) prints.
#[must_use]
pub fn usage(program: &str, long: bool) -> String {
    let mut text = format!(
        "usage: {program} [<flags>]\n\nnarthex: a drop-in replacement for the Prometheus server\n\n\nFlags:\n"
    );
    entry(
        &mut text,
        "-h, --[no-]help",
        "Show this help (--help-long shows every flag).",
    );
    entry(&mut text, "    --[no-]version", "Show the version.");
    for flag in FLAGS.iter().filter(|flag| long || !flag.hidden) {
        let head = match flag.kind {
            Kind::Switch => format!("    --[no-]{}", flag.name),
            Kind::Texts => format!("    --{}={} ...", flag.name, shown_default(flag)),
            _ => format!("    --{}={}", flag.name, shown_default(flag)),
        };
        entry(&mut text, &head, &sentence(flag));
    }
    text
}

fn shown_default(flag: &Flag) -> String {
    match flag.kind {
        _ if flag.default.is_empty() => flag.name.rsplit('.').next().unwrap_or_default().to_uppercase(),
        Kind::Text | Kind::Texts => format!("{:?}", flag.default),
        _ => flag.default.to_owned(),
    }
}

fn sentence(flag: &Flag) -> String {
    let mut text = flag.help.to_owned();
    if let Kind::OneOf(words) = flag.kind {
        text.push_str(&format!(" One of: {}.", words.join(", ")));
    }
    match flag.effect {
        Effect::Acts => {}
        Effect::Ignored(reason) => text.push_str(&format!(" Accepted without effect: {reason}.")),
        Effect::Removed(reason) => text.push_str(&format!(" Accepted with a warning: {reason}.")),
        Effect::Refused(reason) => text.push_str(&format!(" Refused: {reason}.")),
        Effect::AgentOnly => {
            text.push_str(" Refused: it belongs to the agent mode, which narthex does not have.")
        }
    }
    text
}

/// A flag and its help, the help from column 33 on.
fn entry(text: &mut String, head: &str, help: &str) {
    const COLUMN: usize = 33;
    let head = format!("  {head}");
    text.push_str(&head);
    let mut column = head.chars().count();
    if column + 2 > COLUMN {
        text.push('\n');
        column = 0;
    }
    text.push_str(&" ".repeat(COLUMN - column));
    let mut width = 0;
    for word in help.split(' ') {
        if width > 0 && width + 1 + word.len() > 72 {
            text.push('\n');
            text.push_str(&" ".repeat(COLUMN));
            width = 0;
        } else if width > 0 {
            text.push(' ');
            width += 1;
        }
        text.push_str(word);
        width += word.len();
    }
    text.push('\n');
}

/// The reference page, `docs/command-line.md`.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from(
        "# Command line\n\n\
         <!-- Written from the table of flags by a test; change the table, then run \
         `UPDATE=1 cargo test command_line_page`. -->\n\n\
         The flags are those of Prometheus, by the same names and with the same rules: `--flag=value` or \
         `--flag value`, switches as `--flag` or `--no-flag` and never `--flag=true`, `@file` for a file with one \
         argument a line. A flag without effect is accepted and named once in the log.\n\n\
         | Flag | Default | What it does |\n|---|---|---|\n",
    );
    for flag in FLAGS {
        let mark = match (flag.ours, flag.hidden) {
            (true, _) => " (narthex only)",
            (_, true) => " (hidden)",
            _ => "",
        };
        let default = if flag.default.is_empty() {
            String::new()
        } else {
            format!("`{}`", flag.default)
        };
        let row = sentence(flag).replace('|', "\\|").replace('<', "&lt;");
        text.push_str(&format!("| `--{}`{mark} | {default} | {row} |\n", flag.name));
    }
    text.push_str("\n## Features\n\nValues of `--enable-feature`:\n\n| Feature | Here |\n|---|---|\n");
    for (name, effect) in FEATURES {
        let here = match effect {
            Effect::Acts => "acts as in Prometheus".to_owned(),
            Effect::Ignored(reason) | Effect::Removed(reason) | Effect::Refused(reason) => {
                format!("accepted without effect: {reason}")
            }
            Effect::AgentOnly => "accepted without effect: there is no agent mode".to_owned(),
        };
        text.push_str(&format!("| `{name}` | {here} |\n"));
    }
    text.push_str(
        "\n## Exit codes\n\n| Code | When |\n|---|---|\n\
         | 0 | stopped by a signal or by `/-/quit`; help, version |\n\
         | 1 | an unknown flag or argument, a port or data directory in use, a failure while running |\n\
         | 2 | a value that does not fit its flag, a configuration that cannot be used |\n\
         | 3 | a flag of the agent mode |\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_page_is_that_of_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/command-line.md");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/docs")).unwrap();
            std::fs::write(path, markdown()).unwrap();
        }
        let page = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            page == markdown(),
            "docs/command-line.md is old: run UPDATE=1 cargo test command_line_page"
        );
    }

    #[test]
    fn help_lists_what_is_not_hidden() {
        let short = usage("narthex", false);
        assert!(short.starts_with("usage: narthex [<flags>]\n"));
        assert!(
            short.contains("      --config.file=\"prometheus.yml\"\n"),
            "{short}"
        );
        assert!(short.contains("--[no-]web.enable-lifecycle"));
        assert!(!short.contains("--scrape.timestamp-tolerance"));
        assert!(usage("narthex", true).contains("--scrape.timestamp-tolerance"));
        assert!(short.lines().all(|line| line.len() < 130), "{short}");
    }
}
