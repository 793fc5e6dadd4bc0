//! Findings that are one for many steps: classic histograms whose counts had to be mended.

use std::collections::BTreeMap;

use narthex_model::{Annotations, Severity};

use super::context::Context;
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

/// What was mended by one call, by metric name.
#[derive(Debug, Default)]
pub(crate) struct Fixes {
    /// By the call's number and the metric's name.
    calls: BTreeMap<(usize, String), Mended>,
}

#[derive(Debug)]
struct Mended {
    places: Vec<Span>,
    steps: Steps,
    /// How many histograms at each step.
    per_step: BTreeMap<usize, u64>,
    fix: MonotonicityFix,
}

impl Fixes {
    pub(crate) fn add(&mut self, call: usize, metric: &str, places: &[Span], fix: &Fix) {
        let mended = self
            .calls
            .entry((call, metric.to_owned()))
            .or_insert_with(|| Mended {
                places: places.to_vec(),
                steps: fix.steps,
                per_step: BTreeMap::new(),
                fix: fix.fix,
            });
        *mended.per_step.entry(fix.step).or_default() += 1;
        mended.widen(&fix.fix);
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (key, theirs) in other.calls {
            match self.calls.get_mut(&key) {
                None => {
                    self.calls.insert(key, theirs);
                }
                Some(ours) => {
                    ours.widen(&theirs.fix);
                    for (step, count) in theirs.per_step {
                        *ours.per_step.entry(step).or_default() += count;
                    }
                }
            }
        }
    }

    /// Adds the texts.
    pub(crate) fn tell(&self, cx: &Context<'_>, annotations: &mut Annotations) {
        for ((_, metric), mended) in &self.calls {
            let text = mended.text(metric);
            for place in &mended.places {
                annotations.add(Severity::Info, cx.positioned(Severity::Info, &text, *place));
            }
        }
    }
}

impl Mended {
    fn widen(&mut self, fix: &MonotonicityFix) {
        self.fix.min_bucket = self.fix.min_bucket.min(fix.min_bucket);
        self.fix.max_bucket = self.fix.max_bucket.max(fix.max_bucket);
        self.fix.max_difference = self.fix.max_difference.max(fix.max_difference);
    }

    /// How many samples Prometheus says it has mended. Its count is merged with itself at every step behind the
    /// first one that has a finding, so it doubles there (and wraps, as Go's integers do).
    fn count(&self, steps: usize) -> i64 {
        let Some((first, count)) = self.per_step.first_key_value() else {
            return 0;
        };
        let mut total = *count as i64;
        for step in first + 1..steps {
            let found = self.per_step.get(&step).copied().unwrap_or(0);
            total = total.wrapping_add(found as i64).wrapping_mul(2);
        }
        total
    }

    fn text(&self, metric: &str) -> String {
        let steps = &self.steps;
        let time = |step: Option<&usize>| rfc3339(steps.time(step.copied().unwrap_or(0)));
        let name = if metric.is_empty() {
            String::new()
        } else {
            format!(" for metric name {}", quoted(metric))
        };
        format!(
            "input to histogram_quantile needed to be fixed for monotonicity (see \
             https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile){name}, from buckets \
             {} to {}, with a max diff of {}, over {} samples from {} to {}",
            general(self.fix.min_bucket),
            general(self.fix.max_bucket),
            two_digits(self.fix.max_difference),
            self.count(steps.count),
            time(self.per_step.keys().next()),
            time(self.per_step.keys().next_back()),
        )
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
