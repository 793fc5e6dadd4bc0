//! `tsdb analyze`: which labels and metrics the series of a store come from.

use super::arguments::Given;
use super::progress::Progress;
use super::store::{matchers, open};
use super::streams::{DONE, FAILED, Streams};
use super::tsdb_list::{duration, split};
use narthex_model::{Labels, SampleBuffer, Selection, SeriesSource, TimeRange};
use narthex_tsdb::BlockMeta;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// Series with the times of their first and last sample.
type Spans = Vec<(Labels, i64, i64)>;

/// Runs the tool.
pub(super) fn run(given: &Given, streams: &mut Streams<'_>) -> io::Result<u8> {
    match spans(given) {
        Ok((spans, blocks, lost)) => {
            for place in lost {
                streams.complain(format!("damaged: {place}"));
            }
            let limit = usize::try_from(given.whole("limit")).unwrap_or(0);
            streams.say(format!("Store: {}", given.directory(0)))?;
            sizes(&blocks, streams)?;
            report(&spans, limit, streams)?;
            Ok(DONE)
        }
        Err(fault) => {
            streams.complain(fault);
            Ok(FAILED)
        }
    }
}

/// The series, what the blocks say about themselves, and what could not be read.
type Read = (Spans, Vec<BlockMeta>, Vec<String>);

fn spans(given: &Given) -> Result<Read, String> {
    let sets = matchers(&given.texts("match"))?;
    let store = open(given.directory(0))?;
    let snapshot = store.snapshot();
    let selection = Selection {
        matchers: &[],
        range: TimeRange::ALL,
    };
    let set = snapshot.select(&selection).map_err(|error| error.to_string())?;
    let mut progress = Progress::new("series", set.len() as u64);
    let (mut buffer, mut found) = (SampleBuffer::new(), Vec::new());
    for index in 0..set.len() {
        progress.step(1);
        let labels = set.labels(index);
        let fits = |set: &Vec<narthex_model::Matcher>| set.iter().all(|m| m.matches_labels(&labels));
        if !sets.is_empty() && !sets.iter().any(fits) {
            continue;
        }
        set.read(index, &mut buffer).map_err(|error| error.to_string())?;
        if let (Some(first), Some(last)) = (buffer.times().first(), buffer.times().last()) {
            found.push((labels, *first, *last));
        }
    }
    Ok((found, store.blocks(), set.lost()))
}

/// What the blocks take on disk, and what of it is samples.
fn sizes(blocks: &[BlockMeta], streams: &mut Streams<'_>) -> io::Result<()> {
    let samples: u64 = blocks.iter().map(|block| block.stats.num_samples).sum();
    let bytes: u64 = blocks
        .iter()
        .flat_map(|block| &block.files)
        .map(|file| file.bytes)
        .sum();
    let (of_samples, of_index) = blocks
        .iter()
        .map(split)
        .fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
    let each = |bytes: u64| bytes as f64 / samples.max(1) as f64;
    streams.say(format!(
        "Blocks: {}, {samples} samples in {bytes} bytes ({:.3} a sample): samples {of_samples} ({:.3}), index {of_index} ({:.3})",
        blocks.len(),
        each(bytes),
        each(of_samples),
        each(of_index)
    ))
}

/// Counts by key.
type Counts = BTreeMap<String, u64>;

fn report(spans: &Spans, limit: usize, streams: &mut Streams<'_>) -> io::Result<()> {
    let min = spans.iter().map(|(_, first, _)| *first).min().unwrap_or(0);
    // As in a block, the end is the first time that is not inside.
    let max = spans
        .iter()
        .map(|(_, _, last)| *last)
        .max()
        .map_or(0, |max| max.saturating_add(1));
    let length = max.saturating_sub(min).max(1);
    let (mut pairs_open, mut names_open) = (Counts::new(), Counts::new());
    let (mut pairs, mut metrics) = (Counts::new(), Counts::new());
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut entries = 0_u64;
    for (labels, first, last) in spans {
        let uncovered = length.saturating_sub(last.saturating_sub(*first)).max(0) as u64;
        for (name, value) in labels {
            let pair = format!("{name}={value}");
            *names_open.entry(name.to_owned()).or_default() += uncovered;
            *pairs_open.entry(pair.clone()).or_default() += uncovered;
            *pairs.entry(pair).or_default() += 1;
            values.entry(name).or_default().insert(value);
            entries += 1;
        }
        *metrics.entry(labels.metric_name().to_owned()).or_default() += 1;
    }
    metrics.remove("");
    streams.say(format!("Duration: {}", duration(max.saturating_sub(min))))?;
    streams.say(format!("Series: {}", spans.len()))?;
    streams.say(format!("Label names: {}", values.len()))?;
    streams.say(format!("Postings (unique label pairs): {}", pairs.len()))?;
    streams.say(format!("Postings entries (total label pairs): {entries}"))?;
    let share = |counts: Counts| -> Counts {
        let part = |(key, open): (String, u64)| (key, (open as f64 / length as f64) as u64);
        counts.into_iter().map(part).collect()
    };
    let lengths: Counts = values
        .iter()
        .map(|(name, values)| ((*name).to_owned(), values.iter().map(|v| v.len() as u64).sum()))
        .collect();
    let cardinality: Counts = values
        .iter()
        .map(|(name, values)| ((*name).to_owned(), values.len() as u64))
        .collect();
    for (title, counts) in [
        ("Label pairs most involved in churning:", share(pairs_open)),
        ("Label names most involved in churning:", share(names_open)),
        ("Most common label pairs:", pairs),
        ("Label names with highest cumulative label value length:", lengths),
        ("Highest cardinality labels:", cardinality),
        ("Highest cardinality metric names:", metrics),
    ] {
        streams.say(format!("\n{title}"))?;
        let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        for (key, count) in counts.iter().take(limit) {
            streams.say(format!("{count} {key}"))?;
        }
    }
    Ok(())
}
