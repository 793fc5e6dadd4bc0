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

/// Types at the numbers that both versions have for them.
const KINDS: [MetadataKind; 8] = [
    MetadataKind::Unknown,
    MetadataKind::Counter,
    MetadataKind::Gauge,
    MetadataKind::Histogram,
    MetadataKind::GaugeHistogram,
    MetadataKind::Summary,
    MetadataKind::Info,
    MetadataKind::StateSet,
];

/// The number of a type.
pub(super) fn kind_number(kind: MetadataKind) -> u64 {
    KINDS.iter().position(|known| *known == kind).unwrap_or(0) as u64
}

/// The type of a number; unknown if it is nobody's.
pub(crate) fn kind_of(number: u64) -> MetadataKind {
    let kind = usize::try_from(number).ok().and_then(|at| KINDS.get(at));
    kind.copied().unwrap_or_default()
}
