//! Native histograms as Prometheus's histogram chunks: what a chunk's samples share once, then changes of changes.
//!
//! Source of the format: Prometheus `tsdb/chunkenc/{histogram,float_histogram,histogram_meta,varbit}.go`.

use narthex_model::histogram::CUSTOM_BUCKETS_SCHEMA;
use narthex_model::{FloatHistogram, Histogram, HistogramValue, ResetHint, Span};

use super::bits::Bits;
use super::xor::Values;

/// Says of a chunk that its histograms are gauges.
const GAUGE: u8 = 0b1100_0000;
const WIDTHS: [u32; 8] = [3, 6, 9, 12, 18, 25, 56, 64];

/// Whether `next` may stand in one chunk behind `last`: same shape, no reset, neither marks the end of its series.
pub(super) fn continues(last: &HistogramValue, next: &HistogramValue) -> bool {
    let alike = match (last, next) {
        (HistogramValue::Integer(a), HistogramValue::Integer(b)) => {
            shape_of_integer(a) == shape_of_integer(b)
        }
        (HistogramValue::Float(a), HistogramValue::Float(b)) => shape_of_float(a) == shape_of_float(b),
        _ => false,
    };
    alike
        && !last.is_stale()
        && !next.is_stale()
        && (next.hint() == ResetHint::Gauge || !next.to_float().detect_reset(&last.to_float()))
}

/// What all histograms of a chunk share.
#[derive(Debug, PartialEq)]
struct Shape<'h> {
    gauge: bool,
    zero_threshold: u64,
    schema: i32,
    positive: &'h [Span],
    negative: &'h [Span],
    bounds: &'h [f64],
}

fn shape_of_integer(h: &Histogram) -> Shape<'_> {
    Shape {
        gauge: h.hint == ResetHint::Gauge,
        zero_threshold: h.zero_threshold.to_bits(),
        schema: h.schema,
        positive: &h.positive_spans,
        negative: &h.negative_spans,
        bounds: &h.custom_values,
    }
}

fn shape_of_float(h: &FloatHistogram) -> Shape<'_> {
    Shape {
        gauge: h.hint == ResetHint::Gauge,
        zero_threshold: h.zero_threshold.to_bits(),
        schema: h.schema,
        positive: &h.positive_spans,
        negative: &h.negative_spans,
        bounds: &h.custom_values,
    }
}

/// A chunk of these histograms, each of which [`continues`] the one before; and its encoding's number.
pub(super) fn chunk(samples: &[(i64, &HistogramValue)]) -> (i32, Vec<u8>) {
    let Some((_, first)) = samples.first() else {
        return (2, vec![0, 0, 0]);
    };
    let (encoding, shape) = match first {
        HistogramValue::Integer(h) => (2, shape_of_integer(h)),
        HistogramValue::Float(h) => (3, shape_of_float(h)),
    };
    let mut head = (samples.len() as u16).to_be_bytes().to_vec();
    head.push(if shape.gauge { GAUGE } else { 0 });
    let mut bits = Bits::behind(head);
    push_shape(&mut bits, &shape);
    let mut integers = Integers::default();
    let mut floats = Vec::new();
    let mut times = Changes::default();
    for (n, (time, value)) in samples.iter().enumerate() {
        times.push(&mut bits, n, *time, true);
        match value {
            HistogramValue::Integer(h) => integers.push(&mut bits, n, h),
            HistogramValue::Float(h) => push_floats(&mut bits, &mut floats, h),
        }
    }
    (encoding, bits.into_bytes())
}

/// A column of whole numbers: the first itself, then a change, then changes of changes.
#[derive(Debug, Default, Clone)]
struct Changes {
    last: i64,
    change: i64,
}

impl Changes {
    /// `rising`: the first change is written as a number without sign.
    fn push(&mut self, bits: &mut Bits, n: usize, value: i64, rising: bool) {
        let change = value.wrapping_sub(self.last);
        match n {
            0 => {
                push_signed(bits, value);
                self.last = value;
                return;
            }
            1 if rising => push_unsigned(bits, change as u64),
            1 => push_signed(bits, change),
            _ => push_signed(bits, change.wrapping_sub(self.change)),
        }
        (self.last, self.change) = (value, change);
    }
}

#[derive(Debug, Default)]
struct Integers {
    counts: [Changes; 2],
    sum: Option<Values>,
    buckets: Vec<Changes>,
}

impl Integers {
    fn push(&mut self, bits: &mut Bits, n: usize, h: &Histogram) {
        for (column, count) in self.counts.iter_mut().zip([h.count, h.zero_count]) {
            if n == 0 {
                push_unsigned(bits, count);
                column.last = count as i64;
            } else {
                column.push(bits, n, count as i64, false);
            }
        }
        push_float(bits, &mut self.sum, h.sum);
        let buckets = h.positive_buckets.iter().chain(&h.negative_buckets);
        self.buckets.resize_with(
            h.positive_buckets.len() + h.negative_buckets.len(),
            Changes::default,
        );
        for (column, value) in self.buckets.iter_mut().zip(buckets) {
            column.push(bits, n, *value, false);
        }
    }
}

fn push_float(bits: &mut Bits, column: &mut Option<Values>, value: f64) {
    match column {
        Some(column) => column.push(bits, value),
        None => *column = Some(Values::first(bits, value)),
    }
}

fn push_floats(bits: &mut Bits, columns: &mut Vec<Option<Values>>, h: &FloatHistogram) {
    let buckets = h.positive_buckets.iter().chain(&h.negative_buckets);
    columns.resize_with(
        3 + h.positive_buckets.len() + h.negative_buckets.len(),
        Option::default,
    );
    let values = [h.count, h.zero_count, h.sum];
    for (column, value) in columns.iter_mut().zip(values.iter().chain(buckets)) {
        push_float(bits, column, *value);
    }
}

fn push_shape(bits: &mut Bits, shape: &Shape<'_>) {
    push_threshold(bits, f64::from_bits(shape.zero_threshold));
    push_signed(bits, i64::from(shape.schema));
    for spans in [shape.positive, shape.negative] {
        push_unsigned(bits, spans.len() as u64);
        for span in spans {
            push_unsigned(bits, u64::from(span.length));
            push_signed(bits, i64::from(span.offset));
        }
    }
    if shape.schema == CUSTOM_BUCKETS_SCHEMA {
        push_unsigned(bits, shape.bounds.len() as u64);
        for bound in shape.bounds {
            push_bound(bits, *bound);
        }
    }
}

/// Zero is the byte 0, powers of two from 2^-243 to 2^10 are their exponent plus 244, all else stands behind the byte
/// 255.
fn push_threshold(bits: &mut Bits, threshold: f64) {
    let raw = threshold.to_bits();
    let exponent = (raw >> 52) as i64 - 1023;
    let is_power = raw & ((1 << 52) - 1) == 0;
    match exponent {
        _ if threshold == 0.0 => bits.push(0, 8),
        -243..=10 if is_power => bits.push((exponent + 244) as u64, 8),
        _ => {
            bits.push(255, 8);
            bits.push(raw, 64);
        }
    }
}

/// Bounds with at most three decimals are short.
fn push_bound(bits: &mut Bits, bound: f64) {
    let thousandths = bound * 1000.0;
    if (0.0..=33_554_430.0).contains(&thousandths) && thousandths.round() / 1000.0 == bound {
        push_unsigned(bits, thousandths.round() as u64 + 1);
    } else {
        bits.push(0, 1);
        bits.push(bound.to_bits(), 64);
    }
}

fn push_signed(bits: &mut Bits, value: i64) {
    let fits = |width: u32| width == 64 || (-(1_i64 << (width - 1)) + 1..=1 << (width - 1)).contains(&value);
    push_sized(bits, value as u64, fits);
}

fn push_unsigned(bits: &mut Bits, value: u64) {
    push_sized(bits, value, |width| width == 64 || value < 1 << width);
}

/// A prefix that says how wide the number is, then the number.
fn push_sized(bits: &mut Bits, value: u64, fits: impl Fn(u32) -> bool) {
    if value == 0 {
        bits.push(0, 1);
        return;
    }
    let size = WIDTHS.iter().position(|w| fits(*w)).unwrap_or(WIDTHS.len() - 1);
    let width = WIDTHS.get(size).copied().unwrap_or(64);
    // As many ones as the size's place, and a zero to end them unless it is the last.
    if size + 1 < WIDTHS.len() {
        bits.push((1 << (size + 2)) - 2, size as u32 + 2);
    } else {
        bits.push(0xff, 8);
    }
    bits.push(value, width);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn histogram(count: u64, sum: f64, buckets: [i64; 2]) -> HistogramValue {
        HistogramValue::Integer(Arc::new(Histogram {
            schema: 1,
            zero_threshold: 0.5,
            count,
            sum,
            positive_spans: vec![Span {
                offset: -2,
                length: 2,
            }],
            positive_buckets: buckets.to_vec(),
            ..Histogram::default()
        }))
    }

    fn bytes(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(|b| *b != b' ').map(|b| b - b'0').collect();
        digits
            .chunks(8)
            .map(|eight| (0..8).fold(0, |byte, i| byte << 1 | eight.get(i).copied().unwrap_or(0)))
            .collect()
    }

    #[test]
    fn a_chunk_made_by_hand() {
        let (a, b, c) = (
            histogram(3, 1.0, [1, 1]),
            histogram(5, 1.0, [2, 1]),
            histogram(7, 1.0, [3, 1]),
        );
        assert!(continues(&a, &b) && continues(&b, &c) && !continues(&b, &a));
        let (encoding, data) = chunk(&[(0, &a), (10, &b), (20, &c)]);
        let one = format!("{:064b}", 1.0_f64.to_bits());
        let head = "00000000 00000011 00000000 11110011 10001 10001 10010 10110 0";
        let first = format!("0 10011 0 {one} 10001 10001");
        let second = "110001010 10010 0 0 10001 0";
        let third = "0 0 0 0 0 0";
        assert_eq!(
            (encoding, data),
            (2, bytes(&format!("{head}{first}{second}{third}")))
        );
    }

    #[test]
    fn numbers_of_every_width() {
        let signed = |value: i64| {
            let mut bits = Bits::default();
            push_signed(&mut bits, value);
            bits.into_bytes()
        };
        assert_eq!(signed(4), bytes("10 100"));
        assert_eq!(signed(-4), bytes("110 111100"));
        assert_eq!(signed(1 << 24), bytes(&format!("1111110 1{}", "0".repeat(24))));
        assert_eq!(signed(i64::MIN), bytes(&format!("11111111 1{}", "0".repeat(63))));
        assert_eq!(
            signed(-(1 << 54)),
            bytes(&format!("11111110 11{}", "0".repeat(54)))
        );
    }
}
