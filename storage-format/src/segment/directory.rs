//! The directory of a sealed head segment: series id to the place of its chunks. Layout: spec/segment.md.
//!
//! Chunks lie in the order in which their series were written, that of labels, and so do their lists; readers ask for
//! series in that order too. An id leads to its row in the lists.

use std::ops::Range;

use crate::blobs::Blobs;
use crate::bytes::Reader;
use crate::error::{Error, Result};
use crate::packed::{self, Packed};

use super::chunk_list::ChunkList;
use super::directory_v1::DirectoryV1;

pub(super) const WHAT: &str = "directory";
/// Rows in one string of the lists.
pub(super) const ROWS: usize = 16;
/// Ids in one entry of their table.
pub(super) const IDS: usize = 64;
/// Bytes of an entry of that table.
const ENTRY: usize = 8;

/// Looks up series.
#[derive(Debug, Clone, Copy)]
pub struct Directory<'a>(Form<'a>);

#[derive(Debug, Clone, Copy)]
enum Form<'a> {
    Rows(Rows<'a>),
    V1(DirectoryV1<'a>),
}

/// A directory in place.
#[derive(Debug, Clone, Copy)]
struct Rows<'a> {
    count: usize,
    /// The first id of each entry, and the end of its steps.
    table: &'a [[u8; ENTRY]],
    /// The row of each series, ids rising.
    rows: Packed<'a>,
    /// Of entries whose ids do not follow each other, the steps between them.
    steps: &'a [u8],
    lists: Blobs<'a>,
}

impl<'a> Directory<'a> {
    /// The directory of a section; no bytes are one without series.
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::Corrupt`] if its head does not fit.
    pub fn open(section: &'a [u8]) -> Result<Self> {
        Rows::open(section).map(Form::Rows).map(Self)
    }

    /// The directory of a segment of version 1.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_v1(section: &'a [u8]) -> Result<Self> {
        DirectoryV1::open(section).map(Form::V1).map(Self)
    }

    /// Whether the segment has chunks of series `id`.
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::Corrupt`].
    pub fn contains(&self, id: u32) -> Result<bool> {
        match &self.0 {
            Form::Rows(rows) => Ok(rows.row(id)?.is_some()),
            Form::V1(directory) => Ok(directory.find(id)?.is_some()),
        }
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
    /// kept in `near`: who asks for series in label order is answered from there.
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::Corrupt`].
    pub fn find_into(&self, id: u32, near: &mut Neighbours, list: &mut ChunkList) -> Result<bool> {
        match &self.0 {
            Form::Rows(rows) => {
                let Some(row) = rows.row(id)? else {
                    return Ok(false);
                };
                list.clone_from(near.list(row, &rows.lists)?);
            }
            Form::V1(directory) => {
                let Some(found) = directory.find(id)? else {
                    return Ok(false);
                };
                *list = found;
            }
        }
        Ok(true)
    }

    /// One above the highest id; 0 if there is none.
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::Corrupt`].
    pub fn next_id(&self) -> Result<u64> {
        let mut next = 0;
        match &self.0 {
            Form::Rows(rows) => {
                if let Some(last) = rows.table.len().checked_sub(1) {
                    rows.read_entry(last, |id, _| next = u64::from(id) + 1)?;
                }
            }
            Form::V1(directory) => directory.for_each(|id, _| next = u64::from(id) + 1)?,
        }
        Ok(next)
    }

    /// Hands the id of every series to `each`, rising.
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::Corrupt`].
    pub fn for_each_id(&self, mut each: impl FnMut(u32)) -> Result<()> {
        match &self.0 {
            Form::Rows(rows) => {
                (0..rows.table.len()).try_for_each(|entry| rows.read_entry(entry, |id, _| each(id)))
            }
            Form::V1(directory) => directory.for_each(|id, _| each(id)),
        }
    }

    /// Hands every series to `each`, ids rising.
    ///
    /// # Errors
    /// [`Error::Truncated`] or [`Error::Corrupt`].
    pub fn for_each(&self, mut each: impl FnMut(u32, ChunkList)) -> Result<()> {
        let rows = match &self.0 {
            Form::Rows(rows) => rows,
            Form::V1(directory) => return directory.for_each(each),
        };
        // Each row once: what is handed out must not exceed what is written.
        let mut seen = vec![0_u64; rows.count.div_ceil(64)];
        let mut near = Neighbours::default();
        let mut read = Ok(());
        let mut take = |id, place| {
            let row = rows.row_at(place)?;
            let (word, bit) = (row as usize / 64, 1 << (row % 64));
            match seen.get_mut(word) {
                Some(word) if *word & bit == 0 => *word |= bit,
                _ => return Err(Error::corrupt(WHAT, place, "each row once", u64::from(row))),
            }
            each(id, near.list(row, &rows.lists)?.clone());
            Ok(())
        };
        for entry in 0..rows.table.len() {
            rows.read_entry(entry, |id, place| {
                if read.is_ok() {
                    read = take(id, place);
                }
            })?;
        }
        read
    }
}

impl<'a> Rows<'a> {
    fn open(section: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(section, WHAT);
        let (mut count, mut width) = (0, 1);
        if !section.is_empty() {
            (count, width) = (reader.varint()?, u32::from(reader.u8()?));
        }
        // Ids have 32 bits.
        if count > 1 << 32 {
            return Err(reader.corrupt("at most 2^32 series", count));
        }
        let entries = (count as usize).div_ceil(IDS);
        let (table, _) = reader.take(entries.saturating_mul(ENTRY))?.as_chunks::<ENTRY>();
        let rows = reader.take(packed::length(count, width).unwrap_or(usize::MAX))?;
        let steps = if reader.is_empty() { &[] } else { reader.block()? };
        Ok(Self {
            count: count as usize,
            table,
            rows: Packed::new(width, rows, WHAT)?,
            steps,
            lists: Blobs::open(reader.rest(), WHAT)?,
        })
    }

    /// The row of a series, if it has one.
    fn row(&self, id: u32) -> Result<Option<u32>> {
        let Some(place) = self.place(id)? else {
            return Ok(None);
        };
        self.row_at(place).map(Some)
    }

    fn row_at(&self, place: usize) -> Result<u32> {
        let row = self.rows.get(place);
        if row >= self.count as u64 {
            return Err(Error::corrupt(WHAT, place, "a row of the directory", row));
        }
        Ok(row as u32)
    }

    /// The place of an id among all, rising.
    fn place(&self, id: u32) -> Result<Option<usize>> {
        let Some(last) = self.table.len().checked_sub(1) else {
            return Ok(None);
        };
        let Some(distance) = id.checked_sub(self.first_id(0)) else {
            return Ok(None);
        };
        // It is not behind the place that it has if all ids follow each other.
        let mut low = (distance as usize / IDS).min(last);
        let (mut high, mut step) = (low + 1, 1);
        while low > 0 && self.first_id(low) > id {
            high = low;
            low = low.saturating_sub(step);
            step *= 2;
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.first_id(middle) <= id {
                low = middle;
            } else {
                high = middle;
            }
        }
        let steps = self.steps_of(low)?;
        let first = self.first_id(low);
        if steps.is_empty() {
            let at = id.wrapping_sub(first) as usize;
            return Ok((at < self.ids_in(low)).then_some(low * IDS + at));
        }
        let mut found = None;
        self.read_entry(low, |known, place| {
            if known == id {
                found = Some(place);
            }
        })?;
        Ok(found)
    }

    fn first_id(&self, entry: usize) -> u32 {
        self.table.get(entry).map_or(u32::MAX, |entry| field(entry, 0))
    }

    fn ids_in(&self, entry: usize) -> usize {
        self.count.saturating_sub(entry * IDS).min(IDS)
    }

    fn steps_of(&self, entry: usize) -> Result<&'a [u8]> {
        let end = |entry: usize| self.table.get(entry).map_or(0, |entry| field(entry, 4)) as usize;
        let start = entry.checked_sub(1).map_or(0, end);
        let range: Range<usize> = start..end(entry);
        let found = range.end as u64;
        let steps = self.steps.get(range);
        steps.ok_or_else(|| Error::corrupt(WHAT, start, "rising ends within the steps", found))
    }

    /// Hands the ids of an entry to `each`, rising, with their places among all.
    fn read_entry(&self, entry: usize, mut each: impl FnMut(u32, usize)) -> Result<()> {
        let steps = self.steps_of(entry)?;
        let mut reader = Reader::new(steps, WHAT);
        let mut next = u64::from(self.first_id(entry));
        for at in 0..self.ids_in(entry) {
            if at > 0 && !steps.is_empty() {
                next = next.saturating_add(reader.varint()?);
            }
            let id = u32::try_from(next).map_err(|_| reader.corrupt("a series id of 32 bits", next))?;
            each(id, entry * IDS + at);
            next += 1;
        }
        Ok(())
    }
}

fn field(entry: &[u8; ENTRY], at: usize) -> u32 {
    let bytes = entry.get(at..).and_then(|bytes| bytes.first_chunk::<4>());
    bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

/// The lists of one string of a directory as far as they have been read, for the next question.
#[derive(Debug, Default)]
pub struct Neighbours {
    /// Rows of the string; none if there is none.
    rows: Range<u32>,
    /// Lists behind `count` are memory for later.
    lists: Vec<ChunkList>,
    count: usize,
    /// How much of the string has been read.
    offset: usize,
    /// Where the chunks of the next row lie.
    position: u64,
}

impl Neighbours {
    fn list(&mut self, row: u32, lists: &Blobs<'_>) -> Result<&ChunkList> {
        let string = row as usize / ROWS;
        let at = row as usize % ROWS;
        if !self.rows.contains(&row) || self.count <= at {
            self.read_to(row, lists.get(string)?)?;
        }
        let found = self.lists.get(..self.count).and_then(|lists| lists.get(at));
        found.ok_or_else(|| Error::corrupt(WHAT, string, "a list for each row", u64::from(row)))
    }

    /// Reads on until a row has been read.
    fn read_to(&mut self, row: u32, string: &[u8]) -> Result<()> {
        let mut reader = Reader::new(string, WHAT);
        if self.rows.contains(&row) {
            reader.take(self.offset)?;
        } else {
            let first = row - row % ROWS as u32;
            // Nothing is known if this fails.
            (self.rows, self.count) = (0..0, 0);
            self.position = reader.varint()?;
            self.offset = string.len() - reader.remaining();
            self.rows = first..first.saturating_add(ROWS as u32);
        }
        while self.count <= row as usize % ROWS && !reader.is_empty() {
            if self.lists.len() == self.count {
                self.lists.push(ChunkList::default());
            }
            let (before, rest) = self.lists.split_at_mut(self.count);
            if let Some(list) = rest.first_mut() {
                read_list(&mut reader, before.last(), list)?;
                list.position = self.position;
                self.position = self.position.saturating_add(list.length());
            }
            self.count += 1;
            self.offset = string.len() - reader.remaining();
        }
        Ok(())
    }
}

/// A list without its position.
fn read_list(reader: &mut Reader<'_>, before: Option<&ChunkList>, list: &mut ChunkList) -> Result<()> {
    let (plan, count) = match (reader.varint()?, before) {
        (0, Some(before)) => (before.plan, before.lengths.len()),
        (0, None) => return Err(reader.corrupt("a plan", 0)),
        (plan, _) => (
            u32::try_from(plan - 1).map_err(|_| reader.corrupt("a plan of 32 bits", plan))?,
            reader.count(1)?,
        ),
    };
    list.plan = plan;
    list.lengths.clear();
    for _ in 0..count {
        list.lengths.push(reader.varint_u32()?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::directory_writer::DirectoryWriter;
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn list(plan: u32, position: u64, lengths: Vec<u32>) -> ChunkList {
        ChunkList {
            plan,
            position,
            lengths,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn series_are_found_however_their_ids_are_spread(
            steps in vec(prop_oneof![20 => Just(1_u32), 2 => 2..40_u32, 1 => 100_000..9_000_000_u32], 1..400),
            others in vec(any::<u32>(), 20),
            order in any::<u64>(),
        ) {
            let mut ids: Vec<u32> = steps.iter().scan(0, |id, step| { *id += step; Some(*id) }).collect();
            let near: Vec<u32> = ids.iter().flat_map(|id| [id - 1, *id, id + 1]).collect();
            ids.sort_by_key(|id| u64::from(*id).wrapping_add(order).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let mut writer = DirectoryWriter::default();
            let mut position = 7;
            let mut lists = std::collections::BTreeMap::new();
            for id in &ids {
                let lengths = (0..id % 3).map(|i| id % 1_000 + i).collect();
                let list = list(id % 2, position, lengths);
                writer.push(*id, &list).unwrap();
                position += list.length();
                lists.insert(*id, list);
            }
            let bytes = writer.encode().unwrap();
            let directory = Directory::open(&bytes).unwrap();
            let mut last = Neighbours::default();
            for id in ids.iter().copied().chain(near).chain(others) {
                let expected = lists.get(&id).cloned();
                prop_assert_eq!(directory.contains(id).unwrap(), expected.is_some());
                prop_assert_eq!(directory.find(id).unwrap(), expected.clone());
                let mut list = ChunkList::default();
                let found = directory.find_into(id, &mut last, &mut list).unwrap();
                prop_assert_eq!(found.then_some(list), expected);
            }
            let mut all = Vec::new();
            directory.for_each(|id, list| all.push((id, list))).unwrap();
            prop_assert_eq!(directory.next_id().unwrap(), u64::from(all.last().unwrap().0) + 1);
            prop_assert_eq!(all, lists.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, flips in vec((any::<prop::sample::Index>(), 1..=255_u8), 0..4)) {
            let mut writer = DirectoryWriter::default();
            for id in 0..150_u32 {
                writer.push(id * (1 + id / 100), &list(0, u64::from(id), vec![1])).unwrap();
            }
            let mut flipped = writer.encode().unwrap();
            for (place, bits) in flips {
                let place = place.index(flipped.len());
                flipped[place] ^= bits;
            }
            for bytes in [bytes, flipped] {
                if let Ok(directory) = Directory::open(&bytes) {
                    let _ = directory.for_each(|_, _| {});
                    let _ = directory.next_id();
                    for id in [0, 3, 99, 200, 298, u32::MAX] {
                        let _ = directory.find(id);
                    }
                }
            }
        }
    }

    #[test]
    fn a_row_that_two_series_have_and_a_list_that_is_damaged_are_told() {
        let mut writer = DirectoryWriter::default();
        for id in 0..2 {
            writer.push(id, &list(0, u64::from(id), vec![1])).unwrap();
        }
        let bytes = writer.encode().unwrap();
        // Two series, rows of one bit; one entry; the rows.
        let mut same = bytes.clone();
        assert_eq!(same[10], 0b10);
        same[10] = 0b11;
        let directory = Directory::open(&same).unwrap();
        assert!(
            directory
                .for_each(|_, _| {})
                .unwrap_err()
                .to_string()
                .contains("each row once")
        );
        // The first list has no plan: who asks again is told again.
        let mut damaged = bytes;
        let plan = damaged.len() - 5;
        assert_eq!(damaged[plan..], [1, 1, 1, 0, 1]);
        damaged[plan] = 0;
        let directory = Directory::open(&damaged).unwrap();
        let (mut near, mut list) = (Neighbours::default(), ChunkList::default());
        for id in [0, 1, 1, 0] {
            assert!(directory.find_into(id, &mut near, &mut list).is_err());
        }
    }

    #[test]
    fn what_cannot_be_found_again_is_not_written() {
        let mut writer = DirectoryWriter::default();
        writer.push(1, &list(0, 5, vec![2])).unwrap();
        assert!(writer.push(2, &list(0, 8, vec![1])).is_err());
        writer.push(1, &list(0, 7, vec![1])).unwrap();
        assert!(writer.encode().is_err());
    }
}
