//! From spans and buckets to (index, count) pairs and back, and what is easy to do in between.

use super::value::{FloatHistogram, Span};

/// Buckets of one side with their indexes, ascending.
pub(super) type Indexed = Vec<(i32, f64)>;

/// Buckets with their indexes. Spans and buckets that contradict each other end at the shorter of both.
pub(super) fn indexed<'a>(spans: &'a [Span], buckets: &'a [f64]) -> impl Iterator<Item = (i32, f64)> + 'a {
    let mut next = 0_i32;
    let indexes = spans.iter().flat_map(move |span| {
        let first = next.wrapping_add(span.offset);
        next = first.wrapping_add_unsigned(span.length);
        (0..span.length).map(move |i| first.wrapping_add_unsigned(i))
    });
    indexes.zip(buckets.iter().copied())
}

/// Spans and buckets of pairs that ascend by index; neighbours share a span.
pub(super) fn spans_of(pairs: impl IntoIterator<Item = (i32, f64)>) -> (Vec<Span>, Vec<f64>) {
    let (mut spans, mut buckets): (Vec<Span>, Vec<f64>) = (Vec::new(), Vec::new());
    let mut next = 0_i32;
    for (index, count) in pairs {
        match spans.last_mut() {
            Some(span) if index == next => span.length += 1,
            _ => spans.push(Span {
                offset: index.wrapping_sub(next),
                length: 1,
            }),
        }
        buckets.push(count);
        next = index.wrapping_add(1);
    }
    (spans, buckets)
}

/// The index, at a lower resolution, of the bucket that holds the bucket at `index`.
pub(super) const fn coarser_index(index: i32, schema: i32, target: i32) -> i32 {
    let steps = schema.wrapping_sub(target);
    let shift = if steps < 0 {
        0
    } else if steps > 31 {
        31
    } else {
        steps
    };
    (index.wrapping_sub(1) >> shift).wrapping_add(1)
}

/// Buckets at a lower resolution: those that fall into one are added up.
pub(super) fn coarser(pairs: impl IntoIterator<Item = (i32, f64)>, schema: i32, target: i32) -> Indexed {
    let mut merged: Indexed = Vec::new();
    for (index, count) in pairs {
        let index = coarser_index(index, schema, target);
        match merged.last_mut() {
            Some((last, sum)) if *last == index => *sum += count,
            _ => merged.push((index, count)),
        }
    }
    merged
}

/// Every index of either side with its counts (0 where a side has none), ascending.
pub(super) fn aligned(left: &[(i32, f64)], right: &[(i32, f64)]) -> Vec<(i32, f64, f64)> {
    let mut out = Vec::with_capacity(left.len().max(right.len()));
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    loop {
        match (left.peek(), right.peek()) {
            (Some(&&(i, a)), Some(&&(j, b))) if i == j => {
                out.push((i, a, b));
                left.next();
                right.next();
            }
            (Some(&&(i, a)), other) if other.is_none_or(|(j, _)| i < *j) => {
                out.push((i, a, 0.0));
                left.next();
            }
            (_, Some(&&(j, b))) => {
                out.push((j, 0.0, b));
                right.next();
            }
            (_, None) => return out,
        }
    }
}

impl FloatHistogram {
    /// Positive (or custom) buckets with their indexes, ascending by index.
    pub fn positive_indexed(&self) -> impl Iterator<Item = (i32, f64)> + '_ {
        indexed(&self.positive_spans, &self.positive_buckets)
    }

    /// Negative buckets with their indexes, ascending by index, that is: away from zero.
    pub fn negative_indexed(&self) -> impl Iterator<Item = (i32, f64)> + '_ {
        indexed(&self.negative_spans, &self.negative_buckets)
    }

    pub(super) fn set_positive(&mut self, pairs: impl IntoIterator<Item = (i32, f64)>) {
        (self.positive_spans, self.positive_buckets) = spans_of(pairs);
    }

    pub(super) fn set_negative(&mut self, pairs: impl IntoIterator<Item = (i32, f64)>) {
        (self.negative_spans, self.negative_buckets) = spans_of(pairs);
    }

    /// Removes empty buckets and joins neighbouring spans.
    pub fn compact(&mut self) {
        let positive: Indexed = self
            .positive_indexed()
            .filter(|(_, count)| *count != 0.0)
            .collect();
        let negative: Indexed = self
            .negative_indexed()
            .filter(|(_, count)| *count != 0.0)
            .collect();
        self.set_positive(positive);
        self.set_negative(negative);
    }

    /// Lowers the resolution of exponential buckets to `schema`; custom buckets and histograms that are no finer
    /// stay as they are.
    pub fn reduce_resolution(&mut self, schema: i32) {
        if self.uses_custom_buckets() || schema >= self.schema {
            return;
        }
        let positive = coarser(self.positive_indexed(), self.schema, schema);
        let negative = coarser(self.negative_indexed(), self.schema, schema);
        self.set_positive(positive);
        self.set_negative(negative);
        self.schema = schema;
    }

    /// Whether both hold the same data, bit for bit: hints do not count, nor how spans are cut, but empty
    /// buckets do.
    #[must_use]
    pub fn same_data(&self, other: &Self) -> bool {
        let bits = |values: [f64; 3]| values.map(f64::to_bits);
        let same_buckets = |a: &mut dyn Iterator<Item = (i32, f64)>,
                            b: &mut dyn Iterator<Item = (i32, f64)>| {
            a.map(|(i, count)| (i, count.to_bits()))
                .eq(b.map(|(i, count)| (i, count.to_bits())))
        };
        self.schema == other.schema
            && bits([self.count, self.sum, self.zero_count])
                == bits([other.count, other.sum, other.zero_count])
            && self.zero_threshold == other.zero_threshold
            && (!self.uses_custom_buckets() || self.custom_values == other.custom_values)
            && same_buckets(&mut self.negative_indexed(), &mut other.negative_indexed())
            && same_buckets(&mut self.positive_indexed(), &mut other.positive_indexed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_round_trip_through_pairs() {
        let pairs = vec![(-3, 1.0), (-2, 2.0), (0, 0.0), (7, 4.0)];
        let (spans, buckets) = spans_of(pairs.clone());
        assert_eq!(
            spans,
            [(-3, 2), (1, 1), (6, 1)].map(|(offset, length)| Span { offset, length })
        );
        assert_eq!(indexed(&spans, &buckets).collect::<Vec<_>>(), pairs);
    }

    #[test]
    fn lower_resolution_adds_up_what_falls_together() {
        let pairs = [(-1, 1.0), (0, 2.0), (1, 4.0), (2, 8.0), (3, 16.0)];
        assert_eq!(coarser(pairs, 1, 0), [(0, 3.0), (1, 12.0), (2, 16.0)]);
    }

    #[test]
    fn both_sides_are_aligned_by_index() {
        assert_eq!(
            aligned(&[(1, 1.0), (3, 3.0)], &[(0, 5.0), (3, 4.0), (9, 9.0)]),
            [(0, 0.0, 5.0), (1, 1.0, 0.0), (3, 3.0, 4.0), (9, 0.0, 9.0)]
        );
    }
}
