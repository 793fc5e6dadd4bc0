//! `tsdb list`: blocks and sealed segments of a store, and what of them is damaged.

use super::arguments::Given;
use super::store::root;
use super::streams::{DONE, FAILED, Streams};
use super::tsdb_verify::{Depth, damage_of, files, newest_log, torn_end};
use narthex_format::block::BlockMeta;
use narthex_format::filenames;
use narthex_format::segment::{ChunksFile, SEGMENT};
use narthex_tsdb::disk::{Disk, RealDisk};
use std::io;
use std::path::{Path, PathBuf};

/// One line of the list.
struct Row {
    name: String,
    min: i64,
    /// First time that is not inside.
    max: i64,
    samples: u64,
    chunks: u64,
    series: u64,
    bytes: u64,
    /// Bytes of them that are samples, and bytes that say which series they are of.
    split: (u64, u64),
}

const HEAD: [&str; 11] = [
    "BLOCK ULID",
    "MIN TIME",
    "MAX TIME",
    "DURATION",
    "NUM SAMPLES",
    "NUM CHUNKS",
    "NUM SERIES",
    "SIZE",
    "SAMPLES SIZE",
    "INDEX SIZE",
    "BYTES/SAMPLE",
];

/// Runs the tool.
pub(super) fn run(given: &Given, streams: &mut Streams<'_>) -> io::Result<u8> {
    let root = match root(given.directory(0)) {
        Ok(root) => root,
        Err(fault) => {
            streams.complain(fault);
            return Ok(FAILED);
        }
    };
    let mut rows = blocks(&root);
    rows.extend(segments(&root));
    rows.sort_by_key(|row| row.min);
    print(&rows, given.is_on("human-readable"), streams)?;
    for fault in damage(&root) {
        streams.complain(format!("damaged: {fault}"));
    }
    Ok(DONE)
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn blocks(root: &Path) -> Vec<Row> {
    let mut rows = Vec::new();
    for folder in entries(&root.join(filenames::BLOCKS)) {
        let file = std::fs::read(folder.join(filenames::BLOCK_META)).unwrap_or_default();
        if let Ok(meta) = BlockMeta::decode(&file)
            && !name_of(&folder).contains('.')
        {
            rows.push(Row {
                split: split(&meta),
                name: meta.ulid,
                min: meta.min_time,
                max: meta.max_time,
                samples: meta.stats.num_samples,
                chunks: meta.stats.num_chunks,
                series: meta.stats.num_series,
                bytes: meta.files.iter().map(|file| file.bytes).sum(),
            });
        }
    }
    rows
}

/// What of a store is damaged: what opening it would find, what a server has met since it opened it, and what has been
/// set aside.
fn damage(root: &Path) -> Vec<String> {
    let paths = files(root);
    let newest = newest_log(&paths);
    let mut faults = Vec::new();
    for path in &paths {
        let aside = path
            .ancestors()
            .find(|p| name_of(p).ends_with(filenames::QUARANTINE_SUFFIX));
        let depth = if aside.is_some() {
            Depth::Everything
        } else {
            Depth::AllButSamples
        };
        // A running server may have removed it.
        let Ok(mapped) = RealDisk.map(path) else { continue };
        let file: &[u8] = (*mapped).as_ref();
        if name_of(path) == filenames::BLOCK_DAMAGE {
            let folder = path.parent().unwrap_or(path);
            let lines = String::from_utf8_lossy(file);
            faults.extend(lines.lines().map(|line| folder.join(line).display().to_string()));
            continue;
        }
        let torn = (newest == Some(path)).then(|| torn_end(file)).flatten();
        let sound = torn.and_then(|offset| file.get(..offset)).unwrap_or(file);
        let name = name_of(path);
        let plain = name.strip_suffix(filenames::QUARANTINE_SUFFIX).unwrap_or(&name);
        let found = damage_of(&path.with_file_name(plain), sound, depth);
        let set_aside = if aside.is_some() { "set aside: " } else { "" };
        faults.extend(
            found
                .iter()
                .map(|fault| format!("{}: {set_aside}{fault}", path.display())),
        );
    }
    let folders = entries(&root.join(filenames::BLOCKS));
    let aside = folders.iter().chain(&paths);
    for path in aside.filter(|p| name_of(p).ends_with(filenames::QUARANTINE_SUFFIX)) {
        let shown = path.display().to_string();
        if !faults.iter().any(|fault| fault.starts_with(&shown)) {
            faults.push(format!("{shown}: set aside, nothing is wrong with it by itself"));
        }
    }
    faults
}

/// Bytes of samples and bytes of the index.
pub(super) fn split(meta: &BlockMeta) -> (u64, u64) {
    let of = |name: &str| {
        meta.files
            .iter()
            .filter(|f| f.name == name)
            .map(|f| f.bytes)
            .sum()
    };
    (of(filenames::BLOCK_CHUNKS), of(filenames::BLOCK_INDEX))
}

fn segments(root: &Path) -> Vec<Row> {
    let mut rows = Vec::new();
    for path in entries(&root.join(filenames::HEAD)) {
        let name = name_of(&path);
        if filenames::parse_head_segment(&name).is_none() {
            continue;
        }
        let Ok(mapped) = RealDisk.map(&path) else { continue };
        let file: &[u8] = (*mapped).as_ref();
        if let Ok(summary) = ChunksFile::open(file, &SEGMENT).map(|segment| segment.summary()) {
            rows.push(Row {
                name,
                min: summary.time_min,
                max: summary.time_max.saturating_add(1),
                samples: summary.samples,
                chunks: summary.chunks,
                series: summary.series,
                bytes: file.len() as u64,
                split: (file.len() as u64, 0),
            });
        }
    }
    rows
}

fn print(rows: &[Row], human: bool, streams: &mut Streams<'_>) -> io::Result<()> {
    let bytes = |bytes: u64| if human { size(bytes) } else { bytes.to_string() };
    let mut table = vec![HEAD.map(str::to_owned)];
    table.extend(rows.iter().map(|row| {
        [
            row.name.clone(),
            if human { time(row.min) } else { row.min.to_string() },
            if human { time(row.max) } else { row.max.to_string() },
            duration(row.max.saturating_sub(row.min)),
            row.samples.to_string(),
            row.chunks.to_string(),
            row.series.to_string(),
            bytes(row.bytes),
            bytes(row.split.0),
            bytes(row.split.1),
            format!("{:.3}", row.bytes as f64 / row.samples.max(1) as f64),
        ]
    }));
    let mut widths = [11; HEAD.len()];
    for cells in &table {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = cell.chars().count().max(*width);
        }
    }
    for cells in &table {
        let mut line = String::new();
        for (at, (width, cell)) in widths.iter().zip(cells).enumerate() {
            if at + 1 < cells.len() {
                line.push_str(&format!("{cell:width$}  "));
            } else {
                line.push_str(cell);
            }
        }
        streams.say(line)?;
    }
    Ok(())
}

/// Milliseconds as Go prints a duration.
pub(super) fn duration(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let ms = ms.unsigned_abs();
    if ms == 0 {
        return "0s".to_owned();
    }
    if ms < 1_000 {
        return format!("{sign}{ms}ms");
    }
    let fraction = format!("{:03}", ms % 1_000);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    let seconds = ms / 1_000;
    let tail = format!("{}{point}{fraction}s", seconds % 60);
    match (seconds / 3_600, seconds / 60 % 60) {
        (0, 0) => format!("{sign}{tail}"),
        (0, minutes) => format!("{sign}{minutes}m{tail}"),
        (hours, minutes) => format!("{sign}{hours}h{minutes}m{tail}"),
    }
}

/// Unix milliseconds as Go prints a time of whole seconds.
fn time(ms: i64) -> String {
    let seconds = ms.div_euclid(1_000);
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days to a date, as in Howard Hinnant's `civil_from_days`: eras of 400 years that begin in March.
    let shifted = day + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!(
        "{year:04}-{month:02}-{date:02} {hour:02}:{minute:02}:{:02} +0000 UTC",
        second % 60
    )
}

/// Bytes as promtool prints them: every unit that is not zero.
fn size(bytes: u64) -> String {
    let mut text = String::new();
    let mut rest = bytes;
    for (unit, power) in [
        ("EiB", 60),
        ("PiB", 50),
        ("TiB", 40),
        ("GiB", 30),
        ("MiB", 20),
        ("KiB", 10),
        ("B", 0),
    ] {
        let count = rest >> power;
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
            rest -= count << power;
        }
    }
    if text.is_empty() { "0B".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_times_and_sizes_print_as_go_prints_them() {
        for (ms, want) in [
            (0, "0s"),
            (6_001, "6.001s"),
            (500, "500ms"),
            (7_200_000, "2h0m0s"),
            (61_500, "1m1.5s"),
        ] {
            assert_eq!(duration(ms), want);
        }
        for (ms, want) in [
            (1_000, "1970-01-01 00:00:01 +0000 UTC"),
            (951_868_799_000, "2000-02-29 23:59:59 +0000 UTC"),
            (1_700_000_000_000, "2023-11-14 22:13:20 +0000 UTC"),
            (-1, "1969-12-31 23:59:59 +0000 UTC"),
        ] {
            assert_eq!(time(ms), want);
        }
        for (bytes, want) in [
            (0, "0B"),
            (902, "902B"),
            (1_024, "1KiB"),
            (1_049_602, "1MiB1KiB2B"),
        ] {
            assert_eq!(size(bytes), want);
        }
    }
}
