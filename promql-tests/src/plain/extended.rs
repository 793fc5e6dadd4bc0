//! `anchored` and `smoothed`: windows that see the samples around their ends.

use super::rate::{Change, count_pairs};

/// The value of a function over a window that holds what lies within the lookback before its begin; nothing where no
/// sample lies inside. `None` for other functions.
pub(super) fn anchored(function: &str, samples: &[(i64, f64)], ends: (i64, i64)) -> Option<Option<f64>> {
    let inside = samples.last().is_some_and(|(at, _)| *at > ends.0);
    // It begins with the last sample before, if there is one.
    let anchor = samples.iter().rposition(|(at, _)| *at <= ends.0).unwrap_or(0);
    let run = samples.get(anchor..).filter(|_| inside);
    Some(match function {
        "resets" => run.map(|run| count_pairs(run, |a, b| b < a)),
        "changes" => run.map(|run| count_pairs(run, |a, b| a != b && !(a.is_nan() && b.is_nan()))),
        _ => {
            let change = change(function)?;
            run.map(|run| grown(run, ends, change))
        }
    })
}

/// The same over a window that sees as far behind its end, and whose ends lie on the lines between samples.
pub(super) fn smoothed(function: &str, samples: &[(i64, f64)], ends: (i64, i64)) -> Option<Option<f64>> {
    let change = change(function)?;
    let before = samples.iter().rposition(|(at, _)| *at <= ends.0);
    let after = samples.iter().position(|(at, _)| *at >= ends.1);
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else {
        return Some(None);
    };
    if last.0 <= ends.0 || first.0 > ends.1 {
        return Some(None);
    }
    let counter = change != Change::Delta;
    let mut run = Vec::new();
    if let Some(before) = before {
        run.push((ends.0, on_the_line(samples, before, ends.0, counter)));
    }
    let inside = samples.iter().filter(|(at, _)| ends.0 < *at && *at < ends.1);
    run.extend(inside.copied());
    match after {
        Some(0) => run.push(*first),
        Some(after) => run.push((ends.1, on_the_line(samples, after - 1, ends.1, counter))),
        None => {}
    }
    Some(Some(grown(&run, ends, change)))
}

fn change(function: &str) -> Option<Change> {
    match function {
        "rate" => Some(Change::Rate),
        "increase" => Some(Change::Increase),
        "delta" => Some(Change::Delta),
        _ => None,
    }
}

/// The value at `time` on the line from the sample at `from` to the next. A counter that fell began anew at zero.
pub(super) fn on_the_line(samples: &[(i64, f64)], from: usize, time: i64, counter: bool) -> f64 {
    let (t1, mut v1) = samples[from];
    let Some((t2, v2)) = samples.get(from + 1).copied() else {
        return v1;
    };
    if time == t1 {
        return v1;
    }
    if time == t2 {
        return v2;
    }
    if counter && v2 < v1 {
        v1 = 0.0;
    }
    v1 + (v2 - v1) * ((time - t1) as f64) / ((t2 - t1) as f64)
}

fn grown(run: &[(i64, f64)], ends: (i64, i64), change: Change) -> f64 {
    let (Some(first), Some(last)) = (run.first(), run.last()) else {
        return 0.0;
    };
    let mut result = last.1 - first.1;
    if change != Change::Delta {
        for pair in run.windows(2) {
            if pair[1].1 < pair[0].1 {
                result += pair[0].1;
            }
        }
    }
    if change == Change::Rate {
        result /= (ends.1 - ends.0) as f64 / 1_000.0;
    }
    result
}
