//! Changes of counters and gauges over a window.

/// What becomes of the difference between the last and the first sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// A gauge's difference.
    Delta,
    /// A counter's growth.
    Increase,
    /// A counter's growth per second.
    Rate,
}

/// `delta`, `increase` and `rate`: the change between first and last sample, drawn out to the window's ends.
pub(super) fn extrapolated(samples: &[(i64, f64)], ends: (i64, i64), change: Change) -> Option<f64> {
    let (first, last) = (samples.first()?, samples.last()?);
    if samples.len() < 2 {
        return None;
    }
    let mut result = last.1 - first.1;
    if change != Change::Delta {
        for pair in samples.windows(2) {
            if pair[1].1 < pair[0].1 {
                result += pair[0].1;
            }
        }
    }
    // A counter does not begin below zero.
    let from_zero = change != Change::Delta && result > 0.0 && first.1 >= 0.0;
    let share = from_zero.then(|| first.1 / result);
    Some(result * factor((first.0, last.0), samples.len(), ends, share, change))
}

/// By what a change between the first and the last of `count` samples is multiplied. `share` is what the first sample
/// is of the change, where a counter cannot have begun before it was zero.
pub(super) fn factor(
    (first, last): (i64, i64),
    count: usize,
    ends: (i64, i64),
    share: Option<f64>,
    change: Change,
) -> f64 {
    let seconds = |from: i64, to: i64| (to - from) as f64 / 1000.0;
    let covered = seconds(first, last);
    let between = covered / (count - 1) as f64;
    let reach = |distance: f64| {
        if distance >= between * 1.1 {
            between / 2.0
        } else {
            distance
        }
    };
    let mut left = reach(seconds(ends.0, first));
    let right = reach(seconds(last, ends.1));
    if let Some(share) = share {
        left = left.min(covered * share);
    }
    let mut factor = (covered + left + right) / covered;
    if change == Change::Rate {
        factor /= seconds(ends.0, ends.1);
    }
    factor
}

/// `irate` and `idelta`: of the last two samples.
pub(super) fn instant(samples: &[(i64, f64)], counter: bool) -> Option<f64> {
    let [.., before, last] = samples else { return None };
    if !counter {
        return Some(last.1 - before.1);
    }
    let growth = if last.1 < before.1 {
        last.1
    } else {
        last.1 - before.1
    };
    Some(growth / ((last.0 - before.0) as f64 / 1000.0))
}

/// How many neighbours fulfil a condition.
pub(super) fn count_pairs(samples: &[(i64, f64)], holds: impl Fn(f64, f64) -> bool) -> f64 {
    samples
        .windows(2)
        .filter(|pair| holds(pair[0].1, pair[1].1))
        .count() as f64
}
