//! Parameters to values: times, durations, limits, booleans, selectors; each with the error text clients know.
//!
//! Source of forms and texts: Prometheus `web/api/v1/api.go` and Go's `strconv`.

use narthex_model::{Matcher, TimeRange};

use super::encode::time::days_from_civil;
use super::form::Form;
use super::problem::Problem;

/// What `NaN` and the infinities become as a time, in Unix milliseconds.
const NO_TIME_MS: i64 = -9_223_372_036_854;

/// The texts that Prometheus's own clients send for "from the beginning" and "to the end".
const MIN_TIME_TEXT: &str = "-292273086-05-16T16:47:06Z";
const MAX_TIME_TEXT: &str = "292277025-08-18T07:12:54.999999999Z";
/// The times that these texts stand for, in Unix milliseconds.
const MIN_TIME_MS: i64 = -9_223_309_901_257_974_000;
const MAX_TIME_MS: i64 = 9_223_309_901_257_974_999;

const NANOS_PER_MILLI: i64 = 1_000_000;

/// A time in Unix milliseconds: float seconds, RFC 3339, or one of the sentinels.
pub(crate) fn parse_time(text: &str) -> Result<i64, String> {
    if let Some(seconds) = parse_float(text) {
        if !seconds.is_finite() {
            return Ok(NO_TIME_MS);
        }
        // Whole and fractional part apart, so that the rounding to milliseconds is that of the fraction alone.
        let millis = (seconds.fract() * 1000.0).round() as i64;
        return Ok((seconds.trunc() as i64)
            .saturating_mul(1000)
            .saturating_add(millis));
    }
    match text {
        MIN_TIME_TEXT => Ok(MIN_TIME_MS),
        MAX_TIME_TEXT => Ok(MAX_TIME_MS),
        _ => parse_rfc3339(text).ok_or_else(|| format!("cannot parse \"{text}\" to a valid timestamp")),
    }
}

/// A duration in nanoseconds: float seconds, or `1h30m`. May be negative.
pub(crate) fn parse_duration(text: &str) -> Result<i64, String> {
    if let Some(seconds) = parse_float(text) {
        let nanos = seconds * 1e9;
        if nanos > i64::MAX as f64 || nanos < i64::MIN as f64 {
            return Err(format!(
                "cannot parse \"{text}\" to a valid duration. It overflows int64"
            ));
        }
        return Ok(if nanos.is_nan() { i64::MIN } else { nanos as i64 });
    }
    narthex_model::Duration::parse(text)
        .map(|d| d.as_millis().saturating_mul(NANOS_PER_MILLI))
        .map_err(|_| format!("cannot parse \"{text}\" to a valid duration"))
}

/// A float as Go reads it in decimal; not with blanks around it.
fn parse_float(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// `2015-07-01T20:10:51.781Z`, in Unix milliseconds; digits behind the milliseconds are cut off.
fn parse_rfc3339(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = bytes.get(from..to)?;
        digits.iter().all(u8::is_ascii_digit).then(|| {
            digits
                .iter()
                .fold(0, |value, digit| value * 10 + i64::from(digit - b'0'))
        })
    };
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if marks.iter().any(|(at, mark)| bytes.get(*at) != Some(mark)) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let month_lengths = [
        31,
        28 + i64::from(leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let month_length = *month_lengths.get(usize::try_from(month - 1).ok()?)?;
    if day < 1 || day > month_length || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut at = 19;
    let mut millis = 0;
    if matches!(bytes.get(at), Some(b'.' | b',')) {
        let digits = bytes
            .get(at + 1..)?
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count();
        if digits == 0 {
            return None;
        }
        for place in 0..3 {
            millis = millis * 10
                + if place < digits {
                    number(at + 1 + place, at + 2 + place)?
                } else {
                    0
                };
        }
        at += 1 + digits;
    }
    let offset_minutes = match (bytes.get(at)?, bytes.len() - at) {
        (b'Z', 1) => 0,
        (sign @ (b'+' | b'-'), 6) if bytes.get(at + 3) == Some(&b':') => {
            let (hours, minutes) = (number(at + 1, at + 3)?, number(at + 4, at + 6)?);
            if hours > 24 || minutes > 60 {
                return None;
            }
            (hours * 60 + minutes) * if *sign == b'+' { 1 } else { -1 }
        }
        _ => return None,
    };
    let days = days_from_civil(year, u32::try_from(month).ok()?, u32::try_from(day).ok()?);
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset_minutes * 60;
    Some(seconds * 1000 + millis)
}

const fn leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// A boolean as Go's `strconv.ParseBool` reads it; an absent one is `default`.
pub(crate) fn boolean(form: &Form, name: &str, default: bool) -> Result<bool, Problem> {
    match form.get(name) {
        "" => Ok(default),
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        other => Err(Problem::invalid(
            name,
            format!("unable to parse boolean: strconv.ParseBool: parsing \"{other}\": invalid syntax"),
        )),
    }
}

/// A whole number as Go's `strconv.Atoi` reads it.
pub(crate) fn parse_int(text: &str) -> Result<i64, String> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("strconv.Atoi: parsing \"{text}\": invalid syntax"));
    }
    text.parse()
        .map_err(|_| format!("strconv.Atoi: parsing \"{text}\": value out of range"))
}

/// `limit`: 0 is no limit.
pub(crate) fn limit(form: &Form) -> Result<usize, Problem> {
    let text = form.get("limit");
    if text.is_empty() {
        return Ok(0);
    }
    let limit = parse_int(text).map_err(|reason| Problem::invalid("limit", reason))?;
    usize::try_from(limit).map_err(|_| Problem::invalid("limit", "limit must be non-negative"))
}

/// An optional time, in Unix milliseconds.
pub(crate) fn time_or(form: &Form, name: &str, default: i64) -> Result<i64, Problem> {
    match form.get(name) {
        "" => Ok(default),
        text => parse_time(text)
            .map_err(|reason| Problem::invalid(name, format!("invalid time value for '{name}': {reason}"))),
    }
}

/// `start` and `end` of a lookup of series: by default all time.
pub(crate) fn lookup_range(form: &Form) -> Result<TimeRange, Problem> {
    Ok(TimeRange {
        min: time_or(form, "start", TimeRange::ALL.min)?,
        max: time_or(form, "end", TimeRange::ALL.max)?,
    })
}

/// All `match[]`, parsed. The error is the bare reason: endpoints differ in how they name the parameter.
pub(crate) fn matcher_sets(form: &Form) -> Result<Vec<Vec<Matcher>>, String> {
    let mut sets = Vec::new();
    for text in form.all("match[]") {
        sets.push(narthex_promql::parse_selector(text).map_err(|e| e.to_string())?);
    }
    if sets
        .iter()
        .any(|set: &Vec<Matcher>| set.iter().all(Matcher::matches_empty))
    {
        return Err("match[] must contain at least one non-empty matcher".into());
    }
    Ok(sets)
}

/// Fails if a pair of the request could not be decoded.
pub(crate) fn well_formed(form: &Form) -> Result<(), Problem> {
    match form.fault() {
        Some(fault) => Err(Problem::bad_data(format!("error parsing form values: {fault}"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let table = [
            ("0", Some(0)),
            ("1.23456", Some(1_235)),
            ("-1.5", Some(-1_500)),
            ("1795392590.8669071", Some(1_795_392_590_867)),
            ("1795390000000", Some(1_795_390_000_000_000)),
            ("1e3", Some(1_000_000)),
            ("NaN", Some(-9_223_372_036_854)),
            ("+Inf", Some(-9_223_372_036_854)),
            ("1e300", Some(i64::MAX)),
            ("2015-07-01T20:10:51.781Z", Some(1_435_781_451_781)),
            ("2015-07-01T20:10:51.7819999Z", Some(1_435_781_451_781)),
            ("2015-07-01T20:10:51+02:00", Some(1_435_774_251_000)),
            ("2015-07-01T20:10:51.5-00:30", Some(1_435_783_251_500)),
            ("0001-01-01T00:00:00Z", Some(-62_135_596_800_000)),
            ("-292273086-05-16T16:47:06Z", Some(-9_223_309_901_257_974_000)),
            ("2015-07-01t20:10:51z", None),
            ("2015-02-29T20:10:51Z", None),
            ("2015-07-01T24:10:51Z", None),
            ("2015-07-01T20:10:51", None),
            ("2015-07-01T20:10:51.Z", None),
            ("2015-07-01 20:10:51Z", None),
            ("0x10", None),
            (" 1", None),
            ("", None),
            ("é", None),
        ];
        for (text, time) in table {
            let wrong = format!("cannot parse \"{text}\" to a valid timestamp");
            assert_eq!(parse_time(text), time.ok_or(wrong), "{text}");
        }
    }

    #[test]
    fn durations() {
        let table = [
            ("1", Ok(1_000_000_000)),
            ("0.0001", Ok(100_000)),
            ("-1", Ok(-1_000_000_000)),
            ("1h30m", Ok(5_400_000_000_000)),
            ("1m0s", Ok(60_000_000_000)),
            ("NaN", Ok(i64::MIN)),
            ("x", Err("cannot parse \"x\" to a valid duration")),
            ("", Err("cannot parse \"\" to a valid duration")),
            (
                "1e300",
                Err("cannot parse \"1e300\" to a valid duration. It overflows int64"),
            ),
        ];
        for (text, duration) in table {
            assert_eq!(parse_duration(text), duration.map_err(str::to_owned), "{text}");
        }
    }

    #[test]
    fn limits_and_booleans() {
        let limited =
            |text: &str| limit(&Form::decode(format!("limit={text}").as_bytes())).map_err(|p| p.text);
        assert_eq!(
            (limited(""), limited("0"), limited("%2B7")),
            (Ok(0), Ok(0), Ok(7))
        );
        assert_eq!(
            limited("x"),
            Err("invalid parameter \"limit\": strconv.Atoi: parsing \"x\": invalid syntax".into())
        );
        assert_eq!(
            limited("99999999999999999999"),
            Err("invalid parameter \"limit\": strconv.Atoi: parsing \"99999999999999999999\": value out of range".into())
        );
        assert_eq!(
            limited("-1"),
            Err("invalid parameter \"limit\": limit must be non-negative".into())
        );
        let truth = |text: &str| {
            boolean(&Form::decode(format!("b={text}").as_bytes()), "b", false).map_err(|p| p.text)
        };
        assert_eq!(
            (truth(""), truth("T"), truth("False")),
            (Ok(false), Ok(true), Ok(false))
        );
        assert_eq!(
            truth("yes"),
            Err("invalid parameter \"b\": unable to parse boolean: strconv.ParseBool: parsing \"yes\": invalid syntax".into())
        );
    }
}
