//! Writing the directory of a sealed head segment. Layout: spec/segment.md.

use crate::blobs::BlobWriter;
use crate::bytes::put_u32;
use crate::error::{Error, Result};
use crate::packed;
use crate::varint;

use super::chunk_list::ChunkList;
use super::directory::{IDS, ROWS, WHAT};

/// Gathers a directory.
#[derive(Debug, Default)]
pub struct DirectoryWriter {
    /// By row.
    ids: Vec<u32>,
    lists: BlobWriter,
    /// The string of the last rows.
    string: Vec<u8>,
    /// Where the chunks of the next series lie.
    position: u64,
    /// Plan and number of chunks of the row before in the string.
    before: Option<(u32, usize)>,
}

impl DirectoryWriter {
    /// An empty directory, with room for so many series.
    #[must_use]
    pub fn with_capacity(series: usize) -> Self {
        Self {
            ids: Vec::with_capacity(series),
            ..Self::default()
        }
    }

    /// Adds a series, whose chunks lie behind those of the series before.
    ///
    /// # Errors
    /// [`Error::Invalid`] if they do not.
    pub fn push(&mut self, id: u32, list: &ChunkList) -> Result<()> {
        let begins = self.ids.len().is_multiple_of(ROWS);
        if begins {
            self.close();
        }
        if self.ids.is_empty() {
            self.position = list.position;
        }
        if !list.lengths.is_empty() && list.position != self.position {
            let rule = "chunks behind those of the series before";
            return Err(Error::invalid(WHAT, self.ids.len(), rule, list.position));
        }
        if begins {
            varint::put(&mut self.string, self.position);
        }
        let shape = (list.plan, list.lengths.len());
        if self.before == Some(shape) {
            self.string.push(0);
        } else {
            varint::put(&mut self.string, u64::from(list.plan) + 1);
            varint::put(&mut self.string, list.lengths.len() as u64);
        }
        for length in &list.lengths {
            varint::put(&mut self.string, u64::from(*length));
        }
        self.before = Some(shape);
        self.position = self.position.saturating_add(list.length());
        self.ids.push(id);
        Ok(())
    }

    fn close(&mut self) {
        if !self.string.is_empty() {
            self.lists.push(|out| out.extend_from_slice(&self.string));
            self.string.clear();
        }
        self.before = None;
    }

    /// Whether there is no series.
    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The directory's section.
    ///
    /// # Errors
    /// [`Error::Invalid`] if an id stands in it twice.
    pub(super) fn encode(mut self) -> Result<Vec<u8>> {
        self.close();
        let mut series: Vec<(u32, u32)> = self.ids.iter().copied().zip(0..).collect();
        series.sort_unstable();
        if let Some(pair) = series.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(Error::invalid(WHAT, 0, "each id once", u64::from(pair[0].0)));
        }
        let width = packed::width((series.len() as u64).saturating_sub(1));
        let (mut table, mut steps) = (Vec::new(), Vec::new());
        for ids in series.chunks(IDS) {
            let (Some((first, _)), Some((last, _))) = (ids.first(), ids.last()) else {
                continue;
            };
            // Most ids follow each other.
            if (last - first) as usize >= ids.len() {
                let pairs = ids.windows(2);
                pairs.for_each(|pair| varint::put(&mut steps, u64::from(pair[1].0 - pair[0].0 - 1)));
            }
            put_u32(&mut table, *first);
            let end = u32::try_from(steps.len());
            put_u32(
                &mut table,
                end.map_err(|_| Error::invalid(WHAT, 0, "at most 4 GiB", steps.len() as u64))?,
            );
        }
        let mut out = Vec::new();
        varint::put(&mut out, series.len() as u64);
        out.push(width as u8);
        out.extend_from_slice(&table);
        packed::put(&mut out, width, series.iter().map(|(_, row)| u64::from(*row)));
        varint::put(&mut out, steps.len() as u64);
        out.extend_from_slice(&steps);
        self.lists.finish(&mut out)?;
        Ok(out)
    }
}
