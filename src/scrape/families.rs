//! Pages of protobuf: each sample goes the way of a line of text.

use super::append::{Appender, Run};
use super::line::{GivenExemplar, Line};
use super::metadata::MetadataCache;
use crate::exposition::{FamilySink, LabelList, MetricKind, ProtobufError, ProtobufSample, read_families};

/// Why a page is not taken.
pub(super) struct Refusal(String);

impl From<ProtobufError> for Refusal {
    fn from(error: ProtobufError) -> Self {
        Self(error.to_string())
    }
}

struct Intake<'s, 'a, 'r> {
    appender: &'s mut Appender,
    metadata: &'s mut MetadataCache,
    run: &'s mut Run<'r>,
    labels: LabelList<'a>,
}

/// Reads a page.
///
/// # Errors
/// Why nothing of it can be kept.
pub(super) fn read(
    page: &[u8],
    appender: &mut Appender,
    metadata: &mut MetadataCache,
    run: &mut Run<'_>,
) -> Result<(), String> {
    let options = appender.settings.histograms;
    let mut intake = Intake {
        appender,
        metadata,
        run,
        labels: LabelList::new(),
    };
    read_families(page, options, &mut intake).map_err(|Refusal(text)| text)
}

impl<'a> FamilySink<'a> for Intake<'_, 'a, '_> {
    type Error = Refusal;

    fn family(&mut self, name: &'a str, kind: MetricKind, help: &'a str, unit: &'a str) {
        self.metadata.set_kind(name, kind);
        self.metadata.set_help(name, help);
        self.metadata.set_unit(name, unit);
        self.appender.family.set_kind(name, kind);
        self.appender.family.set_unit(name, unit);
    }

    fn sample(&mut self, sample: ProtobufSample<'_, 'a>) -> Result<(), Refusal> {
        let mut exemplars = Vec::new();
        if self.appender.settings.exemplars {
            for exemplar in sample.exemplars {
                exemplar.labels(&mut self.labels)?;
                exemplars.extend(GivenExemplar::new(
                    &self.labels,
                    exemplar.value,
                    exemplar.timestamp,
                ));
            }
        }
        let line = Line {
            key: sample.key,
            value: sample.value.clone(),
            timestamp: sample.timestamp,
            start_time: sample.start_time,
            exemplars,
        };
        let read = |labels: &mut LabelList<'a>| sample.labels(labels).map_err(|error| error.to_string());
        self.appender
            .line(line, &mut self.labels, self.run, read)
            .map_err(Refusal)
    }
}
