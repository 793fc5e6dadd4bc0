//! The tools: their names, flags and arguments as data, from which parsing, help and the reference page come.

use super::arguments::Given;
use super::streams::Streams;
use std::io;

/// What a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// Nothing: `--x` or `--no-x`.
    Nothing,
    /// A text, once.
    Text,
    /// A text, any number of times.
    Texts,
    /// A whole number.
    Whole,
    /// One of these words.
    OneOf(&'static [&'static str]),
}

/// A flag of a tool.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flag {
    pub(super) name: &'static str,
    pub(super) short: Option<char>,
    pub(super) takes: Takes,
    pub(super) default: &'static str,
    pub(super) required: bool,
    pub(super) help: &'static str,
}

/// An argument of a tool.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arg {
    pub(super) name: &'static str,
    pub(super) required: bool,
    /// Whether it takes all that follows.
    pub(super) many: bool,
    /// Whether it names files that must exist.
    pub(super) file: bool,
    pub(super) help: &'static str,
}

/// A tool.
pub(super) struct Tool {
    /// The words that call it.
    pub(super) words: &'static [&'static str],
    pub(super) help: &'static str,
    pub(super) flags: &'static [Flag],
    pub(super) args: &'static [Arg],
    /// Whether promtool has it not.
    pub(super) ours: bool,
    /// Does it; the exit code.
    pub(super) run: fn(&Given, &mut Streams<'_>) -> io::Result<u8>,
}

const fn flag(name: &'static str, takes: Takes, default: &'static str, help: &'static str) -> Flag {
    Flag {
        name,
        short: None,
        takes,
        default,
        required: false,
        help,
    }
}

const fn short(short: char, flag: Flag) -> Flag {
    Flag {
        short: Some(short),
        ..flag
    }
}

const fn must(flag: Flag) -> Flag {
    Flag {
        required: true,
        ..flag
    }
}

const fn arg(name: &'static str, help: &'static str) -> Arg {
    Arg {
        name,
        required: true,
        many: false,
        file: false,
        help,
    }
}

const fn optional(arg: Arg) -> Arg {
    Arg {
        required: false,
        ..arg
    }
}

const fn files(name: &'static str, required: bool, help: &'static str) -> Arg {
    Arg {
        name,
        required,
        many: true,
        file: true,
        help,
    }
}

/// Flags that every tool takes.
pub(super) const GLOBAL: &[Flag] = &[
    flag(
        "experimental",
        Takes::Nothing,
        "false",
        "Taken for promtool's sake: every tool here is ready for use.",
    ),
    flag(
        "enable-feature",
        Takes::Texts,
        "",
        "Features of PromQL to turn on, separated by commas.",
    ),
];

const LINT_RULES: Flag = flag(
    "lint",
    Takes::Text,
    "duplicate-rules",
    "Linters to apply to rules: all, duplicate-rules, none.",
);
const LINT_FATAL: Flag = flag(
    "lint-fatal",
    Takes::Nothing,
    "false",
    "Exit with code 3 where a linter finds something.",
);
const FORMAT: Flag = short(
    'o',
    flag(
        "format",
        Takes::OneOf(&["promql", "json"]),
        "promql",
        "Form of the answer.",
    ),
);
const HEADER: Flag = flag("header", Takes::Texts, "", "Header to send, as Name=Value.");
const START: Flag = flag("start", Takes::Text, "", "First time (RFC 3339 or Unix seconds).");
const END: Flag = flag("end", Takes::Text, "", "Last time (RFC 3339 or Unix seconds).");
const MATCH: Flag = flag("match", Takes::Texts, "", "Selector of series.");
const URL: Flag = flag("url", Takes::Text, "http://localhost:9090", "The server's URL.");
const SERVER: Arg = arg("server", "The server's URL.");
const DB: Arg = optional(arg("db path", "Directory of the store (default data/)."));
const DUMP_FLAGS: &[Flag] = &[
    flag(
        "min-time",
        Takes::Whole,
        "-9223372036854775808",
        "First time, in Unix milliseconds.",
    ),
    flag(
        "max-time",
        Takes::Whole,
        "9223372036854775807",
        "Last time, in Unix milliseconds.",
    ),
    flag(
        "match",
        Takes::Texts,
        "{__name__=~'(?s:.*)'}",
        "Selector of series; one of several must hold.",
    ),
    flag(
        "sandbox-dir-root",
        Takes::Text,
        "",
        "Without effect: nothing is written to disk.",
    ),
];

const QUERY_TEXT: Arg = arg("query", "The PromQL expression.");

/// Every tool.
#[rustfmt::skip]
pub(super) const TOOLS: &[Tool] = &[
    Tool { words: &["check", "config"], help: "Check configuration files, and the files that they name.", ours: false,
        flags: &[flag("syntax-only", Takes::Nothing, "false", "Check the file alone, not what it names."), LINT_RULES, LINT_FATAL,
            flag("agent", Takes::Nothing, "false", "Without effect: there is no agent mode.")],
        args: &[files("config-files", true, "Configuration files.")], run: super::check_config::run },
    Tool { words: &["check", "rules"], help: "Check rule files; standard input if none is named.", ours: false,
        flags: &[LINT_RULES, LINT_FATAL], args: &[files("rule-files", false, "Rule files.")], run: super::check_rules::run },
    Tool { words: &["check", "web-config"], help: "Check web configuration files, and the certificates that they name.", ours: false,
        flags: &[], args: &[files("web-config-files", true, "Web configuration files.")], run: super::check_web_config::run },
    Tool { words: &["check", "metrics"], help: "Check a page of metrics from standard input, and how its metrics are named.", ours: false,
        flags: &[flag("extended", Takes::Nothing, "false", "Also say how many series each metric has.")], args: &[], run: super::check_metrics::run },
    Tool { words: &["check", "healthy"], help: "Ask a server whether it is healthy.", ours: false,
        flags: &[URL], args: &[], run: super::check_server::healthy },
    Tool { words: &["check", "ready"], help: "Ask a server whether it is ready.", ours: false,
        flags: &[URL], args: &[], run: super::check_server::ready },
    Tool { words: &["explain"], help: "Say why a pod, address or whatever labels select is scraped by a server or is not, and what would help. Exit code 3 where it is not.", ours: true,
        flags: &[URL, HEADER, flag("json", Takes::Nothing, "false", "The answer of /api/v1/targets/explain instead of a text.")],
        args: &[arg("what", "namespace/pod, host:port, or a selector such as {job=\"a\"}.")], run: super::explain::run },
    Tool { words: &["query", "instant"], help: "Run a query at one time.", ours: false,
        flags: &[FORMAT, HEADER, flag("time", Takes::Text, "", "The time (RFC 3339 or Unix seconds); now if not given.")],
        args: &[SERVER, arg("expr", "The PromQL expression.")], run: super::query::instant },
    Tool { words: &["query", "range"], help: "Run a query over a range of times.", ours: false,
        flags: &[FORMAT, HEADER, START, END, flag("step", Takes::Text, "", "Time between two points, as a duration.")],
        args: &[SERVER, arg("expr", "The PromQL expression.")], run: super::query::range },
    Tool { words: &["query", "series"], help: "List series.", ours: false,
        flags: &[FORMAT, HEADER, must(MATCH), START, END], args: &[SERVER], run: super::query::series },
    Tool { words: &["query", "labels"], help: "List the values of a label.", ours: false,
        flags: &[FORMAT, HEADER, START, END, MATCH], args: &[SERVER, arg("name", "The label.")], run: super::query::labels },
    Tool { words: &["promql", "format"], help: "Lay out an expression.", ours: false,
        flags: &[], args: &[QUERY_TEXT], run: super::promql_text::format },
    Tool { words: &["promql", "label-matchers", "set"], help: "Set a matcher in every selector of an expression.", ours: false,
        flags: &[short('t', flag("type", Takes::OneOf(&["=", "!=", "=~", "!~"]), "=", "The matcher's operator."))],
        args: &[QUERY_TEXT, arg("name", "The label."), arg("value", "The value.")], run: super::promql_text::set },
    Tool { words: &["promql", "label-matchers", "delete"], help: "Remove the matchers of a label from every selector of an expression.", ours: false,
        flags: &[], args: &[QUERY_TEXT, arg("name", "The label.")], run: super::promql_text::delete },
    Tool { words: &["tsdb", "list"], help: "List blocks and sealed segments, and what is damaged.", ours: false,
        flags: &[short('r', flag("human-readable", Takes::Nothing, "false", "Times and sizes for people."))], args: &[DB], run: super::tsdb_list::run },
    Tool { words: &["tsdb", "analyze"], help: "Say which labels and metrics the store's series come from.", ours: false,
        flags: &[flag("limit", Takes::Whole, "20", "Lines of each list."), flag("match", Takes::Texts, "", "Selector of series; all if not given."),
            flag("extended", Takes::Nothing, "false", "Without effect: chunks have no fixed size here.")],
        args: &[DB, optional(arg("block id", "Taken for promtool's sake: the whole store is analysed."))], run: super::tsdb_analyze::run },
    Tool { words: &["tsdb", "dump"], help: "Write all samples, one a line.", ours: false,
        flags: DUMP_FLAGS, args: &[DB], run: super::tsdb_dump::plain },
    Tool { words: &["tsdb", "dump-openmetrics"], help: "Write all samples as OpenMetrics lines, without native histograms.", ours: false,
        flags: DUMP_FLAGS, args: &[DB], run: super::tsdb_dump::openmetrics },
    Tool { words: &["tsdb", "create-blocks-from", "openmetrics"], help: "Add the samples of an OpenMetrics file (plain or gzip) to a store that no server has open, as blocks.", ours: false,
        flags: &[short('r', flag("human-readable", Takes::Nothing, "false", "Without effect.")), short('q', flag("quiet", Takes::Nothing, "false", "Say nothing."))],
        args: &[Arg { file: true, ..arg("input file", "The file, with a timestamp on every sample.") }, optional(arg("output directory", "Directory of the store (default data/)."))],
        run: super::tsdb_import::run },
    Tool { words: &["tsdb", "compact"], help: "Make one block of all samples of a store that no server has open, without what was deleted.", ours: true,
        flags: &[short('q', flag("quiet", Takes::Nothing, "false", "Say nothing."))], args: &[DB], run: super::tsdb_compact::run },
    Tool { words: &["tsdb", "inspect"], help: "Explain files of the store byte by byte.", ours: true,
        flags: &[], args: &[files("files", true, "Files below narthex/ in the store.")], run: super::inspect::run },
    Tool { words: &["tsdb", "verify"], help: "Check every checksum of a store, and name file and offset of damage.", ours: true,
        flags: &[], args: &[DB], run: super::tsdb_verify::run },
];
