//! A chunk as it lies in a group: which of the column's times it has, its own times, start times, values.
//! Layout: spec/segment.md.

use crate::bytes::{Reader, put_block};
use crate::chunk::{
    HistogramDecoder, HistogramEncoder, SAMPLES_MAX, TimeDecoder, TimeEncoder, ValueDecoder, ValueEncoder,
};
use crate::error::{Error, Result};
use crate::histogram::{FloatHistogram, Histogram};

use super::plans::{ChunkKind, ChunkShape, ChunkTimes};

/// A chunk to be written.
#[derive(Debug, Clone, Copy)]
pub struct ChunkInput<'v> {
    /// When its samples are.
    pub times: InputTimes<'v>,
    /// A start time per sample, if there are any.
    pub starts: Option<&'v [Option<i64>]>,
    /// Its values, 1 to 1,024.
    pub values: InputValues<'v>,
}

/// The times of a chunk to be written.
#[derive(Debug, Clone, Copy)]
pub enum InputTimes<'v> {
    /// Those of a column from `start` on; `presence` tells which of them, if not all that follow.
    Shared {
        /// The column's number.
        column: u32,
        /// The first time.
        start: u32,
        /// Which of the following times have a sample; the first and the last do.
        presence: Option<&'v [bool]>,
    },
    /// Times of its own, one per sample.
    Own(&'v [i64]),
}

/// The values of a chunk to be written.
#[derive(Debug, Clone, Copy)]
pub enum InputValues<'v> {
    /// Floats.
    Floats(&'v [f64]),
    /// Histograms with integer counts.
    Histograms(&'v [Histogram]),
    /// Histograms with float counts.
    FloatHistograms(&'v [FloatHistogram]),
}

impl InputValues<'_> {
    const fn len(&self) -> usize {
        match self {
            Self::Floats(values) => values.len(),
            Self::Histograms(values) => values.len(),
            Self::FloatHistograms(values) => values.len(),
        }
    }

    const fn kind(&self) -> ChunkKind {
        match self {
            Self::Floats(_) => ChunkKind::Float,
            Self::Histograms(_) => ChunkKind::Histogram,
            Self::FloatHistograms(_) => ChunkKind::FloatHistogram,
        }
    }
}

/// Encodes chunks; keeps its working memory.
#[derive(Debug, Default)]
pub struct ChunkEncoder {
    times: TimeEncoder,
    values: ValueEncoder,
    histograms: HistogramEncoder,
}

impl ChunkEncoder {
    /// Appends the chunk and returns its shape.
    ///
    /// # Errors
    /// [`Error::Invalid`] if there are no or too many samples, or times, presence and values do not agree.
    pub fn encode(&mut self, input: &ChunkInput<'_>, out: &mut Vec<u8>) -> Result<ChunkShape> {
        let count = checked_count(input)?;
        let times = self.encode_times(&input.times, count, out)?;
        if let Some(starts) = input.starts {
            put_bits(out, starts.iter().map(Option::is_some));
            let known: Vec<i64> = starts.iter().copied().flatten().collect();
            let mut encoded = Vec::new();
            if !known.is_empty() {
                self.times.encode(&known, &mut encoded)?;
            }
            put_block(out, &encoded);
        }
        match input.values {
            InputValues::Floats(values) => self.values.encode(values, out)?,
            InputValues::Histograms(values) => self.histograms.encode(values, out)?,
            InputValues::FloatHistograms(values) => self.histograms.encode(values, out)?,
        }
        Ok(ChunkShape {
            kind: input.values.kind(),
            times,
            count,
            starts: input.starts.is_some(),
        })
    }

    fn encode_times(&mut self, times: &InputTimes<'_>, count: u16, out: &mut Vec<u8>) -> Result<ChunkTimes> {
        match *times {
            InputTimes::Own(own) => {
                let mut encoded = Vec::new();
                self.times.encode(own, &mut encoded)?;
                put_block(out, &encoded);
                Ok(ChunkTimes::Own)
            }
            InputTimes::Shared {
                column,
                start,
                presence,
            } => {
                let span = presence.map_or(count, |presence| presence.len() as u16);
                if let Some(presence) = presence.filter(|_| span != count) {
                    put_bits(out, presence.iter().copied());
                }
                Ok(ChunkTimes::Shared { column, start, span })
            }
        }
    }
}

/// The number of samples, if everything agrees on it.
fn checked_count(input: &ChunkInput<'_>) -> Result<u16> {
    let count = input.values.len();
    let (times, span) = match input.times {
        InputTimes::Own(own) => (own.len(), own.len()),
        InputTimes::Shared { presence: None, .. } => (count, count),
        InputTimes::Shared {
            presence: Some(presence),
            ..
        } => (
            presence.iter().filter(|present| **present).count(),
            presence.len(),
        ),
    };
    let starts = input.starts.map_or(count, <[_]>::len);
    if count == 0 || span > SAMPLES_MAX || times != count || starts != count {
        let rule = "1 to 1024 samples, with as many times and start times";
        return Err(Error::invalid("chunk", times, rule, count as u64));
    }
    Ok(count as u16)
}

/// A chunk's parts, still encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// Its shape.
    pub shape: ChunkShape,
    presence: &'a [u8],
    own_times: &'a [u8],
    start_bits: &'a [u8],
    start_times: &'a [u8],
    values: &'a [u8],
}

/// Decodes chunks; keeps its working memory.
#[derive(Debug, Default)]
pub struct ChunkDecoder {
    /// For times, also those of columns.
    pub times: TimeDecoder,
    values: ValueDecoder,
    histograms: HistogramDecoder,
}

impl<'a> Chunk<'a> {
    /// Takes the `body` of a chunk of this `shape` apart.
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::Corrupt`].
    pub fn open(body: &'a [u8], shape: ChunkShape) -> Result<Self> {
        let mut reader = Reader::new(body, "chunk");
        let own_times = if shape.times == ChunkTimes::Own {
            reader.block()?
        } else {
            &[]
        };
        let presence = match shape.times {
            ChunkTimes::Shared { span, .. } if shape.has_presence() => {
                reader.take(usize::from(span).div_ceil(8))?
            }
            _ => &[],
        };
        let (mut start_bits, mut start_times): (&[u8], &[u8]) = (&[], &[]);
        if shape.starts {
            start_bits = reader.take(usize::from(shape.count).div_ceil(8))?;
            start_times = reader.block()?;
        }
        Ok(Self {
            shape,
            presence,
            own_times,
            start_bits,
            start_times,
            values: reader.rest(),
        })
    }

    /// Appends the times of the samples; `column` holds those of the shape's column (empty if it has none).
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::Corrupt`], also if the column is too short.
    pub fn times(&self, column: &[i64], decoder: &mut ChunkDecoder, out: &mut Vec<i64>) -> Result<()> {
        let ChunkTimes::Shared { start, span, .. } = self.shape.times else {
            return decoder
                .times
                .decode(self.own_times, usize::from(self.shape.count), out);
        };
        let start = start as usize;
        let Some(times) = column.get(start..start.saturating_add(usize::from(span))) else {
            return Err(Error::corrupt(
                "chunk",
                start,
                "times within the column",
                column.len() as u64,
            ));
        };
        if !self.shape.has_presence() {
            out.extend_from_slice(times);
            return Ok(());
        }
        let before = out.len();
        out.extend(
            times
                .iter()
                .zip(bits(self.presence))
                .filter(|(_, present)| *present)
                .map(|(time, _)| *time),
        );
        if out.len() - before == usize::from(self.shape.count) {
            return Ok(());
        }
        Err(Error::corrupt(
            "chunk",
            start,
            "as many times as samples",
            (out.len() - before) as u64,
        ))
    }

    /// Appends a start time for each sample; all unknown if the shape has none.
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::Corrupt`].
    pub fn starts(&self, decoder: &mut ChunkDecoder, out: &mut Vec<Option<i64>>) -> Result<()> {
        let count = usize::from(self.shape.count);
        let known: Vec<bool> = bits(self.start_bits)
            .chain(std::iter::repeat(false))
            .take(count)
            .collect();
        let mut times = Vec::new();
        let known_count = known.iter().filter(|known| **known).count();
        if known_count > 0 {
            decoder.times.decode(self.start_times, known_count, &mut times)?;
        }
        let mut times = times.into_iter();
        out.extend(known.iter().map(|known| if *known { times.next() } else { None }));
        Ok(())
    }

    /// Appends the floats.
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::Corrupt`], also if the chunk holds no floats.
    pub fn floats(&self, decoder: &mut ChunkDecoder, out: &mut Vec<f64>) -> Result<()> {
        self.expect(ChunkKind::Float)?;
        decoder
            .values
            .decode(self.values, usize::from(self.shape.count), out)
    }

    /// Appends the histograms with integer counts.
    ///
    /// # Errors
    /// As [`Chunk::floats`].
    pub fn histograms(&self, decoder: &mut ChunkDecoder, out: &mut Vec<Histogram>) -> Result<()> {
        self.expect(ChunkKind::Histogram)?;
        decoder
            .histograms
            .decode(self.values, usize::from(self.shape.count), out)
    }

    /// Appends the histograms with float counts.
    ///
    /// # Errors
    /// As [`Chunk::floats`].
    pub fn float_histograms(&self, decoder: &mut ChunkDecoder, out: &mut Vec<FloatHistogram>) -> Result<()> {
        self.expect(ChunkKind::FloatHistogram)?;
        decoder
            .histograms
            .decode(self.values, usize::from(self.shape.count), out)
    }

    fn expect(&self, kind: ChunkKind) -> Result<()> {
        if self.shape.kind == kind {
            return Ok(());
        }
        Err(Error::corrupt(
            "chunk kind",
            0,
            kind as u64,
            self.shape.kind as u64,
        ))
    }
}

fn put_bits(out: &mut Vec<u8>, bits: impl ExactSizeIterator<Item = bool>) {
    let start = out.len();
    out.resize(start + bits.len().div_ceil(8), 0);
    for (place, bit) in bits.enumerate() {
        if let Some(byte) = out.get_mut(start + place / 8) {
            *byte |= u8::from(bit) << (place % 8);
        }
    }
}

fn bits(bytes: &[u8]) -> impl Iterator<Item = bool> {
    bytes
        .iter()
        .flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 != 0))
}
