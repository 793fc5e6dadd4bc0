//! A block's `meta.json`: what it holds, where it came from, and the files it is made of.
//! Layout: spec/block.md.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The version written, and the newest read.
pub const VERSION: u64 = 1;
/// What tells our blocks from Prometheus's.
pub const FORMAT: &str = "narthex";

const WHAT: &str = "block meta.json";

/// What a block says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BlockMeta {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u64,
    /// The block's ULID, also the name of its folder.
    pub ulid: String,
    /// The first millisecond.
    pub min_time: i64,
    /// The first millisecond after the block.
    pub max_time: i64,
    /// What it holds.
    pub stats: BlockStats,
    /// Where it came from.
    pub compaction: BlockCompaction,
    /// The files it is made of.
    pub files: Vec<BlockFile>,
}

/// What a block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BlockStats {
    /// Floats and histograms.
    pub num_samples: u64,
    /// Floats.
    pub num_float_samples: u64,
    /// Histograms.
    pub num_histogram_samples: u64,
    /// Series.
    pub num_series: u64,
    /// Chunks.
    pub num_chunks: u64,
    /// Deleted ranges when it was written.
    pub num_tombstones: u64,
}

/// Where a block came from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BlockCompaction {
    /// How often its samples were compacted: 1 straight from the head.
    pub level: u32,
    /// ULIDs of the level-1 blocks in it, its own among them at level 1.
    pub sources: Vec<String>,
    /// ULIDs of the blocks it was made of.
    #[serde(default)]
    pub parents: Vec<String>,
    /// Which samples of sealed segments are in it, as far as the segments were there when it was merged; at level 1 the
    /// summary of its chunks says so instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<BlockSpan>,
}

/// Samples of neighbouring sealed segments between two times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BlockSpan {
    /// Number of the oldest segment.
    pub first: u64,
    /// Number of the newest segment.
    pub last: u64,
    /// The first millisecond.
    pub min_time: i64,
    /// The first millisecond after them.
    pub max_time: i64,
}

/// A file of a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BlockFile {
    /// Its name in the block's folder.
    pub name: String,
    /// Its length.
    pub bytes: u64,
}

impl BlockMeta {
    /// The file's bytes.
    ///
    /// # Errors
    /// [`Error::Invalid`] if format, version or times are none.
    pub fn encode(&self) -> Result<Vec<u8>> {
        self.check()
            .map_err(|(expected, found)| Error::invalid(WHAT, 0, expected, found))?;
        let mut out = serde_json::to_vec_pretty(self)
            .map_err(|_| Error::invalid(WHAT, 0, "values that JSON can hold", 0))?;
        out.push(b'\n');
        Ok(out)
    }

    /// Reads the file's bytes.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a newer version; [`Error::Corrupt`] if it is not the meta of a block of
    /// ours, with the line as what was found.
    pub fn decode(file: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Version {
            version: u64,
        }
        let corrupt = |error: serde_json::Error| {
            Error::corrupt(
                WHAT,
                error.column(),
                "JSON with the fields of a block's meta (found: line)",
                error.line() as u64,
            )
        };
        let version = serde_json::from_slice::<Version>(file).map_err(corrupt)?.version;
        if version > VERSION {
            return Err(Error::Unsupported {
                what: WHAT,
                offset: 0,
                expected: VERSION,
                found: version,
            });
        }
        let meta: Self = serde_json::from_slice(file).map_err(corrupt)?;
        meta.check()
            .map_err(|(expected, found)| Error::corrupt(WHAT, 0, expected, found))?;
        Ok(meta)
    }

    fn check(&self) -> Result<(), (&'static str, u64)> {
        if self.format != FORMAT {
            return Err(("the format \"narthex\"", self.format.len() as u64));
        }
        if self.version != VERSION {
            return Err(("version 1", self.version));
        }
        if self.min_time >= self.max_time {
            return Err(("minTime before maxTime", self.max_time as u64));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta() -> BlockMeta {
        BlockMeta {
            format: FORMAT.to_owned(),
            version: VERSION,
            ulid: "01JQ7V6W5N8M3K2H1G0F9E8D7C".to_owned(),
            min_time: 0,
            max_time: 7_200_000,
            stats: BlockStats {
                num_samples: 5,
                ..BlockStats::default()
            },
            compaction: BlockCompaction {
                level: 1,
                ..BlockCompaction::default()
            },
            files: vec![BlockFile {
                name: "index".to_owned(),
                bytes: 9,
            }],
        }
    }

    #[test]
    fn a_meta_comes_back() {
        let bytes = meta().encode().unwrap();
        assert_eq!(BlockMeta::decode(&bytes), Ok(meta()));
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        let text = String::from_utf8(meta().encode().unwrap()).unwrap();
        let newer = text.replace("\"version\": 1", "\"version\": 2");
        assert!(matches!(
            BlockMeta::decode(newer.as_bytes()),
            Err(Error::Unsupported { found: 2, .. })
        ));
        for (from, to) in [
            ("narthex", "other"),
            ("minTime", "minimum"),
            ("7200000", "0"),
            ("}\n", ""),
        ] {
            assert!(
                matches!(
                    BlockMeta::decode(text.replace(from, to).as_bytes()),
                    Err(Error::Corrupt { .. })
                ),
                "{from}"
            );
        }
        assert!(
            BlockMeta {
                max_time: 0,
                ..meta()
            }
            .encode()
            .is_err()
        );
    }

    #[test]
    fn every_cut_is_refused() {
        let bytes = meta().encode().unwrap();
        for length in 0..bytes.len() - 2 {
            assert!(BlockMeta::decode(&bytes[..length]).is_err(), "{length}");
        }
    }
}
