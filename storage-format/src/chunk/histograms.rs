//! A chunk of native histograms, column by column: what describes the buckets once per run of equal
//! layouts, then every field and every bucket as a column of its own. Layout: spec/chunk.md.

use crate::bytes::{Reader, put_f64};
use crate::error::{Error, Result};
use crate::histogram::{HINT_MAX, HistogramFields, Span, put_spans, read_spans};
use crate::varint;

use super::SAMPLES_MAX;
use super::ints::IntEncoder;
use super::ints_decode::IntDecoder;
use super::values::ValueEncoder;
use super::values_decode::ValueDecoder;

/// Encodes chunks of histograms; keeps its working memory.
#[derive(Debug, Default)]
pub struct HistogramEncoder {
    ints: IntEncoder,
    values: ValueEncoder,
}

/// Decodes chunks of histograms; keeps its working memory.
#[derive(Debug, Default)]
pub struct HistogramDecoder {
    ints: IntDecoder,
    values: ValueDecoder,
}

/// A count or a bucket: how a column of it is written.
pub trait Cell: Copy + Default {
    /// Appends a column of 1 to 1,024 cells.
    ///
    /// # Errors
    /// [`Error::Invalid`] for none or too many.
    fn encode(encoder: &mut HistogramEncoder, cells: &[Self], out: &mut Vec<u8>) -> Result<()>;
    /// Reads a column of `count` cells.
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::Corrupt`].
    fn decode(decoder: &mut HistogramDecoder, reader: &mut Reader<'_>, count: usize) -> Result<Vec<Self>>;
    /// The bucket as a count of its own, from what is stored and the bucket to its left.
    fn absolute(self, left: Self) -> Self;
    /// Undoes [`Cell::absolute`].
    fn stored(self, left: Self) -> Self;
}

impl Cell for i64 {
    fn encode(encoder: &mut HistogramEncoder, cells: &[Self], out: &mut Vec<u8>) -> Result<()> {
        let plan = encoder.ints.plan(cells);
        encoder.ints.encode(cells, &plan, out);
        Ok(())
    }
    fn decode(decoder: &mut HistogramDecoder, reader: &mut Reader<'_>, count: usize) -> Result<Vec<Self>> {
        Ok(decoder
            .ints
            .decode(reader, count)?
            .iter()
            .map(|cell| *cell as i64)
            .collect())
    }
    fn absolute(self, left: Self) -> Self {
        self.wrapping_add(left)
    }
    fn stored(self, left: Self) -> Self {
        self.wrapping_sub(left)
    }
}

impl Cell for u64 {
    fn encode(encoder: &mut HistogramEncoder, cells: &[Self], out: &mut Vec<u8>) -> Result<()> {
        let signed: Vec<i64> = cells.iter().map(|cell| *cell as i64).collect();
        Cell::encode(encoder, &signed, out)
    }
    fn decode(decoder: &mut HistogramDecoder, reader: &mut Reader<'_>, count: usize) -> Result<Vec<Self>> {
        Ok(decoder.ints.decode(reader, count)?.to_vec())
    }
    fn absolute(self, _: Self) -> Self {
        self
    }
    fn stored(self, _: Self) -> Self {
        self
    }
}

impl Cell for f64 {
    fn encode(encoder: &mut HistogramEncoder, cells: &[Self], out: &mut Vec<u8>) -> Result<()> {
        encoder.values.encode(cells, out)
    }
    fn decode(decoder: &mut HistogramDecoder, reader: &mut Reader<'_>, count: usize) -> Result<Vec<Self>> {
        let mut cells = Vec::with_capacity(count.min(SAMPLES_MAX));
        decoder.values.read(reader, count, &mut cells)?;
        Ok(cells)
    }
    fn absolute(self, _: Self) -> Self {
        self
    }
    fn stored(self, _: Self) -> Self {
        self
    }
}

/// What histograms must share to stand in one run.
struct Layout {
    schema: i32,
    zero_threshold: f64,
    positive_spans: Vec<Span>,
    negative_spans: Vec<Span>,
    custom_values: Vec<f64>,
    positive: usize,
    negative: usize,
}

impl HistogramEncoder {
    /// Appends the chunk of `histograms`, 1 to 1,024 of them; their number is not part of it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for none or too many, or a hint that is none.
    pub fn encode<C: Cell, B: Cell>(
        &mut self,
        histograms: &[HistogramFields<C, B>],
        out: &mut Vec<u8>,
    ) -> Result<()> {
        if histograms.is_empty() || histograms.len() > SAMPLES_MAX {
            return Err(Error::invalid(
                "chunk",
                0,
                "1 to 1024 histograms",
                histograms.len() as u64,
            ));
        }
        if let Some(index) = histograms.iter().position(|h| h.hint > HINT_MAX) {
            return Err(Error::invalid(
                "chunk",
                index,
                "a counter reset hint of 0 to 3",
                u64::from(HINT_MAX) + 1,
            ));
        }
        self.column(histograms, out, |h| i64::from(h.hint))?;
        self.column(histograms, out, |h| h.zero_count)?;
        self.column(histograms, out, |h| h.count)?;
        self.column(histograms, out, |h| h.sum)?;
        for run in histograms.chunk_by(same_layout) {
            let Some(first) = run.first() else { continue };
            varint::put(out, run.len() as u64);
            write_layout(first, out);
            self.buckets(run, first.positive_buckets.len(), |h| &h.positive_buckets, out)?;
            self.buckets(run, first.negative_buckets.len(), |h| &h.negative_buckets, out)?;
        }
        Ok(())
    }

    fn column<H, T: Cell>(&mut self, rows: &[H], out: &mut Vec<u8>, cell: impl Fn(&H) -> T) -> Result<()> {
        let cells: Vec<T> = rows.iter().map(cell).collect();
        T::encode(self, &cells, out)
    }

    /// A column per bucket, as counts of their own: those rise steadily, their differences need not.
    fn buckets<C, B: Cell>(
        &mut self,
        run: &[HistogramFields<C, B>],
        width: usize,
        side: impl Fn(&HistogramFields<C, B>) -> &Vec<B>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let mut left = vec![B::default(); run.len()];
        for bucket in 0..width {
            for (cell, histogram) in left.iter_mut().zip(run) {
                *cell = side(histogram)
                    .get(bucket)
                    .copied()
                    .unwrap_or_default()
                    .absolute(*cell);
            }
            B::encode(self, &left, out)?;
        }
        Ok(())
    }
}

fn same_layout<C, B>(a: &HistogramFields<C, B>, b: &HistogramFields<C, B>) -> bool {
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    a.schema == b.schema
        && a.zero_threshold.to_bits() == b.zero_threshold.to_bits()
        && a.positive_spans == b.positive_spans
        && a.negative_spans == b.negative_spans
        && a.positive_buckets.len() == b.positive_buckets.len()
        && a.negative_buckets.len() == b.negative_buckets.len()
        && bits(&a.custom_values) == bits(&b.custom_values)
}

fn write_layout<C, B>(histogram: &HistogramFields<C, B>, out: &mut Vec<u8>) {
    varint::put_signed(out, i64::from(histogram.schema));
    put_f64(out, histogram.zero_threshold);
    put_spans(out, &histogram.positive_spans);
    put_spans(out, &histogram.negative_spans);
    varint::put(out, histogram.custom_values.len() as u64);
    histogram
        .custom_values
        .iter()
        .for_each(|value| put_f64(out, *value));
    varint::put(out, histogram.positive_buckets.len() as u64);
    varint::put(out, histogram.negative_buckets.len() as u64);
}

impl Layout {
    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let schema = reader.signed()?;
        let schema =
            i32::try_from(schema).map_err(|_| reader.corrupt("a schema of 32 bits", schema as u64))?;
        let zero_threshold = reader.f64()?;
        let positive_spans = read_spans(reader)?;
        let negative_spans = read_spans(reader)?;
        let count = reader.count(8)?;
        let custom_values = (0..count).map(|_| reader.f64()).collect::<Result<_>>()?;
        // The smallest column takes two bytes.
        let positive = reader.count(2)?;
        let negative = reader.count(2)?;
        Ok(Self {
            schema,
            zero_threshold,
            positive_spans,
            negative_spans,
            custom_values,
            positive,
            negative,
        })
    }
}

impl HistogramDecoder {
    /// Appends the `count` histograms of `chunk`, which must be the chunk's bytes and no more.
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::Corrupt`]; `out` may then have been extended.
    pub fn decode<C: Cell, B: Cell>(
        &mut self,
        chunk: &[u8],
        count: usize,
        out: &mut Vec<HistogramFields<C, B>>,
    ) -> Result<()> {
        let mut reader = Reader::new(chunk, "histogram chunk");
        let reader = &mut reader;
        let hints = i64::decode(self, reader, count)?;
        let zero_counts = C::decode(self, reader, count)?;
        let counts = C::decode(self, reader, count)?;
        let sums = f64::decode(self, reader, count)?;
        let mut fields = hints.iter().zip(zero_counts).zip(counts).zip(sums);
        let mut left = count;
        while left > 0 {
            let length = reader.varint()?;
            let Some(length) = usize::try_from(length)
                .ok()
                .filter(|length| (1..=left).contains(length))
            else {
                return Err(reader.corrupt("a run of histograms within the chunk", length));
            };
            left -= length;
            let layout = Layout::read(reader)?;
            let mut positive = self.buckets::<B>(reader, layout.positive, length)?.into_iter();
            let mut negative = self.buckets::<B>(reader, layout.negative, length)?.into_iter();
            for (((hint, zero_count), count), sum) in fields.by_ref().take(length) {
                let hint = u8::try_from(*hint).ok().filter(|hint| *hint <= HINT_MAX);
                out.push(HistogramFields {
                    hint: hint.ok_or_else(|| reader.corrupt("a counter reset hint of 0 to 3", u64::MAX))?,
                    schema: layout.schema,
                    zero_threshold: layout.zero_threshold,
                    zero_count,
                    count,
                    sum,
                    positive_spans: layout.positive_spans.clone(),
                    negative_spans: layout.negative_spans.clone(),
                    positive_buckets: positive.next().unwrap_or_default(),
                    negative_buckets: negative.next().unwrap_or_default(),
                    custom_values: layout.custom_values.clone(),
                });
            }
        }
        reader.finish()
    }

    /// The buckets of each histogram of a run, from a column per bucket.
    fn buckets<B: Cell>(
        &mut self,
        reader: &mut Reader<'_>,
        width: usize,
        rows: usize,
    ) -> Result<Vec<Vec<B>>> {
        let mut histograms = vec![Vec::new(); rows];
        let mut left = vec![B::default(); rows];
        for _ in 0..width {
            let column = B::decode(self, reader, rows)?;
            for ((histogram, left), cell) in histograms.iter_mut().zip(&mut left).zip(column) {
                histogram.push(cell.stored(*left));
                *left = cell;
            }
        }
        Ok(histograms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histogram::{FloatHistogram, Histogram};
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn spans() -> impl Strategy<Value = Vec<Span>> {
        vec(
            (any::<i32>(), any::<u32>()).prop_map(|(offset, length)| Span { offset, length }),
            0..3,
        )
    }

    fn integer() -> impl Strategy<Value = Histogram> {
        let numbers = (
            0..4_u8,
            any::<i32>(),
            any::<u64>(),
            any::<u64>(),
            any::<u64>(),
            any::<u64>(),
        );
        (
            numbers,
            spans(),
            spans(),
            vec(any::<i64>(), 0..4),
            vec(0..4_i64, 0..4),
        )
            .prop_map(|(n, p, m, a, b)| Histogram {
                hint: n.0,
                schema: n.1,
                zero_threshold: f64::from_bits(n.2),
                zero_count: n.3,
                count: n.4,
                sum: f64::from_bits(n.5),
                positive_spans: p,
                negative_spans: m,
                positive_buckets: a,
                negative_buckets: b,
                custom_values: vec![0.5],
            })
    }

    fn text<H: std::fmt::Debug>(histograms: &H) -> String {
        format!("{histograms:?}")
    }

    proptest! {
        #[test]
        fn any_histograms_come_back(
            kinds in vec(integer(), 1..4),
            picks in vec((any::<prop::sample::Index>(), 0..9_i64), 1..40),
        ) {
            let histograms: Vec<Histogram> = picks.iter().map(|(pick, more)| {
                let mut histogram = pick.get(&kinds).clone();
                histogram.count = histogram.count.wrapping_add(*more as u64);
                histogram.positive_buckets.iter_mut().for_each(|b| *b = b.wrapping_add(*more));
                histogram
            }).collect();
            let mut bytes = Vec::new();
            HistogramEncoder::default().encode(&histograms, &mut bytes).unwrap();
            let mut read = Vec::new();
            HistogramDecoder::default().decode::<u64, i64>(&bytes, histograms.len(), &mut read).unwrap();
            prop_assert_eq!(text(&read), text(&histograms));

            let floats: Vec<FloatHistogram> = histograms.iter().map(|h| FloatHistogram {
                hint: h.hint, schema: h.schema, zero_threshold: h.zero_threshold,
                zero_count: f64::from_bits(h.zero_count), count: h.count as f64, sum: h.sum,
                positive_spans: h.positive_spans.clone(), negative_spans: h.negative_spans.clone(),
                positive_buckets: h.positive_buckets.iter().map(|b| *b as f64 / 2.0).collect(),
                negative_buckets: vec![], custom_values: h.custom_values.clone(),
            }).collect();
            bytes.clear();
            HistogramEncoder::default().encode(&floats, &mut bytes).unwrap();
            let mut read = Vec::new();
            HistogramDecoder::default().decode::<f64, f64>(&bytes, floats.len(), &mut read).unwrap();
            prop_assert_eq!(text(&read), text(&floats));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, count in 0..30_usize) {
            let _ = HistogramDecoder::default().decode::<u64, i64>(&bytes, count, &mut Vec::new());
            let _ = HistogramDecoder::default().decode::<f64, f64>(&bytes, count, &mut Vec::new());
        }
    }

    #[test]
    fn steady_histograms_are_small() {
        let grown = |i: i64| Histogram {
            schema: 3,
            count: (12 * i) as u64,
            sum: 0.5 * i as f64,
            positive_spans: vec![Span { offset: 0, length: 8 }],
            positive_buckets: vec![i, 0, i, 0, -i, 0, 0, 0],
            ..Histogram::default()
        };
        let histograms: Vec<_> = (0..240).map(grown).collect();
        let mut bytes = Vec::new();
        HistogramEncoder::default()
            .encode(&histograms, &mut bytes)
            .unwrap();
        assert!(bytes.len() < 120, "{}", bytes.len());
    }
}
