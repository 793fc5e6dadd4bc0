//! Where buckets begin and end.

use super::value::CUSTOM_BUCKETS_SCHEMA;

/// The upper bound of the bucket at `index`, as an absolute value for exponential buckets.
///
/// Custom buckets: -Inf below the first one, +Inf from the last one on.
pub(super) fn upper_bound(index: i32, schema: i32, custom_values: &[f64]) -> f64 {
    if schema != CUSTOM_BUCKETS_SCHEMA {
        return exponential_bound(index, schema);
    }
    match usize::try_from(index) {
        Ok(index) => custom_values.get(index).copied().unwrap_or(f64::INFINITY),
        Err(_) => f64::NEG_INFINITY,
    }
}

/// 2^(index / 2^schema); the bound that would be 2^1024 is the largest float.
fn exponential_bound(index: i32, schema: i32) -> f64 {
    let index = i64::from(index);
    let (fraction, exponent) = if schema < 0 {
        (1.0, index << schema.unsigned_abs().min(4))
    } else {
        let schema = schema.min(8);
        let parts = 1_i64 << schema;
        let part = index & (parts - 1);
        ((part as f64 / parts as f64).exp2(), index >> schema)
    };
    match exponent {
        1024 if fraction == 1.0 => f64::MAX,
        1024.. => f64::INFINITY,
        // Two steps keep what lies among the subnormal numbers.
        ..-1022 => fraction * 2_f64.powi(-1022) * 2_f64.powi((exponent + 1022).max(-1100) as i32),
        _ => fraction * 2_f64.powi(exponent as i32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_grow_by_the_schema() {
        for (index, schema, bound) in [
            (0, 0, 1.0),
            (1, 0, 2.0),
            (-1, 0, 0.5),
            (1, 1, std::f64::consts::SQRT_2),
            (2, 1, 2.0),
            (-1, 1, std::f64::consts::FRAC_1_SQRT_2),
            (1, -1, 4.0),
            (1, -4, 65_536.0),
            (1024, 0, f64::MAX),
            (1025, 0, f64::INFINITY),
            (64, -4, f64::MAX),
            (-1074, 0, 5e-324),
            (i32::MIN, 8, 0.0),
            (i32::MAX, 0, f64::INFINITY),
            (i32::MIN, -4, 0.0),
        ] {
            assert_eq!(
                upper_bound(index, schema, &[]),
                bound,
                "index {index}, schema {schema}"
            );
        }
    }

    #[test]
    fn custom_bounds_end_in_infinities() {
        let bounds = [1.0, 5.0];
        let upper = |index| upper_bound(index, CUSTOM_BUCKETS_SCHEMA, &bounds);
        assert_eq!(
            [upper(-1), upper(0), upper(1), upper(2)],
            [f64::NEG_INFINITY, 1.0, 5.0, f64::INFINITY]
        );
    }
}
