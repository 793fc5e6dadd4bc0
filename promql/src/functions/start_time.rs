//! What start times say: since when a sample's value has been counted.

use super::window::Window;

impl Window<'_> {
    /// Start and time of the sample at `index`, then start and time of the sample after it; 0 where there is none.
    pub(super) fn neighbours(times: &[i64], starts: &[i64], index: usize) -> [i64; 4] {
        let at = |values: &[i64], i: usize| values.get(i).copied().unwrap_or(0);
        [
            at(starts, index),
            at(times, index),
            at(starts, index + 1),
            at(times, index + 1),
        ]
    }
}

/// Whether the start time of a sample says that its series began anew after the sample before.
///
/// Times are: start and time of the sample before, start and time of this sample; a start of 0 is not known, and one
/// that is not before its sample says nothing.
pub(super) const fn starts_anew([previous_start, previous, start, time]: [i64; 4]) -> bool {
    if start == 0 || start >= time || start < previous {
        return false;
    }
    // A start at the very time of the sample before is that of a delta series, unless the sample before knew no
    // start: then it marks a cumulative series whose start is not known.
    start > previous || (previous_start != 0 && previous_start < previous)
}

/// Whether a sample claims to count since before the sample before it, but not since when that one did.
pub(super) const fn overlaps([previous_start, previous, start, _]: [i64; 4]) -> bool {
    start != 0 && start < previous && start != previous_start
}

/// The start time of the first sample, where it lies inside of the window: the counter was at zero then.
pub(super) fn zero_point(window: &Window<'_>, times: &[i64], starts: &[i64]) -> Option<i64> {
    let (start, time) = (*starts.first()?, *times.first()?);
    (start != 0 && start < time && start > window.range_start_ms).then_some(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_times_tell_deltas_from_counters() {
        // Start and time of one sample, start and time of the next.
        for (times, anew, overlap) in [
            ([0, 100, 0, 200], false, false),
            ([50, 100, 50, 200], false, false),
            ([50, 100, 150, 200], true, false),
            ([50, 100, 100, 200], true, false),
            ([0, 100, 100, 200], false, false),
            ([100, 100, 100, 200], false, false),
            ([110, 100, 100, 200], false, false),
            ([50, 100, 200, 200], false, false),
            ([50, 100, 250, 200], false, false),
            ([50, 100, 60, 200], false, true),
            ([0, 100, 60, 200], false, true),
        ] {
            assert_eq!(
                (starts_anew(times), overlaps(times)),
                (anew, overlap),
                "{times:?}"
            );
        }
    }
}
