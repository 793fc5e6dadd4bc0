//! Quantiles of plain values.

use std::cmp::Ordering;

/// The quantile `q` of `values`, which are sorted by this: linear between the two nearest ranks, NaN lowest.
///
/// No values or a NaN `q`: NaN; `q` below 0: -Inf; above 1: +Inf.
#[must_use]
pub fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    values.sort_unstable_by(nan_first);
    let last = (values.len() - 1) as f64;
    let rank = q * last;
    let lower = rank.floor().max(0.0);
    let upper = last.min(lower + 1.0);
    let weight = rank - rank.floor();
    // Both are whole numbers of 0..=last.
    let at = |rank: f64| values.get(rank as usize).copied().unwrap_or(f64::NAN);
    at(lower) * (1.0 - weight) + at(upper) * weight
}

fn nan_first(a: &f64, b: &f64) -> Ordering {
    a.partial_cmp(b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_ranks_and_nan_is_lowest() {
        for (q, values, expected) in [
            (0.5, vec![3.0, 1.0, 2.0], 2.0),
            (0.5, vec![4.0, 1.0, 2.0, 3.0], 2.5),
            (0.0, vec![2.0, 1.0], 1.0),
            (1.0, vec![2.0, 1.0], 2.0),
            (1.0, vec![2.0, f64::NAN, 1.0], 2.0),
            (-0.1, vec![1.0], f64::NEG_INFINITY),
            (1.1, vec![1.0], f64::INFINITY),
        ] {
            assert_eq!(quantile(q, &mut values.clone()), expected, "{q} of {values:?}");
        }
        assert!(quantile(0.0, &mut [2.0, f64::NAN, 1.0]).is_nan());
        assert!(quantile(0.5, &mut []).is_nan());
        assert!(quantile(f64::NAN, &mut [1.0]).is_nan());
    }
}
