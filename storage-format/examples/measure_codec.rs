//! Measures the formats on recorded pages: bytes and nanoseconds per sample.
//!
//! `cargo run --release -p narthex-format --example measure_codec -- DIR…`, each DIR holding pages of one target in
//! the text format, one per scrape, named so that they sort by time. Chunks: values only. Block: one block of
//! all targets, times shared. Log: each page a commit, series known.
#![expect(clippy::print_stdout, reason = "a program that prints a table")]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use narthex_format::chunk::{ValueDecoder, ValueEncoder};
use narthex_format::frame::{begin_frame, end_frame};
use narthex_format::header::FileHeader;
use narthex_format::index::{Index, IndexWriter};
use narthex_format::segment::{
    CHUNKS, ChunkDecoder, ChunkInput, ChunksFile, ChunksWriter, DirectoryWriter, GroupCache, InputTimes,
    InputValues, Summary,
};
use narthex_format::wal::{Batch, Record, Sample};

const SAMPLES: usize = 240;
const STEP: i64 = 15_000;

/// Labels, and a value per page that has the series, with the page's number.
type Series = BTreeMap<Vec<(String, String)>, Vec<(usize, f64)>>;

fn main() -> Result<(), Box<dyn Error>> {
    let mut all = Series::new();
    println!(
        "target series samples still% | chunks B/sample encode-ns decode-ns | log B/sample encode-ns decode-ns"
    );
    for folder in std::env::args().skip(1) {
        let series = read(Path::new(&folder))?;
        chunks(&folder, &series, SAMPLES)?;
        log(&series)?;
        all.extend(series);
    }
    for size in [16, 120, SAMPLES] {
        chunks(&format!("all, {size} a chunk:"), &all, size)?;
        println!();
    }
    block(&all)?;
    Ok(())
}

fn read(folder: &Path) -> std::io::Result<Series> {
    let target = folder.file_name().unwrap_or_default().to_string_lossy();
    let mut files: Vec<_> = std::fs::read_dir(folder)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<_, _>>()?;
    files.sort();
    let mut lines: BTreeMap<String, Vec<(usize, f64)>> = BTreeMap::new();
    for (page, file) in files.iter().enumerate() {
        let text = std::fs::read_to_string(file)?;
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some((labels, value)) = line.rsplit_once(' ') {
                let sample = (page, value.parse().unwrap_or(f64::NAN));
                match lines.get_mut(labels) {
                    Some(samples) => samples.push(sample),
                    None => drop(lines.insert(labels.to_owned(), vec![sample])),
                }
            }
        }
    }
    Ok(lines
        .into_iter()
        .map(|(line, samples)| (labels(&target, &line), samples))
        .collect())
}

/// Good enough for exporters: no escapes are undone, and a quote ends a value only before a comma or brace.
fn labels(target: &str, line: &str) -> Vec<(String, String)> {
    let (name, rest) = line.split_once('{').unwrap_or((line, ""));
    let mut labels = vec![
        ("__name__".to_owned(), name.to_owned()),
        ("instance".to_owned(), format!("{target}:9100")),
        ("job".to_owned(), target.to_owned()),
    ];
    for pair in rest.trim_end_matches('}').split("\",") {
        if let Some((name, value)) = pair.split_once("=\"") {
            labels.push((name.to_owned(), value.trim_end_matches('"').to_owned()));
        }
    }
    labels.sort();
    labels.dedup_by(|a, b| a.0 == b.0);
    labels
}

fn fastest(mut run: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<Duration, Box<dyn Error>> {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let begin = Instant::now();
        run()?;
        best = best.min(begin.elapsed());
    }
    Ok(best)
}

fn chunks(name: &str, series: &Series, size: usize) -> Result<(), Box<dyn Error>> {
    let values: Vec<Vec<f64>> = series
        .values()
        .map(|samples| samples.iter().map(|(_, value)| *value).collect())
        .collect();
    let chunks: Vec<&[f64]> = values.iter().flat_map(|values| values.chunks(size)).collect();
    let samples: usize = chunks.iter().map(|chunk| chunk.len()).sum();
    let still = |chunk: &&&[f64]| chunk.iter().all(|value| value.to_bits() == chunk[0].to_bits());
    let still: usize = chunks.iter().filter(still).map(|chunk| chunk.len()).sum();
    let (mut encoder, mut decoder) = (ValueEncoder::default(), ValueDecoder::default());
    let (mut encoded, mut ends) = (Vec::new(), Vec::new());
    let encode = fastest(|| {
        encoded.clear();
        ends.clear();
        for chunk in &chunks {
            encoder.encode(chunk, &mut encoded)?;
            ends.push(encoded.len());
        }
        Ok(())
    })?;
    let mut out = Vec::with_capacity(SAMPLES);
    let mut exact = true;
    let mut decode_all = |check: bool| {
        let mut start = 0;
        for (chunk, end) in chunks.iter().zip(&ends) {
            out.clear();
            decoder.decode(&encoded[start..*end], chunk.len(), &mut out)?;
            exact &= !check
                || out
                    .iter()
                    .map(|v| v.to_bits())
                    .eq(chunk.iter().map(|v| v.to_bits()));
            start = *end;
        }
        Ok(())
    };
    decode_all(true)?;
    let decode = fastest(|| decode_all(false))?;
    let per = |amount: f64| amount / samples as f64;
    let (bytes, still) = (per(encoded.len() as f64), 100.0 * per(still as f64));
    let (encode, decode) = (per(encode.as_nanos() as f64), per(decode.as_nanos() as f64));
    print!(
        "{name} {} {samples} {still:.0} | {bytes:.4} {encode:.2} {decode:.2} exact={exact}",
        series.len()
    );
    Ok(())
}

fn log(series: &Series) -> Result<(), Box<dyn Error>> {
    let mut batches: BTreeMap<usize, Batch<'_>> = BTreeMap::new();
    for (id, samples) in series.values().enumerate() {
        for (page, value) in samples {
            let time = STEP * *page as i64;
            let batch = batches.entry(*page).or_insert_with(|| Batch {
                commit: *page as u64,
                time,
                ..Batch::default()
            });
            batch.floats.push(Sample {
                id: id as u32,
                time,
                start: None,
                value: *value,
            });
        }
    }
    let samples: usize = batches.values().map(|batch| batch.floats.len()).sum();
    let mut out = Vec::new();
    let mut bytes = 0;
    let encode = fastest(|| {
        bytes = 0;
        for batch in batches.values() {
            out.clear();
            let start = begin_frame(&mut out);
            batch.encode(&mut out)?;
            end_frame(&mut out, start, 1, 32)?;
            bytes += out.len();
        }
        Ok(())
    })?;
    let payloads: Vec<Vec<u8>> = batches
        .values()
        .map(|batch| {
            let mut out = Vec::new();
            batch.encode(&mut out).map(|()| out)
        })
        .collect::<Result<_, _>>()?;
    let decode = fastest(|| {
        for payload in &payloads {
            let Record::Batch(batch) = Record::decode(payload)?;
            std::hint::black_box(batch.floats.len());
        }
        Ok(())
    })?;
    let per = |amount: f64| amount / samples as f64;
    let (encode, decode) = (per(encode.as_nanos() as f64), per(decode.as_nanos() as f64));
    println!(" | {:.3} {encode:.2} {decode:.2}", per(bytes as f64));
    Ok(())
}

fn block(series: &Series) -> Result<(), Box<dyn Error>> {
    let pages = series
        .values()
        .flatten()
        .map(|(page, _)| page + 1)
        .max()
        .unwrap_or(1);
    let times: Vec<i64> = (0..pages as i64)
        .map(|page| 1_795_394_218_460 + STEP * page)
        .collect();
    let (mut chunks, mut index) = (Vec::new(), Vec::new());
    let begin = Instant::now();
    let mut writer = ChunksWriter::new(&CHUNKS, FileHeader { number: 0, id: 1 }, &mut chunks)?;
    let column = writer.column(&times)?;
    let mut labels_writer = IndexWriter::default();
    let mut lists = Vec::new();
    for (labels, samples) in series {
        let mut inputs = Vec::new();
        let cut: Vec<(u32, Vec<bool>, Vec<f64>)> = samples.chunks(SAMPLES).map(cut).collect();
        for (start, presence, values) in &cut {
            let presence = (presence.len() > values.len()).then_some(&presence[..]);
            let times = InputTimes::Shared {
                column,
                start: *start,
                presence,
            };
            inputs.push(ChunkInput {
                times,
                starts: None,
                values: InputValues::Floats(values),
            });
        }
        let list = writer.series(&inputs, &mut chunks)?;
        lists.push(list.clone());
        labels_writer.push(
            labels.iter().map(|(name, value)| (name.as_str(), value.as_str())),
            list,
        )?;
    }
    let summary = writer.finish(
        Summary::default(),
        DirectoryWriter::default(),
        &[],
        &[],
        &mut chunks,
    )?;
    labels_writer.finish(1, &mut index)?;
    let written = begin.elapsed();
    let file = ChunksFile::open(&chunks, &CHUNKS)?;
    let (mut cache, mut decoder) = (GroupCache::default(), ChunkDecoder::default());
    let mut out = Vec::new();
    let read = fastest(|| {
        for list in &lists {
            for place in file.chunks(list)? {
                out.clear();
                file.chunk(place, &mut cache)?.floats(&mut decoder, &mut out)?;
            }
        }
        Ok(())
    })?;
    let index_read = Index::open(&index)?;
    let resolve = fastest(|| {
        index_read.verify()?;
        let mut result = Ok(());
        index_read.for_each(|_, entry| result = index_read.labels(entry).map(drop))?;
        Ok(result?)
    })?;
    let per_series = resolve.as_nanos() as f64 / summary.series as f64;
    println!("index: all labels as text, checksums verified: {per_series:.0} ns/series");
    let per = |amount: usize| amount as f64 / summary.samples as f64;
    println!(
        "block: {} series, {} samples, chunks {:.4} B/sample, index {:.4} B/sample ({:.1} B/series), written {:.2} ns/sample, all values read {:.2} ns/sample",
        summary.series,
        summary.samples,
        per(chunks.len()),
        per(index.len()),
        index.len() as f64 / summary.series as f64,
        per(written.as_nanos() as usize),
        per(read.as_nanos() as usize),
    );
    Ok(())
}

/// A chunk of a series: its first page, which pages of its span it has, its values.
fn cut(samples: &[(usize, f64)]) -> (u32, Vec<bool>, Vec<f64>) {
    let first = samples.first().map_or(0, |(page, _)| *page);
    let last = samples.last().map_or(0, |(page, _)| *page);
    let mut presence = vec![false; last - first + 1];
    samples.iter().for_each(|(page, _)| presence[page - first] = true);
    (
        first as u32,
        presence,
        samples.iter().map(|(_, value)| *value).collect(),
    )
}
