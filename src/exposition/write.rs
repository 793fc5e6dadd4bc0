//! Writes pages: our own metrics in either text format.

use std::fmt::Write as _;

use narthex_model::labels::{is_legacy_label_name, is_legacy_metric_name};

use super::event::MetricKind;
use super::float::{format_float, format_float_short};
use super::parser::Format;

/// Collects a page family by family.
#[derive(Debug)]
pub struct Writer {
    format: Format,
    page: String,
}

impl Writer {
    /// An empty page.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self {
            format,
            page: String::new(),
        }
    }

    /// Begins a family. `name` is that of its samples: a counter's ends in `_total`, which OpenMetrics leaves out here.
    pub fn family(&mut self, name: &str, kind: MetricKind, help: &str) {
        let is_open = self.format == Format::OpenMetrics;
        let name = match kind {
            MetricKind::Counter if is_open => name.strip_suffix("_total").unwrap_or(name),
            _ => name,
        };
        let name = if is_legacy_metric_name(name) {
            name.to_owned()
        } else {
            format!("\"{}\"", escaped(name, true))
        };
        let help = escaped(help, is_open);
        let word = match kind {
            MetricKind::Unknown | MetricKind::Info | MetricKind::StateSet | MetricKind::GaugeHistogram
                if !is_open =>
            {
                "untyped"
            }
            kind => kind.word(),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(self.page, "# HELP {name} {help}\n# TYPE {name} {word}");
    }

    /// One sample of the family begun last. `name` is the whole name, with `_bucket` and the like.
    pub fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.sample_at(name, labels, value, None);
    }

    /// One sample with a time in Unix milliseconds.
    pub fn sample_at(&mut self, name: &str, labels: &[(&str, &str)], value: f64, timestamp: Option<i64>) {
        self.series(name, labels);
        self.page.push(' ');
        self.page.push_str(&self.float(value));
        if let Some(time) = timestamp {
            let _ = match self.format {
                Format::Classic => write!(self.page, " {time}"),
                Format::OpenMetrics => write!(self.page, " {}", time as f64 / 1000.0),
            };
        }
        self.page.push('\n');
    }

    /// A float as this page's format writes it; also the form for `le` and `quantile`.
    #[must_use]
    pub fn float(&self, value: f64) -> String {
        match self.format {
            Format::Classic => format_float_short(value),
            Format::OpenMetrics => format_float(value),
        }
    }

    /// The page.
    #[must_use]
    pub fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.page.push_str("# EOF\n");
        }
        self.page
    }

    fn series(&mut self, name: &str, labels: &[(&str, &str)]) {
        let mut separator = "{";
        if is_legacy_metric_name(name) {
            self.page.push_str(name);
        } else {
            let _ = write!(self.page, "{{\"{}\"", escaped(name, true));
            separator = ",";
        }
        for (name, value) in labels {
            self.page.push_str(separator);
            separator = ",";
            let value = escaped(value, true);
            let _ = if is_legacy_label_name(name) {
                write!(self.page, "{name}=\"{value}\"")
            } else {
                write!(self.page, "\"{}\"=\"{value}\"", escaped(name, true))
            };
        }
        if separator == "," {
            self.page.push('}');
        }
    }
}

fn escaped(text: &str, quotes: bool) -> String {
    let text = text.replace('\\', "\\\\").replace('\n', "\\n");
    if quotes { text.replace('"', "\\\"") } else { text }
}
