//! Records of the log: what one commit changed, as plain columns. Layout: spec/wal.md.

use crate::bytes::Reader;
use crate::error::{Error, Result};
use crate::extras::{self, Exemplar, Metadata, Tombstone};
use crate::histogram::{FloatHistogram, Histogram};
use crate::series::SeriesTable;
use crate::varint;
use crate::wal::samples;

/// The kind byte of a batch.
const BATCH: u8 = 1;
/// The kind byte of a batch with samples that came late.
const LATE_BATCH: u8 = 2;

/// One entry of the log.
#[derive(Debug, Clone, PartialEq)]
pub enum Record<'a> {
    /// Everything that one commit changed.
    Batch(Batch<'a>),
}

impl<'a> Record<'a> {
    /// Appends the record to `out`.
    ///
    /// # Errors
    /// [`Error::Invalid`] if a field holds what the format cannot (see [`Batch::encode`]).
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Batch(batch) => batch.encode(out),
        }
    }

    /// Reads the payload of a frame; strings stay in it.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a kind of record or section that a newer version wrote; [`Error::Corrupt`]
    /// or [`Error::Truncated`] where the bytes do not hold a record.
    pub fn decode(payload: &'a [u8]) -> Result<Self> {
        Self::decode_since(payload, None)
    }

    /// As [`decode`](Self::decode), but of commits up to `sealed` only the series are read: what else they hold is
    /// known from elsewhere.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_after(payload: &'a [u8], sealed: u64) -> Result<Self> {
        Self::decode_since(payload, Some(sealed))
    }

    fn decode_since(payload: &'a [u8], sealed: Option<u64>) -> Result<Self> {
        match payload.first() {
            Some(&(BATCH | LATE_BATCH)) => Batch::decode_since(payload, sealed).map(Self::Batch),
            Some(&kind) => {
                Err(Reader::new(payload, "log record").unsupported(u64::from(BATCH), u64::from(kind)))
            }
            None => Err(Error::Truncated {
                what: "log record",
                offset: 0,
                expected: 1,
                found: 0,
            }),
        }
    }
}

/// What one commit changed: the samples of one scrape or write request, and the series first seen in it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch<'a> {
    /// The commit's number: later commits have larger ones.
    pub commit: u64,
    /// The scrape group whose samples share their time, if the batch came from a scrape.
    pub group: Option<u32>,
    /// Whether some samples are older than others that their series had before. If not, a replay need not ask what
    /// has been sealed.
    pub late: bool,
    /// Milliseconds since the epoch; samples at this very time cost nothing for it.
    pub time: i64,
    /// Series defined here for the first time.
    pub series: SeriesTable<'a>,
    /// Floats, exact to the bit.
    pub floats: Vec<Sample<f64>>,
    /// Histograms with integer counts.
    pub histograms: Vec<Sample<Histogram>>,
    /// Histograms with float counts.
    pub float_histograms: Vec<Sample<FloatHistogram>>,
    /// Exemplars.
    pub exemplars: Vec<Exemplar<'a>>,
    /// Descriptions of metrics.
    pub metadata: Vec<Metadata<'a>>,
    /// Deletions.
    pub tombstones: Vec<Tombstone>,
}

/// One sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample<V> {
    /// The series.
    pub id: u32,
    /// Milliseconds since the epoch.
    pub time: i64,
    /// When counting started, if it is known: milliseconds since the epoch.
    pub start: Option<i64>,
    /// The value.
    pub value: V,
}

/// What a section of a batch holds; the numbers rise in the order that sections are written.
const SERIES: u8 = 1;
const FLOATS: u8 = 2;
const HISTOGRAMS: u8 = 3;
const FLOAT_HISTOGRAMS: u8 = 4;
const EXEMPLARS: u8 = 5;
const METADATA: u8 = 6;
const TOMBSTONES: u8 = 7;
const SECTION_MAX: u8 = TOMBSTONES;

impl<'a> Batch<'a> {
    /// How many samples there are.
    #[must_use]
    pub const fn samples(&self) -> usize {
        self.floats.len() + self.histograms.len() + self.float_histograms.len()
    }

    /// Forgets everything, keeping the memory: one batch can serve many commits.
    pub fn clear(&mut self) {
        self.commit = 0;
        self.group = None;
        self.late = false;
        self.time = 0;
        self.series.clear();
        self.floats.clear();
        self.histograms.clear();
        self.float_histograms.clear();
        self.exemplars.clear();
        self.metadata.clear();
        self.tombstones.clear();
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
            && self.floats.is_empty()
            && self.histograms.is_empty()
            && self.float_histograms.is_empty()
            && self.exemplars.is_empty()
            && self.metadata.is_empty()
            && self.tombstones.is_empty()
    }

    /// Appends the batch as a record.
    ///
    /// # Errors
    /// [`Error::Invalid`] if a histogram's hint or a tombstone's range is none, or a section exceeds 4 GiB;
    /// `out` then holds an unfinished record, which the caller drops.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<()> {
        out.push(if self.late { LATE_BATCH } else { BATCH });
        varint::put(out, self.commit);
        varint::put(out, self.group.map_or(0, |group| u64::from(group) + 1));
        varint::put_signed(out, self.time);
        section(out, SERIES, self.series.len(), |out| {
            self.series.encode(out);
            Ok(())
        })?;
        section(out, FLOATS, self.floats.len(), |out| {
            samples::encode_floats(out, self.time, &self.floats);
            Ok(())
        })?;
        section(out, HISTOGRAMS, self.histograms.len(), |out| {
            samples::encode_histograms(out, self.time, &self.histograms)
        })?;
        section(out, FLOAT_HISTOGRAMS, self.float_histograms.len(), |out| {
            samples::encode_histograms(out, self.time, &self.float_histograms)
        })?;
        section(out, EXEMPLARS, self.exemplars.len(), |out| {
            extras::encode_exemplars(out, self.time, &self.exemplars);
            Ok(())
        })?;
        section(out, METADATA, self.metadata.len(), |out| {
            extras::encode_metadata(out, &self.metadata);
            Ok(())
        })?;
        section(out, TOMBSTONES, self.tombstones.len(), |out| {
            extras::encode_tombstones(out, self.time, &self.tombstones)
        })
    }

    /// Reads a batch from a whole record.
    ///
    /// # Errors
    /// As [`Record::decode`].
    pub fn decode(payload: &'a [u8]) -> Result<Self> {
        Self::decode_since(payload, None)
    }

    fn decode_since(payload: &'a [u8], sealed: Option<u64>) -> Result<Self> {
        let mut reader = Reader::new(payload, "log record");
        let kind = reader.u8()?;
        if kind != BATCH && kind != LATE_BATCH {
            return Err(reader.unsupported(u64::from(BATCH), u64::from(kind)));
        }
        let mut batch = Self {
            late: kind == LATE_BATCH,
            commit: reader.varint()?,
            ..Self::default()
        };
        let group = reader.varint()?;
        batch.group = match group.checked_sub(1).map(u32::try_from) {
            None => None,
            Some(Ok(group)) => Some(group),
            Some(Err(_)) => return Err(reader.corrupt("a group of 32 bits", group)),
        };
        batch.time = reader.signed()?;
        let is_sealed = sealed.is_some_and(|sealed| batch.commit <= sealed);
        let mut previous = 0;
        while !reader.is_empty() {
            let section = reader.u8()?;
            if section > SECTION_MAX {
                return Err(reader.unsupported(u64::from(SECTION_MAX), u64::from(section)));
            }
            if section <= previous {
                return Err(reader.corrupt("sections in rising order", u64::from(section)));
            }
            previous = section;
            let length = reader.u32()? as usize;
            let base = reader.offset();
            let bytes = reader.take(length)?;
            if is_sealed && section != SERIES {
                continue;
            }
            let mut body = Reader::with_base(bytes, "log record section", base);
            batch.read_section(section, &mut body)?;
            body.finish()?;
        }
        Ok(batch)
    }

    fn read_section(&mut self, section: u8, body: &mut Reader<'a>) -> Result<()> {
        match section {
            SERIES => self.series = SeriesTable::decode(body)?,
            FLOATS => self.floats = samples::decode_floats(body, self.time)?,
            HISTOGRAMS => self.histograms = samples::decode_histograms(body, self.time)?,
            FLOAT_HISTOGRAMS => self.float_histograms = samples::decode_histograms(body, self.time)?,
            EXEMPLARS => self.exemplars = extras::decode_exemplars(body, self.time)?,
            METADATA => self.metadata = extras::decode_metadata(body)?,
            _ => self.tombstones = extras::decode_tombstones(body, self.time)?,
        }
        Ok(())
    }
}

/// Writes one section with its length before it; an empty one is left out.
fn section(
    out: &mut Vec<u8>,
    tag: u8,
    items: usize,
    write: impl FnOnce(&mut Vec<u8>) -> Result<()>,
) -> Result<()> {
    if items == 0 {
        return Ok(());
    }
    out.push(tag);
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out)?;
    let length = out.len() - start - 4;
    let Ok(length_u32) = u32::try_from(length) else {
        return Err(Error::invalid(
            "log record section",
            usize::from(tag),
            "at most 4 GiB",
            length as u64,
        ));
    };
    if let Some(place) = out.get_mut(start..start + 4) {
        place.copy_from_slice(&length_u32.to_le_bytes());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extras::MetricKind;
    use crate::histogram::{HistogramFields, Span};
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn float() -> impl Strategy<Value = f64> + Clone {
        prop_oneof![
            any::<u64>().prop_map(f64::from_bits),
            any::<i16>().prop_map(f64::from)
        ]
    }

    fn sample<V: std::fmt::Debug>(value: impl Strategy<Value = V>) -> impl Strategy<Value = Sample<V>> {
        let time = prop_oneof![Just(1_000_i64), any::<i64>()];
        let start = prop_oneof![Just(None), any::<Option<i64>>()];
        (prop_oneof![0..9_u32, any::<u32>()], time, start, value).prop_map(|(id, time, start, value)| {
            Sample {
                id,
                time,
                start,
                value,
            }
        })
    }

    fn histogram<C: std::fmt::Debug, B: std::fmt::Debug>(
        count: impl Strategy<Value = C> + Clone,
        bucket: impl Strategy<Value = B> + Clone,
    ) -> impl Strategy<Value = HistogramFields<C, B>> {
        let spans = vec(
            (any::<i32>(), any::<u32>()).prop_map(|(offset, length)| Span { offset, length }),
            0..4,
        );
        let head = (0..=3_u8, any::<i32>(), float(), count.clone(), count, float());
        let tail = (
            spans.clone(),
            spans,
            vec(bucket.clone(), 0..5),
            vec(bucket, 0..5),
            vec(float(), 0..4),
        );
        (head, tail).prop_map(|(head, tail)| HistogramFields {
            hint: head.0,
            schema: head.1,
            zero_threshold: head.2,
            zero_count: head.3,
            count: head.4,
            sum: head.5,
            positive_spans: tail.0,
            negative_spans: tail.1,
            positive_buckets: tail.2,
            negative_buckets: tail.3,
            custom_values: tail.4,
        })
    }

    fn round_trip(batch: &Batch<'_>) {
        let mut bytes = Vec::new();
        batch.encode(&mut bytes).unwrap();
        let Record::Batch(read) = Record::decode(&bytes).unwrap();
        // Debug prints NaN alike, so payloads are compared through a second encoding.
        assert_eq!(format!("{read:?}"), format!("{batch:?}"));
        let mut again = Vec::new();
        read.encode(&mut again).unwrap();
        assert_eq!(again, bytes);
        for (a, b) in read.floats.iter().zip(&batch.floats) {
            assert_eq!(a.value.to_bits(), b.value.to_bits());
        }
        for cut in 0..bytes.len() {
            let _ = Record::decode(&bytes[..cut]);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn samples_come_back(
            header in (any::<u64>(), any::<Option<u32>>(), prop_oneof![Just(1_000_i64), any::<i64>()]),
            floats in vec(sample(float()), 0..40),
            histograms in vec(sample(histogram(any::<u64>(), any::<i64>())), 0..4),
            float_histograms in vec(sample(histogram(float(), float())), 0..4),
        ) {
            let (commit, group, time) = header;
            let batch = Batch { commit, group, time, floats, histograms, float_histograms, ..Batch::default() };
            round_trip(&batch);
        }

        #[test]
        fn the_rest_comes_back(
            texts in vec((any::<String>(), any::<String>()), 0..4),
            numbers in vec((any::<u32>(), any::<i64>(), any::<i64>(), 0..8_u8), 0..4),
        ) {
            let labels: Vec<_> = texts.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            let mut batch = Batch { time: 5, ..Batch::default() };
            for (id, a, b, kind) in numbers {
                batch.series.push(id, labels.iter().copied());
                batch.exemplars.push(Exemplar { id, time: a, value: b as f64, labels: labels.clone() });
                batch.tombstones.push(Tombstone { id, from: a.min(b), to: a.max(b) });
                let (metric, help) = labels.first().copied().unwrap_or_default();
                let kind = MetricKind::from_number(kind).unwrap();
                batch.metadata.push(Metadata { metric, kind, help, unit: "s" });
            }
            round_trip(&batch);
            batch.commit = 7;
            let mut bytes = Vec::new();
            batch.encode(&mut bytes).unwrap();
            let after = |sealed| Record::decode_after(&bytes, sealed).map(|Record::Batch(batch)| batch);
            prop_assert_eq!(after(6), Ok(batch.clone()));
            let Batch { commit, time, series, .. } = batch;
            prop_assert_eq!(after(7), Ok(Batch { commit, time, series, ..Batch::default() }));
        }

        #[test]
        fn any_bytes_are_read_or_refused(mut bytes: Vec<u8>, section in 0..9_u8) {
            bytes.splice(0..0, [BATCH, 1, 0, 0, section, 200, 0, 0, 0]);
            let _ = Record::decode(&bytes);
            let length = (bytes.len() - 9) as u8;
            bytes[5] = length;
            let _ = Record::decode(&bytes);
        }
    }

    #[test]
    fn a_steady_scrape_is_small() {
        let floats = (0..1_000).map(|i| Sample {
            id: 70 + i,
            time: 9,
            start: None,
            value: f64::from(i % 4),
        });
        let batch = Batch {
            commit: 1,
            group: Some(3),
            time: 9,
            floats: floats.collect(),
            ..Batch::default()
        };
        let mut bytes = Vec::new();
        batch.encode(&mut bytes).unwrap();
        assert!(bytes.len() < 500 + 2_000 + 32, "{}", bytes.len());
        let late = Batch { late: true, ..batch };
        bytes.clear();
        late.encode(&mut bytes).unwrap();
        assert_eq!(Record::decode(&bytes), Ok(Record::Batch(late)));
    }

    #[test]
    fn what_a_newer_version_wrote_is_named_as_such() {
        assert!(matches!(
            Record::decode(&[9]),
            Err(Error::Unsupported {
                expected: 1,
                found: 9,
                ..
            })
        ));
        let newer = [BATCH, 1, 0, 0, SECTION_MAX + 1, 0, 0, 0, 0];
        assert!(matches!(
            Record::decode(&newer),
            Err(Error::Unsupported { offset: 5, .. })
        ));
    }

    #[test]
    fn what_cannot_be_written_is_refused() {
        let mut batch = Batch::default();
        batch.tombstones.push(Tombstone {
            id: 1,
            from: 5,
            to: 4,
        });
        assert!(matches!(
            batch.encode(&mut Vec::new()),
            Err(Error::Invalid { .. })
        ));
    }
}
