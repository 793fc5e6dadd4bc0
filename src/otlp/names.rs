//! Names of metrics and labels as Prometheus makes them of OpenTelemetry's.
//!
//! Source of the rules: `prometheus/otlptranslator`, and the OpenTelemetry specification, "Prometheus and OpenMetrics
//! Compatibility".

/// What the name's endings depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameKind {
    Counter,
    Gauge,
    Other,
}

/// How names are made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Namer {
    /// Whether unit and type stand at the end of a metric's name.
    pub(crate) suffixes: bool,
    /// Whether names stay as they are.
    pub(crate) utf8: bool,
    /// Whether `key` is put before label names that begin with one underscore.
    pub(crate) key_before_underscore: bool,
    /// Whether several underscores in a row stay.
    pub(crate) keep_underscores: bool,
}

const UNITS: [(&str, &str); 24] = [
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("TiBy", "tibibytes"),
    ("KBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
];

const PER: [(&str, &str); 7] = [
    ("s", "second"),
    ("m", "minute"),
    ("h", "hour"),
    ("d", "day"),
    ("w", "week"),
    ("mo", "month"),
    ("y", "year"),
];

impl Namer {
    /// The name of a metric.
    ///
    /// # Errors
    /// When nothing of the name is left.
    pub(super) fn metric(&self, name: &str, unit: &str, kind: NameKind) -> Result<String, String> {
        let made = match (self.utf8, self.suffixes) {
            (true, true) => with_suffixes(name, unit, kind),
            (true, false) => name.to_owned(),
            (false, true) => normalized(name, unit, kind),
            (false, false) => {
                let parts = name.split(|c: char| !is_metric_char(c) && c != '_');
                before_digit("_", &join(parts))
            }
        };
        if made.is_empty() {
            return Err(format!(
                "normalization for metric {name:?} resulted in empty name"
            ));
        }
        if made != name && made.bytes().all(|b| b == b'_') {
            return Err(format!(
                "normalization for metric {name:?} resulted in invalid name {made:?}"
            ));
        }
        Ok(made)
    }

    /// The name of a label.
    ///
    /// # Errors
    /// When nothing of the name is left.
    pub(super) fn label(&self, name: &str) -> Result<String, String> {
        if name.is_empty() {
            return Err("normalization for label name \"\" resulted in empty name".to_owned());
        }
        if self.utf8 {
            return Ok(name.to_owned());
        }
        let plain: String = name
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || c == '_' {
                    c
                } else {
                    '_'
                }
            })
            .collect();
        let plain = if self.keep_underscores || is_reserved(&plain) {
            plain
        } else {
            squeezed(&plain)
        };
        let single = plain.starts_with('_') && !plain.starts_with("__");
        let made = if single && self.key_before_underscore {
            format!("key{plain}")
        } else {
            before_digit("key_", &plain)
        };
        if made != name && made.bytes().all(|b| b == b'_') {
            return Err(format!(
                "normalization for label name {name:?} resulted in invalid name {made:?}"
            ));
        }
        Ok(made)
    }
}

fn is_metric_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == ':'
}

fn is_reserved(name: &str) -> bool {
    name.len() > 4 && name.starts_with("__") && name.ends_with("__")
}

fn before_digit(prefix: &str, name: &str) -> String {
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        format!("{prefix}{name}")
    } else {
        name.to_owned()
    }
}

fn join<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    parts
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("_")
}

/// The text with one underscore for several in a row.
fn squeezed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '_' || !out.ends_with('_') {
            out.push(c);
        }
    }
    out
}

/// Names of a unit and of what it is counted per: `m/s` is `meters` and `per_second`.
fn unit_words(unit: &str) -> (String, String) {
    let word = |unit: &str, table: &[(&str, &str)]| {
        let unit = unit.trim();
        if unit.contains(['{', '}']) {
            return String::new();
        }
        let known = table.iter().find(|(short, _)| *short == unit);
        known.map_or(unit, |(_, long)| long).to_owned()
    };
    let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
    let main = match main.trim() {
        "1" => String::new(),
        "%" => "percent".to_owned(),
        main => word(main, &UNITS),
    };
    let per = word(per, &PER);
    let per = if per.is_empty() { per } else { format!("per_{per}") };
    (main, per)
}

fn clean_unit(unit: &str) -> String {
    let plain: String = unit
        .chars()
        .map(|c| if is_metric_char(c) { c } else { '_' })
        .collect();
    let plain = squeezed(&plain);
    plain.strip_prefix('_').unwrap_or(&plain).to_owned()
}

fn normalized(name: &str, unit: &str, kind: NameKind) -> String {
    let mut parts: Vec<String> = name
        .split(|c: char| !is_metric_char(c))
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect();
    let (main, per) = unit_words(unit);
    let (mut main, mut per) = (clean_unit(&main), clean_unit(&per));
    if parts.contains(&main) {
        main.clear();
    }
    if per == "per_" {
        per.clear();
    }
    per.truncate(per.strip_suffix('_').unwrap_or(&per).len());
    if parts.contains(&per) {
        per.clear();
    }
    if !per.is_empty() {
        main.truncate(main.strip_suffix('_').unwrap_or(&main).len());
    }
    parts.extend([main, per].into_iter().filter(|part| !part.is_empty()));
    let last = match kind {
        NameKind::Counter => Some("total"),
        NameKind::Gauge if unit == "1" => Some("ratio"),
        _ => None,
    };
    if let Some(last) = last {
        parts.retain(|part| part != last);
        parts.push(last.to_owned());
    }
    before_digit("_", &parts.join("_"))
}

fn with_suffixes(name: &str, unit: &str, kind: NameKind) -> String {
    let (main, per) = unit_words(unit);
    let last = match kind {
        NameKind::Counter => "total",
        NameKind::Gauge if unit == "1" => "ratio",
        _ => "",
    };
    let mut made = without_suffix(without_suffix(name, last), &per).to_owned();
    if !main.is_empty() && !made.ends_with(&main) {
        made = format!("{made}_{main}");
    }
    for suffix in [per.as_str(), last] {
        if !suffix.is_empty() {
            made = format!("{made}_{suffix}");
        }
    }
    made
}

/// The name without a suffix and the character before it.
fn without_suffix<'n>(name: &'n str, suffix: &str) -> &'n str {
    match name.strip_suffix(suffix) {
        Some(rest) if !suffix.is_empty() => {
            let mut chars = rest.chars();
            chars.next_back();
            let shorter = chars.as_str();
            if shorter.is_empty() { name } else { shorter }
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namer(utf8: bool, suffixes: bool) -> Namer {
        Namer {
            suffixes,
            utf8,
            key_before_underscore: true,
            keep_underscores: true,
        }
    }

    #[test]
    fn metrics_get_units_and_endings() {
        use NameKind::{Counter, Gauge, Other};
        for (name, unit, kind, made) in [
            ("http.server.duration", "s", Other, "http_server_duration_seconds"),
            ("requests.count", "1", Counter, "requests_count_total"),
            ("memory.usage", "By", Gauge, "memory_usage_bytes"),
            ("cpu.usage", "1", Gauge, "cpu_usage_ratio"),
            ("system.io", "foo/bar", Counter, "system_io_foo_per_bar_total"),
            ("speed", "m/s", Gauge, "speed_meters_per_second"),
            ("speed.meters", "m/s", Gauge, "speed_meters_per_second"),
            ("total.requests", "{request}", Counter, "requests_total"),
            ("pages", "{page}/s", Gauge, "pages_per_second"),
            ("5xx", "", Other, "_5xx"),
            ("a__b..c", "", Other, "a_b_c"),
            ("load", "%", Gauge, "load_percent"),
        ] {
            assert_eq!(namer(false, true).metric(name, unit, kind).unwrap(), made);
        }
        let plain = namer(false, false);
        assert_eq!(plain.metric("a.b__c", "s", Counter).unwrap(), "a_b__c");
        assert_eq!(namer(true, false).metric("a.b", "s", Counter).unwrap(), "a.b");
        let utf8 = namer(true, true);
        assert_eq!(utf8.metric("a.b", "s", Counter).unwrap(), "a.b_seconds_total");
        assert_eq!(
            utf8.metric("a.b.total", "By/s", Counter).unwrap(),
            "a.b_bytes_per_second_total"
        );
        for (name, text) in [("", "empty name"), ("%%", "empty name"), ("_$", "empty name")] {
            let error = namer(false, true).metric(name, "", Other).unwrap_err();
            assert!(error.contains(text), "{error}");
        }
    }

    #[test]
    fn labels_are_made_plain() {
        for (name, made) in [
            ("http.method", "http_method"),
            ("123x", "key_123x"),
            ("_x", "key_x"),
            ("__x__", "__x__"),
            ("a..b", "a__b"),
            ("ünï", "_n_"),
        ] {
            let made_now = namer(false, true).label(name).unwrap();
            let expected = if made == "_n_" { "key_n_" } else { made };
            assert_eq!(made_now, expected);
        }
        let squeeze = Namer {
            keep_underscores: false,
            key_before_underscore: false,
            ..namer(false, true)
        };
        assert_eq!(squeeze.label("a..b").unwrap(), "a_b");
        assert_eq!(squeeze.label("_x").unwrap(), "_x");
        assert!(squeeze.label("..").is_err());
        assert_eq!(namer(true, true).label("a.b").unwrap(), "a.b");
    }
}
