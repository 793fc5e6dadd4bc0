//! `check metrics`: a page of metrics from standard input.

use super::arguments::Given;
use super::lint::{Family, families, lint};
use super::streams::{DONE, FAILED, LINT, Streams};
use std::io;

/// Runs the tool.
pub(super) fn run(given: &Given, streams: &mut Streams<'_>) -> io::Result<u8> {
    let mut page = Vec::new();
    streams.input.read_to_end(&mut page)?;
    // A last line without its end is common where pages are pasted.
    if !page.is_empty() && !page.ends_with(b"\n") {
        page.push(b'\n');
    }
    let families = match families(&page) {
        Ok(families) => families,
        Err(error) => {
            streams.complain(format!(
                "error while linting: text format parsing error in line {}: {} (column {})",
                error.line, error.message, error.column
            ));
            return Ok(FAILED);
        }
    };
    let problems = lint(&families);
    for (metric, text) in &problems {
        streams.complain(format!("{metric} {text}"));
    }
    if !problems.is_empty() {
        return Ok(LINT);
    }
    if given.is_on("extended") {
        extended(&families, streams)?;
    }
    Ok(DONE)
}

fn extended(families: &[Family], streams: &mut Streams<'_>) -> io::Result<()> {
    let total: usize = families.iter().map(|family| family.series).sum();
    let mut rows: Vec<&Family> = families.iter().collect();
    rows.sort_by_key(|family| std::cmp::Reverse(family.series));
    let width = rows
        .iter()
        .map(|family| family.name.len())
        .max()
        .unwrap_or(0)
        .max(6)
        + 4;
    streams.say(format!("{:width$}Cardinality    Percentage", "Metric"))?;
    for family in rows {
        let share = family.series as f64 * 100.0 / total.max(1) as f64;
        streams.say(format!("{:width$}{:<15}{share:.2}%", family.name, family.series))?;
    }
    streams.say(format!("{:width$}{total:<15}100%", "Total"))
}
