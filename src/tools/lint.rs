//! How metrics should be named, as Prometheus's linter sees it.

use crate::exposition::{Event, Format, LabelList, MetricKind, ParseError, Parser};
use std::collections::BTreeMap;

/// A metric of a page.
#[derive(Debug, Default)]
pub(super) struct Family {
    pub(super) name: String,
    kind: Option<MetricKind>,
    has_help: bool,
    /// Names of labels, one list a line.
    labels: Vec<Vec<String>>,
    /// How many lines it has.
    pub(super) series: usize,
}

/// The metrics of a page in the classic text format that have samples, by name.
///
/// # Errors
/// When the page does not parse.
pub(super) fn families(page: &[u8]) -> Result<Vec<Family>, ParseError> {
    let mut parser = Parser::new(page, Format::Classic);
    let mut found: BTreeMap<String, Family> = BTreeMap::new();
    let mut list = LabelList::new();
    while let Some(event) = parser.next_event(b"")? {
        match event {
            Event::Type { name, kind } => found.entry(name.into_owned()).or_default().kind = Some(kind),
            Event::Help { name, text } => {
                found.entry(name.into_owned()).or_default().has_help |= !text.is_empty();
            }
            Event::Sample(sample) => {
                list.clear();
                parser.labels(&sample, &mut list)?;
                let mut name = String::new();
                let mut labels = Vec::new();
                for (label, value) in list.iter() {
                    if label == narthex_model::METRIC_NAME {
                        name = value.to_owned();
                    } else {
                        labels.push(label.to_owned());
                    }
                }
                let family = found.entry(family_of(&name, &found)).or_default();
                family.labels.push(labels);
                family.series += 1;
            }
            Event::Unit { .. } | Event::Comment(_) => {}
        }
    }
    found.retain(|_, family| family.series > 0);
    Ok(found
        .into_iter()
        .map(|(name, family)| Family { name, ..family })
        .collect())
}

/// The family that a sample belongs to: a histogram's or summary's, or its own.
fn family_of(name: &str, found: &BTreeMap<String, Family>) -> String {
    let of = |suffix: &str, kinds: &[MetricKind]| {
        let base = name.strip_suffix(suffix)?;
        let kind = found.get(base)?.kind?;
        kinds.contains(&kind).then(|| base.to_owned())
    };
    let both = [MetricKind::Histogram, MetricKind::Summary];
    if found.contains_key(name) {
        return name.to_owned();
    }
    of("_bucket", &[MetricKind::Histogram])
        .or_else(|| of("_count", &both))
        .or_else(|| of("_sum", &both))
        .unwrap_or_else(|| name.to_owned())
}

/// Everything that is said, as metric and text, sorted.
pub(super) fn lint(families: &[Family]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for family in families {
        let mut texts = Vec::new();
        if !family.has_help {
            texts.push("no help text".to_owned());
        }
        units(&family.name, &mut texts);
        kinds(family, &mut texts);
        spelling(family, &mut texts);
        found.extend(texts.into_iter().map(|text| (family.name.clone(), text)));
    }
    found.sort();
    found
}

const KINDS: &[&str] = &["counter", "gauge", "summary", "histogram", "gauge_histogram"];
const ABBREVIATIONS: &[&str] = &[
    "s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d",
];
/// Units and the one that is used for their quantity. Source: client_golang's promlint.
const UNITS: &[(&str, &str)] = &[
    ("amperes", "amperes"),
    ("bytes", "bytes"),
    ("celsius", "celsius"),
    ("grams", "grams"),
    ("joules", "joules"),
    ("kelvin", "kelvin"),
    ("meters", "meters"),
    ("metres", "metres"),
    ("seconds", "seconds"),
    ("volts", "volts"),
    ("minutes", "seconds"),
    ("hours", "seconds"),
    ("days", "seconds"),
    ("weeks", "seconds"),
    ("kelvins", "kelvin"),
    ("fahrenheit", "celsius"),
    ("rankine", "celsius"),
    ("inches", "meters"),
    ("yards", "meters"),
    ("miles", "meters"),
    ("bits", "bytes"),
    ("calories", "joules"),
    ("pounds", "grams"),
    ("ounces", "grams"),
];
const PREFIXES: &[&str] = &[
    "", "pico", "nano", "micro", "milli", "centi", "deci", "deca", "hecto", "kilo", "kibi", "mega", "mibi",
    "giga", "gibi", "tera", "tebi", "peta", "pebi",
];

fn units(name: &str, texts: &mut Vec<String>) {
    let unit_of = |word: &str| {
        let prefixed = PREFIXES.iter().filter_map(|prefix| word.strip_prefix(prefix));
        prefixed
            .filter_map(|bare| UNITS.iter().find(|(unit, _)| *unit == bare))
            .map(|(_, base)| *base)
            .next()
    };
    let first = name.split('_').find_map(|word| Some((word, unit_of(word)?)));
    if let Some((word, base)) = first.filter(|(word, base)| word != base) {
        texts.push(format!("use base unit \"{base}\" instead of \"{word}\""));
    }
}

fn kinds(family: &Family, texts: &mut Vec<String>) {
    let Family {
        name, kind, labels, ..
    } = family;
    let kind = match kind {
        None | Some(MetricKind::Unknown) => return,
        Some(kind) => *kind,
    };
    let mut say = |text: &str| texts.push(text.to_owned());
    match (kind == MetricKind::Counter, name.ends_with("_total")) {
        (true, false) => say("counter metrics should have \"_total\" suffix"),
        (false, true) => say("non-counter metrics should not have \"_total\" suffix"),
        _ => {}
    }
    let (histogram, summary) = (kind == MetricKind::Histogram, kind == MetricKind::Summary);
    if !histogram && name.ends_with("_bucket") {
        say("non-histogram metrics should not have \"_bucket\" suffix");
    }
    for suffix in ["_count", "_sum"] {
        if !histogram && !summary && name.ends_with(suffix) {
            say(&format!(
                "non-histogram and non-summary metrics should not have \"{suffix}\" suffix"
            ));
        }
    }
    for label in labels.iter().flatten() {
        if !histogram && label == "le" {
            say("non-histogram metrics should not have \"le\" label");
        }
        if !summary && label == "quantile" {
            say("non-summary metrics should not have \"quantile\" label");
        }
    }
}

fn spelling(family: &Family, texts: &mut Vec<String>) {
    let lower = family.name.to_lowercase();
    let has_word = |word: &str| lower.contains(&format!("_{word}_")) || lower.ends_with(&format!("_{word}"));
    for kind in KINDS.iter().filter(|kind| has_word(kind)) {
        texts.push(format!("metric name should not include type '{kind}'"));
    }
    if family.name.contains(':') {
        texts.push("metric names should not contain ':'".to_owned());
    }
    if is_camel(&family.name) {
        texts.push("metric names should be written in 'snake_case' not 'camelCase'".to_owned());
    }
    for _ in family.labels.iter().flatten().filter(|label| is_camel(label)) {
        texts.push("label names should be written in 'snake_case' not 'camelCase'".to_owned());
    }
    for _ in ABBREVIATIONS.iter().filter(|unit| has_word(unit)).take(1) {
        texts.push("metric names should not contain abbreviated units".to_owned());
    }
}

fn is_camel(name: &str) -> bool {
    let mut pairs = name.as_bytes().windows(2);
    pairs.any(|pair| matches!(pair, [a, b] if a.is_ascii_lowercase() && b.is_ascii_uppercase()))
}
