//! Writing a stream of integers: the cheapest of a few predictions, one bit width, and patches for what does
//! not fit it. Layout: spec/chunk.md.

use crate::varint::{self, zigzag};

use super::pack::{bit_length, pack, packed_length, storable};

/// Bits of a stream's first byte.
pub(super) mod flag {
    /// The lowest two bits are the prediction: 0 none, 1 previous value, 2 previous step, 3 a line.
    pub(in crate::chunk) const ORDER: u8 = 3;
    /// Residuals are folded by sign.
    pub(in crate::chunk) const ZIGZAG: u8 = 4;
    /// Patches follow, their places as gaps.
    pub(in crate::chunk) const PATCH_LIST: u8 = 8;
    /// Patches follow, their places as a bitmap.
    pub(in crate::chunk) const PATCH_BITMAP: u8 = 16;
    /// A common divisor was taken out.
    pub(in crate::chunk) const DIVISOR: u8 = 32;
    /// A base was taken away.
    pub(in crate::chunk) const BASE: u8 = 64;
}

/// The order that stands for a line through the first value.
pub(super) const LINE: u8 = 3;

/// How a stream will be written, and what that costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    order: u8,
    zigzag: bool,
    base: i64,
    slope: i64,
    width: u32,
    widest: u32,
    /// Estimated, with patches and header.
    pub(super) bits: usize,
}

/// Working memory of the encoder.
#[derive(Debug, Default)]
pub(super) struct IntEncoder {
    steps: Vec<i64>,
    second_steps: Vec<i64>,
    line: Vec<i64>,
    residuals: Vec<u64>,
    places: Vec<u64>,
    highs: Vec<u64>,
}

impl IntEncoder {
    /// The cheapest way found to write `values`, of which there is at least one.
    pub(super) fn plan(&mut self, values: &[i64]) -> Plan {
        differences(values, &mut self.steps);
        let still = self.steps.iter().filter(|step| **step == 0).count();
        let mut best = cost(values, 0, 0, lowest(values), false);
        let mut offer = |plan: Plan| {
            if plan.bits < best.bits {
                best = plan;
            }
        };
        if values.len() > 1 {
            let steps = &self.steps;
            offer(cost(steps, 1, 0, lowest(steps), false));
            offer(cost(steps, 1, 0, middle(steps), true));
            // Where most values repeat, nothing else can win.
            if still * 4 <= steps.len() * 3 {
                offer(cost(values, 0, 0, middle(values), true));
                if steps.len() > 1 {
                    differences(steps, &mut self.second_steps);
                    offer(cost(&self.second_steps, 2, 0, 0, true));
                }
            }
        }
        best
    }

    /// As [`IntEncoder::plan`], also trying the line from the first value by the usual step.
    pub(super) fn plan_times(&mut self, times: &[i64]) -> Plan {
        let best = self.plan(times);
        if times.len() < 3 {
            return best;
        }
        let slope = middle(&self.steps);
        fill_line(times, slope, &mut self.line);
        let low = cost(&self.line, LINE, slope, lowest(&self.line), false);
        let folded = cost(&self.line, LINE, slope, middle(&self.line), true);
        [low, folded]
            .into_iter()
            .fold(best, |best, plan| if plan.bits < best.bits { plan } else { best })
    }

    /// Appends `values` as `plan` says, which must have been made for them.
    pub(super) fn encode(&mut self, values: &[i64], plan: &Plan, out: &mut Vec<u8>) {
        let ys = match plan.order {
            0 => values,
            1 => {
                differences(values, &mut self.steps);
                &self.steps
            }
            2 => {
                differences(values, &mut self.steps);
                differences(&self.steps, &mut self.second_steps);
                &self.second_steps
            }
            _ => {
                fill_line(values, plan.slope, &mut self.line);
                &self.line
            }
        };
        let (mut plan, divisor) = (*plan, common_divisor(ys, plan));
        self.residuals.clear();
        if divisor > 1 {
            let (base, zigzag) = (plan.base, plan.zigzag);
            self.residuals
                .extend(ys.iter().map(|y| divided(y.wrapping_sub(base), divisor, zigzag)));
            choose_width(&mut plan, &self.residuals);
        } else if plan.zigzag {
            self.residuals
                .extend(ys.iter().map(|y| zigzag(y.wrapping_sub(plan.base))));
        } else {
            self.residuals
                .extend(ys.iter().map(|y| y.wrapping_sub(plan.base) as u64));
        }
        self.write(values, &plan, divisor, out);
    }

    fn write(&mut self, values: &[i64], plan: &Plan, divisor: u64, out: &mut Vec<u8>) {
        let (width, high) = (plan.width, storable(plan.widest.saturating_sub(plan.width)));
        let gap = if high > 0 { self.find_patches(width) } else { 0 };
        let (count, patches) = (self.residuals.len(), self.highs.len());
        let patches = if high > 0 { patches } else { 0 };
        let as_list = packed_length(patches, gap) < count.div_ceil(8);
        let mut flags = plan.order & flag::ORDER;
        for (set, bit) in [
            (plan.zigzag, flag::ZIGZAG),
            (patches > 0 && as_list, flag::PATCH_LIST),
            (patches > 0 && !as_list, flag::PATCH_BITMAP),
            (divisor > 1, flag::DIVISOR),
            (plan.base != 0, flag::BASE),
        ] {
            flags |= if set { bit } else { 0 };
        }
        out.push(flags);
        out.push(width as u8);
        self.write_prediction(values, plan, out);
        if divisor > 1 {
            varint::put(out, divisor);
        }
        if plan.base != 0 {
            varint::put_signed(out, plan.base);
        }
        if patches > 0 {
            varint::put(out, patches as u64);
            out.push(high as u8);
            if as_list {
                out.push(gap as u8);
            }
        }
        pack(self.residuals.iter().copied(), width, out);
        if patches > 0 {
            if as_list {
                self.write_gaps(gap, out)
            } else {
                self.write_bitmap(count, out)
            }
            pack(self.highs.iter().copied(), high, out);
        }
    }

    /// What the prediction starts from.
    fn write_prediction(&self, values: &[i64], plan: &Plan, out: &mut Vec<u8>) {
        if plan.order > 0 {
            varint::put_signed(out, values.first().copied().unwrap_or_default());
        }
        if plan.order == 2 {
            varint::put_signed(out, self.steps.first().copied().unwrap_or_default());
        }
        if plan.order == LINE {
            varint::put_signed(out, plan.slope);
        }
    }

    /// Collects places and high bits of residuals wider than `width`; the width of the widest gap.
    fn find_patches(&mut self, width: u32) -> u32 {
        self.places.clear();
        self.highs.clear();
        let (mut next, mut gaps) = (0, 0);
        for (place, residual) in self.residuals.iter().enumerate() {
            let high = residual >> width;
            if high != 0 {
                self.places.push(place as u64);
                self.highs.push(high);
                gaps |= place as u64 - next;
                next = place as u64 + 1;
            }
        }
        bit_length(gaps)
    }

    fn write_gaps(&self, gap: u32, out: &mut Vec<u8>) {
        let mut next = 0;
        let gaps = self
            .places
            .iter()
            .map(|place| place - std::mem::replace(&mut next, place + 1));
        pack(gaps, gap, out);
    }

    fn write_bitmap(&self, count: usize, out: &mut Vec<u8>) {
        let start = out.len();
        out.resize(start + count.div_ceil(8), 0);
        for place in &self.places {
            if let Some(byte) = out.get_mut(start + (*place / 8) as usize) {
                *byte |= 1 << (place % 8);
            }
        }
    }
}

fn differences(values: &[i64], out: &mut Vec<i64>) {
    out.clear();
    out.extend(
        values
            .iter()
            .zip(values.iter().skip(1))
            .map(|(a, b)| b.wrapping_sub(*a)),
    );
}

fn fill_line(times: &[i64], slope: i64, out: &mut Vec<i64>) {
    let first = times.first().copied().unwrap_or_default();
    let predicted = (0_i64..).map(|i| first.wrapping_add(slope.wrapping_mul(i)));
    out.clear();
    out.extend(
        times
            .iter()
            .zip(predicted)
            .map(|(time, line)| time.wrapping_sub(line)),
    );
}

fn lowest(values: &[i64]) -> i64 {
    values.iter().copied().min().unwrap_or_default()
}

/// The middle of nine values taken at equal distances: a median good enough for a base.
fn middle(values: &[i64]) -> i64 {
    const TAKEN: usize = 9;
    let mut taken = [0; TAKEN];
    for (i, place) in taken.iter_mut().enumerate() {
        let at = (values.len() * (2 * i + 1)) / (2 * TAKEN);
        *place = values.get(at).copied().unwrap_or_default();
    }
    taken.sort_unstable();
    taken[TAKEN / 2]
}

/// The plan for residuals of `ys` from `base`, with the best width.
fn cost(ys: &[i64], order: u8, slope: i64, base: i64, fold: bool) -> Plan {
    let mut counts = BitCounts::default();
    if fold {
        counts.add(ys, |y| zigzag(y.wrapping_sub(base)));
    } else {
        counts.add(ys, |y| y.wrapping_sub(base) as u64);
    }
    let mut plan = Plan {
        order,
        zigzag: fold,
        base,
        slope,
        width: 0,
        widest: 0,
        bits: 0,
    };
    counts.choose(ys.len(), &mut plan);
    plan.bits += if base == 0 {
        0
    } else {
        8 * varint::length(zigzag(base))
    };
    // A first value, a first step or a slope: about as long as what the residuals have lost.
    plan.bits += [0, 24, 40, 48][usize::from(order & 3)];
    plan
}

fn choose_width(plan: &mut Plan, residuals: &[u64]) {
    let mut counts = BitCounts::default();
    counts.add(residuals, |residual| residual);
    counts.choose(residuals.len(), plan);
}

/// How many residuals need how many bits; four tables, so that equal neighbours do not wait for each other.
struct BitCounts {
    tables: [[u16; 65]; 4],
    /// All residuals in one: as wide as the widest.
    all: u64,
}

impl Default for BitCounts {
    fn default() -> Self {
        Self {
            tables: [[0; 65]; 4],
            all: 0,
        }
    }
}

impl BitCounts {
    fn add<T: Copy>(&mut self, ys: &[T], residual: impl Fn(T) -> u64) {
        let (groups, tail) = ys.as_chunks::<4>();
        for group in groups {
            for (table, y) in self.tables.iter_mut().zip(group) {
                let residual = residual(*y);
                self.all |= residual;
                table[bit_length(residual) as usize] += 1;
            }
        }
        for y in tail {
            let residual = residual(*y);
            self.all |= residual;
            self.tables[0][bit_length(residual) as usize] += 1;
        }
    }

    fn at(&self, bits: usize) -> usize {
        self.tables.iter().map(|table| usize::from(table[bits])).sum()
    }

    /// Sets the plan's width, widest and bits: from the widest down, each narrower width patches more.
    fn choose(&self, count: usize, plan: &mut Plan) {
        let widest = bit_length(self.all);
        plan.widest = widest;
        plan.width = storable(widest);
        plan.bits = count * plan.width as usize;
        let (mut patched, mut wider) = (0, self.at(widest as usize));
        for width in (0..widest).rev() {
            patched += wider;
            wider = self.at(width as usize);
            // A width that no residual has is wider than it need be; beyond the largest storable one nothing is gained.
            if wider == 0 || storable(width) != width {
                continue;
            }
            let places =
                (patched * (bit_length((count / patched.max(1)) as u64) as usize + 1) + 8).min(count);
            let high = storable(widest - width) as usize;
            // Narrower still, there are more patches and they are wider.
            if patched * high + 16 >= plan.bits {
                break;
            }
            let bits = count * width as usize + patched * high + places + 16;
            if bits < plan.bits {
                plan.width = width;
                plan.bits = bits;
            }
        }
    }
}

/// The greatest divisor that all distances from the base share; 1 if there is none or nothing to divide.
fn common_divisor(ys: &[i64], plan: &Plan) -> u64 {
    let mut divisor = 0_u64;
    for y in ys {
        let mut distance = magnitude(y.wrapping_sub(plan.base), plan.zigzag);
        while distance != 0 {
            (divisor, distance) = if divisor == 0 {
                (distance, 0)
            } else {
                (distance, divisor % distance)
            };
        }
        if divisor == 1 {
            return 1;
        }
    }
    divisor.max(1)
}

/// A residual without its sign; from the lowest value there is none, and 64 bits count.
fn magnitude(distance: i64, fold: bool) -> u64 {
    if fold {
        distance.unsigned_abs()
    } else {
        distance as u64
    }
}

fn divided(distance: i64, divisor: u64, fold: bool) -> u64 {
    let quotient = magnitude(distance, fold) / divisor;
    if !fold {
        return quotient;
    }
    zigzag(if distance < 0 {
        (quotient as i64).wrapping_neg()
    } else {
        quotient as i64
    })
}
