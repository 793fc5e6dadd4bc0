//! The plainest store there is: a map of maps.

use std::collections::BTreeMap;

use narthex_model::{
    Labels, SampleBuffer, SampleValue, Selection, SeriesSet, SeriesSource, SourceError, TimeRange,
};

use crate::store::{Sample, Store};

type Samples = BTreeMap<i64, (SampleValue, i64)>;

/// Series in label order, samples in the order of time. A later sample of a time replaces an earlier one.
#[derive(Debug, Default)]
pub struct MemorySource {
    series: BTreeMap<Labels, Samples>,
}

impl Store for MemorySource {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn clear(&mut self) -> Result<(), String> {
        self.series.clear();
        Ok(())
    }

    fn append(&mut self, series: &[(Labels, Vec<Sample>)]) -> Result<(), String> {
        for (labels, samples) in series {
            let own = self.series.entry(labels.clone()).or_default();
            for sample in samples {
                own.insert(sample.time, (sample.value.clone(), sample.start_time));
            }
        }
        Ok(())
    }

    fn source(&self) -> Box<dyn SeriesSource + '_> {
        Box::new(Reader(self))
    }
}

struct Reader<'a>(&'a MemorySource);

impl SeriesSource for Reader<'_> {
    fn select<'s>(&'s self, selection: &Selection<'_>) -> Result<Box<dyn SeriesSet + 's>, SourceError> {
        let series = self
            .0
            .series
            .iter()
            .filter(|(labels, _)| selection.matchers.iter().all(|m| m.matches_labels(labels)))
            .collect();
        Ok(Box::new(Selected {
            series,
            range: selection.range,
        }))
    }
}

struct Selected<'a> {
    series: Vec<(&'a Labels, &'a Samples)>,
    range: TimeRange,
}

impl SeriesSet for Selected<'_> {
    fn len(&self) -> usize {
        self.series.len()
    }

    fn labels(&self, index: usize) -> Labels {
        self.series[index].0.clone()
    }

    fn read(&self, index: usize, buffer: &mut SampleBuffer) -> Result<(), SourceError> {
        let samples = self.series[index].1;
        if self.range.min > self.range.max {
            buffer.set_times(&[]);
            return Ok(());
        }
        let inside = || samples.range(self.range.min..=self.range.max);
        let mut before = samples.range(..self.range.min).next_back().map(|(_, (v, _))| v);
        let told: Vec<(i64, SampleValue)> = inside()
            .map(|(time, (value, _))| (*time, told(value, before.replace(value))))
            .collect();
        buffer.set_samples(told.iter().map(|(time, value)| (*time, value)));
        if inside().any(|(_, (_, start))| *start != 0) {
            buffer
                .start_times_mut()
                .extend(inside().map(|(_, (_, start))| *start));
        }
        Ok(())
    }
}

/// A sample as a store hands it out behind another one.
fn told(value: &SampleValue, before: Option<&SampleValue>) -> SampleValue {
    let mut told = value.clone();
    if let SampleValue::Histogram(histogram) = &mut told {
        let before = match before {
            Some(SampleValue::Histogram(before)) => Some(before),
            _ => None,
        };
        histogram.set_hint(histogram.hint_after(before));
    }
    told
}
