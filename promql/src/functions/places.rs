//! Positions of samples, one a step. Mostly they are evenly spaced, and then nobody looks at each of them.

/// Positions in a series, ascending.
#[derive(Debug, Default)]
pub struct Places {
    all: Vec<u32>,
    /// The distance between any two neighbours, if it is always the same.
    distance: Option<u32>,
}

impl Places {
    /// Replaces the positions.
    pub fn set(&mut self, places: impl Iterator<Item = u32>) {
        self.all.clear();
        self.all.extend(places);
        let distance = match self.all.as_slice() {
            [first, second, ..] => second.checked_sub(*first),
            _ => Some(1),
        };
        let even = |d: u32| self.all.windows(2).all(|p| p[1].checked_sub(p[0]) == Some(d));
        self.distance = distance.filter(|d| even(*d));
    }

    /// Replaces `out` by the values at the positions; NaN where there is none.
    #[inline(always)]
    pub fn pick(&self, values: &[f64], out: &mut Vec<f64>) {
        out.clear();
        match self.distance {
            Some(1) => self.pick_every::<1>(values, out),
            Some(2) => self.pick_every::<2>(values, out),
            Some(4) => self.pick_every::<4>(values, out),
            _ => {}
        }
        let left = self.all.iter().skip(out.len());
        out.extend(left.map(|at| values.get(*at as usize).copied().unwrap_or(f64::NAN)));
    }

    /// Picks those behind which a whole row of `D` values stands.
    #[inline(always)]
    fn pick_every<const D: usize>(&self, values: &[f64], out: &mut Vec<f64>) {
        let first = self.all.first().map_or(0, |first| *first as usize);
        let (rows, _) = values.get(first..).unwrap_or(&[]).as_chunks::<D>();
        out.extend(rows.iter().take(self.all.len()).map(|row| row[0]));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn values_are_picked_as_one_by_one(
            first in 0_u32..20,
            distances in prop_oneof![
                (prop::sample::select(vec![0_u32, 1, 2, 3, 4, 20]), 0_usize..30).prop_map(|(d, n)| vec![d; n]),
                prop::collection::vec(0_u32..5, 0..30),
            ],
            count in 0_usize..100,
        ) {
            let values: Vec<f64> = (0..count).map(|i| i as f64).collect();
            let places = std::iter::once(first).chain(distances.iter().scan(first, |at, d| { *at += d; Some(*at) }));
            let places: Vec<u32> = places.collect();
            let (mut plan, mut picked) = (Places::default(), vec![7.0]);
            plan.set(places.iter().copied());
            plan.pick(&values, &mut picked);
            let expected = places.iter().map(|at| values.get(*at as usize).copied().unwrap_or(f64::NAN));
            let bits = |v: f64| v.to_bits();
            prop_assert_eq!(picked.iter().copied().map(bits).collect::<Vec<_>>(), expected.map(bits).collect::<Vec<_>>());
        }
    }
}
