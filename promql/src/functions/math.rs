//! Functions of one float.

use std::f64::consts::PI;

/// A function of one float by its name in the language, if that is what the name stands for.
#[must_use]
pub fn math_function(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "abs" => f64::abs,
        "ceil" => f64::ceil,
        "floor" => f64::floor,
        "exp" => f64::exp,
        "sqrt" => f64::sqrt,
        "ln" => ln,
        "log2" => f64::log2,
        "log10" => f64::log10,
        "sin" => f64::sin,
        "cos" => f64::cos,
        "tan" => f64::tan,
        "asin" => f64::asin,
        "acos" => f64::acos,
        "atan" => f64::atan,
        "sinh" => f64::sinh,
        "cosh" => f64::cosh,
        "tanh" => f64::tanh,
        "asinh" => f64::asinh,
        "acosh" => f64::acosh,
        "atanh" => f64::atanh,
        "rad" => |v| v * PI / 180.0,
        "deg" => |v| v * 180.0 / PI,
        "sgn" => sign,
        _ => return None,
    })
}

/// -1, 1, or the value itself where it is neither below nor above 0 (NaN and both zeros).
fn sign(value: f64) -> f64 {
    if value < 0.0 {
        -1.0
    } else if value > 0.0 {
        1.0
    } else {
        value
    }
}

/// `value` brought into `min..=max`. NaN anywhere makes NaN. Where `max < min` the whole vector is empty: the caller
/// sees to that.
#[must_use]
pub fn clamp(value: f64, min: f64, max: f64) -> f64 {
    go_max(min, go_min(max, value))
}

/// `value` rounded to a multiple of `to`, ties up.
///
/// The inverse is taken first because Prometheus does so: the last digits depend on it.
#[must_use]
pub fn round_to(value: f64, to: f64) -> f64 {
    let inverse = 1.0 / to;
    (value * inverse + 0.5).floor() / inverse
}

/// Go's `math.Max`: an infinity of its side wins over NaN, NaN over everything else, +0 over -0.
fn go_max(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        f64::INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a == 0.0 && b == 0.0 {
        if a.is_sign_negative() { b } else { a }
    } else if a > b {
        a
    } else {
        b
    }
}

/// Go's `math.Min`, the mirror of [`go_max`].
fn go_min(a: f64, b: f64) -> f64 {
    -go_max(-a, -b)
}

/// The natural logarithm as Prometheus answers it on amd64, where Go takes the exponent of a subnormal number for
/// that of the smallest normal one.
fn ln(value: f64) -> f64 {
    if !value.is_subnormal() || value < 0.0 {
        return value.ln();
    }
    let mantissa = f64::from_bits(value.to_bits() | 0x3fe0_0000_0000_0000);
    mantissa.ln() - 1_022.0 * std::f64::consts::LN_2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_sends_ties_up_and_keeps_the_order_of_operations() {
        for (value, to, rounded) in [
            (2.5, 1.0, 3.0),
            (-2.5, 1.0, -2.0),
            (5.015, 0.1, 5.0),
            (0.5, 5.0, 0.0),
            (7.0, 5.0, 5.0),
            (8.0, 5.0, 10.0),
        ] {
            assert_eq!(round_to(value, to), rounded, "round({value}, {to})");
        }
    }

    #[test]
    fn clamping_follows_gos_min_and_max() {
        assert_eq!(clamp(5.0, 0.0, 3.0), 3.0);
        assert_eq!(clamp(-5.0, 0.0, 3.0), 0.0);
        assert!(clamp(f64::NAN, 0.0, 3.0).is_nan());
        assert!(clamp(1.0, f64::NAN, 3.0).is_nan());
        assert_eq!(clamp(f64::NAN, f64::INFINITY, f64::INFINITY), f64::INFINITY);
    }

    #[test]
    fn the_sign_of_zero_and_nan_is_kept() {
        let sgn = math_function("sgn").unwrap();
        assert!(sgn(-0.0).is_sign_negative());
        assert!(sgn(f64::NAN).is_nan());
        assert_eq!((sgn(-3.0), sgn(0.1)), (-1.0, 1.0));
    }
}
