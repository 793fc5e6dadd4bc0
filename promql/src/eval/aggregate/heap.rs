//! The k largest (or smallest) values seen, as the heap that Go's `container/heap` makes: which of several equal
//! values stays, and in what order they come out, follows from it.

/// One candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    pub(super) value: f64,
    /// Position of the series.
    pub(super) series: u32,
}

/// The best candidates, the worst of them on top.
#[derive(Debug, Clone, Default)]
pub(super) struct Best {
    items: Vec<Candidate>,
    /// Whether a candidate was left out that is as good as the worst of them.
    tied: bool,
}

impl Best {
    /// Offers a candidate to the `k` best; `largest` says which are better. NaN is worse than everything.
    pub(super) fn offer(&mut self, candidate: Candidate, k: usize, largest: bool) {
        if self.items.len() < k {
            self.items.push(candidate);
            self.sift_up(largest);
            return;
        }
        let Some(top) = self.items.first_mut() else {
            return;
        };
        let better = if largest {
            top.value < candidate.value
        } else {
            top.value > candidate.value
        };
        if better || (top.value.is_nan() && !candidate.value.is_nan()) {
            let gone = std::mem::replace(top, candidate).value;
            self.sift_down(largest);
            self.tied = self.items.first().is_some_and(|top| equal(top.value, gone));
        } else {
            self.tied |= equal(top.value, candidate.value);
        }
    }

    /// Whether the order of the candidates decided which of equal ones were kept.
    pub(super) const fn is_tied(&self) -> bool {
        self.tied
    }

    /// The candidates, best first.
    pub(super) fn into_ranked(mut self, largest: bool) -> Vec<Candidate> {
        self.items.sort_by(|a, b| {
            // The better one first: "b is worse than a" puts a first.
            match (worse(b, a, largest), worse(a, b, largest)) {
                (true, false) => std::cmp::Ordering::Less,
                (false, true) => std::cmp::Ordering::Greater,
                _ => std::cmp::Ordering::Equal,
            }
        });
        self.items
    }

    fn sift_up(&mut self, largest: bool) {
        let mut at = self.items.len().saturating_sub(1);
        while at > 0 {
            let parent = (at - 1) / 2;
            if !self.is_worse(at, parent, largest) {
                break;
            }
            self.items.swap(at, parent);
            at = parent;
        }
    }

    fn sift_down(&mut self, largest: bool) {
        let mut at = 0;
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            if left >= self.items.len() {
                break;
            }
            let child = if right < self.items.len() && self.is_worse(right, left, largest) {
                right
            } else {
                left
            };
            if !self.is_worse(child, at, largest) {
                break;
            }
            self.items.swap(at, child);
            at = child;
        }
    }

    fn is_worse(&self, a: usize, b: usize, largest: bool) -> bool {
        match (self.items.get(a), self.items.get(b)) {
            (Some(a), Some(b)) => worse(a, b, largest),
            _ => false,
        }
    }
}

fn equal(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan())
}

fn worse(a: &Candidate, b: &Candidate, largest: bool) -> bool {
    if a.value.is_nan() {
        return !b.value.is_nan();
    }
    if largest {
        a.value < b.value
    } else {
        a.value > b.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_come_out_in_order_and_nan_last() {
        let values = [3.0, f64::NAN, 1.0, 4.0, 1.0, 5.0];
        let rank = |k: usize, largest: bool| {
            let mut best = Best::default();
            for (series, value) in values.iter().enumerate() {
                best.offer(
                    Candidate {
                        value: *value,
                        series: series as u32,
                    },
                    k,
                    largest,
                );
            }
            best.into_ranked(largest)
                .iter()
                .map(|c| c.series)
                .collect::<Vec<_>>()
        };
        assert_eq!(rank(3, true), [5, 3, 0]);
        assert_eq!(rank(1, false), [2]);
        assert_eq!(rank(6, true).last(), Some(&1));
        assert_eq!(rank(6, false).last(), Some(&1));
    }

    #[test]
    fn ties_are_noticed_where_something_is_left_out() {
        let is_tied = |values: &[f64], k: usize| {
            let mut best = Best::default();
            for (series, value) in (0..).zip(values) {
                best.offer(
                    Candidate {
                        value: *value,
                        series,
                    },
                    k,
                    true,
                );
            }
            best.is_tied()
        };
        assert!(is_tied(&[1.0, 1.0], 1));
        assert!(is_tied(&[0.0, 2.0, 0.0], 2), "the later one was left out");
        assert!(is_tied(&[1.0, 1.0, 2.0], 2), "the earlier one had to go");
        assert!(is_tied(&[f64::NAN, f64::NAN], 1));
        assert!(is_tied(&[0.0, -0.0], 1));
        assert!(!is_tied(&[1.0, 1.0], 2), "both are kept");
        assert!(
            !is_tied(&[0.0, 0.0, 0.0, 1.0, 2.0], 2),
            "none of the equal ones is kept"
        );
        assert!(!is_tied(&[3.0, 2.0, 1.0], 2));
    }
}
