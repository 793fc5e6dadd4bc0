//! What many numbers are together.

/// Adds `value` to a sum and what its additions lost so far (Neumaier).
fn add(value: f64, (sum, lost): (f64, f64)) -> (f64, f64) {
    let next = sum + value;
    if next.is_infinite() {
        (next, 0.0)
    } else if sum.abs() >= value.abs() {
        (next, lost + ((sum - next) + value))
    } else {
        (next, lost + ((value - next) + sum))
    }
}

/// The sum, with what each addition loses added at the end.
pub(super) fn sum(values: &[f64]) -> f64 {
    let (sum, lost) = values
        .iter()
        .fold((0.0, 0.0), |so_far, value| add(*value, so_far));
    sum + lost
}

/// The mean, also where the sum is beyond what a float holds.
pub(super) fn mean(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let total = sum(values);
    if total.is_finite() || values.iter().any(|value| !value.is_finite()) {
        return total / n;
    }
    sum(&values.iter().map(|value| value / n).collect::<Vec<_>>())
}

/// Mean squared distance from the mean, one value after the other (Welford).
pub(super) fn variance(values: &[f64]) -> f64 {
    let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
    for value in values {
        count += 1.0;
        let distance = value - mean;
        mean += distance / count;
        squares += distance * (value - mean);
    }
    squares / count
}

/// The same with what additions lose kept apart, as functions of ranges have it.
pub(super) fn exact_variance(values: &[f64]) -> f64 {
    let (mut count, mut mean, mut squares) = (0.0, (0.0, 0.0), (0.0, 0.0));
    for value in values {
        count += 1.0;
        let distance = value - (mean.0 + mean.1);
        mean = add(distance / count, mean);
        squares = add(distance * (value - (mean.0 + mean.1)), squares);
    }
    (squares.0 + squares.1) / count
}

/// The smallest, or with `sign` -1 the largest; NaN only if there is nothing else.
pub(super) fn extreme(values: &[f64], sign: f64) -> f64 {
    let numbers = values.iter().copied().filter(|value| !value.is_nan());
    numbers
        .reduce(|a, b| if sign * b < sign * a { b } else { a })
        .unwrap_or(f64::NAN)
}

/// The value below which the share `q` lies, between neighbours on a straight line; NaN sorts lowest.
pub(super) fn quantile(q: f64, values: &[f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| match (a.is_nan(), b.is_nan()) {
        (true, true) => std::cmp::Ordering::Equal,
        (true, false) => std::cmp::Ordering::Less,
        (false, true) => std::cmp::Ordering::Greater,
        (false, false) => a.total_cmp(b),
    });
    let rank = q * (sorted.len() - 1) as f64;
    let lower = rank.floor() as usize;
    let upper = (lower + 1).min(sorted.len() - 1);
    let weight = rank - rank.floor();
    sorted[lower] * (1.0 - weight) + sorted[upper] * weight
}

/// Slope per second and the value at `origin` of the line closest to the samples.
pub(super) fn line(samples: &[(i64, f64)], origin: i64) -> (f64, f64) {
    let first = samples[0].1;
    if samples.iter().all(|(_, value)| *value == first) {
        return if first.is_infinite() {
            (f64::NAN, f64::NAN)
        } else {
            (0.0, first)
        };
    }
    let n = samples.len() as f64;
    let over = |f: &dyn Fn(f64, f64) -> f64| {
        let terms = samples
            .iter()
            .map(|(time, value)| f((time - origin) as f64 / 1e3, *value));
        sum(&terms.collect::<Vec<_>>())
    };
    let (x, y) = (over(&|x, _| x), over(&|_, y| y));
    let (xy, xx) = (over(&|x, y| x * y), over(&|x, _| x * x));
    let slope = (xy - x * y / n) / (xx - x * x / n);
    (slope, y / n - slope * x / n)
}
