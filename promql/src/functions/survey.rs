//! What is looked for in all values of a series: drops, and stale markers. Both are rare, so whole stretches are looked
//! through at once.

use fearless_simd::{Level, dispatch};
use narthex_model::is_stale;

/// Values looked at together.
const STRETCH: usize = 64;

/// What has been found out about the values of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Survey {
    /// Whether each value is at least the one before, and so none is NaN.
    pub rising: bool,
    /// Whether there is a stale marker.
    pub stale: bool,
}

/// Looks through the values of a series. `level` is what the processor can do at once.
#[must_use]
pub fn survey(level: Level, values: &[f64]) -> Survey {
    dispatch!(level, _ => look_through(values))
}

#[inline(always)]
fn look_through(values: &[f64]) -> Survey {
    let risen = risen(values);
    Survey {
        rising: risen == values.len(),
        stale: any_stale(values.get(risen..).unwrap_or(&[])),
    }
}

/// Whether there is a stale marker among the values.
#[inline(always)]
pub fn any_stale(values: &[f64]) -> bool {
    let any_nan = |part: &[f64]| part.iter().fold(false, |any, v| any | v.is_nan());
    let mut parts = values.chunks(STRETCH);
    parts.any(|part| any_nan(part) && part.iter().any(|v| is_stale(*v)))
}

/// How many values at least are none below the one before, and no NaN: all of them, or some.
#[inline(always)]
fn risen(values: &[f64]) -> usize {
    let mut start = 0;
    while let Some((before, after)) = pairs(values, start) {
        if !before.iter().zip(after).fold(true, |ok, (b, a)| ok & (a >= b)) {
            return start;
        }
        start += STRETCH;
    }
    let rest = values.get(start..).unwrap_or(&[]);
    let ok = match rest {
        [one] => !one.is_nan(),
        rest => rest.iter().zip(rest.iter().skip(1)).all(|(b, a)| a >= b),
    };
    if ok { values.len() } else { start }
}

/// A stretch, and the values behind each of its values.
#[inline(always)]
fn pairs(values: &[f64], start: usize) -> Option<(&[f64; STRETCH], &[f64; STRETCH])> {
    let before = values.get(start..)?.first_chunk()?;
    Some((before, values.get(start + 1..)?.first_chunk()?))
}

/// Positions of the values that a smaller one follows.
#[inline(always)]
pub(super) fn find_drops(values: &[f64], drops: &mut Vec<u32>) {
    let mut start = 0;
    let mut note = |start: usize, before: &[f64], after: &[f64]| {
        let found = before.iter().zip(after).enumerate().filter(|(_, (b, a))| a < b);
        drops.extend(found.map(|(at, _)| (start + at) as u32));
    };
    while let Some((before, after)) = pairs(values, start) {
        if before.iter().zip(after).fold(false, |any, (b, a)| any | (a < b)) {
            note(start, before, after);
        }
        start += STRETCH;
    }
    let rest = values.get(start..).unwrap_or(&[]);
    note(start, rest, rest.get(1..).unwrap_or(&[]));
}

#[cfg(test)]
mod tests {
    use narthex_model::stale_nan;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_found_is_what_a_plain_search_finds(
            rises in prop::collection::vec(0_i32..3, 0..300),
            odd in prop::collection::vec(
                (0_usize..300, prop_oneof![Just(f64::NAN), Just(stale_nan()), Just(-1.0), Just(f64::INFINITY)]),
                0..3,
            ),
        ) {
            let mut sum = 0;
            let mut values: Vec<f64> = rises.iter().map(|rise| { sum += rise; f64::from(sum) }).collect();
            for (at, value) in odd {
                if let Some(place) = values.get_mut(at) {
                    *place = value;
                }
            }
            let rising = values.windows(2).all(|p| p[1] >= p[0]) && values.iter().all(|v| !v.is_nan());
            let stale = values.iter().any(|v| is_stale(*v));
            prop_assert_eq!(survey(Level::new(), &values), Survey { rising, stale });
            let mut drops = Vec::new();
            find_drops(&values, &mut drops);
            let expected = (1..values.len()).filter(|at| values[*at] < values[at - 1]).map(|at| at as u32 - 1);
            prop_assert_eq!(drops, expected.collect::<Vec<_>>());
        }
    }
}
