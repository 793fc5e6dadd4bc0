//! Writing a chunk of floats: the mode that fits, exact to the bit. Layout: spec/chunk.md.

use crate::bytes::{put_f64, put_u64};
use crate::error::{Error, Result};
use crate::varint;

use super::SAMPLES_MAX;
use super::ints::{IntEncoder, Plan};
use super::numbers::{all_whole, decimal, decimal_places, is_whole, near_decimal, ordered, whole};

/// A chunk's first byte.
pub(super) mod mode {
    /// One value throughout, raw.
    pub(in crate::chunk) const CONST: u8 = 0;
    /// One whole number throughout.
    pub(in crate::chunk) const CONST_INT: u8 = 1;
    /// Whole numbers.
    pub(in crate::chunk) const INT: u8 = 2;
    /// Digits over a power of ten.
    pub(in crate::chunk) const DECIMAL: u8 = 3;
    /// Digits over a power of ten, and how many floats further the value lies.
    pub(in crate::chunk) const DECIMAL_ULP: u8 = 4;
    /// Bits in the order of their values.
    pub(in crate::chunk) const BITS: u8 = 5;
    /// As they are.
    pub(in crate::chunk) const RAW: u8 = 6;
    /// Set beside a mode: exceptions follow.
    pub(in crate::chunk) const EXCEPTIONS: u8 = 0x80;
}

/// The stale marker, which most exceptions are.
pub(super) const STALE: u64 = 0x7ff0_0000_0000_0002;
/// How the bits of exceptions are written: each, not at all because all are stale markers, or once.
pub(super) const EACH: u64 = 0;
pub(super) const ALL_STALE: u64 = 1;
pub(super) const ALL_EQUAL: u64 = 2;

/// Above this cost a sample is worth the search for sums of decimals.
const ULP_TRIAL_BITS: usize = 14;
/// Decimal places tried for such sums: seconds summed from milli-, micro- and nanoseconds.
const ULP_PLACES: [usize; 3] = [3, 6, 9];
/// Distances beyond this are not the rounding of a sum.
const ULP_MAX: u64 = 1 << 12;

/// Encodes chunks of floats; keeps its working memory.
#[derive(Debug, Default)]
pub struct ValueEncoder {
    ints: IntEncoder,
    numbers: Vec<i64>,
    digits: Vec<i64>,
    ulps: Vec<i64>,
    exceptions: Vec<(u16, u64)>,
}

/// Encodes `values`: see [`ValueEncoder::encode`], which many chunks should share.
///
/// # Errors
/// As [`ValueEncoder::encode`].
pub fn encode(values: &[f64]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    ValueEncoder::default().encode(values, &mut out)?;
    Ok(out)
}

impl ValueEncoder {
    /// Appends the chunk of `values`, 1 to 1,024 of them; their number is not part of it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for none or too many.
    pub fn encode(&mut self, values: &[f64], out: &mut Vec<u8>) -> Result<()> {
        let Some(first) = values.first().filter(|_| values.len() <= SAMPLES_MAX) else {
            return Err(Error::invalid(
                "chunk",
                0,
                "1 to 1024 values",
                values.len() as u64,
            ));
        };
        if values
            .iter()
            .fold(0, |all, value| all | (value.to_bits() ^ first.to_bits()))
            == 0
        {
            encode_const(*first, out);
            return Ok(());
        }
        let start = out.len();
        if all_whole(values, &mut self.numbers) {
            self.exceptions.clear();
            let plan = self.ints.plan(&self.numbers);
            out.push(mode::INT);
            self.ints.encode(&self.numbers, &plan, out);
        } else {
            self.encode_mixed(values, out);
        }
        if out.len() - start > 8 * values.len() {
            out.truncate(start);
            out.push(mode::RAW);
            values.iter().for_each(|value| put_f64(out, *value));
        }
        Ok(())
    }

    /// Not all values are whole: decimals with exceptions, sums of decimals, or bits, whichever is cheapest.
    fn encode_mixed(&mut self, values: &[f64], out: &mut Vec<u8>) {
        let decimals = self.plan_decimals(values);
        let limit = ULP_TRIAL_BITS * values.len();
        if let Some((places, plan)) = decimals.filter(|(_, plan)| plan.bits < limit) {
            return self.encode_decimals(places, &plan, out);
        }
        // Digits and exceptions stay as they are; the other trials use their own memory until one is chosen.
        let best = decimals.map_or(usize::MAX, |(_, plan)| plan.bits);
        let sums = self.plan_sums(values).filter(|sums| sums.bits() < best);
        let best = sums.map_or(best, |sums| sums.bits());
        let (shift, bits) = self.plan_bits(values);
        if bits.bits < best {
            self.begin(mode::BITS, out);
            out.push(shift);
            self.ints.encode(&self.numbers, &bits, out);
        } else if let Some(sums) = sums {
            self.encode_sums(values, &sums, out);
        } else if let Some((places, _)) = decimals {
            // The trials have used the memory of the decimals.
            self.collect_decimals(values, places);
            let plan = self.ints.plan(&self.numbers);
            self.encode_decimals(places, &plan, out);
        }
    }

    fn encode_decimals(&mut self, places: usize, plan: &Plan, out: &mut Vec<u8>) {
        self.begin(if places == 0 { mode::INT } else { mode::DECIMAL }, out);
        if places > 0 {
            out.push(places as u8);
        }
        self.ints.encode(&self.numbers, plan, out);
    }

    /// The fewest places at which most values are decimals, and what their digits cost with exceptions.
    fn plan_decimals(&mut self, values: &[f64]) -> Option<(usize, Plan)> {
        let mut places = 0;
        let mut failed = 0;
        for value in values.iter().filter(|value| value.is_finite()) {
            if decimal(*value, places).is_some() || value.to_bits() == (-0.0_f64).to_bits() {
                continue;
            }
            match decimal_places(*value, places) {
                Some(more) => places = more,
                None => failed += 1,
            }
            if failed * 8 > values.len() {
                return None;
            }
        }
        self.collect_decimals(values, places);
        if self.exceptions.len() * 2 > values.len() {
            return None;
        }
        let mut plan = self.ints.plan(&self.numbers);
        plan.bits += self.exception_bits();
        Some((places, plan))
    }

    /// Digits of all values at `places`; what has none repeats its neighbour's and is an exception.
    fn collect_decimals(&mut self, values: &[f64], places: usize) {
        self.collect(values, |value| decimal(value, places));
    }

    fn collect(&mut self, values: &[f64], number: impl Fn(f64) -> Option<i64>) {
        self.numbers.clear();
        self.exceptions.clear();
        let mut last = values.iter().find_map(|value| number(*value)).unwrap_or_default();
        for (place, value) in values.iter().enumerate() {
            match number(*value) {
                Some(number) => last = number,
                None => self.exceptions.push((place as u16, value.to_bits())),
            }
            self.numbers.push(last);
        }
    }

    /// Bits in the order of their values, without the zeros that all end with.
    fn plan_bits(&mut self, values: &[f64]) -> (u8, Plan) {
        let special = values.iter().filter(|value| !value.is_finite()).count();
        let keep_special = special * 8 > values.len();
        let kept = |value: f64| {
            let negative_zero = value.to_bits() == (-0.0_f64).to_bits();
            !negative_zero && (keep_special || value.is_finite())
        };
        self.collect(values, |value| kept(value).then(|| ordered(value.to_bits())));
        let shift = self
            .numbers
            .iter()
            .fold(0, |all, number| all | number)
            .trailing_zeros()
            .min(63);
        self.numbers.iter_mut().for_each(|number| *number >>= shift);
        let mut plan = self.ints.plan(&self.numbers);
        plan.bits += self.exception_bits();
        (shift as u8, plan)
    }

    /// Sums of decimals: the decimal places at which most values lie a few floats beside a decimal.
    fn plan_sums(&mut self, values: &[f64]) -> Option<Sums> {
        let finite = || values.iter().filter(|value| value.is_finite() && **value != 0.0);
        let step = (values.len() / 8).max(1);
        let near = |value: f64, places: usize| nearest(value, places).is_some();
        let likely = |places: &usize| {
            let (mut tried, mut found) = (0, 0);
            for value in finite().step_by(step) {
                tried += 1;
                found += usize::from(near(*value, *places));
            }
            tried > 0 && found * 8 >= tried * 7
        };
        let places = ULP_PLACES.into_iter().find(likely)?;
        self.collect_sums(values, places);
        let digits = self.ints.plan(&self.digits);
        let ulps = self.ints.plan(&self.ulps);
        Some(Sums {
            places,
            digits,
            ulps,
            exception_bits: self.exception_bits(),
        })
    }

    fn collect_sums(&mut self, values: &[f64], places: usize) {
        self.digits.clear();
        self.ulps.clear();
        self.exceptions.clear();
        let mut last = values
            .iter()
            .find_map(|value| nearest(*value, places))
            .unwrap_or_default();
        for (place, value) in values.iter().enumerate() {
            match nearest(*value, places) {
                Some(pair) => last = pair,
                None => self.exceptions.push((place as u16, value.to_bits())),
            }
            self.digits.push(last.0);
            self.ulps.push(last.1);
        }
    }

    fn encode_sums(&mut self, values: &[f64], sums: &Sums, out: &mut Vec<u8>) {
        self.collect_sums(values, sums.places);
        self.begin(mode::DECIMAL_ULP, out);
        out.push(sums.places as u8);
        self.ints.encode(&self.digits, &sums.digits, out);
        self.ints.encode(&self.ulps, &sums.ulps, out);
    }

    fn exception_bits(&self) -> usize {
        match self.exceptions.first() {
            None => 0,
            Some((_, first)) if self.exceptions.iter().all(|(_, bits)| bits == first) => {
                16 + 8 * self.exceptions.len() + if *first == STALE { 0 } else { 64 }
            }
            Some(_) => 16 + 72 * self.exceptions.len(),
        }
    }

    /// Writes the mode, and the exceptions if there are any.
    fn begin(&self, mode: u8, out: &mut Vec<u8>) {
        let Some((_, first)) = self.exceptions.first() else {
            out.push(mode);
            return;
        };
        out.push(mode | mode::EXCEPTIONS);
        let kind = match self.exceptions.iter().all(|(_, bits)| bits == first) {
            true if *first == STALE => ALL_STALE,
            true => ALL_EQUAL,
            false => EACH,
        };
        varint::put(out, (self.exceptions.len() as u64) << 2 | kind);
        let mut next = 0;
        for (place, _) in &self.exceptions {
            varint::put(out, u64::from(*place) - next);
            next = u64::from(*place) + 1;
        }
        let written = match kind {
            EACH => self.exceptions.len(),
            ALL_STALE => 0,
            _ => 1,
        };
        self.exceptions
            .iter()
            .take(written)
            .for_each(|(_, bits)| put_u64(out, *bits));
    }
}

/// A plan for sums of decimals.
#[derive(Clone, Copy)]
struct Sums {
    places: usize,
    digits: Plan,
    ulps: Plan,
    exception_bits: usize,
}

impl Sums {
    const fn bits(&self) -> usize {
        self.digits.bits + self.ulps.bits + self.exception_bits
    }
}

fn nearest(value: f64, places: usize) -> Option<(i64, i64)> {
    near_decimal(value, places, ULP_MAX)
}

fn encode_const(value: f64, out: &mut Vec<u8>) {
    if is_whole(value) {
        out.push(mode::CONST_INT);
        varint::put_signed(out, whole(value));
    } else {
        out.push(mode::CONST);
        put_f64(out, value);
    }
}
