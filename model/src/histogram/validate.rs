//! What must hold before a histogram is stored.

use thiserror::Error;

use super::value::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, Histogram, Span};

/// Why a histogram is not valid, in Prometheus's words.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct InvalidHistogram(String);

type Validity = Result<(), InvalidHistogram>;

fn invalid(text: impl Into<String>) -> Validity {
    Err(InvalidHistogram(text.into()))
}

impl Histogram {
    /// Whether schema, spans, buckets and counts fit together.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn validate(&self) -> Validity {
        let shape = Shape {
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_is_empty: self.zero_count == 0,
            positive_spans: &self.positive_spans,
            negative_spans: &self.negative_spans,
            buckets: (self.positive_buckets.len(), self.negative_buckets.len()),
            custom_values: &self.custom_values,
        };
        shape.validate()?;
        let negative = total(&self.negative_buckets, "negative")?;
        let positive = total(&self.positive_buckets, "positive")?;
        let found = negative.saturating_add(positive).saturating_add(self.zero_count);
        let reason = if self.sum.is_nan() {
            // NaN observations are counted, but lie in no bucket.
            if found <= self.count {
                return Ok(());
            }
            "histogram's observation count should be at least the number of observations found in the buckets"
        } else {
            if found == self.count {
                return Ok(());
            }
            "histogram's observation count should equal the number of observations found in the buckets (in absence of NaN)"
        };
        invalid(format!(
            "{found} observations found in buckets, but the Count field is {}: {reason}",
            self.count
        ))
    }
}

/// Adds up buckets that are stored as differences.
fn total(deltas: &[i64], side: &str) -> Result<u64, InvalidHistogram> {
    let (mut count, mut sum) = (0_i64, 0_u64);
    for (i, delta) in deltas.iter().enumerate() {
        count = count.wrapping_add(*delta);
        match u64::try_from(count) {
            Ok(count) => sum = sum.saturating_add(count),
            Err(_) => return negative_bucket(side, i, count).map(|()| 0),
        }
    }
    Ok(sum)
}

fn negative_bucket(side: &str, index: usize, count: impl std::fmt::Display) -> Validity {
    invalid(format!(
        "{side} side: bucket number {} has observation count of {count}: histogram has a bucket whose observation count is negative",
        index + 1
    ))
}

impl FloatHistogram {
    /// Whether schema, spans and buckets fit together and no count is negative. Counts are not added up: rounding
    /// would tell lies.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn validate(&self) -> Validity {
        let shape = Shape {
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_is_empty: self.zero_count == 0.0,
            positive_spans: &self.positive_spans,
            negative_spans: &self.negative_spans,
            buckets: (self.positive_buckets.len(), self.negative_buckets.len()),
            custom_values: &self.custom_values,
        };
        shape.validate()?;
        if self.zero_count < 0.0 {
            return invalid(format!(
                "zero bucket has observation count of {}: histogram has a bucket whose observation count is negative",
                self.zero_count
            ));
        }
        if self.count < 0.0 {
            return invalid(format!(
                "observation count is {}: histogram's observation count is negative",
                self.count
            ));
        }
        for (side, buckets) in [
            ("negative", &self.negative_buckets),
            ("positive", &self.positive_buckets),
        ] {
            if let Some((i, count)) = buckets.iter().enumerate().find(|(_, count)| **count < 0.0) {
                return negative_bucket(side, i, count);
            }
        }
        Ok(())
    }
}

/// What is checked alike for integer and float counts.
struct Shape<'a> {
    schema: i32,
    zero_threshold: f64,
    zero_is_empty: bool,
    positive_spans: &'a [Span],
    negative_spans: &'a [Span],
    /// How many positive and negative buckets there are.
    buckets: (usize, usize),
    custom_values: &'a [f64],
}

impl Shape<'_> {
    fn validate(&self) -> Validity {
        match self.schema {
            CUSTOM_BUCKETS_SCHEMA => self.custom(),
            -4..=8 => {
                spans(self.positive_spans, self.buckets.0, "positive side")?;
                spans(self.negative_spans, self.buckets.1, "negative side")?;
                if self.custom_values.is_empty() {
                    Ok(())
                } else {
                    invalid("histogram with exponential schema must not have custom bounds")
                }
            }
            schema => invalid(format!(
                "histogram has an invalid schema, which must be between -4 and 8 for exponential buckets, or -53 for custom buckets, got schema {schema}"
            )),
        }
    }

    fn custom(&self) -> Validity {
        let mut previous = f64::NEG_INFINITY;
        for &bound in self.custom_values {
            // NaN is not above anything.
            if bound.partial_cmp(&previous) != Some(std::cmp::Ordering::Greater) {
                return invalid(format!(
                    "custom buckets: previous bound is {previous:.6} and current is {bound:.6}: histogram custom bounds must be in strictly increasing order"
                ));
            }
            previous = bound;
        }
        if previous == f64::INFINITY {
            return invalid(
                "custom buckets: last +Inf bound must not be explicitly defined: histogram custom bounds must be finite",
            );
        }
        if let Some((i, span)) = self.positive_spans.iter().enumerate().find(|(_, s)| s.offset < 0) {
            return negative_offset("custom buckets", i, span);
        }
        spans(self.positive_spans, self.buckets.0, "custom buckets")?;
        let covered: i64 = self
            .positive_spans
            .iter()
            .map(|s| i64::from(s.length) + i64::from(s.offset))
            .sum();
        if covered > self.custom_values.len() as i64 + 1 {
            return invalid(format!(
                "custom buckets: only {} custom bounds defined which is insufficient to cover total span length of {covered}: histogram custom bounds are too few",
                self.custom_values.len()
            ));
        }
        if !self.zero_is_empty {
            return invalid("custom buckets: must have zero count of 0");
        }
        if self.zero_threshold != 0.0 {
            return invalid("custom buckets: must have zero threshold of 0");
        }
        if !self.negative_spans.is_empty() {
            return invalid("custom buckets: must not have negative spans");
        }
        if self.buckets.1 > 0 {
            return invalid("custom buckets: must not have negative buckets");
        }
        Ok(())
    }
}

fn spans(spans: &[Span], buckets: usize, side: &str) -> Validity {
    if let Some((i, span)) = spans.iter().enumerate().skip(1).find(|(_, s)| s.offset < 0) {
        return negative_offset(side, i, span);
    }
    let needed: u64 = spans.iter().map(|s| u64::from(s.length)).sum();
    if needed != buckets as u64 {
        return invalid(format!(
            "{side}: spans need {needed} buckets, have {buckets} buckets: histogram spans specify different number of buckets than provided"
        ));
    }
    Ok(())
}

fn negative_offset(side: &str, index: usize, span: &Span) -> Validity {
    invalid(format!(
        "{side}: span number {} with offset {}: histogram has a span whose offset is negative",
        index + 1,
        span.offset
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram() -> Histogram {
        Histogram {
            count: 7,
            sum: 3.0,
            zero_count: 1,
            positive_spans: vec![
                Span {
                    offset: -2,
                    length: 2,
                },
                Span { offset: 1, length: 1 },
            ],
            positive_buckets: vec![1, 1, 1],
            ..Histogram::default()
        }
    }

    #[test]
    fn sound_histograms_are_valid() {
        assert_eq!(histogram().validate(), Ok(()));
        assert_eq!(histogram().to_float().validate(), Ok(()));
        let nan = Histogram {
            count: 9,
            sum: f64::NAN,
            ..histogram()
        };
        assert_eq!(nan.validate(), Ok(()));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let text = |change: fn(&mut Histogram)| {
            let mut changed = histogram();
            change(&mut changed);
            changed.validate().unwrap_err().to_string()
        };
        for (found, expected) in [
            (text(|h| h.schema = 9), "got schema 9"),
            (
                text(|h| h.count = 8),
                "7 observations found in buckets, but the Count field is 8: histogram's observation count should equal",
            ),
            (
                text(|h| {
                    h.sum = f64::NAN;
                    h.count = 6;
                }),
                "should be at least",
            ),
            (
                text(|h| {
                    h.positive_buckets.pop();
                }),
                "positive side: spans need 3 buckets, have 2 buckets: histogram spans",
            ),
            (
                text(|h| h.positive_spans[1].offset = -1),
                "positive side: span number 2 with offset -1: histogram has a span",
            ),
            (
                text(|h| h.positive_buckets[2] = -5),
                "positive side: bucket number 3 has observation count of -3: histogram has a bucket",
            ),
            (
                text(|h| h.custom_values = vec![1.0]),
                "must not have custom bounds",
            ),
            (
                text(|h| {
                    h.negative_spans = vec![Span {
                        offset: 0,
                        length: u32::MAX,
                    }]
                }),
                "negative side: spans need 4294967295 buckets",
            ),
        ] {
            assert!(found.contains(expected), "{found}");
        }
    }

    #[test]
    fn custom_buckets_have_rules_of_their_own() {
        let custom = FloatHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            positive_spans: vec![Span { offset: 0, length: 2 }],
            positive_buckets: vec![1.0, 2.0],
            custom_values: vec![1.0],
            ..FloatHistogram::default()
        };
        assert_eq!(custom.validate(), Ok(()));
        let text = |change: fn(&mut FloatHistogram)| {
            let mut changed = custom.clone();
            change(&mut changed);
            changed.validate().unwrap_err().to_string()
        };
        for (found, expected) in [
            (
                text(|h| h.custom_values.clear()),
                "only 0 custom bounds defined which is insufficient to cover total span length of 2",
            ),
            (text(|h| h.custom_values = vec![2.0, 1.0]), "strictly increasing"),
            (text(|h| h.custom_values = vec![f64::NAN]), "strictly increasing"),
            (
                text(|h| h.custom_values = vec![1.0, f64::INFINITY]),
                "must be finite",
            ),
            (
                text(|h| h.positive_spans[0].offset = -1),
                "span number 1 with offset -1",
            ),
            (text(|h| h.zero_count = 1.0), "must have zero count of 0"),
            (text(|h| h.zero_threshold = 1.0), "must have zero threshold of 0"),
            (
                text(|h| h.negative_buckets.push(1.0)),
                "must not have negative buckets",
            ),
            (
                text(|h| h.positive_buckets[0] = -1.0),
                "bucket number 1 has observation count of -1",
            ),
            (text(|h| h.count = -1.0), "observation count is negative"),
        ] {
            assert!(found.contains(expected), "{found}");
        }
    }
}
