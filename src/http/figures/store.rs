//! Figures of the store, by the names that dashboards know.

use narthex_tsdb::{Db, Stats};

use crate::telemetry::metrics::{Gather, Kind, Registry};

/// Figures of the store, read when they are asked for.
pub(crate) fn register_store(registry: &Registry, store: &Db) {
    let (store, limits) = (store.clone(), store.options().clone());
    registry.on_gather(move |g| {
        let stats = store.stats();
        head(g, &stats);
        log(g, &stats);
        disk(g, &stats);
        refused(g, &stats);
        kept(g, &stats);
        absent(g);
        exemplars(g, &stats);
        for (name, help, value) in [
            (
                "retention_limit_percentage",
                "Share of the disk that blocks may take, configured 0 means disabled.",
                0.0,
            ),
            (
                "symbol_table_size_bytes",
                "Size of symbol table in memory for loaded blocks: there is none here.",
                0.0,
            ),
            (
                "exemplar_max_exemplars",
                "Total number of exemplars the exemplar storage can store.",
                limits.max_exemplars as f64,
            ),
            (
                "retention_limit_bytes",
                "Max number of bytes to be retained in the tsdb blocks, configured 0 means disabled.",
                limits.retention_bytes as f64,
            ),
            (
                "retention_limit_seconds",
                "How long to retain samples in storage.",
                limits.retention_ms as f64 / 1000.0,
            ),
        ] {
            g.gauge(&format!("prometheus_tsdb_{name}"), help, value);
        }
    });
}

fn head(g: &mut Gather, stats: &Stats) {
    const P: &str = "prometheus_tsdb_";
    for (name, help, value) in [
        (
            "head_series",
            "Total number of series in the head block.",
            stats.series,
        ),
        (
            "head_chunks",
            "Total number of chunks in the head block.",
            stats.chunks,
        ),
    ] {
        g.gauge(&format!("{P}{name}"), help, value as f64);
    }
    for (name, help, value) in [
        (
            "head_series_created_total",
            "Total number of series created in the head.",
            stats.series_created,
        ),
        (
            "head_series_removed_total",
            "Total number of series removed in the head.",
            stats.series_removed,
        ),
    ] {
        g.counter(&format!("{P}{name}"), help, value as f64);
    }
    for (kind, value) in [
        ("float", stats.floats_appended),
        ("histogram", stats.histograms_appended),
    ] {
        g.number(
            Kind::Counter,
            "prometheus_tsdb_head_samples_appended_total",
            "Total number of appended samples.",
            &[("type", kind)],
            value as f64,
        );
    }
    // An empty head has the extremes of the range, as in Prometheus, so that "nothing yet" is not "1970".
    let (min, max) = (
        stats.min_time.unwrap_or(i64::MAX),
        stats.max_time.unwrap_or(i64::MIN),
    );
    let lowest = stats.lowest_time.unwrap_or(min);
    for (name, help, time) in [
        ("head_min_time", "Minimum time bound of the head block.", min),
        ("head_max_time", "Maximum timestamp of the head block.", max),
        (
            "lowest_timestamp",
            "Lowest timestamp value stored in the database.",
            lowest,
        ),
    ] {
        g.gauge(
            &format!("{P}{name}"),
            &format!("{help} The unit is milliseconds."),
            time as f64,
        );
        g.gauge(&format!("{P}{name}_seconds"), help, (time / 1000) as f64);
    }
    g.gauge(
        "narthex_head_bytes",
        "Memory that samples and series of the head take, estimated.",
        stats.head_bytes as f64,
    );
}

fn log(g: &mut Gather, stats: &Stats) {
    g.gauge(
        "prometheus_tsdb_wal_segment_current",
        "Write log segment index that the store is currently writing to.",
        stats.wal_segment as f64,
    );
    g.gauge(
        "prometheus_tsdb_wal_storage_size_bytes",
        "Size of the write log directory.",
        stats.wal_bytes as f64,
    );
    for (name, help, value) in [
        (
            "prometheus_tsdb_wal_corruptions_total",
            "Total number of damaged places in the log.",
            stats.wal_corruptions,
        ),
        (
            "prometheus_tsdb_wal_writes_failed_total",
            "Total number of write log writes that failed.",
            stats.wal_write_failures,
        ),
        (
            "narthex_wal_syncs_total",
            "Times that the log was made safe against power loss.",
            stats.wal_syncs,
        ),
        (
            "narthex_wal_sync_failures_total",
            "Times that making the log safe failed.",
            stats.wal_sync_failures,
        ),
    ] {
        g.counter(name, help, value as f64);
    }
}

fn disk(g: &mut Gather, stats: &Stats) {
    g.counter(
        "narthex_store_damaged_places_total",
        "Places in files of the store that could not be read, at the start and since: the log names them, and so does tsdb list.",
        stats.damage.len() as f64,
    );
    for (name, help, value) in [
        (
            "prometheus_tsdb_blocks_loaded",
            "Number of currently loaded data blocks.",
            stats.blocks,
        ),
        (
            "prometheus_tsdb_storage_blocks_bytes",
            "The number of bytes that are currently used for local storage by all blocks.",
            stats.block_bytes,
        ),
        (
            "prometheus_tsdb_head_chunks_storage_size_bytes",
            "Size of the sealed parts of the head.",
            stats.head_segment_bytes,
        ),
        (
            "narthex_store_commit",
            "Number of the newest visible commit.",
            stats.commit,
        ),
    ] {
        g.gauge(name, help, value as f64);
    }
}

/// What the head and the log let go of, what retention removed, and how far readers are behind.
fn kept(g: &mut Gather, stats: &Stats) {
    for (name, help, value) in [
        (
            "head_truncations_total",
            "Total number of head truncations attempted: times that it was sealed.",
            stats.seals + stats.seal_failures,
        ),
        (
            "head_truncations_failed_total",
            "Total number of head truncations that failed.",
            stats.seal_failures,
        ),
        (
            "wal_truncations_total",
            "Total number of write log truncations attempted: the log forgets what is sealed.",
            stats.seals + stats.seal_failures,
        ),
        (
            "wal_truncations_failed_total",
            "Total number of write log truncations that failed.",
            stats.seal_failures,
        ),
        (
            "time_retentions_total",
            "The number of blocks and sealed parts of the head that were deleted because the maximum time limit was exceeded.",
            stats.expired_by_time,
        ),
        (
            "size_retentions_total",
            "The number of blocks and sealed parts of the head that were deleted because the maximum number of bytes was exceeded.",
            stats.expired_by_size,
        ),
    ] {
        g.counter(&format!("prometheus_tsdb_{name}"), help, value as f64);
    }
    for (name, help, value) in [
        (
            "isolation_low_watermark",
            "The lowest commit that a reader still looks at.",
            stats.oldest_pinned as f64,
        ),
        (
            "isolation_high_watermark",
            "The highest commit that has been given out and applied.",
            stats.commit as f64,
        ),
        (
            "clean_start",
            "-1: lockfile is disabled. 0: a lockfile from a previous execution was replaced. 1: lockfile creation was clean",
            1.0,
        ),
    ] {
        g.gauge(&format!("prometheus_tsdb_{name}"), help, value);
    }
}

/// What happens in Prometheus's store and cannot happen in this one: alerts and dashboards ask for it all the same.
fn absent(g: &mut Gather) {
    for (name, help) in [
        (
            "checkpoint_creations_total",
            "Total number of checkpoint creations attempted: the log needs none here.",
        ),
        (
            "checkpoint_creations_failed_total",
            "Total number of checkpoint creations that failed.",
        ),
        (
            "checkpoint_deletions_total",
            "Total number of checkpoint deletions attempted.",
        ),
        (
            "checkpoint_deletions_failed_total",
            "Total number of checkpoint deletions that failed.",
        ),
        (
            "head_series_not_found_total",
            "Total number of requests for series that were not found.",
        ),
        (
            "mmap_chunk_corruptions_total",
            "Total number of memory-mapped chunk corruptions.",
        ),
        (
            "reloads_total",
            "Number of times the database reloaded block data from disk: what is written here is known already.",
        ),
        (
            "reloads_failures_total",
            "Number of times the database failed to reload block data from disk.",
        ),
        (
            "wal_page_flushes_total",
            "Total number of page flushes: the log has no pages here.",
        ),
        ("wal_completed_pages_total", "Total number of completed pages."),
        (
            "vertical_compactions_total",
            "Total number of compactions done on overlapping blocks.",
        ),
    ] {
        g.counter(&format!("prometheus_tsdb_{name}"), help, 0.0);
    }
}

fn exemplars(g: &mut Gather, stats: &Stats) {
    const P: &str = "prometheus_tsdb_exemplar";
    g.counter(
        &format!("{P}_exemplars_appended_total"),
        "Total number of appended exemplars.",
        stats.exemplars_appended as f64,
    );
    g.counter(
        &format!("{P}_out_of_order_exemplars_total"),
        "Total number of out of order exemplar ingestion failed attempts.",
        stats.exemplars_out_of_order as f64,
    );
    for (name, help, value) in [
        (
            "exemplars_in_storage",
            "Number of exemplars currently in circular storage.",
            stats.exemplars,
        ),
        (
            "series_with_exemplars_in_storage",
            "Number of series with exemplars currently in circular storage.",
            stats.exemplar_series,
        ),
    ] {
        g.gauge(&format!("{P}_{name}"), help, value as f64);
    }
    g.gauge(
        &format!("{P}_last_exemplars_timestamp_seconds"),
        "The timestamp of the oldest exemplar stored in circular storage. Useful to check for what time range the \
         current exemplar buffer limit allows.",
        stats.exemplar_oldest.map_or(0.0, |time| time as f64 / 1000.0),
    );
}

fn refused(g: &mut Gather, stats: &Stats) {
    for (name, help, value) in [
        (
            "prometheus_tsdb_out_of_order_samples_total",
            "Total number of out of order samples ingestion failed attempts.",
            stats.out_of_order,
        ),
        (
            "prometheus_tsdb_out_of_bound_samples_total",
            "Total number of out of bound samples ingestion failed attempts.",
            stats.out_of_bounds,
        ),
        (
            "prometheus_tsdb_too_old_samples_total",
            "Total number of out of order samples ingestion failed attempts outside the window.",
            stats.too_old,
        ),
    ] {
        g.number(Kind::Counter, name, help, &[("type", "float")], value as f64);
    }
    g.counter(
        "narthex_duplicate_samples_total",
        "Samples refused because their series has another value at that time.",
        stats.duplicates as f64,
    );
}
