//! What is worth a word beside the verdict: annotations that are there and do nothing.

use narthex_model::Labels;
use narthex_model::labels::quoted;

use super::evidence::is_number;
use super::names::{Kind, meaning};
use crate::config::ScrapeConfig;
use crate::scrape::{Candidate, Fate};

/// What the annotations of the convention are called behind their prefix, as labels have it.
const CONVENTION: &[&str] = &[
    "prometheus_io_scrape",
    "prometheus_io_port",
    "prometheus_io_path",
    "prometheus_io_scheme",
];

/// The port annotation with its value, as the manifest calls it.
pub(super) fn port_annotation(labels: &Labels) -> Option<(String, String)> {
    ["pod", "service"].iter().find_map(|owner| {
        let label = format!("__meta_kubernetes_{owner}_annotation_prometheus_io_port");
        Some((meaning(&label).name, labels.get(&label)?.to_owned()))
    })
}

/// Everything worth saying about a candidate.
pub(super) fn remarks(candidate: &Candidate, job: &ScrapeConfig) -> Vec<String> {
    let found = &candidate.discovered;
    let mut said = Vec::new();
    if let Fate::Target {
        is_repeated: true, ..
    } = &candidate.fate
    {
        said.push(
            "the rules make it the same target as one before it, which is scraped once for both".to_owned(),
        );
    }
    if matches!(candidate.fate, Fate::Dropped) {
        return said;
    }
    for (label, value) in found {
        let what = meaning(label);
        let short = label.split_once("_annotation_").map_or("", |(_, short)| short);
        if what.kind != Kind::Annotation || !CONVENTION.contains(&short) {
            continue;
        }
        let name = what.name;
        let is_read = job
            .relabel_configs
            .iter()
            .any(|rule| rule.source_labels.iter().any(|source| source == label));
        if !is_read {
            said.push(format!(
                "annotation {name} ({}) has no effect: no rule of job {} reads it",
                quoted(value),
                job.job_name
            ));
        } else if short == "prometheus_io_port" {
            said.extend(port_remark(&name, value, found));
        } else if short == "prometheus_io_path" && value.contains('?') {
            said.push(format!(
                "annotation {name} has a query in it, which becomes part of the path (%3F): put it into params"
            ));
        }
    }
    said
}

fn port_remark(name: &str, value: &str, found: &Labels) -> Option<String> {
    let address = found.get("__address__").unwrap_or_default();
    let shown = quoted(value);
    match value.parse::<u32>() {
        _ if !is_number(value) => Some(format!(
            "annotation {name} is {shown}, which is not a number: it has no effect, and {address} stays as it is"
        )),
        Ok(1..=65_535) => None,
        _ => Some(format!(
            "annotation {name} is {shown}, which is no port: ports go from 1 to 65535"
        )),
    }
}
