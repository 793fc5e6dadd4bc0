//! The directory of a head segment of version 1: sixteen series to a string, ids rising. Layout: spec/segment.md.

use crate::blobs::Blobs;
use crate::bytes::Reader;
use crate::error::Result;

use super::chunk_list::ChunkList;

/// Looks up series.
#[derive(Debug, Clone, Copy)]
pub(super) struct DirectoryV1<'a>(Blobs<'a>);

impl<'a> DirectoryV1<'a> {
    pub(super) fn open(section: &'a [u8]) -> Result<Self> {
        Blobs::open(section, "directory").map(Self)
    }

    pub(super) fn find(&self, id: u32) -> Result<Option<ChunkList>> {
        // Strings below `low` begin with this id or a lower one.
        let (mut low, mut high) = (0, self.0.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let first = Reader::new(self.0.get(middle)?, "directory").varint()?;
            if first <= u64::from(id) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let mut found = None;
        if let Some(string) = low.checked_sub(1) {
            self.read(string, |known, list| {
                found = found.take().or_else(|| (known == id).then_some(list))
            })?;
        }
        Ok(found)
    }

    pub(super) fn for_each(&self, mut each: impl FnMut(u32, ChunkList)) -> Result<()> {
        (0..self.0.len()).try_for_each(|string| self.read(string, &mut each))
    }

    fn read(&self, string: usize, mut each: impl FnMut(u32, ChunkList)) -> Result<()> {
        let mut reader = Reader::new(self.0.get(string)?, "directory");
        let mut next = 0_u64;
        while !reader.is_empty() {
            let step = reader.varint()?;
            let id = next.checked_add(step).and_then(|id| u32::try_from(id).ok());
            let id = id.ok_or_else(|| reader.corrupt("a series id of 32 bits", step))?;
            next = u64::from(id) + 1;
            let mut list = ChunkList {
                position: reader.varint()?,
                ..ChunkList::default()
            };
            list.decode_into(&mut reader)?;
            each(id, list);
        }
        Ok(())
    }
}
