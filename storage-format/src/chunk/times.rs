//! A column of timestamps: milliseconds, in any order, exact. Layout: spec/chunk.md.

use crate::bytes::Reader;
use crate::error::{Error, Result};

use super::SAMPLES_MAX;
use super::ints::IntEncoder;
use super::ints_decode::IntDecoder;

/// Encodes columns of timestamps; keeps its working memory.
#[derive(Debug, Default)]
pub struct TimeEncoder {
    ints: IntEncoder,
}

impl TimeEncoder {
    /// Appends the column of `times`, 1 to 1,024 of them; their number is not part of it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for none or too many.
    pub fn encode(&mut self, times: &[i64], out: &mut Vec<u8>) -> Result<()> {
        if times.is_empty() || times.len() > SAMPLES_MAX {
            return Err(Error::invalid(
                "time column",
                0,
                "1 to 1024 times",
                times.len() as u64,
            ));
        }
        let plan = self.ints.plan_times(times);
        self.ints.encode(times, &plan, out);
        Ok(())
    }
}

/// Decodes columns of timestamps; keeps its working memory.
#[derive(Debug, Default)]
pub struct TimeDecoder {
    ints: IntDecoder,
}

impl TimeDecoder {
    /// Appends the `count` times of `column`, which must be the column's bytes and no more.
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::Corrupt`].
    pub fn decode(&mut self, column: &[u8], count: usize, out: &mut Vec<i64>) -> Result<()> {
        let mut reader = Reader::new(column, "time column");
        self.read(&mut reader, count, out)?;
        reader.finish()
    }

    /// As [`TimeDecoder::decode`], from a reader that may go on behind the column.
    ///
    /// # Errors
    /// As [`TimeDecoder::decode`].
    pub fn read(&mut self, reader: &mut Reader<'_>, count: usize, out: &mut Vec<i64>) -> Result<()> {
        self.ints.decode_as(reader, count, |time| time as i64, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip(times: &[i64]) -> usize {
        let mut bytes = Vec::new();
        TimeEncoder::default().encode(times, &mut bytes).unwrap();
        let mut read = Vec::new();
        TimeDecoder::default()
            .decode(&bytes, times.len(), &mut read)
            .unwrap();
        assert_eq!(read, times);
        bytes.len()
    }

    proptest! {
        #[test]
        fn any_times_come_back(times in prop::collection::vec(any::<i64>(), 1..99)) {
            round_trip(&times);
        }
    }

    #[test]
    fn aligned_times_cost_nothing_each() {
        let aligned: Vec<_> = (0..480).map(|i| 1_795_394_218_460 + 15_000 * i).collect();
        assert!(round_trip(&aligned) <= 12);
        let mut gap = aligned;
        gap[200..].iter_mut().for_each(|time| *time += 600_000);
        assert!(round_trip(&gap) <= 24);
    }
}
