//! Reading a block's index in place: nothing is parsed before it is asked for. Layout: spec/index.md.

use crate::blobs::Blobs;
use crate::bytes::Reader;
use crate::error::{Error, Result};
use crate::sections::Sections;

use super::postings;
use super::series::{BLOCK, SeriesEntry, decode_block};
use super::strings::Strings;
use super::writer::{KIND, section};

/// A block's index. Opening looks at header, footer and the heads of tables; [`Index::verify`] checks the rest,
/// and what is read without it is bounded but only as good as the medium.
#[derive(Debug, Clone)]
pub struct Index<'a> {
    sections: Sections<'a>,
    names: Strings<'a>,
    values: Blobs<'a>,
    postings: Blobs<'a>,
    shapes: Blobs<'a>,
    series: Blobs<'a>,
    series_count: u32,
}

impl<'a> Index<'a> {
    /// Opens the index in `file`.
    ///
    /// # Errors
    /// [`Error::Truncated`], [`Error::Corrupt`] or [`Error::Unsupported`].
    pub fn open(file: &'a [u8]) -> Result<Self> {
        let sections = Sections::open(file, &KIND)?;
        let mut summary = Reader::new(sections.verified(section::SUMMARY)?, "index summary");
        let series_count = summary.varint_u32()?;
        summary.finish()?;
        let names = Strings::open(sections.get(section::NAMES))?;
        let values = Blobs::open(sections.get(section::VALUES), "label values")?;
        let postings = Blobs::open(sections.get(section::POSTINGS), "postings")?;
        let shapes = Blobs::open(sections.get(section::SHAPES), "label shapes")?;
        let series = Blobs::open(sections.get(section::SERIES), "series")?;
        let fitting = names.len() == values.len()
            && names.len() == postings.len()
            && (series_count as usize).div_ceil(BLOCK) == series.len();
        if !fitting {
            return Err(Error::corrupt(
                "block index",
                0,
                "tables of equal length",
                u64::from(series_count),
            ));
        }
        Ok(Self {
            sections,
            names,
            values,
            postings,
            shapes,
            series,
            series_count,
        })
    }

    /// Checks every byte of the file.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub fn verify(&self) -> Result<()> {
        self.sections.verify()
    }

    /// How many series there are; their numbers are below.
    #[must_use]
    pub const fn series_count(&self) -> u32 {
        self.series_count
    }

    /// Label names.
    #[must_use]
    pub const fn names(&self) -> Strings<'a> {
        self.names
    }

    /// The values of the name with this number.
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::Truncated`].
    pub fn values(&self, name: usize) -> Result<Strings<'a>> {
        Strings::open(self.values.get(name)?)
    }

    /// Appends the numbers of the series that have this value of this name.
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::Truncated`].
    pub fn postings(&self, name: usize, value: usize, out: &mut Vec<u32>) -> Result<()> {
        postings::decode(self.postings_of(name)?.get(value)?, self.series_count, out)
    }

    /// How many series have this value of this name.
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::Truncated`].
    pub fn postings_count(&self, name: usize, value: usize) -> Result<u64> {
        postings::count(self.postings_of(name)?.get(value)?)
    }

    fn postings_of(&self, name: usize) -> Result<Blobs<'a>> {
        Blobs::open(self.postings.get(name)?, "postings")
    }

    /// The numbers of the names in a shape.
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::Truncated`].
    pub fn shape(&self, shape: u32) -> Result<Vec<u32>> {
        let mut reader = Reader::new(self.shapes.get(shape as usize)?, "label shape");
        let mut names = Vec::new();
        while !reader.is_empty() {
            names.push(reader.varint_u32()?);
        }
        Ok(names)
    }

    /// Series `number`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::Truncated`], also if there is none.
    pub fn series(&self, number: u32) -> Result<SeriesEntry> {
        let mut found = None;
        self.block(number as usize / BLOCK, |at, entry| {
            if at == number {
                found = Some(entry.clone());
            }
        })?;
        found.ok_or_else(|| Error::corrupt("block index", 0, "a series of the index", u64::from(number)))
    }

    /// Hands the series from `number` on to `each` as far as they are kept together with it: at most sixteen, which are
    /// read as fast as one.
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::Truncated`], also if there is none of this number.
    pub fn series_from(&self, number: u32, mut each: impl FnMut(u32, &SeriesEntry)) -> Result<()> {
        self.block(number as usize / BLOCK, |at, entry| {
            if at >= number {
                each(at, entry);
            }
        })
    }

    /// Hands every series to `each` in the order of labels.
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::Truncated`].
    pub fn for_each(&self, mut each: impl FnMut(u32, &SeriesEntry)) -> Result<()> {
        (0..self.series.len()).try_for_each(|block| self.block(block, &mut each))
    }

    /// Hands every series of a block of [`BLOCK`] series, with its number, to `each`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::Truncated`], also if there is no such block.
    pub fn block(&self, block: usize, mut each: impl FnMut(u32, &SeriesEntry)) -> Result<()> {
        let mut number = (block * BLOCK) as u32;
        let names = |shape| self.shape(shape).map(|names| names.len());
        decode_block(self.series.get(block)?, names, |entry| {
            each(number, entry);
            number = number.saturating_add(1);
        })
    }

    /// The labels of a series as text, sorted by name.
    ///
    /// # Errors
    /// [`Error::Corrupt`] or [`Error::Truncated`].
    pub fn labels(&self, entry: &SeriesEntry) -> Result<Vec<(String, String)>> {
        let names = self.shape(entry.shape)?;
        let label = |(name, value): (&u32, &u32)| {
            let values = self.values(*name as usize)?;
            Ok((self.names.get(*name as usize)?, values.get(*value as usize)?))
        };
        names.iter().zip(&entry.values).map(label).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::writer::IndexWriter;
    use super::*;
    use crate::segment::ChunkList;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    type Labels = Vec<(String, String)>;

    fn label_sets() -> impl Strategy<Value = BTreeSet<Labels>> {
        let pair = (
            prop::sample::select(vec!["__name__", "le", "job", "ö"]),
            "[a-c]{0,3}",
        );
        let labels = prop::collection::vec(pair, 0..5).prop_map(|pairs| {
            let map: BTreeMap<_, _> = pairs
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect();
            map.into_iter().collect()
        });
        prop::collection::btree_set(labels, 0..60)
    }

    fn chunks(number: usize) -> ChunkList {
        let number = number as u32;
        let position = u64::from(number / 7) * 1_000;
        ChunkList {
            plan: number % 3,
            position,
            lengths: vec![number % 5; number as usize % 4],
        }
    }

    fn index(sets: &BTreeSet<Labels>) -> Vec<u8> {
        let mut writer = IndexWriter::default();
        for (number, labels) in sets.iter().enumerate() {
            writer
                .push(
                    labels.iter().map(|(n, v)| (n.as_str(), v.as_str())),
                    chunks(number),
                )
                .unwrap();
        }
        let mut file = Vec::new();
        writer.finish(7, &mut file).unwrap();
        file
    }

    proptest! {
        #[test]
        fn an_index_answers_as_its_series_do(sets in label_sets()) {
            let file = index(&sets);
            let index = Index::open(&file).unwrap();
            index.verify().unwrap();
            prop_assert_eq!(index.series_count() as usize, sets.len());
            let mut expected: BTreeMap<(&str, &str), Vec<u32>> = BTreeMap::new();
            for (number, labels) in sets.iter().enumerate() {
                let entry = index.series(number as u32).unwrap();
                prop_assert_eq!(&index.labels(&entry).unwrap(), labels);
                prop_assert_eq!(entry.chunks, chunks(number));
                for (name, value) in labels {
                    expected.entry((name, value)).or_default().push(number as u32);
                }
            }
            let mut found = BTreeMap::new();
            let names: Vec<_> = (0..index.names().len()).map(|i| index.names().get(i).unwrap()).collect();
            for (number, name) in names.iter().enumerate() {
                let values = index.values(number).unwrap();
                for value in 0..values.len() {
                    let mut postings = Vec::new();
                    index.postings(number, value, &mut postings).unwrap();
                    prop_assert_eq!(index.postings_count(number, value), Ok(postings.len() as u64));
                    found.insert((name.clone(), values.get(value).unwrap()), postings);
                }
            }
            let expected: BTreeMap<_, _> =
                expected.into_iter().map(|((n, v), p)| ((n.to_owned(), v.to_owned()), p)).collect();
            prop_assert_eq!(found, expected);
            prop_assert!(index.series(sets.len() as u32).is_err());
        }
    }

    #[test]
    fn disorder_is_refused() {
        let mut writer = IndexWriter::default();
        writer
            .push([("b", "1"), ("a", "1")], ChunkList::default())
            .unwrap();
        assert!(writer.finish(7, &mut Vec::new()).is_err());
        let mut writer = IndexWriter::default();
        writer.push([("a", "2")], ChunkList::default()).unwrap();
        writer.push([("a", "1")], ChunkList::default()).unwrap();
        assert!(writer.finish(7, &mut Vec::new()).is_err());
    }
}
