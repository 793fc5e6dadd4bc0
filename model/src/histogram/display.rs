//! A histogram as a text: `{count:3, sum:4.5, [-0.001,0.001]:1, (0.5,1]:2}`.

use std::fmt::{self, Display, Formatter};

use super::bucket::Bucket;
use super::value::FloatHistogram;
use crate::number::general;

impl Display for FloatHistogram {
    /// Populated buckets from the lowest to the highest, with their full bounds; as Prometheus shows histograms in
    /// label values and texts.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{{count:{}, sum:{}", general(self.count), general(self.sum))?;
        let mut negative: Vec<Bucket> = self.negative_indexed().map(|b| self.negative_bucket(b)).collect();
        negative.reverse();
        let zero = [self.zero_bucket()];
        let zero = if self.uses_custom_buckets() {
            &[]
        } else {
            &zero[..]
        };
        let positive = self.positive_indexed().map(|b| self.positive_bucket(b));
        for bucket in negative.into_iter().chain(zero.iter().copied()).chain(positive) {
            if bucket.count != 0.0 {
                write!(f, ", {bucket}")?;
            }
        }
        f.write_str("}")
    }
}

impl Display for Bucket {
    /// `(0.5,1]:2`, with round brackets where the bound does not belong to the bucket.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let open = if self.lower_inclusive { '[' } else { '(' };
        let close = if self.upper_inclusive { ']' } else { ')' };
        let [lower, upper, count] = [self.lower, self.upper, self.count].map(general);
        write!(f, "{open}{lower},{upper}{close}:{count}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histogram::Span;

    #[test]
    fn populated_buckets_are_shown_in_order() {
        let span = Span { offset: 0, length: 2 };
        let histogram = FloatHistogram {
            count: 20.0,
            sum: 10.0,
            zero_threshold: 0.001,
            zero_count: 2.0,
            positive_spans: vec![span],
            positive_buckets: vec![1.0, 2.0],
            negative_spans: vec![span],
            negative_buckets: vec![0.0, 2.0],
            ..FloatHistogram::default()
        };
        assert_eq!(
            histogram.to_string(),
            "{count:20, sum:10, [-2,-1):2, [-0.001,0.001]:2, (0.5,1]:1, (1,2]:2}"
        );
    }
}
