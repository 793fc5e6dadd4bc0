//! `target_info`: the attributes of a resource as labels of a series of their own.

use narthex_model::METRIC_NAME;
use narthex_tsdb::{Batch, MetadataKind, SeriesMetadata};

use super::attributes::{self, SERVICE_INSTANCE, SERVICE_NAME, SERVICE_NAMESPACE, Shared};
use super::message::Resource;
use super::translate::Settings;

/// Samples of one series that a request may cause: two and a half minutes apart they reach 17 days.
const SAMPLES_MAX: i64 = 10_000;

/// Adds the series of a resource, whose points lie within `span`: as often as a query that looks for it needs.
///
/// # Errors
/// When an attribute's name cannot be that of a label.
pub(super) fn add(
    resource: &Resource,
    shared: &Shared,
    settings: &Settings,
    (oldest, newest): (i64, i64),
    batch: &mut Batch,
) -> Result<(), String> {
    let identifying = [SERVICE_NAMESPACE, SERVICE_NAME, SERVICE_INSTANCE];
    let is_identifying = |key: &str| identifying.contains(&key);
    let says_more = resource.attributes.iter().any(|a| !is_identifying(&a.key));
    if !says_more || shared.identity.is_empty() {
        return Ok(());
    }
    let ignored: &[&str] = if settings.keep_identifying {
        &[]
    } else {
        &identifying
    };
    let mut labels = shared
        .alone()
        .labels(&resource.attributes, ignored, settings.namer)?;
    labels.remove(METRIC_NAME);
    let series = attributes::series(&labels, "target_info", None);
    let step = (settings.lookback_ms / 2).max(1);
    let mut time = oldest.max(newest.saturating_sub(step.saturating_mul(SAMPLES_MAX)));
    while time < newest {
        batch.push_float_labelled(&series, time, 1.0);
        time = time.saturating_add(step);
    }
    batch.push_float_labelled(&series, newest, 1.0);
    let metadata = SeriesMetadata {
        kind: MetadataKind::Gauge,
        unit: String::new(),
        help: "Target metadata".to_owned(),
    };
    batch.push_metadata_labelled(&series, metadata);
    Ok(())
}
