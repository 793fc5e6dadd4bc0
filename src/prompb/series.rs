//! What write requests are made of, whatever the version.

use narthex_model::{HistogramValue, Labels};
use narthex_tsdb::{Exemplar, MetadataKind, SeriesMetadata};

/// A sample with its time and, if it is known, the time when counting started; Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TimedSample<V> {
    pub(crate) time: i64,
    pub(crate) start_time: Option<i64>,
    pub(crate) value: V,
}

/// A series of a request with what is sent of it.
#[derive(Debug, Default)]
pub(crate) struct OutSeries<'a> {
    pub(crate) labels: Labels,
    pub(crate) floats: Vec<TimedSample<f64>>,
    pub(crate) histograms: Vec<TimedSample<&'a HistogramValue>>,
    pub(crate) exemplars: Vec<&'a Exemplar>,
    pub(crate) metadata: Option<&'a SeriesMetadata>,
}

/// The number that both versions have for a type.
pub(super) fn kind_number(kind: MetadataKind) -> u64 {
    match kind {
        MetadataKind::Unknown => 0,
        MetadataKind::Counter => 1,
        MetadataKind::Gauge => 2,
        MetadataKind::Histogram => 3,
        MetadataKind::GaugeHistogram => 4,
        MetadataKind::Summary => 5,
        MetadataKind::Info => 6,
        MetadataKind::StateSet => 7,
    }
}
