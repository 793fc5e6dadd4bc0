//! `check rules`: rule files, and what a linter says about them.

use super::arguments::Given;
use super::streams::{DONE, FAILED, LINT, Streams};
use crate::config::{RuleFile, RuleKind, load_rules};
use narthex_promql::Features;
use std::io;

/// What checking found.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Found {
    faults: bool,
    lint: bool,
}

impl Found {
    /// Notes a fault.
    pub(super) fn fault(&mut self) {
        self.faults = true;
    }

    /// Both findings together.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            faults: self.faults || other.faults,
            lint: self.lint || other.lint,
        }
    }

    /// The exit code.
    pub(super) fn code(self, given: &Given) -> u8 {
        match self {
            Self { faults: true, .. } => FAILED,
            Self { lint: true, .. } if given.is_on("lint-fatal") => LINT,
            _ => DONE,
        }
    }
}

/// Runs the tool.
pub(super) fn run(given: &Given, streams: &mut Streams<'_>) -> io::Result<u8> {
    warn_of_unknown_linters(given, streams)?;
    let found = if given.args().is_empty() {
        standard_input(given, streams)?
    } else {
        check(given.args(), given, streams)?
    };
    Ok(found.code(given))
}

/// Says which of the wanted linters do not exist.
pub(super) fn warn_of_unknown_linters(given: &Given, streams: &mut Streams<'_>) -> io::Result<()> {
    for option in given.text("lint").split(',') {
        if !matches!(
            option,
            "all" | "duplicate-rules" | "none" | "too-long-scrape-interval"
        ) {
            streams.say(format!("WARNING: unknown lint option {option}"))?;
        }
    }
    Ok(())
}

fn features(given: &Given) -> Features {
    let named: Vec<String> = given.texts("enable-feature");
    let has = |name: &str| named.iter().any(|list| list.split(',').any(|one| one == name));
    Features {
        experimental_functions: has("promql-experimental-functions"),
        duration_expressions: has("promql-duration-expr"),
        extended_range_selectors: has("promql-extended-range-selectors"),
        binop_fill_modifiers: has("promql-binop-fill-modifiers"),
        ..Features::default()
    }
}

fn standard_input(given: &Given, streams: &mut Streams<'_>) -> io::Result<Found> {
    // Rules are read from files only: what came in gets a name of its own while it is checked.
    streams.say("Checking standard input")?;
    let mut text = Vec::new();
    streams.input.read_to_end(&mut text)?;
    let path = std::env::temp_dir().join(format!("narthex-rules-{}.yml", std::process::id()));
    std::fs::write(&path, &text)?;
    let loaded = load_rules(&[path.to_string_lossy().into_owned()], &features(given));
    std::fs::remove_file(&path)?;
    let shown = path.to_string_lossy().into_owned();
    let loaded = loaded.map_err(|faults| {
        faults
            .iter()
            .map(|fault| fault.to_string().replace(&format!("{shown}: "), ""))
            .collect()
    });
    report(loaded, given, streams)
}

/// Checks rule files one after the other.
pub(super) fn check(paths: &[String], given: &Given, streams: &mut Streams<'_>) -> io::Result<Found> {
    let mut found = Found::default();
    for path in paths {
        streams.say(format!("Checking {path}"))?;
        // A name is no pattern here.
        let pattern = glob::Pattern::escape(path);
        let loaded = load_rules(&[pattern], &features(given))
            .map_err(|faults| faults.iter().map(ToString::to_string).collect());
        found = found.and(report(loaded, given, streams)?);
    }
    Ok(found)
}

fn report(
    loaded: Result<Vec<RuleFile>, Vec<String>>,
    given: &Given,
    streams: &mut Streams<'_>,
) -> io::Result<Found> {
    let mut found = Found::default();
    match loaded {
        Err(faults) => {
            streams.complain("  FAILED:");
            faults.iter().for_each(|fault| streams.complain(fault));
            found.faults = true;
        }
        Ok(files) => {
            let lints = given
                .text("lint")
                .split(',')
                .any(|o| matches!(o, "all" | "duplicate-rules"));
            let doubles = if lints { duplicates(&files) } else { Vec::new() };
            if doubles.is_empty() {
                let rules: usize = files.iter().flat_map(|f| &f.groups).map(|g| g.rules.len()).sum();
                streams.say(format!("  SUCCESS: {rules} rules found"))?;
            } else {
                streams.complain("  FAILED:");
                streams.complain(format!("lint error {} duplicate rule(s) found.", doubles.len()));
                doubles.iter().for_each(|double| streams.complain(double));
                streams.complain("Might cause inconsistency while recording expressions");
                found.lint = true;
            }
        }
    }
    streams.say("")?;
    Ok(found)
}

/// Rules that have name and labels of another, each as promtool tells it.
fn duplicates(files: &[RuleFile]) -> Vec<String> {
    let rules = files.iter().flat_map(|f| &f.groups).flat_map(|g| &g.rules);
    let mut keys: Vec<_> = rules
        .map(|rule| {
            let name = match &rule.kind {
                RuleKind::Record(name) | RuleKind::Alert { name, .. } => name.as_str(),
            };
            (name, &rule.labels)
        })
        .collect();
    keys.sort();
    let doubles = keys.windows(2).filter_map(|pair| match pair {
        [first, second] if first == second => Some(second),
        _ => None,
    });
    doubles
        .map(|(name, labels)| {
            let labels: String = labels.iter().map(|(n, v)| format!("\n\t{n}: {v}")).collect();
            format!("Metric: {name}\nLabel(s):{labels}")
        })
        .collect()
}
