//! Windows side by side: what one window needs one operation after the other, several windows do at the same time.

use super::kahan::KahanSum;
use super::sums::{mean, sum};

/// Windows computed together.
pub(super) const LANES: usize = 4;
/// Values of one window looked at together.
const WIDTH: usize = 8;

/// The starts of windows that are equally long, and that length.
pub(super) type Lanes = ([usize; LANES], usize);

/// The next windows, if they are equally long and not empty.
pub(super) fn lanes(bounds: &[(u32, u32)]) -> Option<Lanes> {
    let bounds: &[(u32, u32); LANES] = bounds.first_chunk()?;
    let length = |(low, high): (u32, u32)| high.saturating_sub(low) as usize;
    let first = length(bounds[0]);
    let alike = first > 0 && bounds.iter().all(|b| length(*b) == first);
    alike.then(|| (bounds.map(|(low, _)| low as usize), first))
}

/// The sum of each window, as [`sum`] makes it.
#[inline(always)]
pub(super) fn sums(values: &[f64], (starts, length): Lanes) -> [f64; LANES] {
    let all = compensated(values, (starts, length), [KahanSum::default(); LANES]);
    finish(values, (starts, length), all, |sum, _| sum.total(), sum)
}

/// The mean of each window, as [`mean`] makes it.
#[inline(always)]
pub(super) fn means(values: &[f64], (starts, length): Lanes) -> [f64; LANES] {
    let first = starts.map(|start| KahanSum::new(values.get(start).copied().unwrap_or(f64::NAN)));
    let all = compensated(values, (starts.map(|start| start + 1), length - 1), first);
    let divide = |sum: KahanSum, count: f64| sum.sum / count + sum.compensation / count;
    finish(values, (starts, length), all, divide, mean)
}

/// Adds to each sum the values of its window, without looking out for infinite sums.
#[inline(always)]
fn compensated(values: &[f64], (starts, length): Lanes, first: [KahanSum; LANES]) -> [KahanSum; LANES] {
    let windows = starts.map(|start| values.get(start..start + length).unwrap_or(&[]));
    let (mut sums, mut lost) = (first.map(|s| s.sum), first.map(|s| s.compensation));
    let [a, b, c, d] = windows;
    for (((a, b), c), d) in a.iter().zip(b).zip(c).zip(d) {
        let next = [*a, *b, *c, *d];
        for lane in 0..LANES {
            let before = KahanSum {
                sum: sums[lane],
                compensation: lost[lane],
            };
            let after = before.plus_finite(next[lane]);
            (sums[lane], lost[lane]) = (after.sum, after.compensation);
        }
    }
    std::array::from_fn(|lane| KahanSum {
        sum: sums[lane],
        compensation: lost[lane],
    })
}

/// Sums that are not finite are made again, one by one: they have ways of their own.
fn finish(
    values: &[f64],
    (starts, length): Lanes,
    sums: [KahanSum; LANES],
    finite: impl Fn(KahanSum, f64) -> f64,
    plain: fn(&[f64]) -> f64,
) -> [f64; LANES] {
    std::array::from_fn(|lane| {
        if sums[lane].sum.is_finite() {
            finite(sums[lane], length as f64)
        } else {
            plain(values.get(starts[lane]..starts[lane] + length).unwrap_or(&[]))
        }
    })
}

/// Whether the largest and the smallest of any of the values do not depend on the order in which they are looked at:
/// no NaN and no negative zero among them.
pub(super) fn is_plain(values: &[f64]) -> bool {
    let plain = |ok, value: &f64| ok & !value.is_nan() & (value.to_bits() != 1 << 63);
    values.chunks(256).all(|part| part.iter().fold(true, plain))
}

/// Windows that hold so many values on average are looked through by runs that several of them share.
const LONG: usize = 32;

/// The largest (or smallest) values of windows over plain values: of runs of twice the length again and again, of which
/// any two cover a window.
#[derive(Debug, Default)]
pub(super) struct Runs {
    best: Vec<f64>,
    longer: Vec<f64>,
    found: Vec<f64>,
}

impl Runs {
    /// Whether looking through each window by itself would cost more.
    pub(super) fn pay(bounds: &[(u32, u32)]) -> bool {
        let all: usize = bounds
            .iter()
            .map(|(low, high)| high.saturating_sub(*low) as usize)
            .sum();
        all > bounds.len() * LONG
    }

    /// One value for each window; windows without values have a meaningless one.
    #[inline(always)]
    pub(super) fn find<const MAX: bool>(&mut self, values: &[f64], bounds: &[(u32, u32)]) -> &[f64] {
        self.best.clear();
        self.best.extend_from_slice(values);
        self.found.clear();
        self.found.resize(bounds.len(), f64::NAN);
        let size = |(low, high): &(u32, u32)| high.saturating_sub(*low) as usize;
        let longest = bounds.iter().map(size).max().unwrap_or(0);
        let mut length = 1;
        while length <= longest {
            for (bounds, found) in bounds.iter().zip(&mut self.found) {
                if (length..2 * length).contains(&size(bounds)) {
                    let best = |at: usize| self.best.get(at).copied().unwrap_or(f64::NAN);
                    *found = better::<MAX>(best(bounds.0 as usize), best(bounds.1 as usize - length));
                }
            }
            // A run of twice the length is two runs.
            let behind = self.best.get(length..).unwrap_or(&[]);
            self.longer.clear();
            self.longer
                .extend(self.best.iter().zip(behind).map(|(a, b)| better::<MAX>(*a, *b)));
            std::mem::swap(&mut self.best, &mut self.longer);
            length *= 2;
        }
        &self.found
    }
}

#[inline(always)]
fn better<const MAX: bool>(a: f64, b: f64) -> f64 {
    if (MAX && a > b) || (!MAX && a < b) { a } else { b }
}

/// The largest (or smallest) of plain values.
pub(super) fn extreme<const MAX: bool>(values: &[f64]) -> f64 {
    let first = values.first().copied().unwrap_or(f64::NAN);
    let (rows, rest) = values.as_chunks::<WIDTH>();
    let mut best = [first; WIDTH];
    for row in rows {
        for (best, value) in best.iter_mut().zip(row) {
            *best = better::<MAX>(*value, *best);
        }
    }
    best.iter()
        .chain(rest)
        .fold(first, |best, value| better::<MAX>(*value, best))
}
