//! What a sealed file says about its contents, and the exemplars and metadata it carries.
//! Layout: spec/segment.md.

use crate::bytes::Reader;
use crate::error::Result;
use crate::extras::{
    Exemplar, Metadata, decode_exemplars, decode_metadata, encode_exemplars, encode_metadata,
};
use crate::varint;

/// What a sealed segment holds, and up to where it stands for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// The first sample's time.
    pub time_min: i64,
    /// The last sample's time.
    pub time_max: i64,
    /// How many series have samples.
    pub series: u64,
    /// How many chunks there are.
    pub chunks: u64,
    /// How many samples there are.
    pub samples: u64,
    /// The last commit that is in the segment whole.
    pub commit: u64,
    /// The log segment from which a restart reads on; in a block the newest sealed segment that it was cut from.
    pub log_segment: u64,
    /// Where in that log segment; in a block the oldest sealed segment that it was cut from.
    pub log_offset: u64,
}

impl Summary {
    /// The summary as a section.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        varint::put_signed(&mut out, self.time_min);
        varint::put_signed(&mut out, self.time_max);
        let counts = [
            self.series,
            self.chunks,
            self.samples,
            self.commit,
            self.log_segment,
            self.log_offset,
        ];
        counts.iter().for_each(|number| varint::put(&mut out, *number));
        out
    }

    /// Reads the section.
    ///
    /// # Errors
    /// [`crate::Error::Truncated`] or [`crate::Error::Corrupt`].
    pub fn decode(section: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(section, "segment summary");
        let summary = Self {
            time_min: reader.signed()?,
            time_max: reader.signed()?,
            series: reader.varint()?,
            chunks: reader.varint()?,
            samples: reader.varint()?,
            commit: reader.varint()?,
            log_segment: reader.varint()?,
            log_offset: reader.varint()?,
        };
        reader.finish()?;
        Ok(summary)
    }
}

/// The metadata of one scrape group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMetadata<'a> {
    /// The scrape group, if it has one.
    pub group: Option<u32>,
    /// Its metrics.
    pub metrics: Vec<Metadata<'a>>,
}

/// Metadata of several groups as a section.
#[must_use]
pub fn encode_group_metadata(groups: &[GroupMetadata<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    varint::put(&mut out, groups.len() as u64);
    for group in groups {
        varint::put(&mut out, group.group.map_or(0, |number| u64::from(number) + 1));
        encode_metadata(&mut out, &group.metrics);
    }
    out
}

/// Reads the metadata section; no bytes are no metadata.
///
/// # Errors
/// [`crate::Error::Truncated`], [`crate::Error::Corrupt`], or [`crate::Error::Unsupported`] for a newer type.
pub fn decode_group_metadata(section: &[u8]) -> Result<Vec<GroupMetadata<'_>>> {
    let mut reader = Reader::new(section, "metadata");
    if reader.is_empty() {
        return Ok(Vec::new());
    }
    let count = reader.count(2)?;
    let mut groups = Vec::with_capacity(count);
    for _ in 0..count {
        let number = reader.varint()?;
        let group = match number.checked_sub(1).map(u32::try_from) {
            None => None,
            Some(Ok(group)) => Some(group),
            Some(Err(_)) => return Err(reader.corrupt("a group of 32 bits", number)),
        };
        groups.push(GroupMetadata {
            group,
            metrics: decode_metadata(&mut reader)?,
        });
    }
    reader.finish()?;
    Ok(groups)
}

/// Exemplars as a section, times counted from `time`.
#[must_use]
pub fn encode_exemplar_section(time: i64, exemplars: &[Exemplar<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    encode_exemplars(&mut out, time, exemplars);
    out
}

/// Reads the exemplars section; no bytes are no exemplars.
///
/// # Errors
/// [`crate::Error::Truncated`] or [`crate::Error::Corrupt`].
pub fn decode_exemplar_section(time: i64, section: &[u8]) -> Result<Vec<Exemplar<'_>>> {
    let mut reader = Reader::new(section, "exemplars");
    if reader.is_empty() {
        return Ok(Vec::new());
    }
    let exemplars = decode_exemplars(&mut reader, time)?;
    reader.finish()?;
    Ok(exemplars)
}
