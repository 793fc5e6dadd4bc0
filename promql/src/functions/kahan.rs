//! Sums that carry their rounding error along (Kahan's, in Neumaier's form).

/// A running sum and the error it has made so far.
///
/// The order of operations is that of Prometheus `util/kahansum`, so that sums agree to the last bit.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct KahanSum {
    /// The sum as rounded.
    pub sum: f64,
    /// What rounding has lost.
    pub compensation: f64,
}

impl KahanSum {
    /// A sum that begins with `value`.
    #[must_use]
    pub const fn new(value: f64) -> Self {
        Self {
            sum: value,
            compensation: 0.0,
        }
    }

    /// The sum after adding `value`. An infinite sum has no compensation.
    #[inline(always)]
    #[must_use]
    pub fn plus(self, value: f64) -> Self {
        let Self { sum, compensation } = self.plus_finite(value);
        Self {
            sum,
            compensation: if sum.is_infinite() { 0.0 } else { compensation },
        }
    }

    /// The same, but where the sum is not finite its compensation means nothing.
    #[inline(always)]
    #[must_use]
    pub fn plus_finite(self, value: f64) -> Self {
        let sum = self.sum + value;
        // Which of the two is the larger is chosen, not branched on, so that compilers add several sums at once.
        let larger = self.sum.abs() >= value.abs();
        let (large, small) = (
            if larger { self.sum } else { value },
            if larger { value } else { self.sum },
        );
        Self {
            sum,
            compensation: self.compensation + ((large - sum) + small),
        }
    }

    /// The sum of what both sums are made of, this one's first.
    #[inline]
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        let Self { sum, compensation } = self.plus(other.sum);
        Self {
            sum,
            compensation: if sum.is_infinite() {
                0.0
            } else {
                compensation + other.compensation
            },
        }
    }

    /// Adds `value`.
    #[inline]
    pub fn add(&mut self, value: f64) {
        *self = self.plus(value);
    }

    /// Sum and compensation together.
    #[inline]
    #[must_use]
    pub fn total(self) -> f64 {
        self.sum + self.compensation
    }
}
