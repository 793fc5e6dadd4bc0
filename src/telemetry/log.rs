//! Log lines in the shapes that Prometheus writes: `time=… level=… source=… msg="…"`, or the same as JSON.

use crate::clock::Clock;
use std::fmt::{self, Write as _};
use std::io::Write as _;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// Starts logging to standard error: what is at least as important as `level`.
///
/// Libraries are heard from WARN on only: what they say in detail helps nobody who runs a server.
pub fn init(level: Level, json: bool, clock: Clock) {
    let subscriber = tracing_subscriber::registry().with(LineLayer { level, json, clock });
    // An error means that there is a subscriber already, as in tests: then that one stays.
    let _ = tracing::subscriber::set_global_default(subscriber);
    report_panics();
}

/// A panic of any thread becomes a log line: a worker must not vanish in silence.
fn report_panics() {
    std::panic::set_hook(Box::new(|info| {
        let text = info
            .payload()
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| info.payload().downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "panic without a text".to_owned());
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("unnamed").to_owned();
        tracing::error!(
            panic = text,
            place,
            thread = name,
            "A worker panicked; please report this"
        );
    }));
}

struct LineLayer {
    level: Level,
    json: bool,
    clock: Clock,
}

impl<S: Subscriber> Layer<S> for LineLayer {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        let ours = metadata.target().starts_with("narthex");
        *metadata.level()
            <= if ours {
                self.level
            } else {
                self.level.min(Level::WARN)
            }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        let file = metadata
            .file()
            .and_then(|file| file.rsplit('/').next())
            .unwrap_or("unknown");
        let mut pairs = vec![
            ("time".to_owned(), timestamp(self.clock.now_ms())),
            ("level".to_owned(), metadata.level().to_string()),
            (
                "source".to_owned(),
                format!("{file}:{}", metadata.line().unwrap_or(0)),
            ),
            ("msg".to_owned(), fields.message),
        ];
        pairs.append(&mut fields.pairs);
        let mut line = if self.json {
            json_line(&pairs)
        } else {
            logfmt_line(&pairs)
        };
        line.push('\n');
        // Nobody is left to tell when standard error is gone.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    pairs: Vec<(String, String)>,
}

impl Fields {
    fn put(&mut self, field: &Field, text: String) {
        if field.name() == "message" {
            self.message = text;
        } else {
            self.pairs.push((field.name().to_owned(), text));
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}

/// `2026-01-02T15:04:05.678Z`
fn timestamp(ms: i64) -> String {
    let (days, in_day) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    // Days to a date of the Gregorian calendar, counted in eras of 400 years that begin in March.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute) = (in_day / 3_600_000, in_day / 60_000 % 60);
    let (second, milli) = (in_day / 1_000 % 60, in_day % 1_000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

fn logfmt_line(pairs: &[(String, String)]) -> String {
    let mut line = String::new();
    for (key, value) in pairs {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(key);
        line.push('=');
        let plain = !value.is_empty()
            && !value
                .chars()
                .any(|c| c <= ' ' || matches!(c, '"' | '=' | '\\' | '\u{7f}') || !is_printable(c));
        if plain {
            line.push_str(value);
        } else {
            // Writing to a String cannot fail.
            let _ = narthex_model::labels::write_quoted(&mut line, value);
        }
    }
    line
}

fn is_printable(c: char) -> bool {
    !c.is_control() && (c == ' ' || !c.is_whitespace())
}

fn json_line(pairs: &[(String, String)]) -> String {
    let mut line = String::from("{");
    for (i, (key, value)) in pairs.iter().enumerate() {
        if i > 0 {
            line.push(',');
        }
        let text = |text: &str| serde_json::to_string(text).unwrap_or_else(|_| "\"\"".to_owned());
        // Writing to a String cannot fail.
        let _ = write!(line, "{}:{}", text(key), text(value));
    }
    line.push('}');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc_with_milliseconds() {
        for (ms, want) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_709_210_096_789, "2024-02-29T12:34:56.789Z"),
            (4_102_444_799_999, "2099-12-31T23:59:59.999Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(timestamp(ms), want);
        }
    }

    #[test]
    fn values_are_quoted_where_logfmt_needs_it() {
        let pairs = |value: &str| {
            vec![
                ("msg".to_owned(), value.to_owned()),
                ("a".to_owned(), "1".to_owned()),
            ]
        };
        assert_eq!(logfmt_line(&pairs("ready")), "msg=ready a=1");
        assert_eq!(logfmt_line(&pairs("x \"y\"\n")), "msg=\"x \\\"y\\\"\\n\" a=1");
        assert_eq!(logfmt_line(&pairs("")), "msg=\"\" a=1");
        assert_eq!(logfmt_line(&pairs("k=v")), "msg=\"k=v\" a=1");
        assert_eq!(json_line(&pairs("x\n")), "{\"msg\":\"x\\n\",\"a\":\"1\"}");
    }
}
