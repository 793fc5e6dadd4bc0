//! Which labels `info` takes from which series, step by step.

use narthex_model::{Labels, LabelsBuilder, METRIC_NAME, Matcher};
use rustc_hash::FxHashMap;

use super::column::Column;
use super::vector::Identity;

/// The labels by which a series finds the info series of its target.
const IDENTIFYING: [&str; 2] = ["instance", "job"];

/// Info series with the time of their newest sample at each step.
pub(super) struct InfoSeries {
    identities: Vec<Identity>,
    columns: Vec<Column>,
    /// By metric name and identifying labels.
    places: FxHashMap<Labels, Vec<usize>>,
    /// Metric names, in order of their first series.
    names: Vec<String>,
}

/// What a series gets at one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Gain {
    /// These labels.
    Labels(Labels),
    /// The series is left out.
    Nothing,
    /// The query fails, if the series has a value.
    Failure(String),
}

/// The labels that identify the target, and a metric name.
fn signature(labels: &Labels, name: &str) -> Labels {
    let mut builder = LabelsBuilder::new();
    builder.set(METRIC_NAME, name);
    for label in IDENTIFYING {
        builder.set(label, labels.get(label).unwrap_or(""));
    }
    builder.labels()
}

/// The values of an identifying label.
pub(super) fn identifying_values<'l>(
    series: impl Iterator<Item = &'l Labels>,
) -> Vec<(&'static str, Vec<String>)> {
    let mut values = IDENTIFYING.map(|name| (name, Vec::new()));
    for labels in series {
        for (name, found) in &mut values {
            if let Some(value) = labels.get(name) {
                found.push(value.to_owned());
            }
        }
    }
    for (_, found) in &mut values {
        found.sort_unstable();
        found.dedup();
    }
    values
        .into_iter()
        .filter(|(_, found)| !found.is_empty())
        .collect()
}

impl InfoSeries {
    pub(super) fn new(found: Vec<(Identity, Column)>) -> Self {
        let mut info = Self {
            identities: Vec::new(),
            columns: Vec::new(),
            places: FxHashMap::default(),
            names: Vec::new(),
        };
        for (index, (identity, column)) in found.into_iter().enumerate() {
            let name = identity.labels.metric_name().to_owned();
            info.places
                .entry(signature(&identity.labels, &name))
                .or_default()
                .push(index);
            if !info.names.contains(&name) {
                info.names.push(name);
            }
            info.identities.push(identity);
            info.columns.push(column);
        }
        info
    }

    /// What a base series gets at each step, as runs of equal gains: the gain and the steps that have it.
    pub(super) fn gains(&self, base: &Labels, matchers: &[Matcher], steps: usize) -> Vec<(Gain, Vec<bool>)> {
        let candidates: Vec<&[usize]> = self
            .names
            .iter()
            .filter_map(|name| self.places.get(&signature(base, name)))
            .map(Vec::as_slice)
            .collect();
        let mut gains: Vec<(Gain, Vec<bool>)> = Vec::new();
        let mut known: FxHashMap<Vec<usize>, usize> = FxHashMap::default();
        for step in 0..steps {
            let (chosen, failure) = self.choose(&candidates, step);
            let gain =
                |chosen: &[usize]| failure.map_or_else(|| self.gain(base, chosen, matchers), Gain::Failure);
            let place = match known.get(&chosen) {
                Some(place) => *place,
                None => {
                    let gain = gain(&chosen);
                    let place = gains.iter().position(|(g, _)| *g == gain).unwrap_or(gains.len());
                    if place == gains.len() {
                        gains.push((gain, vec![false; steps]));
                    }
                    known.insert(chosen, place);
                    place
                }
            };
            if let Some(at) = gains.get_mut(place).and_then(|(_, mask)| mask.get_mut(step)) {
                *at = true;
            }
        }
        gains
    }

    /// Of each metric the series with the newest sample, and what is wrong with them.
    fn choose(&self, candidates: &[&[usize]], step: usize) -> (Vec<usize>, Option<String>) {
        let mut chosen = Vec::with_capacity(candidates.len());
        let mut failure = None;
        for members in candidates {
            let mut newest: Option<(usize, f64)> = None;
            for index in *members {
                let Some(column) = self.columns.get(*index) else {
                    continue;
                };
                if column.histogram(step).is_some() {
                    failure = Some("info sample should be float".to_owned());
                }
                let Some(time) = column.float(step) else { continue };
                match newest {
                    Some((_, known)) if known > time => {}
                    Some((other, known)) if known.to_bits() == time.to_bits() => {
                        let text = |at: usize| {
                            self.identities
                                .get(at)
                                .map_or_else(Labels::empty, |i| i.labels.clone())
                        };
                        let ms = (time * 1_000.0).round() as i64;
                        failure = Some(format!(
                            "found duplicate series for info metric: existing {} @ {ms}, new {} @ {ms}",
                            text(other),
                            text(*index)
                        ));
                    }
                    _ => newest = Some((*index, time)),
                }
            }
            chosen.extend(newest.map(|(index, _)| index));
        }
        // A failure must not be taken for the gain of the same series at another step.
        if failure.is_some() {
            chosen.push(usize::MAX - step);
        }
        (chosen, failure)
    }

    fn gain(&self, base: &Labels, chosen: &[usize], matchers: &[Matcher]) -> Gain {
        let mut added = LabelsBuilder::new();
        for (name, value) in chosen
            .iter()
            .filter_map(|index| self.identities.get(*index))
            .flat_map(|i| i.labels.iter())
        {
            let wanted = matchers.is_empty() || matchers.iter().any(|m| m.name == name);
            if name == METRIC_NAME || !wanted {
                continue;
            }
            if added.get(name).is_some_and(|other| other != value) {
                return Gain::Failure(format!("conflicting label: {name}"));
            }
            if base.get(name).is_none() {
                added.set(name, value);
            }
        }
        if chosen.is_empty() && !matchers.iter().all(Matcher::matches_empty) {
            return Gain::Nothing;
        }
        let mut labels = LabelsBuilder::from(base);
        for (name, value) in added.iter() {
            labels.set(name, value);
        }
        Gain::Labels(labels.labels())
    }
}
