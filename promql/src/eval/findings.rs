//! Findings that are one for many steps: classic histograms whose counts had to be mended.

use std::collections::BTreeMap;

use narthex_model::{Annotations, Severity};

use super::annotate::positioned;
use super::steps::Steps;
use crate::functions::{MonotonicityFix, general, quoted};
use crate::span::Span;

/// A histogram was mended at a step.
pub(crate) struct Fix {
    pub(crate) step: usize,
    /// The steps of the call.
    pub(crate) steps: Steps,
    pub(crate) fix: MonotonicityFix,
}

/// What was mended, by call and metric name.
#[derive(Debug, Default)]
pub(crate) struct Fixes {
    /// By the call's number and the metric's name.
    calls: BTreeMap<(usize, String), Mended>,
}

/// What was mended by one call, for one metric name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mended {
    metric: String,
    places: Vec<Span>,
    steps: Steps,
    /// By time how many histograms, and the widest of the fixes.
    at: BTreeMap<i64, (u64, MonotonicityFix)>,
}

impl Fixes {
    pub(crate) fn add(&mut self, call: usize, metric: &str, places: &[Span], fix: &Fix) {
        let mended = self
            .calls
            .entry((call, metric.to_owned()))
            .or_insert_with(|| Mended {
                metric: metric.to_owned(),
                places: places.to_vec(),
                steps: fix.steps,
                at: BTreeMap::new(),
            });
        mended.add(fix.steps.time(fix.step), (1, fix.fix));
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (key, theirs) in other.calls {
            match self.calls.get_mut(&key) {
                None => {
                    self.calls.insert(key, theirs);
                }
                Some(ours) => theirs.at.into_iter().for_each(|(time, fix)| ours.add(time, fix)),
            }
        }
    }

    /// All of it.
    pub(crate) fn into_mended(self) -> Vec<Mended> {
        self.calls.into_values().collect()
    }
}

impl Mended {
    fn add(&mut self, time: i64, (count, fix): (u64, MonotonicityFix)) {
        match self.at.get_mut(&time) {
            None => {
                self.at.insert(time, (count, fix));
            }
            Some((counted, widest)) => {
                *counted += count;
                *widest = wider(*widest, fix);
            }
        }
    }

    /// Whether the call is evaluated at these steps.
    pub(crate) fn is_of(&self, steps: Steps) -> bool {
        self.steps == steps
    }

    /// Whether both are of the same call and metric.
    pub(crate) fn is_same_call(&self, other: &Self) -> bool {
        (&self.places, &self.metric) == (&other.places, &other.metric)
    }

    /// What was mended at some steps; `None` if nothing was.
    pub(crate) fn within(&self, steps: Steps) -> Option<Self> {
        let at: BTreeMap<_, _> = self
            .at
            .range(steps.start..=steps.last())
            .map(|(time, fix)| (*time, *fix))
            .collect();
        (!at.is_empty()).then(|| Self {
            metric: self.metric.clone(),
            places: self.places.clone(),
            steps,
            at,
        })
    }

    /// Takes over what the same call mended at later steps.
    pub(crate) fn extend(&mut self, behind: Self) {
        self.at.extend(behind.at);
    }

    /// Memory that it takes, in bytes, about.
    pub(crate) fn bytes(&self) -> usize {
        let each = size_of::<(i64, (u64, MonotonicityFix))>();
        size_of::<Self>() + self.metric.len() + size_of_val(self.places.as_slice()) + 2 * each * self.at.len()
    }

    /// Adds the texts.
    pub(crate) fn tell(&self, query: &str, annotations: &mut Annotations) {
        let text = self.text();
        for place in &self.places {
            annotations.add(Severity::Info, positioned(query, Severity::Info, &text, *place));
        }
    }

    /// How many samples Prometheus says it has mended. Its count is merged with itself at every step behind the
    /// first one that has a finding, so it doubles there (and wraps, as Go's integers do).
    fn count(&self) -> i64 {
        let mut steps = self
            .steps
            .times()
            .map(|time| self.at.get(&time).map_or(0, |(count, _)| *count));
        let first = steps.find(|count| *count > 0).unwrap_or(0);
        steps.fold(first as i64, |total, found| {
            total.wrapping_add(found as i64).wrapping_mul(2)
        })
    }

    fn text(&self) -> String {
        let fixes = self.at.values().map(|(_, fix)| *fix);
        let Some(fix) = fixes.reduce(wider) else {
            return String::new();
        };
        let time = |time: Option<&i64>| rfc3339(time.copied().unwrap_or(self.steps.start));
        let name = if self.metric.is_empty() {
            String::new()
        } else {
            format!(" for metric name {}", quoted(&self.metric))
        };
        format!(
            "input to histogram_quantile needed to be fixed for monotonicity (see \
             https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile){name}, from buckets \
             {} to {}, with a max diff of {}, over {} samples from {} to {}",
            general(fix.min_bucket),
            general(fix.max_bucket),
            two_digits(fix.max_difference),
            self.count(),
            time(self.at.keys().next()),
            time(self.at.keys().next_back()),
        )
    }
}

/// What both fixes are.
fn wider(a: MonotonicityFix, b: MonotonicityFix) -> MonotonicityFix {
    MonotonicityFix {
        min_bucket: a.min_bucket.min(b.min_bucket),
        max_bucket: a.max_bucket.max(b.max_bucket),
        max_difference: a.max_difference.max(b.max_difference),
    }
}

/// A number with two significant digits, as Go's `%.2g` writes it.
fn two_digits(value: f64) -> String {
    let scientific = format!("{value:.1e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..2).contains(&exponent) {
        // Two significant digits of a number below 100: what is left after the point is not padded.
        let decimals = usize::try_from(1 - exponent).unwrap_or(0);
        let text = format!("{value:.decimals$}");
        return match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text,
        };
    }
    let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// A time in whole seconds: `2023-11-14T21:45:00Z`.
fn rfc3339(ms: i64) -> String {
    let seconds = ms.div_euclid(1_000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Civil date from days since 1970-01-01; eras of 400 years that begin in March.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_look_as_in_prometheus() {
        for (value, text) in [
            (0.17, "0.17"),
            (0.5, "0.5"),
            (100.0, "1e+02"),
            (99.4, "99"),
            (0.00001234, "1.2e-05"),
            (12.0, "12"),
        ] {
            assert_eq!(two_digits(value), text);
        }
        assert_eq!(rfc3339(1_699_998_300_123), "2023-11-14T21:45:00Z");
        assert_eq!(rfc3339(951_782_400_000), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(-1), "1969-12-31T23:59:59Z");
    }
}
