//! One block: index and chunks, mapped and read in place.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};

use narthex_format::block::BlockMeta;
use narthex_format::filenames;
use narthex_format::index::{Index, SERIES_BLOCK, SeriesEntry, Strings};
use narthex_format::segment::{CHUNKS, ChunkList, Summary};
use narthex_model::{Labels, MatchOp, Matcher, TimeRange};
use roaring::RoaringBitmap;

use super::piece::Piece;
use super::segment::{Segment, corrupt};
use super::span::Span;
use super::work::Work;
use crate::disk::{DamageList, Disk, Mapped, replace};
use crate::error::Error;
use crate::text_set::TextSet;

/// Damaged places of a block that are written down.
const NOTED_MAX: usize = 1_000;

self_cell::self_cell!(
    struct OpenIndex {
        owner: Mapped,
        #[covariant]
        dependent: Index,
    }
);

/// A block, open.
pub(crate) struct Block {
    pub(crate) folder: PathBuf,
    pub(crate) meta: BlockMeta,
    pub(crate) bytes: u64,
    /// The newest commit that was visible when the block was added: later readers look into the block.
    pub(crate) added: AtomicU64,
    /// Whether something in its index could not be read since it was opened.
    damaged: AtomicBool,
    /// Lines of damage that have been written down.
    noted: AtomicUsize,
    spans: Vec<Span>,
    chunks: Segment,
    index: OpenIndex,
    index_path: PathBuf,
}

impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Block")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl Block {
    /// Maps a block's files and checks everything in them but the chunks, which are checked as they are read.
    pub(super) fn open(disk: &dyn Disk, damages: &Arc<DamageList>, folder: PathBuf) -> Result<Self, Error> {
        let path = folder.join(filenames::BLOCK_META);
        let bytes = disk.read(&path).map_err(|e| Error::io("read", &path, e))?;
        let meta = BlockMeta::decode(&bytes).map_err(|e| corrupt(&path, e))?;
        let index_path = folder.join(filenames::BLOCK_INDEX);
        let mapped = disk
            .map(&index_path)
            .map_err(|e| Error::io("read", &index_path, e))?;
        let index = OpenIndex::try_new(mapped, |mapped| {
            let index = Index::open((**mapped).as_ref())?;
            // Names that rotted would answer for other series: this is read whole once.
            index.verify().map(|()| index)
        });
        let index = index.map_err(|e| corrupt(&index_path, e))?;
        let tombstones = folder.join(filenames::BLOCK_TOMBSTONES);
        let chunks = Segment::open(
            (disk, damages),
            folder.join(filenames::BLOCK_CHUNKS),
            tombstones,
            0,
            &CHUNKS,
        )?;
        let index_bytes = (**index.borrow_owner()).as_ref().len() as u64;
        let spans = spans(&meta, chunks.summary());
        let noted = known_damage(disk, damages, &folder);
        Ok(Self {
            folder,
            meta,
            bytes: bytes.len() as u64 + index_bytes + chunks.bytes,
            added: AtomicU64::new(0),
            damaged: AtomicBool::new(noted > 0),
            noted: AtomicUsize::new(noted),
            spans,
            chunks,
            index,
            index_path,
        })
    }

    /// What the chunks say about themselves.
    pub(crate) const fn summary(&self) -> Summary {
        self.chunks.summary()
    }

    /// Number of the newest segment that was cut into the block.
    pub(crate) const fn through(&self) -> u64 {
        self.chunks.summary().log_segment
    }

    /// What blocks are sorted by: the oldest segment in them, then time.
    pub(crate) const fn age(&self) -> (u64, i64) {
        (self.chunks.summary().log_offset, self.meta.min_time)
    }

    /// How many ranges of series have been deleted from it.
    pub(crate) fn tombstones(&self) -> usize {
        self.chunks.deleted().count()
    }

    /// Which samples of which segments are in here.
    pub(crate) fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The file with the samples.
    pub(crate) const fn chunks(&self) -> &Segment {
        &self.chunks
    }

    /// How many series there are: their numbers are below.
    pub(crate) fn series_count(&self) -> u32 {
        self.index.borrow_dependent().series_count()
    }

    /// Hands the series from a number on, with their labels as numbers, to `each`: as many as are kept together.
    pub(super) fn series_from(&self, number: u32, each: impl FnMut(u32, &SeriesEntry)) -> Result<(), Error> {
        let index = self.index.borrow_dependent();
        index.series_from(number, each).map_err(|e| self.index_fault(e))
    }

    /// The labels of an entry of the index; `known` are the texts of the entry before, which neighbours mostly share.
    pub(super) fn texts(
        &self,
        entry: &SeriesEntry,
        before: &SeriesEntry,
        known: &mut Vec<(String, String)>,
    ) -> Result<(), Error> {
        let index = self.index.borrow_dependent();
        let names = index.shape(entry.shape);
        let fill = || {
            let same = entry.shape == before.shape && known.len() == before.values.len();
            let values = entry.values.iter().zip(&before.values);
            let shared = if same {
                values.take_while(|(a, b)| a == b).count()
            } else {
                0
            };
            known.truncate(shared);
            for (name, value) in names?.iter().zip(&entry.values).skip(shared) {
                let values = index.values(*name as usize)?;
                known.push((index.names().get(*name as usize)?, values.get(*value as usize)?));
            }
            Ok(())
        };
        fill().map_err(|e| self.index_fault(e))
    }

    /// Whether samples of any series may lie in the range.
    pub(crate) const fn overlaps(&self, range: TimeRange) -> bool {
        self.chunks.overlaps(range)
    }

    /// Numbers of the series that fulfil one of the sets of matchers; all if there is no set.
    pub(crate) fn find_any(&self, sets: &[&[Matcher]]) -> Result<RoaringBitmap, Error> {
        let index = self.index.borrow_dependent();
        let mut found = RoaringBitmap::new();
        if sets.is_empty() {
            found.insert_range(0..index.series_count());
        }
        for set in sets {
            found |= find(index, set).map_err(|e| self.index_fault(e))?;
        }
        Ok(found)
    }

    /// How many series have a value of a label.
    pub(crate) fn count_of(&self, name: &str, value: &str) -> Result<u64, Error> {
        let index = self.index.borrow_dependent();
        let count = || {
            let Some((name, values)) = values_of(index, name)? else {
                return Ok(0);
            };
            let value = values.find(value)?;
            value.map_or(Ok(0), |value| index.postings_count(name, value))
        };
        count().map_err(|e| self.index_fault(e))
    }

    /// Adds the names of all labels.
    pub(crate) fn label_names(&self, names: &mut TextSet) -> Result<(), Error> {
        let listed = self.index.borrow_dependent().names();
        listed
            .walk(0, |_, name| {
                names.add(name);
                true
            })
            .map_err(|e| self.index_fault(e))?;
        names.end_list();
        Ok(())
    }

    /// Adds all values of a label.
    pub(crate) fn label_values(&self, name: &str, values: &mut TextSet) -> Result<(), Error> {
        let index = self.index.borrow_dependent();
        let mut list = || {
            let Some((_, listed)) = values_of(index, name)? else {
                return Ok(());
            };
            listed.walk(0, |_, value| {
                values.add(value);
                true
            })
        };
        list().map_err(|e| self.index_fault(e))?;
        values.end_list();
        Ok(())
    }

    /// How many values a label has.
    pub(crate) fn value_count(&self, name: &str) -> Result<usize, Error> {
        let listed = values_of(self.index.borrow_dependent(), name);
        let listed = listed.map_err(|e| self.index_fault(e))?;
        Ok(listed.map_or(0, |(_, listed)| listed.len()))
    }

    /// Adds the names of the labels that some series have.
    pub(crate) fn label_names_of(&self, numbers: &RoaringBitmap, names: &mut TextSet) -> Result<(), Error> {
        let index = self.index.borrow_dependent();
        let mut list = || {
            let (mut shapes, mut found) = (RoaringBitmap::new(), RoaringBitmap::new());
            each_of(index, numbers, |entry| {
                if shapes.insert(entry.shape) {
                    found.extend(index.shape(entry.shape)?);
                }
                Ok(())
            })?;
            let mut cursor = index.names().cursor();
            for name in &found {
                names.add(cursor.get(name as usize)?);
            }
            Ok(())
        };
        list().map_err(|e| self.index_fault(e))?;
        names.end_list();
        Ok(())
    }

    /// Adds the values that a label has among some series.
    pub(crate) fn label_values_of(
        &self,
        name: &str,
        numbers: &RoaringBitmap,
        values: &mut TextSet,
    ) -> Result<(), Error> {
        let index = self.index.borrow_dependent();
        let mut list = || {
            let Some((name, listed)) = values_of(index, name)? else {
                return Ok(());
            };
            let mut found = RoaringBitmap::new();
            // Neighbours mostly have the names of the one before.
            let mut place = (u32::MAX, None);
            each_of(index, numbers, |entry| {
                if place.0 != entry.shape {
                    let names = index.shape(entry.shape)?;
                    place = (entry.shape, names.iter().position(|n| *n as usize == name));
                }
                found.extend(place.1.and_then(|at| entry.values.get(at)));
                Ok(())
            })?;
            let mut cursor = listed.cursor();
            for value in &found {
                values.add(cursor.get(value as usize)?);
            }
            Ok(())
        };
        list().map_err(|e| self.index_fault(e))?;
        values.end_list();
        Ok(())
    }

    /// The labels of a series.
    pub(crate) fn labels(&self, number: u32) -> Result<Labels, Error> {
        let index = self.index.borrow_dependent();
        let pairs = index.series(number).and_then(|entry| index.labels(&entry));
        let pairs = pairs.map_err(|e| self.index_fault(e))?;
        Ok(Labels::from_sorted(
            pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())),
        ))
    }

    /// The number of the series with these labels.
    pub(crate) fn number_of(&self, labels: &Labels) -> Result<Option<u32>, Error> {
        let (mut low, mut high) = (0, self.index.borrow_dependent().series_count());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.labels(middle)?.cmp(labels) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Ok(Some(middle)),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(None)
    }

    /// Appends the samples of a series; chunks without samples in the range may be left out.
    pub(crate) fn read(&self, number: u32, range: TimeRange, piece: &mut Piece) -> Result<(), Error> {
        let mut list = ChunkList::default();
        Work::with(|work| {
            let mut place = 0;
            self.find_chunks(number, (work, &mut place), &mut list)?;
            self.chunks
                .read_list((work, &mut place), (number, &list), range, piece)
        })
    }

    /// Where the chunks of a series are. Neighbours are looked up together. `work` is what the thread keeps, and where
    /// of this block.
    pub(crate) fn find_chunks(
        &self,
        number: u32,
        (work, place): (&mut Work, &mut usize),
        list: &mut ChunkList,
    ) -> Result<(), Error> {
        let group = number as usize / SERIES_BLOCK;
        let listed = &mut work.last_read(self.chunks.key(), place).listed;
        if listed.as_ref().is_none_or(|(known, _)| *known != group) {
            let mut lists = listed.take().map(|(_, lists)| lists).unwrap_or_default();
            let mut count = 0;
            let index = self.index.borrow_dependent();
            let read = index.block(group, |_, entry| {
                match lists.get_mut(count) {
                    Some(list) => list.clone_from(&entry.chunks),
                    None => lists.push(entry.chunks.clone()),
                }
                count += 1;
            });
            read.map_err(|e| self.index_fault(e))?;
            lists.truncate(count);
            *listed = Some((group, lists));
        }
        let lists = listed.as_ref().map(|(_, lists)| lists.as_slice());
        match lists.and_then(|lists| lists.get(number as usize % SERIES_BLOCK)) {
            Some(found) => list.clone_from(found),
            None => *list = ChunkList::default(),
        }
        Ok(())
    }

    /// The index.
    pub(crate) fn index(&self) -> &Index<'_> {
        self.index.borrow_dependent()
    }

    /// What a fault in the index is to whoever asked.
    pub(crate) fn index_fault(&self, error: narthex_format::Error) -> Error {
        self.damaged.store(true, Relaxed);
        self.chunks.tell(&self.index_path, error)
    }

    /// Writes down what could not be read since it was written down last.
    pub(super) fn note_damage(&self, disk: &dyn Disk, damages: &DamageList) -> Result<(), Error> {
        if !self.is_damaged() {
            return Ok(());
        }
        let told = damages.since(0);
        let of_this = told.iter().filter_map(|text| {
            let place = text.strip_prefix(&*self.folder.to_string_lossy())?;
            place.strip_prefix(std::path::MAIN_SEPARATOR)
        });
        let lines: Vec<&str> = of_this.take(NOTED_MAX).collect();
        if lines.len() > self.noted.load(Relaxed) {
            let path = self.folder.join(filenames::BLOCK_DAMAGE);
            let text = format!("{}\n", lines.join("\n"));
            replace(disk, &path, text.as_bytes()).map_err(|e| Error::io("write", &path, e))?;
            self.noted.store(lines.len(), Relaxed);
        }
        Ok(())
    }

    /// Whether something in it could not be read so far: it stays as it is then, readable where it is sound.
    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged.load(Relaxed) || self.chunks.is_damaged()
    }

    /// Appends the samples of the series of this number, whose entry in the index is known.
    pub(super) fn read_entry(
        &self,
        number: u32,
        entry: &SeriesEntry,
        piece: &mut Piece,
    ) -> Result<(), Error> {
        Work::with(|work| {
            self.chunks
                .read_list((work, &mut 0), (number, &entry.chunks), TimeRange::ALL, piece)
        })
    }
}

/// Tells the damage that was written down before; how many places there are.
fn known_damage(disk: &dyn Disk, damages: &DamageList, folder: &Path) -> usize {
    let noted = disk
        .read(&folder.join(filenames::BLOCK_DAMAGE))
        .unwrap_or_default();
    let noted = String::from_utf8_lossy(&noted);
    let lines = noted.lines().take(NOTED_MAX);
    lines
        .map(|line| damages.tell(folder.join(line).display().to_string()))
        .count()
}

fn spans(meta: &BlockMeta, summary: Summary) -> Vec<Span> {
    if meta.compaction.level > 1 {
        return meta.compaction.segments.iter().map(|s| Span::from(*s)).collect();
    }
    vec![Span {
        segments: (summary.log_offset, summary.log_segment),
        times: (meta.min_time, meta.max_time),
    }]
}

/// The number of a label name and its values, if there is such a name.
fn values_of<'i>(index: &Index<'i>, name: &str) -> narthex_format::Result<Option<(usize, Strings<'i>)>> {
    let number = index.names().find(name)?;
    number
        .map(|number| Ok((number, index.values(number)?)))
        .transpose()
}

/// Hands the entries of some series to `each`, until it fails.
fn each_of(
    index: &Index<'_>,
    numbers: &RoaringBitmap,
    mut each: impl FnMut(&SeriesEntry) -> narthex_format::Result<()>,
) -> narthex_format::Result<()> {
    let mut group = None;
    for number in numbers {
        let at = number as usize / SERIES_BLOCK;
        if group.replace(at) == Some(at) {
            continue;
        }
        let mut outcome = Ok(());
        index.block(at, |number, entry| {
            if outcome.is_ok() && numbers.contains(number) {
                outcome = each(entry);
            }
        })?;
        outcome?;
    }
    Ok(())
}

/// Numbers of the series that fulfil all matchers. A label that is not set counts as `""`.
fn find(index: &Index<'_>, matchers: &[Matcher]) -> narthex_format::Result<RoaringBitmap> {
    let mut found = RoaringBitmap::new();
    found.insert_range(0..index.series_count());
    for matcher in matchers {
        let with_empty = matcher.matches_empty();
        // Those whose value decides: taken away if the missing label fulfils the matcher, kept if it does not.
        let mut listed = RoaringBitmap::new();
        if let Some((name, values)) = values_of(index, &matcher.name)? {
            let mut decisive = Vec::new();
            if matcher.op == MatchOp::Equal && !with_empty {
                decisive.extend(values.find(&matcher.value)?);
            } else {
                values.walk(0, |at, value| {
                    if matcher.matches(value) != with_empty {
                        decisive.push(at);
                    }
                    true
                })?;
            }
            let mut numbers = Vec::new();
            for value in decisive {
                numbers.clear();
                index.postings(name, value, &mut numbers)?;
                listed.extend(numbers.iter().copied());
            }
        }
        if with_empty {
            found -= listed;
        } else {
            found &= listed;
        }
        if found.is_empty() {
            break;
        }
    }
    Ok(found)
}
