//! What can be chosen when a store is opened; each field says its default, its unit and its effect.

/// How a store behaves. `Options::default()` is what Prometheus does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Milliseconds between two fsyncs of the log (default 1,000). A power loss costs at most the batches of one
    /// interval; a killed process costs none. 0 syncs with every batch.
    pub fsync_interval_ms: i64,
    /// How far behind the newest sample of the store a sample may lie and still be accepted in any order, in
    /// milliseconds (default 0: only in order).
    pub out_of_order_window_ms: i64,
    /// How far behind the newest sample of the store a sample of a new or lagging series may lie when there is no
    /// out-of-order window, in milliseconds (default 3,600,000).
    pub in_order_window_ms: i64,
    /// How far ahead of the caller's clock a sample may lie, in milliseconds (default 600,000).
    pub max_future_ms: i64,
    /// Age behind the newest data at which data is deleted, in milliseconds (default 1,296,000,000, 15 days;
    /// 0 keeps everything).
    pub retention_ms: i64,
    /// Bytes that the store's folder may hold before the oldest blocks and segments are deleted (default 0: no limit). What is not
    /// sealed yet and the newest segment stay.
    pub retention_bytes: u64,
    /// Bytes after which the log begins a new segment file (default 16 MiB).
    pub wal_segment_bytes: u64,
    /// Bytes of log that are not behind the replay cursor at which the head is sealed even if its time has not come
    /// (default 128 MiB). Bounds what a restart has to replay.
    pub wal_unsealed_bytes: u64,
    /// Samples that are not behind the replay cursor at which the head is sealed even if its time has not come, with 14
    /// more for each series in memory (default 8,000,000): a restart replays more than ten million a second.
    pub wal_unsealed_samples: u64,
    /// How long sealed log is kept for a reader that has not come so far, in milliseconds of the caller's clock
    /// (default 7,200,000): see [`Tail`](crate::Tail). It counts in `retention_bytes` and takes at most half of it.
    pub wal_kept_ms: i64,
    /// Milliseconds of data time after which the head is sealed into a segment (default 1,800,000). Longer intervals
    /// make fewer and denser files, and more memory and log to be replayed in between.
    pub seal_interval_ms: i64,
    /// Length of the windows of time whose sealed samples become a block once they are complete, in milliseconds
    /// (default 7,200,000; 0 cuts no blocks). Windows are aligned to 1970.
    pub block_interval_ms: i64,
    /// Longest window of time that blocks are merged to, in milliseconds (default 0: a tenth of the retention, at most
    /// 31 days). Windows are three times as long from level to level.
    pub max_block_ms: i64,
    /// Threads that an opening may use to replay the log (default 4); the outcome does not depend on it.
    pub open_threads: usize,
    /// How many exemplars are kept, in memory, in the log and in sealed segments (default 0: they are accepted and
    /// dropped).
    pub max_exemplars: usize,
}

/// The longest block, whatever the retention: 31 days.
const BLOCK_MS_MAX: i64 = 31 * 24 * 3_600_000;

impl Options {
    /// Windows of time of the levels that blocks are merged to, ascending; the first is that of new blocks.
    pub(crate) fn levels(&self) -> Vec<i64> {
        let longest = match (self.max_block_ms, self.retention_ms) {
            (0, 0) => BLOCK_MS_MAX,
            (0, retention) => (retention / 10).min(BLOCK_MS_MAX),
            (chosen, _) => chosen,
        };
        let first = self.block_interval_ms;
        let longer = std::iter::successors(first.checked_mul(3), |window| window.checked_mul(3));
        std::iter::once(first)
            .chain(longer.take_while(|window| *window <= longest))
            .collect()
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            fsync_interval_ms: 1_000,
            out_of_order_window_ms: 0,
            in_order_window_ms: 3_600_000,
            max_future_ms: 600_000,
            retention_ms: 15 * 24 * 3_600_000,
            retention_bytes: 0,
            wal_segment_bytes: 16 << 20,
            wal_unsealed_bytes: 128 << 20,
            wal_unsealed_samples: 8_000_000,
            wal_kept_ms: 7_200_000,
            seal_interval_ms: 1_800_000,
            block_interval_ms: 7_200_000,
            max_block_ms: 0,
            open_threads: 4,
            max_exemplars: 0,
        }
    }
}
