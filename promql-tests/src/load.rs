//! From the lines under `load` to samples.

use std::sync::Arc;

use narthex_model::{HistogramValue, Labels, SampleValue};

use crate::nhcb;
use crate::script::{Load, timed};
use crate::series_notation::Item;
use crate::store::Sample;

/// The samples of a `load` command by series. Of a series that stands there twice the last line counts.
///
/// # Errors
/// Where classic histograms cannot be converted, or start times belong to no series.
pub fn samples(load: &Load) -> Result<Vec<(Labels, Vec<Sample>)>, String> {
    let mut all: Vec<(Labels, Vec<Sample>)> = Vec::new();
    for line in load.series.iter().filter(|line| !line.start_times) {
        let samples = timed(line, 0, load.step_ms)
            .map(|(time, item)| Sample {
                time,
                start_time: 0,
                value: match item {
                    Item::Histogram(histogram) => {
                        SampleValue::Histogram(HistogramValue::Float(Arc::clone(histogram)))
                    }
                    Item::Float(value) => SampleValue::Float(*value),
                    Item::Omitted => SampleValue::Float(0.0),
                },
            })
            .collect();
        all.retain(|(labels, _)| *labels != line.labels);
        all.push((line.labels.clone(), samples));
    }
    for line in load.series.iter().filter(|line| line.start_times) {
        let (_, samples) = all
            .iter_mut()
            .find(|(labels, _)| *labels == line.labels)
            .ok_or_else(|| format!("start times for {}, which has no samples", line.labels))?;
        for (time, item) in timed(line, 0, load.step_ms) {
            if let (Item::Float(distance), Some(sample)) =
                (item, samples.iter_mut().find(|sample| sample.time == time))
            {
                sample.start_time = time + *distance as i64;
            }
        }
    }
    if load.with_nhcb {
        let converted = nhcb::convert(&all)?;
        all.extend(converted);
    }
    Ok(all)
}
