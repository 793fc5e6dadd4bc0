//! Which samples can be accepted. Source: Prometheus `tsdb/head_append.go`.

use narthex_model::{HistogramValue, SampleValue};

use crate::error::Reason;
use crate::head::Slot;
use crate::options::Options;

/// The times that decide, fixed when a batch begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Oldest time of a sample that continues its series.
    oldest: i64,
    /// Oldest time of a sample in any order; `None` without an out-of-order window.
    oldest_late: Option<i64>,
    /// Newest time.
    newest: i64,
}

impl Bounds {
    /// The bounds while the store's newest sample is of `newest` and the clock says `now`.
    pub(super) fn new(options: &Options, newest: Option<i64>, now: i64) -> Self {
        let before = |window: i64| newest.map_or(i64::MIN, |n| n.saturating_sub(window));
        let window = options.out_of_order_window_ms;
        Self {
            oldest: before(options.in_order_window_ms),
            oldest_late: (window > 0).then(|| before(window)),
            newest: now.saturating_add(options.max_future_ms),
        }
    }
}

/// The value of a sample that asks for admission.
#[derive(Debug, Clone, Copy)]
pub(super) enum Offered<'a> {
    Float(f64),
    Histogram(&'a HistogramValue),
}

impl Offered<'_> {
    fn to_value(self) -> SampleValue {
        match self {
            Self::Float(v) => SampleValue::Float(v),
            Self::Histogram(h) => SampleValue::Histogram(h.clone()),
        }
    }
}

/// How an admitted sample is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admitted {
    /// As the newest of its series.
    InOrder,
    /// Beside newer ones.
    Late,
    /// Not at all: it is there already.
    Repeated,
}

/// Decides about one sample of a series.
pub(super) fn judge(slot: &Slot, time: i64, value: Offered<'_>, bounds: &Bounds) -> Result<Admitted, Reason> {
    if time > bounds.newest {
        return Err(Reason::TooFarInFuture);
    }
    if time >= bounds.oldest {
        if !slot.used || time > slot.last_time {
            return Ok(Admitted::InOrder);
        }
        if time == slot.last_time {
            if slot.last_is_deleted() {
                return Ok(Admitted::Late);
            }
            return match existing(slot) {
                None => Ok(Admitted::Repeated),
                Some(existing) if same(&existing, value) => Ok(Admitted::Repeated),
                Some(existing) => Err(Reason::DuplicateTimestamp {
                    time,
                    existing,
                    new: value.to_value(),
                }),
            };
        }
    }
    match bounds.oldest_late {
        Some(oldest) if time >= oldest && (!slot.used || time > slot.last_time) => Ok(Admitted::InOrder),
        Some(oldest) if time >= oldest => Ok(Admitted::Late),
        Some(_) => Err(Reason::TooOld),
        None if time < bounds.oldest => Err(Reason::OutOfBounds),
        None => Err(Reason::OutOfOrder),
    }
}

fn existing(slot: &Slot) -> Option<SampleValue> {
    if slot.last_is_histogram {
        slot.last_histogram().map(|h| SampleValue::Histogram(h.clone()))
    } else {
        Some(SampleValue::Float(f64::from_bits(slot.last_bits)))
    }
}

fn same(existing: &SampleValue, new: Offered<'_>) -> bool {
    match (existing, new) {
        (SampleValue::Float(a), Offered::Float(b)) => a.to_bits() == b.to_bits(),
        (SampleValue::Histogram(a), Offered::Histogram(b)) => a == b,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_follow_the_table() {
        let hour = 3_600_000;
        let slot = |last: Option<i64>| {
            let mut slot = Slot::default();
            if let Some(time) = last {
                slot.set_last_float(time, 7.0);
            }
            slot
        };
        let cases = [
            // window, newest of the store, newest of the series, time, value, expected
            (0, None, None, -5, 1.0, "InOrder"),
            (0, Some(10 * hour), None, 9 * hour, 1.0, "InOrder"),
            (0, Some(10 * hour), None, 9 * hour - 1, 1.0, "out of bounds"),
            (
                0,
                Some(10 * hour),
                Some(10 * hour),
                10 * hour - 1,
                1.0,
                "out of order sample",
            ),
            (0, Some(10 * hour), Some(10 * hour), 10 * hour, 7.0, "Repeated"),
            (
                0,
                Some(10 * hour),
                Some(10 * hour),
                10 * hour,
                8.0,
                "duplicate sample for timestamp 36000000; overrides not allowed: existing 7, new value 8",
            ),
            (0, Some(10 * hour), Some(hour), 9 * hour - 1, 1.0, "out of bounds"),
            (0, None, None, 20 * hour + 600_001, 1.0, "out of bounds"),
            (0, None, None, 20 * hour + 600_000, 1.0, "InOrder"),
            (hour, Some(10 * hour), Some(10 * hour), 9 * hour, 1.0, "Late"),
            (
                hour,
                Some(10 * hour),
                Some(10 * hour),
                9 * hour - 1,
                1.0,
                "too old sample",
            ),
            (2 * hour, Some(10 * hour), None, 8 * hour, 1.0, "InOrder"),
        ];
        for (window, newest, last, time, value, expected) in cases {
            let options = Options {
                out_of_order_window_ms: window,
                ..Options::default()
            };
            let bounds = Bounds::new(&options, newest, 20 * hour);
            let found = match judge(&slot(last), time, Offered::Float(value), &bounds) {
                Ok(admitted) => format!("{admitted:?}"),
                Err(reason) => reason.to_string(),
            };
            assert_eq!(found, expected, "{window} {newest:?} {last:?} {time}");
        }
    }
}
