//! Figures about a store: sizes, and which labels make it large.

use std::path::PathBuf;

/// Figures about a store at one moment. Counters count since the store was opened.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stats {
    /// Series in the head.
    pub series: u64,
    /// Different label pairs of these series.
    pub label_pairs: u64,
    /// Chunks in the head.
    pub chunks: u64,
    /// Samples in the head.
    pub samples: u64,
    /// Time of the oldest sample in the head, in Unix milliseconds.
    pub min_time: Option<i64>,
    /// Time of the newest sample in the head, in Unix milliseconds.
    pub max_time: Option<i64>,
    /// Time of the oldest sample anywhere in the store.
    pub lowest_time: Option<i64>,
    /// Number of the newest commit that is visible.
    pub commit: u64,
    /// Number of the oldest commit that a reader still looks at.
    pub oldest_pinned: u64,
    /// Bytes of memory that the head's samples and series take, estimated.
    pub head_bytes: u64,
    /// Bytes of the log on disk.
    pub wal_bytes: u64,
    /// Those of them that no restart needs: they are kept for readers that follow the log.
    pub wal_kept_bytes: u64,
    /// Older commits are behind all readers that follow the log; none if there is no reader.
    pub wal_unread_commit: Option<u64>,
    /// Segments of the log that became too old before every reader had come so far.
    pub wal_lost_segments: u64,
    /// Segment of the log that is being written.
    pub wal_segment: u64,
    /// Damaged places found in the log when it was opened.
    pub wal_corruptions: u64,
    /// Writes to the log that failed.
    pub wal_write_failures: u64,
    /// fsyncs of the log that failed.
    pub wal_sync_failures: u64,
    /// fsyncs of the log.
    pub wal_syncs: u64,
    /// Bytes of sealed head segments on disk.
    pub head_segment_bytes: u64,
    /// Bytes of blocks on disk.
    pub block_bytes: u64,
    /// Blocks.
    pub blocks: u64,
    /// Floats appended.
    pub floats_appended: u64,
    /// Native histograms appended.
    pub histograms_appended: u64,
    /// Exemplars kept since the store was opened, with those that opening brought back.
    pub exemplars_appended: u64,
    /// Exemplars that are kept.
    pub exemplars: u64,
    /// Series with exemplars.
    pub exemplar_series: u64,
    /// Time of the exemplar that would make place for the next one, in Unix milliseconds.
    pub exemplar_oldest: Option<i64>,
    /// Exemplars left out as they were not newer than the last one of their series.
    pub exemplars_out_of_order: u64,
    /// Series created.
    pub series_created: u64,
    /// Series dropped from memory.
    pub series_removed: u64,
    /// Times that the head was sealed, after which the log forgets what a file has.
    pub seals: u64,
    /// Times that sealing failed.
    pub seal_failures: u64,
    /// Blocks and segments removed because they were older than the retention.
    pub expired_by_time: u64,
    /// Blocks and segments removed because the store was larger than it may be.
    pub expired_by_size: u64,
    /// Samples refused as out of order.
    pub out_of_order: u64,
    /// Samples refused as out of bounds.
    pub out_of_bounds: u64,
    /// Samples refused as too old.
    pub too_old: u64,
    /// Samples refused as duplicates.
    pub duplicates: u64,
    /// Files of others that lie in the path and were left alone.
    pub foreign: Vec<ForeignFile>,
    /// Damage found so far, on opening and since: each names the file, the offset, what was expected and what was found.
    pub damage: Vec<String>,
}

/// What has come into a store since it was opened; read at no cost, unlike [`Stats`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Intake {
    /// Floats appended.
    pub floats: u64,
    /// Native histograms appended.
    pub histograms: u64,
    /// Exemplars kept.
    pub exemplars: u64,
    /// Time of the newest sample in the head, in Unix milliseconds.
    pub newest: Option<i64>,
}

/// A file or folder in the store's path that is not ours and was left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignFile {
    /// Where it lies.
    pub path: PathBuf,
    /// What it looks like, for example `Prometheus block`.
    pub what: &'static str,
}
