//! Floats as integers and back: whole numbers, decimals, and bits in the order of their values.

/// 1.5 × 2^52: adding it leaves a whole number of up to 51 bits in the lowest bits of the sum, for a whole
/// group of floats at once on any machine.
const SHIFTER: f64 = 6_755_399_441_055_744.0;
const SHIFTER_BITS: u64 = SHIFTER.to_bits();
/// The largest magnitude that is treated as a whole number or as a decimal's digits.
const WHOLE_MAX: f64 = 2_251_799_813_685_248.0;
const SIGN: u64 = 1 << 63;

/// The most decimal places: 10^18 is exact as a float.
pub(super) const PLACES_MAX: usize = 18;

/// Powers of ten, exact.
pub(super) const POWERS: [f64; PLACES_MAX + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
];

/// The nearest whole number; anything for what exceeds 51 bits.
#[inline]
pub(super) fn whole(value: f64) -> i64 {
    (value + SHIFTER).to_bits().wrapping_sub(SHIFTER_BITS) as i64
}

/// The float of a whole number of at most 51 bits; anything beyond.
#[inline]
pub(super) fn float(whole: u64) -> f64 {
    f64::from_bits(whole.wrapping_add(SHIFTER_BITS)) - SHIFTER
}

/// Whether `value` is a whole number that comes back from [`float`] exact to the bit.
#[inline]
pub(super) fn is_whole(value: f64) -> bool {
    value.abs() <= WHOLE_MAX && float(whole(value) as u64).to_bits() == value.to_bits()
}

/// Turns all values into whole numbers; `false` (and anything in `out`) if one of them is none.
pub(super) fn all_whole(values: &[f64], out: &mut Vec<i64>) -> bool {
    out.clear();
    // Differences and signs are collected, not branched upon: the loop runs on several values at once.
    let (mut different, mut beyond) = (0_u64, 0_u64);
    out.extend(values.iter().map(|value| {
        let number = whole(*value);
        different |= float(number as u64).to_bits() ^ value.to_bits();
        beyond |= WHOLE_MAX.to_bits().wrapping_sub(value.to_bits() & !SIGN);
        number
    }));
    different == 0 && beyond & SIGN == 0
}

/// The digits of `value` at `places` decimal places, if dividing them gives exactly `value` back.
#[inline]
pub(super) fn decimal(value: f64, places: usize) -> Option<i64> {
    let power = POWERS[places];
    let scaled = value * power;
    let digits = whole(scaled);
    let exact = scaled.abs() <= WHOLE_MAX && (float(digits as u64) / power).to_bits() == value.to_bits();
    exact.then_some(digits)
}

/// The digits of the decimal nearest to `value` at `places` decimal places, and how many floats further the
/// value lies; `None` if that is further than `distance_max`.
pub(super) fn near_decimal(value: f64, places: usize, distance_max: u64) -> Option<(i64, i64)> {
    let power = POWERS[places];
    let scaled = value * power;
    let digits = whole(scaled);
    let decimal = float(digits as u64) / power;
    let distance = (value.to_bits() as i64).wrapping_sub(decimal.to_bits() as i64);
    (scaled.abs() <= WHOLE_MAX && distance.unsigned_abs() <= distance_max).then_some((digits, distance))
}

/// The fewest decimal places from `from` on at which `value` is a decimal.
pub(super) fn decimal_places(value: f64, from: usize) -> Option<usize> {
    (from..=PLACES_MAX)
        .take_while(|places| (value * POWERS[*places]).abs() <= WHOLE_MAX)
        .find(|places| decimal(value, *places).is_some())
}

/// Bits as a number that rises with the value; −0 and 0 become the same.
#[inline]
pub(super) fn ordered(bits: u64) -> i64 {
    let sign = (bits as i64) >> 63;
    ((bits & !SIGN) as i64 ^ sign).wrapping_sub(sign)
}

/// Undoes [`ordered`].
#[inline]
pub(super) fn unordered(number: i64) -> u64 {
    let sign = number >> 63;
    (number ^ sign).wrapping_sub(sign) as u64 | (sign as u64 & SIGN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bits_keep_their_order(a in any::<f64>(), b in any::<f64>()) {
            prop_assume!(a.to_bits() != SIGN && b.to_bits() != SIGN);
            prop_assert_eq!(unordered(ordered(a.to_bits())), a.to_bits());
            prop_assert_eq!(ordered(a.to_bits()) < ordered(b.to_bits()), a < b);
        }

        #[test]
        fn a_decimal_is_found(digits in -(1_i64 << 51)..=1 << 51, places in 0..=9_usize) {
            let value = digits as f64 / POWERS[places];
            let least = decimal_places(value, 0);
            prop_assert!(digits == 0 || least.is_some_and(|least| least <= places));
        }
    }

    #[test]
    fn what_is_no_whole_number_is_told() {
        for value in [
            0.5,
            -0.0,
            f64::NAN,
            f64::INFINITY,
            1e300,
            f64::from_bits(0x7ff0_0000_0000_0002),
            WHOLE_MAX * 2.0,
        ] {
            assert!(!is_whole(value), "{value}");
            assert!(!all_whole(&[1.0, value, 2.0], &mut Vec::new()), "{value}");
        }
        let mut out = Vec::new();
        assert!(all_whole(&[0.0, -3.0, WHOLE_MAX, -WHOLE_MAX], &mut out));
        assert_eq!(out, [0, -3, 1 << 51, -(1 << 51)]);
    }
}
