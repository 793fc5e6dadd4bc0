//! Where a series' chunks are.

use crate::bytes::Reader;
use crate::error::{Error, Result};

use super::plans::ChunkShape;

/// Where a series' chunks are: they lie behind each other, cut as the plan says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChunkList {
    /// The number of the plan.
    pub plan: u32,
    /// The position of the first chunk.
    pub position: u64,
    /// The length of each chunk.
    pub lengths: Vec<u32>,
}

impl ChunkList {
    /// Reads plan and lengths.
    pub(crate) fn decode_into(&mut self, reader: &mut Reader<'_>) -> Result<()> {
        self.plan = reader.varint_u32()?;
        let count = reader.count(1)?;
        self.lengths.clear();
        for _ in 0..count {
            self.lengths.push(reader.varint_u32()?);
        }
        Ok(())
    }

    /// The place of each chunk with its shape: position, length, shape.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if there are not as many shapes as chunks.
    pub fn places(&self, shapes: &[ChunkShape]) -> Result<impl Iterator<Item = (u64, u32, ChunkShape)>> {
        if shapes.len() != self.lengths.len() {
            let (expected, found) = (shapes.len() as u64, self.lengths.len() as u64);
            return Err(Error::corrupt("chunk list", 0, expected, found));
        }
        let mut position = self.position;
        Ok(self.lengths.iter().zip(shapes).map(move |(length, shape)| {
            let start = position;
            position = position.saturating_add(u64::from(*length));
            (start, *length, *shape)
        }))
    }

    /// The bytes of all chunks.
    pub(crate) fn length(&self) -> u64 {
        self.lengths.iter().map(|length| u64::from(*length)).sum()
    }
}
