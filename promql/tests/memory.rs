//! A source over plain vectors.

use std::collections::BTreeMap;

use narthex_model::{Labels, Matcher, SampleBuffer, Selection, SeriesSet, SeriesSource, SourceError};

/// Series in label order: times in milliseconds, and values.
#[derive(Default)]
pub(crate) struct Memory {
    series: BTreeMap<Labels, (Vec<i64>, Vec<f64>)>,
    /// What reading says could not be read.
    pub(crate) lost: Vec<String>,
}

impl Memory {
    /// Adds a sample behind those that the series has.
    pub(crate) fn push(&mut self, labels: Labels, time: i64, value: f64) {
        let (times, values) = self.series.entry(labels).or_default();
        times.push(time);
        values.push(value);
    }

    /// Adds the samples of a page `name{labels} value seconds`.
    pub(crate) fn load(&mut self, page: &str) {
        for line in page.lines().filter(|l| !l.starts_with('#') && !l.is_empty()) {
            let (series, rest) = line.split_at(
                line.rfind('}')
                    .map_or_else(|| line.find(' ').unwrap(), |at| at + 1),
            );
            let mut parts = rest.split_whitespace();
            let value: f64 = parts.next().unwrap().parse().unwrap();
            let seconds: f64 = parts.next().unwrap().parse().unwrap();
            self.push(labels_of(series), (seconds * 1_000.0) as i64, value);
        }
    }
}

fn labels_of(series: &str) -> Labels {
    let selector = narthex_promql::parse_selector(series).unwrap();
    Labels::from_pairs(selector.into_iter().map(|m: Matcher| (m.name, m.value)))
}

struct Selected<'a>(Vec<(&'a Labels, &'a [i64], &'a [f64])>, &'a [String]);

impl SeriesSource for Memory {
    fn select<'s>(&'s self, selection: &Selection<'_>) -> Result<Box<dyn SeriesSet + 's>, SourceError> {
        let range = selection.range;
        let fits = |labels: &Labels| selection.matchers.iter().all(|m| m.matches_labels(labels));
        let cut = |(labels, (times, values)): (&'s Labels, &'s (Vec<i64>, Vec<f64>))| {
            let from = times.partition_point(|t| *t < range.min);
            let to = times.partition_point(|t| *t <= range.max).max(from);
            (labels, &times[from..to], &values[from..to])
        };
        Ok(Box::new(Selected(
            self.series
                .iter()
                .filter(|(labels, _)| fits(labels))
                .map(cut)
                .collect(),
            &self.lost,
        )))
    }
}

impl SeriesSet for Selected<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn labels(&self, index: usize) -> Labels {
        self.0[index].0.clone()
    }

    fn read(&self, index: usize, buffer: &mut SampleBuffer) -> Result<(), SourceError> {
        let (_, times, values) = self.0[index];
        buffer.set_times(times);
        buffer.values_mut().extend_from_slice(values);
        Ok(())
    }

    fn lost(&self) -> Vec<String> {
        self.1.to_vec()
    }
}
