//! The directory of a sealed head segment: series id to the place of its chunks. Layout: spec/segment.md.

use std::ops::Range;

use crate::blobs::{BlobWriter, Blobs};
use crate::bytes::{Reader, put_block};
use crate::error::{Error, Result};
use crate::varint;

use super::plans::ChunkShape;

/// Series in one string of the directory's table.
const BLOCK: usize = 16;

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
    /// Appends plan and lengths; the position is the holder's affair.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        varint::put(out, u64::from(self.plan));
        varint::put(out, self.lengths.len() as u64);
        self.lengths
            .iter()
            .for_each(|length| varint::put(out, u64::from(*length)));
    }

    /// Reads plan and lengths.
    fn decode_into(&mut self, reader: &mut Reader<'_>) -> Result<()> {
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

/// Gathers a directory. What is gathered takes little more than what is written.
#[derive(Debug, Default)]
pub struct DirectoryWriter {
    /// Each series with where its entry begins, in any order.
    series: Vec<(u32, u32)>,
    /// Entries behind each other, each with its length before it.
    entries: Vec<u8>,
    entry: Vec<u8>,
}

impl DirectoryWriter {
    /// An empty directory, with room for so many series.
    #[must_use]
    pub fn with_capacity(series: usize) -> Self {
        Self {
            series: Vec::with_capacity(series),
            ..Self::default()
        }
    }

    /// Adds a series.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the directory exceeds 4 GiB.
    pub fn push(&mut self, id: u32, list: &ChunkList) -> Result<()> {
        let begin = u32::try_from(self.entries.len())
            .map_err(|_| Error::invalid("directory", self.series.len(), "at most 4 GiB", u64::from(id)))?;
        self.entry.clear();
        varint::put(&mut self.entry, list.position);
        list.encode(&mut self.entry);
        put_block(&mut self.entries, &self.entry);
        self.series.push((id, begin));
        Ok(())
    }

    /// Whether there is no series.
    pub(super) fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// The directory's section.
    ///
    /// # Errors
    /// [`Error::Invalid`] if an id stands in it twice.
    pub(super) fn encode(mut self) -> Result<Vec<u8>> {
        self.series.sort_unstable();
        if let Some(pair) = self.series.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(Error::invalid(
                "directory",
                0,
                "each id once",
                u64::from(pair[0].0),
            ));
        }
        let mut blobs = BlobWriter::default();
        for block in self.series.chunks(BLOCK) {
            let mut read = Ok(());
            blobs.push(|out| {
                let mut next = 0;
                for (id, begin) in block {
                    varint::put(out, u64::from(*id) - next);
                    next = u64::from(*id) + 1;
                    let entry = self.entries.get(*begin as usize..).unwrap_or_default();
                    match Reader::new(entry, "directory").block() {
                        Ok(entry) => out.extend_from_slice(entry),
                        Err(error) => read = Err(error),
                    }
                }
            });
            read?;
        }
        let mut out = Vec::new();
        blobs.finish(&mut out)?;
        Ok(out)
    }
}

/// Looks up series.
#[derive(Debug, Clone, Copy)]
pub struct Directory<'a>(Blobs<'a>);

impl<'a> Directory<'a> {
    /// The directory of a section.
    ///
    /// # Errors
    /// As [`Blobs::open`].
    pub fn open(section: &'a [u8]) -> Result<Self> {
        Blobs::open(section, "directory").map(Self)
    }

    /// Where the chunks of series `id` are, if the segment has any.
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::Corrupt`].
    pub fn find(&self, id: u32) -> Result<Option<ChunkList>> {
        let mut list = ChunkList::default();
        let found = self.find_into(id, &mut Neighbours::default(), &mut list)?;
        Ok(found.then_some(list))
    }

    /// As [`find`](Self::find), into a list whose memory is used again; false if the segment has none. What is read is
    /// kept in `near`: who asks for neighbours in turn is answered from there.
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::Corrupt`].
    pub fn find_into(&self, id: u32, near: &mut Neighbours, list: &mut ChunkList) -> Result<bool> {
        if !near.ids.contains(&u64::from(id)) {
            let Some(block) = self.block_of(id)? else {
                return Ok(false);
            };
            let behind = block + 1;
            let end = if behind < self.0.len() {
                self.first_id(behind)?
            } else {
                u64::MAX
            };
            near.begin(block, self.first_id(block)?..end);
        }
        near.read_to(id, self.0.get(near.block)?)?;
        let found = near.known().binary_search_by_key(&id, |(id, _)| *id);
        match found.ok().and_then(|at| near.known().get(at)) {
            Some((_, known)) => list.clone_from(known),
            None => return Ok(false),
        }
        Ok(true)
    }

    /// The block that has a series, if any has. Most ids follow each other, so the search begins where the block would
    /// be if all did.
    fn block_of(&self, id: u32) -> Result<Option<usize>> {
        let id = u64::from(id);
        let Some(last) = self.0.len().checked_sub(1) else {
            return Ok(None);
        };
        let highest = self.first_id(last)?;
        if id >= highest {
            return Ok(Some(last));
        }
        // The block sought is below `high`, and not below `low` if there is one.
        let (mut low, mut high) = (0, last);
        let (mut probe, mut step) = ((u128::from(id) * last as u128 / u128::from(highest)) as usize, 1);
        while low < high {
            if self.first_id(probe)? <= id {
                low = probe + 1;
                probe = (low + step - 1).min(high - 1);
            } else {
                high = probe;
                probe = high.saturating_sub(step).max(low);
            }
            step *= 2;
            if step > high - low {
                probe = low + (high - low) / 2;
            }
        }
        Ok(low.checked_sub(1))
    }

    /// The lowest id in a block.
    fn first_id(&self, block: usize) -> Result<u64> {
        Reader::new(self.0.get(block)?, "directory").varint()
    }

    /// One above the highest id; 0 if there is none.
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::Corrupt`].
    pub fn next_id(&self) -> Result<u64> {
        let mut next = 0;
        if let Some(last) = self.0.len().checked_sub(1) {
            self.read_block(last, |id, _| next = u64::from(id) + 1)?;
        }
        Ok(next)
    }

    /// Hands every series to `each`, ids rising.
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::Corrupt`].
    pub fn for_each(&self, mut each: impl FnMut(u32, ChunkList)) -> Result<()> {
        (0..self.0.len()).try_for_each(|block| self.read_block(block, &mut each))
    }

    fn read_block(&self, block: usize, mut each: impl FnMut(u32, ChunkList)) -> Result<()> {
        let mut reader = Reader::new(self.0.get(block)?, "directory");
        let mut next = 0_u64;
        while !reader.is_empty() {
            let mut list = ChunkList::default();
            each(read_entry(&mut reader, &mut next, &mut list)?, list);
        }
        Ok(())
    }
}

/// The series of one block of a directory as far as they have been read, for the next question.
#[derive(Debug, Default)]
pub struct Neighbours {
    block: usize,
    /// Ids that are in this block if they are anywhere.
    ids: Range<u64>,
    /// Ids rise. Entries behind `count` are memory for later.
    entries: Vec<(u32, ChunkList)>,
    count: usize,
    /// How much of the block has been read.
    offset: usize,
}

impl Neighbours {
    fn known(&self) -> &[(u32, ChunkList)] {
        self.entries.get(..self.count).unwrap_or(&[])
    }

    fn begin(&mut self, block: usize, ids: Range<u64>) {
        (self.block, self.ids) = (block, ids);
        (self.count, self.offset) = (0, 0);
    }

    /// Reads on until a series has been reached or passed.
    fn read_to(&mut self, id: u32, block: &[u8]) -> Result<()> {
        let mut next = self.known().last().map_or(0, |(last, _)| u64::from(*last) + 1);
        let mut reader = Reader::new(block.get(self.offset..).unwrap_or_default(), "directory");
        while next <= u64::from(id) && !reader.is_empty() {
            if self.entries.len() == self.count {
                self.entries.push((0, ChunkList::default()));
            }
            if let Some((known, list)) = self.entries.get_mut(self.count) {
                *known = read_entry(&mut reader, &mut next, list)?;
            }
            self.count += 1;
            self.offset = block.len() - reader.rest().len();
        }
        Ok(())
    }
}

/// The next series of a block: its id, which is written as its distance from the lowest that is possible, and where its
/// chunks are.
fn read_entry(reader: &mut Reader<'_>, next: &mut u64, list: &mut ChunkList) -> Result<u32> {
    let step = reader.varint()?;
    let id = next.checked_add(step).and_then(|id| u32::try_from(id).ok());
    let id = id.ok_or_else(|| reader.corrupt("a series id of 32 bits", step))?;
    *next = u64::from(id) + 1;
    list.position = reader.varint()?;
    list.decode_into(reader)?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn series_are_found_however_their_ids_are_spread(
            steps in vec(prop_oneof![20 => Just(1_u32), 2 => 2..40_u32, 1 => 100_000..9_000_000_u32], 1..400),
            others in vec(any::<u32>(), 20),
        ) {
            let ids: Vec<u32> = steps.iter().scan(0, |id, step| { *id += step; Some(*id) }).collect();
            let list = |id: u32| ChunkList { plan: 1, position: u64::from(id), lengths: vec![id % 7] };
            let mut writer = DirectoryWriter::default();
            ids.iter().rev().for_each(|id| writer.push(*id, &list(*id)).unwrap());
            let bytes = writer.encode().unwrap();
            let directory = Directory::open(&bytes).unwrap();
            let near = ids.iter().flat_map(|id| [id - 1, *id, id + 1]);
            let mut last = Neighbours::default();
            for id in near.chain(others) {
                let expected = ids.binary_search(&id).ok().map(|_| list(id));
                prop_assert_eq!(directory.find(id).unwrap(), expected.clone());
                let mut list = ChunkList::default();
                let found = directory.find_into(id, &mut last, &mut list).unwrap();
                prop_assert_eq!(found.then_some(list), expected);
            }
        }
    }
}
