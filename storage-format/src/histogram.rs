//! Native histograms as plain fields, and their form in a record: one after another, varints.

use crate::bytes::{Reader, put_f64};
use crate::error::Result;
use crate::varint;

/// A run of neighbouring buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Gap to the previous span in buckets; for the first span the index of its first bucket.
    pub offset: i32,
    /// Number of buckets in the run.
    pub length: u32,
}

/// A native histogram; `C` is the type of its counts, `B` that of its buckets.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HistogramFields<C, B> {
    /// Counter reset information: 0 unknown, 1 reset, 2 not reset, 3 gauge.
    pub hint: u8,
    /// Resolution: -4..=8, or -53 for custom buckets.
    pub schema: i32,
    /// Width of the zero bucket.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: C,
    /// All observations.
    pub count: C,
    /// Sum of all observations.
    pub sum: f64,
    /// Where the positive (or custom) buckets are.
    pub positive_spans: Vec<Span>,
    /// Where the negative buckets are.
    pub negative_spans: Vec<Span>,
    /// Positive (or custom) buckets.
    pub positive_buckets: Vec<B>,
    /// Negative buckets.
    pub negative_buckets: Vec<B>,
    /// Upper bounds of custom buckets, without +Inf.
    pub custom_values: Vec<f64>,
}

/// A histogram with integer counts; its buckets are deltas to their left neighbour.
pub type Histogram = HistogramFields<u64, i64>;

/// A histogram with float counts; its buckets are absolute.
pub type FloatHistogram = HistogramFields<f64, f64>;

/// The largest value of [`HistogramFields::hint`].
pub const HINT_MAX: u8 = 3;

/// A number that a histogram is made of.
pub trait Number: Copy {
    /// The fewest bytes that [`Number::put`] writes.
    const BYTES_MIN: usize;
    /// Appends the number.
    fn put(self, out: &mut Vec<u8>);
    /// Reads the number.
    ///
    /// # Errors
    /// [`crate::Error::Truncated`] or [`crate::Error::Corrupt`] if there is none.
    fn read(reader: &mut Reader<'_>) -> Result<Self>;
}

impl Number for u64 {
    const BYTES_MIN: usize = 1;
    fn put(self, out: &mut Vec<u8>) {
        varint::put(out, self);
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.varint()
    }
}

impl Number for i64 {
    const BYTES_MIN: usize = 1;
    fn put(self, out: &mut Vec<u8>) {
        varint::put_signed(out, self);
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.signed()
    }
}

impl Number for f64 {
    const BYTES_MIN: usize = 8;
    fn put(self, out: &mut Vec<u8>) {
        put_f64(out, self);
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        reader.f64()
    }
}

impl<C: Number, B: Number> HistogramFields<C, B> {
    /// Appends all fields in the order of their declaration.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.hint);
        varint::put_signed(out, i64::from(self.schema));
        put_f64(out, self.zero_threshold);
        self.zero_count.put(out);
        self.count.put(out);
        put_f64(out, self.sum);
        put_spans(out, &self.positive_spans);
        put_spans(out, &self.negative_spans);
        put_numbers(out, &self.positive_buckets);
        put_numbers(out, &self.negative_buckets);
        put_numbers(out, &self.custom_values);
    }

    /// Reads all fields.
    ///
    /// # Errors
    /// [`crate::Error::Truncated`] or [`crate::Error::Corrupt`] where the bytes do not hold a histogram.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        let hint = reader.u8()?;
        if hint > HINT_MAX {
            return Err(reader.corrupt("a counter reset hint of 0 to 3", u64::from(hint)));
        }
        let schema = reader.signed()?;
        let schema =
            i32::try_from(schema).map_err(|_| reader.corrupt("a schema of 32 bits", schema as u64))?;
        Ok(Self {
            hint,
            schema,
            zero_threshold: reader.f64()?,
            zero_count: C::read(reader)?,
            count: C::read(reader)?,
            sum: reader.f64()?,
            positive_spans: read_spans(reader)?,
            negative_spans: read_spans(reader)?,
            positive_buckets: read_numbers(reader)?,
            negative_buckets: read_numbers(reader)?,
            custom_values: read_numbers(reader)?,
        })
    }
}

pub(crate) fn put_spans(out: &mut Vec<u8>, spans: &[Span]) {
    varint::put(out, spans.len() as u64);
    for span in spans {
        varint::put_signed(out, i64::from(span.offset));
        varint::put(out, u64::from(span.length));
    }
}

pub(crate) fn read_spans(reader: &mut Reader<'_>) -> Result<Vec<Span>> {
    let count = reader.count(2)?;
    let mut spans = Vec::with_capacity(count);
    for _ in 0..count {
        let offset = reader.signed()?;
        let offset =
            i32::try_from(offset).map_err(|_| reader.corrupt("a span offset of 32 bits", offset as u64))?;
        spans.push(Span {
            offset,
            length: reader.varint_u32()?,
        });
    }
    Ok(spans)
}

fn put_numbers<N: Number>(out: &mut Vec<u8>, numbers: &[N]) {
    varint::put(out, numbers.len() as u64);
    for number in numbers {
        number.put(out);
    }
}

fn read_numbers<N: Number>(reader: &mut Reader<'_>) -> Result<Vec<N>> {
    let count = reader.count(N::BYTES_MIN)?;
    let mut numbers = Vec::with_capacity(count);
    for _ in 0..count {
        numbers.push(N::read(reader)?);
    }
    Ok(numbers)
}
