//! A native histogram as maps from bucket to count.

use std::collections::BTreeMap;

use narthex_model::FloatHistogram;
use narthex_model::histogram::CUSTOM_BUCKETS_SCHEMA;

/// A histogram: every bucket by its number, empty ones where they were written.
#[derive(Debug, Clone, PartialEq)]
pub struct Native {
    /// Resolution; [`CUSTOM_BUCKETS_SCHEMA`] where `bounds` say where buckets end.
    pub schema: i32,
    /// Upper bounds of custom buckets, the last one without.
    pub bounds: Vec<f64>,
    /// Where the bucket around zero ends.
    pub zero_threshold: f64,
    /// What lies around zero.
    pub zero: f64,
    /// All observations.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// Buckets above zero, or custom ones.
    pub positive: BTreeMap<i32, f64>,
    /// Buckets below zero.
    pub negative: BTreeMap<i32, f64>,
}

impl Native {
    /// The histogram that the store and the engine know.
    #[must_use]
    pub fn of(whole: &FloatHistogram) -> Self {
        Self {
            schema: whole.schema,
            bounds: whole.custom_values.clone(),
            zero_threshold: whole.zero_threshold,
            zero: whole.zero_count,
            count: whole.count,
            sum: whole.sum,
            positive: whole.positive_indexed().collect(),
            negative: whole.negative_indexed().collect(),
        }
    }

    /// All that counts of it, one number after the other; empty buckets do not.
    #[must_use]
    pub fn numbers(&self) -> Vec<f64> {
        let mut numbers = vec![f64::from(self.schema), self.zero, self.count, self.sum];
        numbers.extend(&self.bounds);
        for (side, buckets) in [(1.0, &self.positive), (-1.0, &self.negative)] {
            for (bucket, count) in buckets.iter().filter(|(_, count)| count.abs() > 1e-9) {
                numbers.extend([side, f64::from(*bucket), *count]);
            }
        }
        numbers
    }

    pub(super) fn is_custom(&self) -> bool {
        self.schema == CUSTOM_BUCKETS_SCHEMA
    }

    pub(super) fn each(&self, change: impl Fn(f64) -> f64) -> Self {
        let side =
            |buckets: &BTreeMap<i32, f64>| buckets.iter().map(|(i, count)| (*i, change(*count))).collect();
        Self {
            zero: change(self.zero),
            count: change(self.count),
            sum: change(self.sum),
            positive: side(&self.positive),
            negative: side(&self.negative),
            ..self.clone()
        }
    }

    pub(super) fn divided(&self, by: f64) -> Self {
        let mut divided = self.each(|value| value / by);
        if by == 0.0 {
            divided.positive.clear();
            divided.negative.clear();
        }
        divided
    }

    /// The same observations in wider buckets.
    fn in_buckets_of(&self, schema: i32, bounds: &[f64]) -> Self {
        let coarser = |buckets: &BTreeMap<i32, f64>| {
            let mut merged = BTreeMap::new();
            for (bucket, count) in buckets {
                let into = if self.is_custom() {
                    let upper = self
                        .bounds
                        .get(*bucket as usize)
                        .copied()
                        .unwrap_or(f64::INFINITY);
                    bounds.iter().filter(|bound| **bound < upper).count() as i32
                } else {
                    // Bucket i ends at 2^(i / 2^schema).
                    let width = 2_f64.powi(self.schema - schema);
                    (f64::from(*bucket) / width).ceil() as i32
                };
                *merged.entry(into).or_insert(0.0) += count;
            }
            merged
        };
        Self {
            schema,
            bounds: bounds.to_vec(),
            positive: coarser(&self.positive),
            negative: coarser(&self.negative),
            ..self.clone()
        }
    }

    /// Both in buckets that both have; `None` where there are no such buckets.
    fn alike(&self, other: &Self) -> Option<(Self, Self)> {
        if self.is_custom() != other.is_custom() {
            return None;
        }
        let schema = self.schema.min(other.schema);
        let common = self.bounds.iter().filter(|bound| other.bounds.contains(bound));
        let bounds: Vec<f64> = common.copied().collect();
        Some((
            self.in_buckets_of(schema, &bounds),
            other.in_buckets_of(schema, &bounds),
        ))
    }

    /// `self + sign * other`
    pub(super) fn plus(&self, sign: f64, other: &Self) -> Option<Self> {
        let (mut sum, other) = self.alike(other)?;
        let add = |to: &mut BTreeMap<i32, f64>, from: &BTreeMap<i32, f64>| {
            for (bucket, count) in from {
                *to.entry(*bucket).or_insert(0.0) += sign * count;
            }
        };
        add(&mut sum.positive, &other.positive);
        add(&mut sum.negative, &other.negative);
        sum.zero += sign * other.zero;
        sum.count += sign * other.count;
        sum.sum += sign * other.sum;
        Some(sum)
    }

    /// Whether a counter began anew between `before` and this.
    pub(super) fn was_reset(&self, before: &Self) -> bool {
        let Some((now, before_alike)) = self.alike(before) else {
            return true;
        };
        let fell = |now: &BTreeMap<i32, f64>, before: &BTreeMap<i32, f64>| {
            before
                .iter()
                .any(|(bucket, count)| now.get(bucket).copied().unwrap_or(0.0) < *count)
        };
        self.count < before.count
            || self.schema > before.schema
            || self.zero < before.zero
            || fell(&now.positive, &before_alike.positive)
            || fell(&now.negative, &before_alike.negative)
    }
}
