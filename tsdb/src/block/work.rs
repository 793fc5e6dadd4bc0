//! What a thread keeps from chunk to chunk of one file: neighbouring series lie in one group, have one column of times
//! and are cut alike.

use std::cell::RefCell;

use narthex_format::segment::{
    ChunkDecoder, ChunkKind, ChunkList, ChunkShape, ChunkTimes, ChunksFile, Columns, GroupCache, Neighbours,
};
use narthex_model::TimeRange;
use rustc_hash::FxHashMap;

use super::piece::Piece;
use crate::histograms::{from_float, from_integer};

/// Files of which a thread keeps something.
const CACHED: usize = 32;
/// What a thread keeps of a file's plans: chunks, of all plans together.
const PLANNED: usize = if cfg!(test) { 40 } else { 8_192 };
/// What a plan takes beside its chunks, in chunks.
const PLAN: usize = 4;

thread_local! {
    static WORK: RefCell<Work> = RefCell::default();
}

/// What a thread keeps.
#[derive(Default)]
pub(crate) struct Work {
    decoder: ChunkDecoder,
    /// Values of which only the last are wanted.
    partly: Vec<f64>,
    /// What was read last of each file, by its key.
    read: Vec<(u64, LastRead)>,
}

/// What was read last of a file.
#[derive(Default)]
pub(super) struct LastRead {
    group: GroupCache,
    column: LastColumn,
    plans: KnownPlans,
    /// Of a segment, series whose ids are near.
    pub(super) neighbours: Neighbours,
    /// Of a block, where the chunks of some series are: those of a group of the index, and its number.
    pub(super) listed: Option<(usize, Vec<ChunkList>)>,
}

/// Times of a column, with its number.
#[derive(Default)]
struct LastColumn(Option<(u32, Vec<i64>)>);

/// Plans of a file, seen from a range: series of several targets come in turns, each with the plan of its target.
#[derive(Default)]
struct KnownPlans {
    range: Option<TimeRange>,
    /// Those that are kept, and where each of them is by its number.
    kept: Vec<Plan>,
    places: FxHashMap<u32, usize>,
    /// What they take, in chunks.
    planned: usize,
    /// One that there was no room for.
    other: Plan,
    /// The plan of the series before: its number, and its place if it is kept.
    last: Option<(u32, Option<usize>)>,
}

/// A plan, seen from a range.
#[derive(Default)]
struct Plan {
    shapes: Vec<ChunkShape>,
    /// Which chunks may have samples in the range.
    wanted: Vec<bool>,
    /// Whether those are floats at all the times of their columns, ascending: then the plan tells all times.
    plain: bool,
}

impl Work {
    /// Does something with what this thread keeps.
    pub(crate) fn with<R>(f: impl FnOnce(&mut Self) -> R) -> R {
        WORK.with_borrow_mut(f)
    }

    /// What was read last of a file. `place` is where that was the last time, and is set right.
    fn of_file(&mut self, key: u64, place: &mut usize) -> (&mut LastRead, &mut ChunkDecoder, &mut Vec<f64>) {
        if self.read.get(*place).is_none_or(|(known, _)| *known != key) {
            *place = self.place_of(key);
        }
        let (_, last) = &mut self.read[*place];
        (last, &mut self.decoder, &mut self.partly)
    }

    fn place_of(&mut self, key: u64) -> usize {
        if let Some(place) = self.read.iter().position(|(known, _)| *known == key) {
            return place;
        }
        if self.read.len() >= CACHED {
            self.read.clear();
        }
        self.read.push((key, LastRead::default()));
        self.read.len() - 1
    }

    /// The same for whoever looks series up.
    pub(super) fn last_read(&mut self, key: u64, place: &mut usize) -> &mut LastRead {
        self.of_file(key, place).0
    }

    /// Appends the times of a column.
    pub(super) fn read_column(
        &mut self,
        columns: &Columns<'_>,
        number: u32,
        times: &mut Vec<i64>,
    ) -> narthex_format::Result<()> {
        columns.read(number, &mut self.decoder.times, times)
    }

    /// Whether a plan alone tells the times of all samples in the range: then all series of the plan share them.
    pub(super) fn is_plain(
        &mut self,
        (key, file): (u64, &ChunksFile<'_>),
        place: &mut usize,
        plan: u32,
        range: TimeRange,
    ) -> narthex_format::Result<bool> {
        let (last, decoder, _) = self.of_file(key, place);
        let LastRead { plans, column, .. } = last;
        Ok(plans.get(file, plan, range, column, decoder)?.plain)
    }

    /// Appends the samples of a list of chunks, leaving out chunks without samples in the range and those that cannot be
    /// read, which are added to `lost`.
    pub(super) fn read_list(
        &mut self,
        (key, file): (u64, &ChunksFile<'_>),
        place: &mut usize,
        (list, range): (&ChunkList, TimeRange),
        piece: &mut Piece,
        lost: &mut Vec<narthex_format::Error>,
    ) -> narthex_format::Result<()> {
        let (last, decoder, _) = self.of_file(key, place);
        let LastRead {
            plans, column, group, ..
        } = last;
        let plan = plans.get(file, list.plan, range, column, decoder)?;
        plan.each(list, |place| {
            if let ChunkTimes::Shared { column, .. } = place.2.times {
                piece.note_column((key, column));
            }
            let mark = piece.mark();
            if let Err(error) = read_chunk(file, place, (group, column), decoder, piece) {
                piece.take_back(mark);
                // A group holds many chunks.
                if lost.last() != Some(&error) {
                    lost.push(error);
                }
            }
            Ok(())
        })
    }

    /// Appends the floats of a list of chunks whose plan is plain, without the first `skip`, which is brought down by
    /// what has been left out.
    pub(super) fn read_floats(
        &mut self,
        (key, file): (u64, &ChunksFile<'_>),
        place: &mut usize,
        (list, range): (&ChunkList, TimeRange),
        skip: &mut usize,
        out: &mut Vec<f64>,
    ) -> narthex_format::Result<()> {
        let (last, decoder, partly) = self.of_file(key, place);
        let LastRead {
            plans, column, group, ..
        } = last;
        let plan = plans.get(file, list.plan, range, column, decoder)?;
        plan.each(list, |place| {
            let count = usize::from(place.2.count);
            if *skip >= count {
                *skip -= count;
                return Ok(());
            }
            let chunk = file.chunk(place, group)?;
            if *skip == 0 {
                return chunk.floats(decoder, out);
            }
            partly.clear();
            chunk.floats(decoder, partly)?;
            out.extend_from_slice(partly.get(*skip..).unwrap_or(&[]));
            *skip = 0;
            Ok(())
        })
    }
}

impl KnownPlans {
    /// The plan of this number: one that is known, or read now.
    fn get(
        &mut self,
        file: &ChunksFile<'_>,
        number: u32,
        range: TimeRange,
        column: &mut LastColumn,
        decoder: &mut ChunkDecoder,
    ) -> narthex_format::Result<&Plan> {
        if self.range != Some(range) {
            *self = Self {
                range: Some(range),
                ..Self::default()
            };
        }
        let at = match self.last {
            Some((known, at)) if known == number => at,
            _ => match self.places.get(&number) {
                Some(at) => Some(*at),
                None => {
                    // Whatever comes of it, the plan before is gone.
                    self.last = None;
                    self.other.read(file, number, range, column, decoder)?;
                    self.keep(number)
                }
            },
        };
        self.last = Some((number, at));
        Ok(at.map_or(&self.other, |at| &self.kept[at]))
    }

    /// Keeps the plan that has been read, if there is room: its place.
    fn keep(&mut self, number: u32) -> Option<usize> {
        let more = self.other.shapes.len() + PLAN;
        if self.planned + more > PLANNED {
            return None;
        }
        let at = self.kept.len();
        self.planned += more;
        self.kept.push(std::mem::take(&mut self.other));
        self.places.insert(number, at);
        Some(at)
    }
}

impl Plan {
    fn read(
        &mut self,
        file: &ChunksFile<'_>,
        number: u32,
        range: TimeRange,
        column: &mut LastColumn,
        decoder: &mut ChunkDecoder,
    ) -> narthex_format::Result<()> {
        self.shapes = file.plans().get(number)?;
        self.wanted.clear();
        let (mut plain, mut newest) = (true, None);
        // What a histogram says of resets follows from the sample before it, wherever that lies.
        let floats = self.shapes.iter().all(|shape| shape.kind == ChunkKind::Float);
        for shape in &self.shapes {
            let ends = match shape.times {
                ChunkTimes::Own => None,
                ChunkTimes::Shared {
                    column: number,
                    start,
                    span,
                } => {
                    let times = column.read(file, number, decoder)?;
                    let first = start as usize;
                    let last = first + usize::from(span).saturating_sub(1);
                    times.get(first).copied().zip(times.get(last).copied())
                }
            };
            // What a chunk with times of its own has, only reading it tells.
            let reaches = |(first, last)| first <= range.max && last >= range.min;
            let inside = !floats || ends.is_none_or(reaches);
            self.wanted.push(inside);
            if inside {
                let alike = shape.kind == ChunkKind::Float && !shape.starts && !shape.has_presence();
                plain &= alike && ends.is_some_and(|(first, _)| newest.is_none_or(|n| n < first));
                newest = ends.map(|(_, last)| last);
            }
        }
        self.plain = plain;
        Ok(())
    }

    /// Hands out the place of each chunk that is wanted: position, length, shape.
    fn each(
        &self,
        list: &ChunkList,
        mut each: impl FnMut((u64, u32, ChunkShape)) -> narthex_format::Result<()>,
    ) -> narthex_format::Result<()> {
        for (place, wanted) in list.places(&self.shapes)?.zip(&self.wanted) {
            if *wanted {
                each(place)?;
            }
        }
        Ok(())
    }
}

impl LastColumn {
    /// The times of a column: those read last, or read now.
    fn read(
        &mut self,
        file: &ChunksFile<'_>,
        number: u32,
        decoder: &mut ChunkDecoder,
    ) -> narthex_format::Result<&[i64]> {
        let mut times = match self.0.take() {
            Some((known, times)) if known == number => return Ok(&self.0.insert((known, times)).1),
            Some((_, times)) => times,
            None => Vec::new(),
        };
        times.clear();
        file.columns().read(number, &mut decoder.times, &mut times)?;
        Ok(&self.0.insert((number, times)).1)
    }
}

fn read_chunk(
    file: &ChunksFile<'_>,
    place: (u64, u32, ChunkShape),
    (group, column): (&mut GroupCache, &mut LastColumn),
    decoder: &mut ChunkDecoder,
    piece: &mut Piece,
) -> narthex_format::Result<()> {
    let shape = place.2;
    let chunk = file.chunk(place, group)?;
    let from = piece.times.len();
    let times = match shape.times {
        ChunkTimes::Own => &[],
        ChunkTimes::Shared { column: number, .. } => column.read(file, number, decoder)?,
    };
    chunk.times(times, decoder, &mut piece.times)?;
    if shape.starts {
        let mut starts = Vec::new();
        chunk.starts(decoder, &mut starts)?;
        let times = piece.times.get(from..).unwrap_or(&[]);
        piece
            .starts
            .extend(times.iter().zip(starts).map(|(t, s)| (*t, s.unwrap_or(0))));
    }
    match shape.kind {
        ChunkKind::Float => chunk.floats(decoder, &mut piece.values)?,
        ChunkKind::Histogram => {
            let mut found = Vec::new();
            chunk.histograms(decoder, &mut found)?;
            let times = piece.times.drain(from..);
            piece.histograms.extend(times.zip(found.iter().map(from_integer)));
        }
        ChunkKind::FloatHistogram => {
            let mut found = Vec::new();
            chunk.float_histograms(decoder, &mut found)?;
            let times = piece.times.drain(from..);
            piece.histograms.extend(times.zip(found.iter().map(from_float)));
        }
    }
    // Floats that came late lie in chunks with times of their own, before others that are newer: `fill` sorts them.
    debug_assert!(shape.kind != ChunkKind::Float || piece.times.len() == piece.values.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use narthex_format::header::FileHeader;
    use narthex_format::segment::{
        ChunkInput, ChunksWriter, DirectoryWriter, InputTimes, InputValues, SEGMENT, Summary,
    };

    use super::*;

    /// A file whose series have each a column and a plan of their own: the n-th has n + 1 samples.
    fn file(series: u32) -> Vec<u8> {
        let (mut bytes, mut directory) = (Vec::new(), DirectoryWriter::default());
        let mut writer = ChunksWriter::new(&SEGMENT, FileHeader { number: 1, id: 1 }, &mut bytes).unwrap();
        for id in 0..series {
            let times: Vec<i64> = (0..=i64::from(id)).map(|i| i64::from(id) + i * 1_000).collect();
            let values: Vec<f64> = times.iter().map(|t| *t as f64).collect();
            let input = ChunkInput {
                times: InputTimes::Shared {
                    column: writer.column(&times).unwrap(),
                    start: 0,
                    presence: None,
                },
                starts: None,
                values: InputValues::Floats(&values),
            };
            let list = writer.series(&[input], &mut bytes).unwrap();
            directory.push(id, &list).unwrap();
        }
        writer
            .finish(Summary::default(), directory, &[], &[], &mut bytes)
            .unwrap();
        bytes
    }

    #[test]
    fn plans_that_come_in_turns_are_told_apart_also_where_there_is_no_room() {
        let bytes = file(30);
        let file = ChunksFile::open(&bytes, &SEGMENT).unwrap();
        let mut known = KnownPlans::default();
        let (mut column, mut decoder) = (LastColumn::default(), ChunkDecoder::default());
        let ranges = [
            TimeRange::ALL,
            TimeRange {
                min: 7_000,
                max: 9_000,
            },
        ];
        for (round, range) in ranges.into_iter().cycle().take(6).enumerate() {
            for turn in 0..3 {
                for series in (0..30).step_by(1 + turn).chain(0..30) {
                    let list = file.directory().find(series).unwrap().unwrap();
                    let plan = known
                        .get(&file, list.plan, range, &mut column, &mut decoder)
                        .unwrap();
                    assert_eq!(plan.shapes, file.plans().get(list.plan).unwrap());
                    let newest = i64::from(series) + i64::from(series) * 1_000;
                    let inside = newest >= range.min && i64::from(series) <= range.max;
                    assert_eq!(plan.wanted, [inside], "{round} {series}");
                }
            }
            assert_eq!(known.kept.len(), PLANNED / (1 + PLAN));
        }
    }
}
