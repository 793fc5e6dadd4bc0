//! Measures the chunk codec on recorded pages: bytes and nanoseconds per sample, values only.
//!
//! `cargo run --release -p narthex-format --example measure -- DIR…`, each DIR holding pages of one target in
//! the text format, one per scrape, named so that they sort by time.
#![expect(clippy::print_stdout, reason = "a program that prints a table")]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use narthex_format::chunk::{ValueDecoder, ValueEncoder};

const SAMPLES: usize = 240;
const GROUP: usize = 64 << 10;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("target series samples const% B/sample B/sample(lz4) encode-ns decode-ns");
    let mut all = Total::default();
    for folder in std::env::args().skip(1) {
        let series = read(Path::new(&folder))?;
        let total = measure(&series)?;
        total.print(&folder);
        all.add(&total);
    }
    all.print("all");
    Ok(())
}

fn read(folder: &Path) -> std::io::Result<Vec<Vec<f64>>> {
    let mut files: Vec<_> = std::fs::read_dir(folder)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<_, _>>()?;
    files.sort();
    let mut series: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for file in files {
        let page = std::fs::read_to_string(file)?;
        for line in page.lines().filter(|line| !line.starts_with('#')) {
            if let Some((labels, value)) = line.rsplit_once(' ') {
                let value = value.parse().unwrap_or(f64::NAN);
                match series.get_mut(labels) {
                    Some(values) => values.push(value),
                    None => drop(series.insert(labels.to_owned(), vec![value])),
                }
            }
        }
    }
    Ok(series.into_values().collect())
}

#[derive(Default)]
struct Total {
    series: usize,
    samples: usize,
    still: usize,
    bytes: usize,
    compressed: usize,
    encode: Duration,
    decode: Duration,
    modes: BTreeMap<u8, (usize, usize)>,
}

impl Total {
    fn add(&mut self, other: &Self) {
        self.series += other.series;
        self.samples += other.samples;
        self.still += other.still;
        self.bytes += other.bytes;
        self.compressed += other.compressed;
        self.encode += other.encode;
        self.decode += other.decode;
        for (mode, (chunks, bytes)) in &other.modes {
            let entry = self.modes.entry(*mode).or_default();
            *entry = (entry.0 + chunks, entry.1 + bytes);
        }
    }

    fn print(&self, name: &str) {
        let per = |amount: f64| amount / self.samples.max(1) as f64;
        println!(
            "{name} {} {} {:.0} {:.4} {:.4} {:.2} {:.2} modes(chunks, bytes) {:?}",
            self.series,
            self.samples,
            100.0 * per(self.still as f64),
            per(self.bytes as f64),
            per(self.compressed as f64),
            per(self.encode.as_nanos() as f64),
            per(self.decode.as_nanos() as f64),
            self.modes,
        );
    }
}

fn measure(series: &[Vec<f64>]) -> Result<Total, narthex_format::Error> {
    let mut total = Total {
        series: series.len(),
        ..Total::default()
    };
    let chunks: Vec<&[f64]> = series.iter().flat_map(|values| values.chunks(SAMPLES)).collect();
    total.samples = chunks.iter().map(|chunk| chunk.len()).sum();
    let still = |chunk: &&&[f64]| chunk.iter().all(|value| value.to_bits() == chunk[0].to_bits());
    total.still = chunks.iter().filter(still).map(|chunk| chunk.len()).sum();
    let (mut encoder, mut decoder) = (ValueEncoder::default(), ValueDecoder::default());
    let (mut encoded, mut ends) = (Vec::new(), Vec::new());
    total.encode = Duration::MAX;
    for _ in 0..5 {
        (encoded, ends) = (Vec::with_capacity(encoded.len()), Vec::with_capacity(ends.len()));
        let begin = Instant::now();
        for chunk in &chunks {
            encoder.encode(chunk, &mut encoded)?;
            ends.push(encoded.len());
        }
        total.encode = total.encode.min(begin.elapsed());
    }
    total.bytes = encoded.len();
    total.compressed = encoded
        .chunks(GROUP)
        .map(|group| lz4_flex::block::compress(group).len())
        .sum();
    total.decode = Duration::MAX;
    let mut out = Vec::with_capacity(SAMPLES);
    for _ in 0..5 {
        let begin = Instant::now();
        let mut start = 0;
        for (chunk, end) in chunks.iter().zip(&ends) {
            out.clear();
            decoder.decode(&encoded[start..*end], chunk.len(), &mut out)?;
            start = *end;
        }
        total.decode = total.decode.min(begin.elapsed());
    }
    let mut start = 0;
    for (chunk, end) in chunks.iter().zip(&ends) {
        out.clear();
        decoder.decode(&encoded[start..*end], chunk.len(), &mut out)?;
        assert!(
            out.iter()
                .map(|v| v.to_bits())
                .eq(chunk.iter().map(|v| v.to_bits()))
        );
        let entry = total.modes.entry(encoded[start]).or_default();
        *entry = (entry.0 + 1, entry.1 + end - start);
        start = *end;
    }
    Ok(total)
}
