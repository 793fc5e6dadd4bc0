//! One series' samples into a reader's buffer.

use std::cell::RefCell;

use narthex_model::{HistogramValue, SampleBuffer, TimeRange};

use crate::head::{Head, Page, Rare, split};

thread_local! {
    /// Times and values of a series before they are cut to the range: kept to save the allocations.
    static SCRATCH: RefCell<(Vec<i64>, Vec<f64>)> = const { RefCell::new((Vec::new(), Vec::new())) };
}

/// Reads what a reader pinned to `pin` sees of a series inside `range`.
pub(super) fn read(head: &Head, id: u32, pin: u64, range: TimeRange, buffer: &mut SampleBuffer) {
    let (number, at) = split(id);
    let Some(page) = head.existing_page(number) else {
        buffer.set_times(&[]);
        return;
    };
    let page = page.read();
    SCRATCH.with_borrow_mut(|(times, values)| {
        times.clear();
        values.clear();
        let rare = read_floats(head, &page, at, pin, range, times, values);
        let from = times.partition_point(|t| *t < range.min);
        let to = times.partition_point(|t| *t <= range.max).max(from);
        let (times, values) = (
            times.get(from..to).unwrap_or(&[]),
            values.get(from..to).unwrap_or(&[]),
        );
        match rare {
            Some(rare) => merge(times, values, rare, pin, range, buffer),
            None => {
                buffer.set_times(times);
                buffer.values_mut().extend_from_slice(values);
            }
        }
    });
}

fn read_floats<'p>(
    head: &Head,
    page: &'p Page,
    at: usize,
    pin: u64,
    range: TimeRange,
    times: &mut Vec<i64>,
    values: &mut Vec<f64>,
) -> Option<&'p Rare> {
    let slot = page.slots.get(at)?;
    slot.read(&head.columns, range, page.visible(at, pin), times, values);
    slot.rare.as_deref()
}

/// A sample on its way into the buffer.
enum Item<'r> {
    Float(f64),
    Histogram(&'r HistogramValue),
}

/// Puts together floats in order, floats that came late, and histograms. Of samples with one time the first in this
/// order is taken.
fn merge(times: &[i64], values: &[f64], rare: &Rare, pin: u64, range: TimeRange, buffer: &mut SampleBuffer) {
    let floats = times.iter().zip(values).map(|(t, v)| (*t, Item::Float(*v)));
    let late = rare
        .late
        .iter()
        .filter(|l| l.commit <= pin && range.contains(l.time));
    let histograms = rare
        .histograms
        .iter()
        .filter(|h| h.commit <= pin && range.contains(h.time));
    let mut items: Vec<(i64, Item<'_>)> = floats
        .chain(late.map(|l| (l.time, Item::Float(l.value))))
        .chain(histograms.map(|h| (h.time, Item::Histogram(&h.value))))
        .collect();
    items.sort_by_key(|(time, _)| *time);
    items.dedup_by_key(|(time, _)| *time);
    let times: Vec<i64> = items.iter().map(|(time, _)| *time).collect();
    buffer.set_times(&times);
    for (position, (_, item)) in items.iter().enumerate() {
        match item {
            Item::Float(value) => buffer.values_mut().push(*value),
            Item::Histogram(value) => {
                buffer.values_mut().push(0.0);
                buffer.push_histogram(position, (*value).clone());
            }
        }
    }
    if !rare.starts.is_empty() {
        let start = |time: &i64| {
            let after = rare.starts.partition_point(|(from, _)| from <= time);
            after.checked_sub(1).map_or(0, |at| rare.starts[at].1)
        };
        buffer.start_times_mut().extend(times.iter().map(start));
    }
}
