//! Functions of range vectors over native histograms.

use super::evaluate::{Failure, Point};
use super::native::Native;
use super::rate::{Change, factor};

/// The sum of several; `None` where exponential and custom buckets meet.
pub(super) fn total(members: &[Native]) -> Option<Native> {
    let (first, others) = members.split_first()?;
    others
        .iter()
        .try_fold(first.clone(), |sum, other| sum.plus(1.0, other))
}

/// A function of the samples in a window; nothing where there are too few of them.
pub(super) fn of_window(
    function: &str,
    samples: &[(i64, Native)],
    ends: (i64, i64),
) -> Result<Option<Point>, Failure> {
    let values: Vec<Native> = samples.iter().map(|(_, value)| value.clone()).collect();
    let found = match function {
        "sum_over_time" => total(&values),
        "avg_over_time" => total(&values).map(|sum| sum.divided(values.len() as f64)),
        "rate" => gain(samples, ends, Change::Rate),
        "increase" => gain(samples, ends, Change::Increase),
        "delta" => gain(samples, ends, Change::Delta),
        "irate" | "idelta" => newest_gain(samples, function == "irate"),
        _ => return Err(Failure::Unknown(function.into())),
    };
    Ok(found.map(Point::Histogram))
}

/// What came between the first and the last sample, drawn out to the window's ends.
fn gain(samples: &[(i64, Native)], ends: (i64, i64), change: Change) -> Option<Native> {
    let [(from, first), rest @ ..] = samples else {
        return None;
    };
    let (to, last) = rest.last()?;
    let counter = change != Change::Delta;
    let mut gained = last.clone();
    let mut before = first;
    // What a counter had before it began anew counts, but for the first sample: of that only what came after it does.
    let mut lost: Vec<&Native> = Vec::new();
    if counter {
        for (_, value) in rest {
            if value.was_reset(before) {
                lost.push(before);
            }
            before = value;
        }
    }
    let reset_at_once = counter && rest.first().is_some_and(|(_, second)| second.was_reset(first));
    if !reset_at_once {
        gained = gained.plus(-1.0, first)?;
    }
    for value in lost.into_iter().skip(usize::from(reset_at_once)) {
        gained = gained.plus(1.0, value)?;
    }
    // A counter's resolution is that of the coarsest sample, the first one aside if it does not matter; custom bounds are
    // those of the samples that were added or taken away, or that stand in the first one's place.
    let coarsening = match (counter, gained.is_custom()) {
        (false, _) => 0,
        (true, true) => usize::from(reset_at_once),
        (true, false) => rest.len(),
    };
    for (_, value) in rest.iter().take(coarsening) {
        gained = gained.plus(0.0, value)?;
    }
    let grows_from_zero = counter && gained.count > 0.0 && first.count >= 0.0;
    let share = grows_from_zero.then(|| first.count / gained.count);
    Some(gained.each(|value| value * factor((*from, *to), samples.len(), ends, share, change)))
}

/// What came between the last two samples.
fn newest_gain(samples: &[(i64, Native)], counter: bool) -> Option<Native> {
    let [.., (from, before), (to, last)] = samples else {
        return None;
    };
    let gained = if counter && last.was_reset(before) {
        last.clone()
    } else {
        last.plus(-1.0, before)?
    };
    Some(if counter {
        gained.divided((to - from) as f64 / 1_000.0)
    } else {
        gained
    })
}
